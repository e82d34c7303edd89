package kubefed_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/kubefed"
)

func result(cluster string, verb federation.Verb, reason federation.Reason, outcome federation.Outcome) federation.Result {
	r := federation.Result{Outcome: outcome, Reason: reason}
	r.Step = federation.Step{Ref: federation.Ref{Cluster: cluster}, Verb: verb, Reason: reason, Digest: "d"}
	if verb == federation.Delete || verb == federation.Release || reason == federation.ReasonUnselected || reason == federation.ReasonGuarded {
		r.Step.Digest, r.Step.Holds = "", true
	}
	return r
}

func TestStatusWords(t *testing.T) {
	const absent = "(not listed)"
	live := &unstructured.Unstructured{Object: map[string]any{"kind": "ConfigMap"}}
	late := fmt.Errorf("sending: %w", context.DeadlineExceeded)
	for _, test := range []struct {
		verb    federation.Verb
		reason  federation.Reason
		outcome federation.Outcome
		live    *unstructured.Unstructured
		err     error
		want    string
	}{
		{federation.Create, federation.ReasonAbsent, federation.Done, live, nil, ""},
		{federation.Apply, federation.ReasonChanged, federation.Done, live, nil, ""},
		{federation.Keep, federation.ReasonSettled, federation.Done, live, nil, ""},
		{federation.Keep, federation.ReasonUnselected, federation.Done, nil, nil, absent},
		{federation.Release, federation.ReasonUnselected, federation.Done, live, nil, absent},
		{federation.Delete, federation.ReasonUnselected, federation.Done, live, nil, "WaitingForRemoval"},
		{federation.Hold, federation.ReasonDeleting, federation.Held, live, nil, "WaitingForRemoval"},
		{federation.Create, federation.ReasonAbsent, federation.Failed, nil, errors.New("no"), "CreationFailed"},
		{federation.Apply, federation.ReasonDrifted, federation.Failed, live, errors.New("no"), "UpdateFailed"},
		{federation.Delete, federation.ReasonUnselected, federation.Failed, live, errors.New("no"), "DeletionFailed"},
		{federation.Release, federation.ReasonOptedOut, federation.Failed, live, errors.New("no"), "LabelRemovalFailed"},
		{federation.Create, federation.ReasonAbsent, federation.Failed, nil, late, "CreationTimedOut"},
		{federation.Delete, federation.ReasonUnselected, federation.Failed, live, late, "DeletionTimedOut"},
		{federation.Apply, federation.ReasonChanged, federation.Failed, live, federation.ErrUnreachable, "ClusterNotReady"},
		{federation.Create, federation.ReasonNotOwned, federation.Held, nil, errors.New("no"), "AlreadyExists"},
		{federation.Apply, federation.ReasonInvalidManifest, federation.Held, live, errors.New("no"), "UpdateFailed"},
		{federation.Hold, federation.ReasonInvalidManifest, federation.Held, live, nil, "ApplyOverridesFailed"},
		{federation.Hold, federation.ReasonUnobserved, federation.Held, nil, nil, "ClusterNotReady"},
		{federation.Hold, federation.ReasonUnobserved, federation.Held, live, nil, "FieldRetentionFailed"},
		{federation.Create, federation.ReasonConflict, federation.Failed, nil, errors.New("no"), "RetrievalFailed"},
		{federation.Apply, federation.ReasonChanged, federation.Failed, live, late, "UpdateTimedOut"},
		{federation.Release, federation.ReasonUnselected, federation.Failed, live, late, "LabelRemovalTimedOut"},
		{federation.Hold, federation.ReasonUnknownCluster, federation.Held, nil, nil, "ClientRetrievalFailed"},
		{federation.Hold, federation.ReasonUndecided, federation.Held, nil, nil, "ComputeResourceFailed"},
		{federation.Hold, federation.ReasonKindNotServed, federation.Held, nil, nil, "CachedRetrievalFailed"},
		{federation.Hold, federation.ReasonOptedOut, federation.Held, live, nil, "ManagedLabelFalse"},
		{federation.Hold, federation.ReasonConflict, federation.Held, live, nil, "UpdateFailed"},
		{federation.Hold, federation.ReasonImmutable, federation.Held, live, nil, "UpdateFailed"},
		{federation.Hold, federation.ReasonWaiting, federation.Held, nil, nil, "CreationFailed"},
		{federation.Hold, federation.ReasonSuspended, federation.Held, live, nil, "UpdateFailed"},
		{federation.Hold, federation.ReasonGuarded, federation.Held, live, nil, "DeletionFailed"},
	} {
		t.Run(fmt.Sprint(test.verb, test.reason, test.outcome, test.want), func(t *testing.T) {
			r := result("berlin", test.verb, test.reason, test.outcome)
			r.Live, r.Err = test.live, test.err
			got := kubefed.EncodeStatus(nil, []federation.Result{r}, kubefed.Report{})
			condition := got["conditions"].([]any)[0].(map[string]any)
			switch test.want {
			case absent:
				require.NotContains(t, got, "clusters")
			case "":
				require.Equal(t, []any{map[string]any{"name": "berlin"}}, got["clusters"])
			default:
				require.Equal(t, []any{map[string]any{"name": "berlin", "status": test.want}}, got["clusters"])
				require.Equal(t, "CheckClusters", condition["reason"])
				require.Equal(t, "False", condition["status"])
				return
			}
			require.NotContains(t, condition, "reason")
			require.Equal(t, "True", condition["status"])
		})
	}
}

