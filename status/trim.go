package status

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

const trimmedRunes = 256 // of a cluster's message, once a summary is too large

// Trim returns the summary with as many clusters as its JSON fits into limit bytes; the least interesting go first: those
// that are current and healthy, last those that failed. Omitted says how many are not listed, Totals and Message still
// speak of all. Long messages are cut with an ellipsis before any cluster goes. A summary that fits is returned as it is;
// one that cannot, for its conditions alone, keeps no cluster. Summarize takes a trimmed summary as prev.
func (s Summary) Trim(limit int) Summary {
	if size(s) <= limit {
		return s
	}
	out := s
	out.Clusters = slices.Clone(s.Clusters)
	order := make([]int, len(s.Clusters))
	for i := range order {
		order[i] = i
		out.Clusters[i].Message = shorten(out.Clusters[i].Message, trimmedRunes)
	}
	total, sizes := measure(out)
	slices.SortFunc(order, func(a, b int) int {
		x, y := out.Clusters[a], out.Clusters[b]
		return cmp.Or(cmp.Compare(interest(x), interest(y)), strings.Compare(y.Name, x.Name))
	})
	drop := make([]bool, len(sizes))
	for _, i := range order {
		if total <= limit {
			break
		}
		total -= sizes[i]
		drop[i] = true
		out.Omitted++
	}
	kept := out.Clusters[:0]
	for i, c := range out.Clusters {
		if !drop[i] {
			kept = append(kept, c)
		}
	}
	out.Clusters = slices.Clip(kept)
	return out
}

// measure gives the size of s with all its clusters, and of each of them with its comma. Every cluster is measured with
// both times set: those of dropped clusters get forgotten, and that must not change who is dropped.
func measure(s Summary) (int, []int) {
	clusters := s.Clusters
	s.Clusters = []Cluster{{}}
	s.Omitted = len(clusters) + s.Omitted
	total := size(s)
	sizes := make([]int, len(clusters))
	for i, c := range clusters {
		c.Time, c.Since = time.Unix(0, 0).UTC(), time.Unix(0, 0).UTC()
		sizes[i] = size(c) + 1
		total += sizes[i]
	}
	return total, sizes
}

func size(v any) int {
	raw, _ := json.Marshal(v) // only strings, numbers and times
	return len(raw)
}

// interest ranks a cluster for readers; the lowest are dropped first. Zero means that nothing need be said.
func interest(c Cluster) int {
	switch {
	case c.State == StateFailed:
		return 6
	case !knownState(c.State):
		return 5
	case c.State == StatePending:
		return 4
	case c.Health == HealthFailed:
		return 3
	case c.State == StateRemoving:
		return 2
	case c.Health != HealthCurrent:
		return 1
	}
	return 0
}

// interestDropped is the highest interest that a cluster missing from a trimmed summary can have had, -1 for a whole one.
func interestDropped(s Summary) int {
	if s.Omitted == 0 {
		return -1
	}
	lowest := interest(Cluster{State: StateFailed})
	for _, c := range s.Clusters {
		lowest = min(lowest, interest(c))
	}
	return lowest
}
