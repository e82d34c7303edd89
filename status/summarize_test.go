package status

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func randomClusters(r *rand.Rand, n int) []Cluster {
	states := []State{StateUnknown, StateCurrent, StateCurrent, StateCurrent, StatePending, StateFailed, StateRemoving, StateGone}
	healths := []Health{HealthUnknown, HealthCurrent, HealthCurrent, HealthInProgress, HealthFailed, HealthTerminating}
	out := make([]Cluster, n)
	for i := range out {
		out[i] = Cluster{
			Name:   fmt.Sprintf("c%03d", r.IntN(2*n+1)),
			State:  states[r.IntN(len(states))],
			Reason: []string{"", "Unobserved", "NotOwned"}[r.IntN(3)],
			Health: healths[r.IntN(len(healths))],
		}
	}
	return out
}

func TestSummarizeLaws(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		clusters := randomClusters(r, r.IntN(12))
		before := slices.Clone(clusters)
		prev := Summarize(Summary{}, 1, randomClusters(r, r.IntN(12)), noon().Add(-time.Hour))
		sum := Summarize(prev, 2, clusters, noon())
		require.Empty(t, cmp.Diff(before, clusters), "the argument was changed")

		shuffled := slices.Clone(clusters)
		r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		require.Empty(t, cmp.Diff(sum, Summarize(prev, 2, shuffled, noon())), "the order of clusters matters")

		again := Summarize(sum, 2, clusters, noon().Add(time.Hour))
		require.True(t, sum.Same(again) && again.Same(sum), "nothing happened, yet the summary changed:\n%s", cmp.Diff(sum, again))

		raw, err := json.Marshal(sum)
		require.NoError(t, err)
		var stored Summary
		require.NoError(t, json.Unmarshal(raw, &stored))
		require.True(t, sum.Same(stored), "JSON changed the summary:\n%s", cmp.Diff(sum, stored))
		require.True(t, sum.Same(Summarize(stored, 2, clusters, noon().Add(time.Hour))))

		checkTotals(t, clusters, sum)
	}
}

// checkTotals counts anew, the slow way.
func checkTotals(t *testing.T, clusters []Cluster, sum Summary) {
	t.Helper()
	worst := map[string]Cluster{}
	for _, c := range clusters {
		if have, ok := worst[c.Name]; c.State != StateGone && (!ok || interest(c) > interest(have)) {
			worst[c.Name] = c
		}
	}
	want := metav1.ConditionTrue
	for _, c := range worst {
		if c.State != StateCurrent {
			want = metav1.ConditionFalse
		}
	}
	require.Len(t, sum.Clusters, len(worst))
	require.True(t, slices.IsSortedFunc(sum.Clusters, func(a, b Cluster) int { return strings.Compare(a.Name, b.Name) }))
	for _, c := range sum.Clusters {
		require.Equal(t, interest(worst[c.Name]), interest(c))
	}
	require.Equal(t, len(worst), sum.Totals.Clusters)
	require.Equal(t, len(worst), sum.Totals.Current+sum.Totals.Pending+sum.Totals.Failed+sum.Totals.Removing+sum.Totals.Unknown)
	require.Equal(t, want, meta.FindStatusCondition(sum.Conditions, ConditionPropagation).Status)
}

func TestSummarizeTransitions(t *testing.T) {
	at := func(m int) time.Time { return noon().Add(time.Duration(m) * time.Minute) }
	one := func(s State, reason string) []Cluster { return []Cluster{{Name: "a", State: s, Reason: reason}} }
	steps := []struct {
		clusters        []Cluster
		status          metav1.ConditionStatus
		transit, sinceM int
	}{
		{one(StatePending, "Unobserved"), metav1.ConditionFalse, 0, 0},
		{one(StatePending, "Unobserved"), metav1.ConditionFalse, 0, 0},
		{one(StatePending, "NotOwned"), metav1.ConditionFalse, 0, 2},
		{one(StateCurrent, ""), metav1.ConditionTrue, 3, 3},
		{one(StateCurrent, ""), metav1.ConditionTrue, 3, 3},
		{one(StateFailed, "Immutable"), metav1.ConditionFalse, 5, 5},
	}
	var sum Summary
	for i, step := range steps {
		sum = Summarize(sum, int64(i), step.clusters, at(i))
		require.Equal(t, int64(i), sum.ObservedGeneration)
		c := sum.Conditions[0]
		require.Equal(t, ConditionPropagation, c.Type)
		require.Equal(t, step.status, c.Status, "step %d", i)
		require.Equal(t, at(step.transit), c.LastTransitionTime.Time, "step %d", i)
		require.Equal(t, at(step.sinceM), sum.Clusters[0].Since, "step %d", i)
	}
}

func TestSummarizeKeepsForeignConditions(t *testing.T) {
	foreign := metav1.Condition{Type: "Approved", Status: metav1.ConditionTrue, Reason: "ByHand", LastTransitionTime: metav1.Time{Time: noon()}}
	prev := Summary{Conditions: []metav1.Condition{foreign}}
	sum := Summarize(prev, 1, nil, noon().Add(time.Hour))
	require.Equal(t, foreign, sum.Conditions[0])
	require.Equal(t, []metav1.Condition{foreign}, prev.Conditions)
	require.Equal(t, "no clusters", sum.Message)
}

func BenchmarkSummarize1000(b *testing.B) {
	clusters := benchClusters(1000)
	prev := Summarize(Summary{}, 1, clusters, noon())
	b.ReportAllocs()
	for b.Loop() {
		Summarize(prev, 1, clusters, noon())
	}
}

func BenchmarkSame1000(b *testing.B) {
	prev := Summarize(Summary{}, 1, benchClusters(1000), noon())
	raw, err := json.Marshal(prev)
	require.NoError(b, err)
	var stored Summary // of strings of its own, as after a read
	require.NoError(b, json.Unmarshal(raw, &stored))
	b.ReportAllocs()
	for b.Loop() {
		if !prev.Same(stored) {
			b.Fatal("changed")
		}
	}
}

func benchClusters(n int) []Cluster {
	out := make([]Cluster, n)
	for i := range out {
		out[i] = Cluster{Name: fmt.Sprintf("cluster-%04d", (i*7919)%n), State: StateCurrent, Health: HealthCurrent,
			Message: "Current: 3 replicas", Time: noon(), Values: []Value{{Name: "replicas", Type: "Integer", Value: "3"}, {Name: "readyReplicas", Type: "Integer", Value: "3"}}}
		if i%100 == 0 {
			out[i].State, out[i].Reason, out[i].Message = StatePending, "Unobserved", "not reachable"
		}
	}
	return out
}