func TestStatusTimes(t *testing.T) {
	start := time.Date(2024, 5, 1, 12, 0, 0, 5, time.FixedZone("", 7200))
	at := func(minutes int) string {
		return start.Add(time.Duration(minutes) * time.Minute).UTC().Format(time.RFC3339)
	}
	settled := result("a", federation.Keep, federation.ReasonSettled, federation.Done)
	failed := result("b", federation.Create, federation.ReasonAbsent, federation.Failed)
	applied := result("a", federation.Apply, federation.ReasonChanged, federation.Done)
	var last map[string]any
	for i, step := range []struct {
		results             []federation.Result
		reason              string
		transition, updated int // minutes
	}{
		{[]federation.Result{settled}, "", 0, 0},
		{[]federation.Result{settled}, "", 0, 0},
		{[]federation.Result{failed, settled}, "", 2, 2},
		{[]federation.Result{settled, failed}, "", 2, 2}, // order says nothing
		{[]federation.Result{failed}, "", 2, 4},
		{[]federation.Result{failed}, kubefed.NamespaceNotFederated, 5, 5},
		{nil, "", 6, 6},
		{[]federation.Result{settled}, "", 6, 7},
		{[]federation.Result{applied}, "", 6, 8},
	} {
		r := kubefed.Report{Generation: 3, Reason: step.reason, Now: start.Add(time.Duration(i) * time.Minute)}
		last = kubefed.EncodeStatus(last, step.results, r)
		condition := last["conditions"].([]any)[0].(map[string]any)
		require.Equal(t, at(step.transition), condition["lastTransitionTime"], "step %d", i)
		require.Equal(t, at(step.updated), condition["lastUpdateTime"], "step %d", i)
		require.Equal(t, int64(3), last["observedGeneration"])
	}
}

func TestStatusCollects(t *testing.T) {
	r := result("a", federation.Keep, federation.ReasonSettled, federation.Done)
	r.Live = &unstructured.Unstructured{Object: map[string]any{"status": map[string]any{"replicas": int64(2)}}}
	plain := result("b", federation.Keep, federation.ReasonSettled, federation.Done)
	got := kubefed.EncodeStatus(nil, []federation.Result{plain, r}, kubefed.Report{Collect: true})
	require.Equal(t, []any{
		map[string]any{"name": "a", "remoteStatus": map[string]any{"replicas": int64(2)}},
		map[string]any{"name": "b"},
	}, got["clusters"])
	again := kubefed.EncodeStatus(got, []federation.Result{r, plain}, kubefed.Report{Collect: true, Now: time.Unix(99, 0)})
	require.Equal(t, got, again, "nothing new, nothing to write")
}

// TestStatusUpdateCases: when KubeFed would write, and when we do.
func TestStatusUpdateCases(t *testing.T) {
	different := map[string]string{
		"ok-no-remote-collect":      "a copy without a status of its own is no failure, so nothing changes",
		"ok-empty-remote-collect":   "an empty status is none",
		"ok-empty-remote-nocollect": "what is not collected is not looked at",
	}
	type row struct {
		ID, Reason  string
		Generation  int64
		Propagation map[string]string         `json:"collected_propagation"`
		Remote      map[string]map[string]any `json:"collected_remote"`
		Existing    map[string]any            `json:"existing_remote_status"`
		Updated     bool                      `json:"resources_updated"`
		Collect     bool                      `json:"status_collection"`
		Write       bool                      `json:"expected_write"`
	}
	var table struct {
		Rows []row `json:"status_update"`
	}
	load(t, "testdata/other.json", &table)
	require.Len(t, table.Rows, 17)
	for _, row := range table.Rows {
		t.Run(row.ID, func(t *testing.T) {
			make1 := func(name, word string, updated bool, remote map[string]any) federation.Result {
				r := result(name, federation.Keep, federation.ReasonSettled, federation.Done)
				if updated {
					r = result(name, federation.Apply, federation.ReasonChanged, federation.Done)
				}
				if word == "ClusterNotReady" {
					r = result(name, federation.Hold, federation.ReasonUnobserved, federation.Held)
				} else {
					require.Empty(t, word)
				}
				if remote["status"] != nil {
					r.Live = &unstructured.Unstructured{Object: remote}
				}
				return r
			}
			start := time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
			last := kubefed.EncodeStatus(nil, []federation.Result{make1("cluster1", "", false, row.Existing)}, kubefed.Report{Collect: true, Now: start})
			var results []federation.Result
			for name, word := range row.Propagation {
				results = append(results, make1(name, word, row.Updated, row.Remote[name]))
			}
			got := kubefed.EncodeStatus(last, results, kubefed.Report{
				Generation: row.Generation, Reason: row.Reason, Collect: row.Collect, Now: start.Add(time.Minute),
			})
			write := row.Write
			if different[row.ID] != "" {
				write = !write
			}
			require.Equal(t, write, !reflect.DeepEqual(last, got), different[row.ID])
		})
	}
}

