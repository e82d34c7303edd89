package status

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// TestSummaryGolden pins what people read, and the JSON that programs store.
func TestSummaryGolden(t *testing.T) {
	fleet := func(n int, state State, health Health) []Cluster {
		var out []Cluster
		for i := range n {
			out = append(out, Cluster{Name: fmt.Sprintf("edge-%02d", i), State: state, Health: health})
		}
		return out
	}
	more := func(clusters []Cluster, extra ...Cluster) []Cluster { return append(clusters, extra...) }
	var b strings.Builder
	for _, c := range []struct {
		name     string
		clusters []Cluster
	}{
		{"nowhere", nil},
		{"settled", fleet(3, StateCurrent, HealthCurrent)},
		{"one cluster", fleet(1, StateCurrent, "")},
		{"held", more(fleet(7, StateCurrent, HealthCurrent), Cluster{Name: "eu-2", State: StatePending, Reason: "Unobserved", Message: "not reachable"},
			Cluster{Name: "eu-3", State: StateUnknown})},
		{"reason in words", []Cluster{{Name: "a", State: StateFailed, Reason: "NotOwned"}}},
		{"many failed", fleet(5, StateFailed, "")},
		{"rolling out", more(fleet(2, StateCurrent, HealthCurrent), Cluster{Name: "us-1", State: StateCurrent, Health: HealthInProgress, Message: "LessReady: 2 of 3 replicas ready"},
			Cluster{Name: "us-2", State: StateCurrent, Health: HealthFailed, Message: "ProgressDeadlineExceeded: too late"})},
		{"going away", []Cluster{{Name: "a", State: StateRemoving, Health: HealthTerminating}, {Name: "b", State: StateGone}}},
		{"long message", []Cluster{{Name: "a", State: StateFailed, Message: "the first line " + strings.Repeat("is long ", 20) + "\nand there is a second"}}},
	} {
		prev := Summarize(Summary{}, 1, c.clusters, noon().Add(-26*time.Hour))
		if c.name != "many failed" { // since yesterday
			prev = Summarize(Summary{}, 1, c.clusters, noon().Add(-2*time.Hour))
		}
		sum := Summarize(prev, 2, c.clusters, noon())
		fmt.Fprintf(&b, "%s: %s\n", c.name, sum.Message)
		for _, cond := range sum.Conditions {
			fmt.Fprintf(&b, "  %s %s %s since %s: %s\n", cond.Type, cond.Status, cond.Reason, cond.LastTransitionTime.UTC().Format(time.DateTime), cond.Message)
		}
	}
	full := Summarize(Summary{}, 2, []Cluster{{Name: "eu-1", State: StatePending, Reason: "Unobserved", Message: "not reachable", Health: HealthInProgress, Time: noon(),
		Values: []Value{{Name: "replicas", Type: "Integer", Value: "3"}, {Name: "url", Error: "NotFound"}}}}, noon())
	full.Omitted = 1
	raw, err := json.MarshalIndent(full, "", "  ")
	require.NoError(t, err)
	b.Write(append(raw, '\n'))

	const golden = "testdata/summaries.golden"
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(b.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(string(want), b.String()))
}
