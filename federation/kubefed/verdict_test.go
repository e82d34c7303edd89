package kubefed_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/confed-project/confed/federation/kubefed"
)

func TestTypeStatus(t *testing.T) {
	in := object(t, typeConfig)
	in.SetGeneration(4)
	runs := kubefed.Verdict{True: true, Reason: "Running", Now: time.Unix(100, 0)}
	out := kubefed.EncodeTypeStatus(in, runs, nil)
	require.Equal(t, map[string]any{
		"observedGeneration": int64(4), "propagationController": "Running",
		"conditions": []any{map[string]any{
			"type": "Running", "status": "True", "reason": "Running", "message": "", "observedGeneration": int64(4), "lastTransitionTime": "1970-01-01T00:01:40Z",
		}},
	}, out.Object["status"])
	require.NoError(t, kubefed.Validate(out, nil))
	runs.Now = time.Unix(200, 0)
	require.Nil(t, kubefed.EncodeTypeStatus(out, runs, nil))
	off := false
	out = kubefed.EncodeTypeStatus(out, kubefed.Verdict{Reason: "Refused", Message: "there is another", Now: time.Unix(300, 0)}, &off)
	require.Equal(t, map[string]any{
		"observedGeneration": int64(4), "propagationController": "NotRunning", "statusController": "NotRunning",
		"conditions": []any{map[string]any{
			"type": "Running", "status": "False", "reason": "Refused", "message": "there is another", "observedGeneration": int64(4),
			"lastTransitionTime": "1970-01-01T00:05:00Z",
		}},
	}, out.Object["status"])
	require.NoError(t, kubefed.Validate(out, nil))
}

// Under KubeFed's own schema the API server drops conditions. That must not make a status that is never equal.
func TestTypeStatusUnderKubeFedsSchema(t *testing.T) {
	in := object(t, typeConfig)
	in.SetGeneration(4)
	refused := kubefed.Verdict{Reason: "Refused", Message: "there is another", Now: time.Unix(100, 0)}
	stored := kubefed.EncodeTypeStatus(in, refused, nil)
	delete(stored.Object["status"].(map[string]any), "conditions")
	refused.Now = time.Unix(200, 0)
	require.Nil(t, kubefed.EncodeTypeStatus(stored, refused, nil))
	stored.SetGeneration(5)
	require.Contains(t, kubefed.EncodeTypeStatus(stored, refused, nil).Object["status"], "conditions", "something is written anyway")
}

func TestPreferenceStatus(t *testing.T) {
	in := object(t, preference)
	in.SetGeneration(2)
	in.Object["status"] = map[string]any{"conditions": []any{map[string]any{"type": "Theirs", "status": "True"}}, "more": "stays"}
	conditions := func() map[string]any { return in.Object["status"].(map[string]any) }
	steps := []struct {
		verdict  kubefed.Verdict
		unplaced int64
		news     bool
		since    int64
	}{
		{kubefed.Verdict{True: true, Reason: "Scheduled"}, 0, true, 0},
		{kubefed.Verdict{True: true, Reason: "Scheduled"}, 0, false, 0},
		{kubefed.Verdict{Reason: "Unplaced", Message: "3 of 9"}, 3, true, 2},
		{kubefed.Verdict{Reason: "Unplaced", Message: "3 of 9"}, 3, false, 2},
		{kubefed.Verdict{Reason: "Unplaced", Message: "2 of 9"}, 2, true, 2},
		{kubefed.Verdict{Reason: "NoClusters", Message: "none"}, 0, true, 2},
		{kubefed.Verdict{True: true, Reason: "Scheduled", Message: strings.Repeat("ä", 500)}, 0, true, 6},
	}
	for i, step := range steps {
		step.verdict.Now = time.Unix(int64(i), 0)
		before := in.DeepCopy()
		out := kubefed.EncodePreferenceStatus(in, step.verdict, step.unplaced)
		require.Equal(t, before, in, "arguments stay")
		require.Equal(t, step.news, out != nil, "step %d", i)
		if out != nil {
			in = out
		}
		list := conditions()["conditions"].([]any)
		require.Len(t, list, 2)
		require.Equal(t, "Theirs", list[0].(map[string]any)["type"])
		got := list[1].(map[string]any)
		require.Equal(t, step.verdict.Reason, got["reason"])
		require.Equal(t, int64(2), got["observedGeneration"])
		require.Less(t, len(got["message"].(string)), 270)
		require.Equal(t, time.Unix(step.since, 0).UTC().Format(time.RFC3339), got["lastTransitionTime"], "step %d", i)
		if step.unplaced == 0 {
			require.NotContains(t, conditions(), "unplaced")
		} else {
			require.Equal(t, step.unplaced, conditions()["unplaced"])
		}
		require.Equal(t, "stays", conditions()["more"])
	}
	require.NoError(t, kubefed.Validate(in, nil))
	in.SetGeneration(3)
	require.NotNil(t, kubefed.EncodePreferenceStatus(in, kubefed.Verdict{True: true, Reason: "Scheduled"}, 0), "of another generation")
	require.Nil(t, kubefed.EncodePreferenceStatus(nil, kubefed.Verdict{}, 0))
}