// What is said of a cluster has a time, which moves when something else is said.
func TestStatusMessages(t *testing.T) {
	start := time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
	failed := func(message string) []federation.Result {
		r := result("a", federation.Create, federation.ReasonAbsent, federation.Failed)
		r.Message, r.Err = message, errors.New(message)
		return []federation.Result{r}
	}
	var last map[string]any
	for i, step := range []struct {
		results []federation.Result
		minute  int // of the time that is told
		message string
	}{
		{failed("port 1234 is closed"), 0, "port 1234 is closed"},
		{failed("port 4321 is closed"), 0, "port 1234 is closed"},
		{failed("forbidden"), 2, "forbidden"},
		{[]federation.Result{result("a", federation.Keep, federation.ReasonSettled, federation.Done)}, 3, ""},
		{[]federation.Result{result("a", federation.Keep, federation.ReasonSettled, federation.Done)}, 3, ""},
	} {
		last = kubefed.EncodeStatus(last, step.results, kubefed.Report{Now: start.Add(time.Duration(i) * time.Minute)})
		line := last["clusters"].([]any)[0].(map[string]any)
		require.Equal(t, start.Add(time.Duration(step.minute)*time.Minute).Format(time.RFC3339), line["lastUpdateTime"], "step %d", i)
		if step.message == "" {
			require.NotContains(t, line, "message")
		} else {
			require.Equal(t, step.message, line["message"])
		}
	}
	long := kubefed.EncodeStatus(nil, failed(strings.Repeat("ä", 500)), kubefed.Report{Now: start})
	require.Less(t, len(long["clusters"].([]any)[0].(map[string]any)["message"].(string)), 270)
}

// Under KubeFed's own schema the API server drops messages and times. That must not make a status that is never equal.
func TestStatusUnderKubeFedsSchema(t *testing.T) {
	results := []federation.Result{
		result("a", federation.Keep, federation.ReasonSettled, federation.Done),
		result("b", federation.Create, federation.ReasonAbsent, federation.Failed),
	}
	results[1].Message = "no"
	first := kubefed.EncodeStatus(nil, results, kubefed.Report{Now: time.Unix(100, 0)})
	for _, item := range first["clusters"].([]any) {
		line := item.(map[string]any)
		require.Contains(t, line, "lastUpdateTime")
		delete(line, "lastUpdateTime")
		delete(line, "message")
	}
	require.Equal(t, first, kubefed.EncodeStatus(first, results, kubefed.Report{Now: time.Unix(200, 0)}))
}

func TestStatusSaysWhy(t *testing.T) {
	var last map[string]any
	condition := func() map[string]any { return last["conditions"].([]any)[0].(map[string]any) }
	for i, step := range []struct {
		reason, message, want string
		updated               int
	}{
		{"", "nothing is wrong", "", 0},
		{kubefed.ComputePlacementFailed, "no operator", "no operator", 1},
		{kubefed.ComputePlacementFailed, "no operator", "no operator", 1},
		{kubefed.ComputePlacementFailed, "no value", "no value", 3},
		{kubefed.ComputePlacementFailed, "", "", 4},
		{"", "", "", 5},
	} {
		last = kubefed.EncodeStatus(last, nil, kubefed.Report{Reason: step.reason, Message: step.message, Now: time.Unix(int64(i), 0)})
		require.Equal(t, time.Unix(int64(step.updated), 0).UTC().Format(time.RFC3339), condition()["lastUpdateTime"], "step %d", i)
		if step.want == "" {
			require.NotContains(t, condition(), "message")
		} else {
			require.Equal(t, step.want, condition()["message"])
		}
	}
	broken := kubefed.Report{Reason: kubefed.ComputePlacementFailed, Message: "no operator", Now: time.Unix(9, 0)}
	last = kubefed.EncodeStatus(last, nil, broken)
	require.Contains(t, condition(), "message")
	delete(condition(), "message") // by KubeFed's schema
	broken.Now = time.Unix(10, 0)
	require.Equal(t, last, kubefed.EncodeStatus(last, nil, broken))
}
