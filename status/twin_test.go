package status

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// said is what one member says of one type.
type said struct{ status, reason, at string }

// TestConditionsTwin settles every type anew, the obvious way: by asking each member.
func TestConditionsTwin(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	kinds := []string{"Good", "Better", "Bad", "Worse"}
	for range 4000 {
		field := Field{Path: "conditions", Reduce: Conditions, Any: []string{"Bad", "Worse"}, Every: r.IntN(2) == 0, Order: []string{"Last"}}
		members := make([]Member, 1+r.IntN(4))
		words := map[string][]*said{} // by type, nil for a member that says nothing
		holes := 0
		for i := range members {
			members[i] = Member{Cluster: fmt.Sprintf("c%d", i)}
			lost := r.IntN(8) == 0
			holes += boolInt(lost)
			var list []any
			for _, k := range r.Perm(len(kinds)) {
				var s *said
				if !lost && r.IntN(4) > 0 {
					s = &said{[]string{"True", "True", "False", "Unknown"}[r.IntN(4)], []string{"A", "B", "Last"}[r.IntN(3)], randomTime(r)}
					list = append(list, map[string]any{"type": kinds[k], "status": s.status, "reason": s.reason, "lastTransitionTime": s.at})
				}
				words[kinds[k]] = append(words[kinds[k]], s)
			}
			if !lost {
				members[i].Live = map[string]any{"status": map[string]any{"conditions": list}}
			}
		}
		status, _ := Aggregate(metav1.GroupKind{}, members, field)
		got := map[string]map[string]any{}
		list, _ := status["conditions"].([]any)
		for _, c := range list {
			m := c.(map[string]any)
			got[m["type"].(string)] = m
		}
		for _, kind := range kinds {
			want, reason, at := settle(words[kind], slices.Contains(field.Any, kind), field.Every, holes > 0)
			if want == "" {
				require.NotContains(t, got, kind, "%v %v", kind, members)
				continue
			}
			require.Equal(t, want, got[kind]["status"], "%v %v", kind, members)
			require.Equal(t, reason, got[kind]["reason"], "%v %v", kind, members)
			when, err := time.Parse(time.RFC3339, got[kind]["lastTransitionTime"].(string))
			require.NoError(t, err)
			require.True(t, at.Equal(when), "%v %v: %v, want %v", kind, members, when, at)
		}
	}
}

func settle(words []*said, some, every, holes bool) (status, reason string, at time.Time) {
	by := map[string][]said{}
	silent, n := false, 0
	for _, s := range words {
		if s == nil {
			silent = true
			continue
		}
		n++
		by[s.status] = append(by[s.status], *s)
	}
	worst, best := "False", "True"
	if some {
		worst, best = "True", "False"
	}
	moments := func(list []said) (first, last time.Time) {
		for i, s := range list {
			at, _ := time.Parse(time.RFC3339, s.at)
			if i == 0 || at.Before(first) {
				first = at
			}
			if i == 0 || at.After(last) {
				last = at
			}
		}
		return first, last
	}
	reasonOf := func(list []said) string {
		var reasons []string
		for _, s := range list {
			reasons = append(reasons, s.reason)
		}
		slices.Sort(reasons)
		return reasons[0] // "Last" sorts behind the others
	}
	switch {
	case n == 0:
		return "", "", at
	case len(by[worst]) > 0:
		first, _ := moments(by[worst])
		return worst, reasonOf(by[worst]), first
	case some && every:
		return "", "", at // nobody says True
	case len(by["Unknown"]) > 0:
		first, _ := moments(by["Unknown"])
		return "Unknown", reasonOf(by["Unknown"]), first
	case holes, silent && !some:
		if every {
			return "", "", at
		}
		_, last := moments(by[best])
		return "Unknown", "NotAllReported", last
	}
	_, last := moments(by[best])
	return best, reasonOf(by[best]), last
}

// TestSinceTwin follows fleets through many summaries and remembers for each cluster what Since must be.
func TestSinceTwin(t *testing.T) {
	type memory struct {
		state  State
		reason string
		since  time.Time
	}
	r := rand.New(rand.NewPCG(15, 16))
	for range 200 {
		var sum Summary
		known := map[string]memory{}
		for step := range 12 {
			now := noon().Add(time.Duration(step) * time.Minute)
			var clusters []Cluster
			next := map[string]memory{}
			for i := range 6 {
				if r.IntN(6) == 0 {
					continue
				}
				c := Cluster{Name: fmt.Sprintf("c%d", i), State: []State{StateCurrent, StatePending, StateGone}[r.IntN(3)], Reason: []string{"", "X"}[r.IntN(2)], Time: now}
				clusters = append(clusters, c)
				if c.State == StateGone {
					continue
				}
				m := memory{c.State, c.Reason, now}
				if old, ok := known[c.Name]; ok && old.state == m.state && old.reason == m.reason {
					m.since = old.since
				}
				next[c.Name] = m
			}
			r.Shuffle(len(clusters), func(i, j int) { clusters[i], clusters[j] = clusters[j], clusters[i] })
			sum, known = Summarize(sum, int64(step), clusters, now), next
			require.Len(t, sum.Clusters, len(known))
			for _, c := range sum.Clusters {
				require.Equal(t, known[c.Name].since, c.Since, c.Name)
			}
		}
	}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
