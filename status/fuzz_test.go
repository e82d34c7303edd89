package status

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func seeds(f *testing.F) {
	f.Helper()
	for _, path := range stories(f) {
		_, members := readStory(f, path)
		for _, m := range members {
			if raw, err := json.Marshal(m.Live); err == nil && m.Live != nil {
				f.Add(raw)
			}
		}
	}
}

// FuzzAssess feeds any JSON: the verdict is one of the closed set, has a one-word reason, and is the same again.
func FuzzAssess(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		var live map[string]any
		if json.Unmarshal(raw, &live) != nil {
			return
		}
		before := spell(live)
		health, why := Assess(live)
		require.True(t, slices.Contains([]Health{HealthUnknown, HealthCurrent, HealthInProgress, HealthFailed, HealthTerminating}, health))
		reason, _, _ := strings.Cut(why, ": ")
		require.NotEmpty(t, reason)
		require.False(t, strings.ContainsAny(reason, " \t\n"), why)
		again, whyAgain := Assess(live)
		require.Equal(t, health, again)
		require.Equal(t, why, whyAgain)
		require.Equal(t, before, spell(live), "the object was changed")
	})
}

// FuzzAggregate aggregates any JSON object with itself and a neighbour, under the rows of every kind it may claim to be.
func FuzzAggregate(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		var live map[string]any
		if json.Unmarshal(raw, &live) != nil {
			return
		}
		before := spell(live)
		o := open(live)
		kind := apps("Deployment")
		if o.kind != "" {
			kind.Group, kind.Kind = o.group, o.kind
		}
		members := []Member{{Cluster: "b", Live: live, Generation: 2}, {Cluster: "a", Live: settledDeployment(), Generation: 2}}
		status, gaps := Aggregate(kind, members)
		slices.Reverse(members)
		other, otherGaps := Aggregate(kind, members)
		require.Empty(t, cmp.Diff(status, other))
		require.Empty(t, cmp.Diff(gaps, otherGaps))
		for _, row := range Fields(kind) {
			if n, ok := status[row.Path].(int64); ok && row.Reduce == Sum {
				require.GreaterOrEqual(t, n, int64(0), "%s", row.Path)
			}
		}
		Aggregate(kind, members[1:])
		for _, v := range Feedback(live, nil, 64) {
			require.True(t, (v.Error == "") == (v.Type != ""), fmt.Sprint(v))
		}
		require.Equal(t, before, spell(live), "the member was changed")
	})
}
