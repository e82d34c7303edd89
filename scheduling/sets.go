package scheduling

import (
	"fmt"
	"math"
)

// Component is one template of a workload whose parts run together, such as a leader and its workers.
type Component struct {
	Name  string           // unique within one call, not empty
	Count int64            // replicas in one set, above 0
	Room  map[string]int64 // by target: how many replicas of this component would run there in all; no entry: unknown
}

// Sets divides whole sets of components: in the request and the targets every number counts sets, and no set is ever torn
// apart. A target's Capacity is cut to the sets for which every component has room there. With one replica the
// workload goes to one target, or to none.
//
// The first result is the division of the sets; the others are one per component, in their order, with the replicas that
// this makes of it. Component counts that go by a ratio and need not stay whole are divided by [Follow] instead.
func Sets(divide Strategy, req Request, targets []Target, components []Component) (Result, []Result, error) {
	if divide == nil {
		return Result{}, nil, &InvalidError{Field: "divide", Reason: "is no strategy"}
	}
	seen := map[string]bool{}
	bounded := make([]Target, len(targets))
	copy(bounded, targets)
	for i, c := range components {
		switch {
		case c.Name == "":
			return Result{}, nil, &InvalidError{Field: "Component", Reason: fmt.Sprintf("%d has no name", i)}
		case seen[c.Name]:
			return Result{}, nil, &InvalidError{Field: "Component", Reason: fmt.Sprintf("%q is given twice", c.Name)}
		case c.Count <= 0:
			return Result{}, nil, &InvalidError{Field: "Count", Reason: fmt.Sprintf("of component %q is %d", c.Name, c.Count)}
		case req.Replicas > math.MaxInt64/c.Count:
			return Result{}, nil, &InvalidError{Field: "Count", Reason: fmt.Sprintf("of component %q makes the sum overflow", c.Name)}
		}
		seen[c.Name] = true
		for j := range bounded {
			t := &bounded[j]
			room, known := c.Room[t.Name]
			if room < 0 {
				return Result{}, nil, &InvalidError{Target: t.Name, Field: "Room", Reason: fmt.Sprintf("for component %q is negative: %d", c.Name, room)}
			}
			if known {
				t.limit(room / c.Count)
			}
		}
	}
	whole, err := divide(req, bounded)
	if err != nil {
		return Result{}, nil, err
	}
	parts := make([]Result, len(components))
	for i, c := range components {
		parts[i] = Result{Shares: make([]Share, len(whole.Shares)), Unplaced: whole.Unplaced * c.Count}
		for j, s := range whole.Shares {
			s.Replicas *= c.Count
			parts[i].Shares[j] = s
		}
	}
	return whole, parts, nil
}

// limit lowers the capacity of a target that is a copy of the caller's.
func (t *Target) limit(capacity int64) {
	if t.Capacity == nil || capacity < *t.Capacity {
		t.Capacity = &capacity
	}
}

// Follow divides another number in proportion to a division that stands: the workers of a leader, the completions of a
// Job whose parallelism was divided, the bounds of an autoscaler, the minimum of a disruption budget. It is [Weighted]
// with the shares as weights, so a target without a share gets nothing.
//
// Whatever leads, a total that equals the lead's gives its shares, a smaller one no target more and a larger one no target
// less; and of two totals the larger gives no target less. So minima stay below maxima, and completions do not fall
// below parallelism. Current counts for nothing. Key breaks ties as ever.
func Follow(req Request, lead []Share) (Result, error) {
	targets := make([]Target, len(lead))
	for i, s := range lead {
		targets[i] = Target{Name: s.Name, Weight: s.Replicas}
	}
	return Weighted(req, targets)
}
