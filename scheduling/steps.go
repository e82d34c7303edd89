package scheduling

import (
	"fmt"
	"iter"
	"slices"
)

// Budget bounds how far one step of [Steps] may take the total away from the wanted one, in either order in which
// clusters carry it out. Equal numbers N of both allow N moves a step. At least one must be above 0.
type Budget struct {
	Surge       int64 // replicas above the larger of the present and the wanted total
	Unavailable int64 // replicas below the smaller of the present and the wanted total
}

// Steps leads from the present division, the Current of the targets, to the wanted one, in steps that each keep to the
// budget. It yields the shares after each step, the last time the wanted ones; nothing when they are reached already. A
// controller takes the first, waits until it stands, and calls again.
//
// During a step the total stays at or below max(wanted + Surge, present) and at or above min(wanted − Unavailable,
// present), whatever the order in which the clusters follow. Every target goes straight to its wanted share, so no step
// takes one further outside a bound than the step before, unless that is where it is wanted. Replicas are taken first where a ceiling is exceeded, and given first where
// a floor is missed; beyond that all targets advance in proportion to what they have to go.
//
// An unknown Current, a target without a wanted share or the reverse, and an empty budget are [ErrInvalid].
func Steps(targets []Target, wanted []Share, budget Budget) (iter.Seq[[]Share], error) {
	total := int64(0)
	for _, s := range wanted {
		if s.Replicas < 0 || total+s.Replicas < 0 {
			return nil, &InvalidError{Target: s.Name, Field: "Replicas", Reason: fmt.Sprintf("is out of range: %d", s.Replicas)}
		}
		total += s.Replicas
	}
	if err := Validate(Request{Replicas: total}, targets); err != nil {
		return nil, err
	}
	switch {
	case budget.Surge < 0 || budget.Unavailable < 0 || budget.Surge == 0 && budget.Unavailable == 0:
		return nil, &InvalidError{Field: "Budget", Reason: fmt.Sprintf("allows no step: %+v", budget)}
	case len(wanted) != len(targets):
		return nil, &InvalidError{Field: "Shares", Reason: fmt.Sprintf("are %d for %d targets", len(wanted), len(targets))}
	}
	w := walk{targets: slices.Clone(targets), wanted: slices.Clone(wanted), total: total, budget: budget, now: make([]int64, len(targets))}
	for i, t := range targets {
		if t.Current == nil {
			return nil, &InvalidError{Target: t.Name, Field: "Current", Reason: "is unknown"}
		}
		if wanted[i].Name != t.Name {
			return nil, &InvalidError{Target: t.Name, Field: "Shares", Reason: fmt.Sprintf("has %q in its place", wanted[i].Name)}
		}
		w.now[i] = *t.Current
	}
	return w.steps, nil
}

// A walk is the state of one range over Steps; now is where it stands.
type walk struct {
	targets []Target
	wanted  []Share
	total   int64 // of wanted
	budget  Budget
	now     []int64
}

func (w walk) steps(yield func([]Share) bool) {
	w.now = slices.Clone(w.now) // so that the sequence can be ranged over again
	for {
		present, up, down := int64(0), int64(0), int64(0)
		for i, n := range w.now {
			present = addSat(present, n)
			up += max(w.wanted[i].Replicas-n, 0)
			down = addSat(down, max(n-w.wanted[i].Replicas, 0))
		}
		if up == 0 && down == 0 {
			return
		}
		up = min(up, max(0, addSat(w.total, w.budget.Surge)-present), maxReplicas)
		down = min(down, max(0, present-max(0, w.total-w.budget.Unavailable)), maxReplicas)
		given, taken := w.spread(up, 1), w.spread(down, -1)
		shares := make([]Share, len(w.now))
		for i := range w.now {
			w.now[i] += given[i].Replicas - taken[i].Replicas
			shares[i] = Share{Name: w.wanted[i].Name, Replicas: w.now[i], Bound: w.wanted[i].Bound}
		}
		if !yield(shares) {
			return
		}
	}
}

// spread divides the replicas of one step among the targets that have to go up (sign 1) or down (sign -1).
func (w *walk) spread(n, sign int64) []Share {
	steps := make([]Target, len(w.now))
	for i, now := range w.now {
		wanted := w.wanted[i].Replicas
		floor, ceiling, _ := w.targets[i].limits()
		way, urgent := max(0, wanted-now), max(0, min(floor, wanted)-now)
		if sign < 0 {
			way, urgent = max(0, now-wanted), max(0, now-max(ceiling, wanted))
		}
		steps[i] = Target{Name: w.targets[i].Name, Weight: way, Min: urgent, Max: &way}
	}
	result, err := Weighted(Request{Replicas: n, Rebalance: true}, steps)
	if err != nil { // cannot happen: the numbers come from a valid request
		return make([]Share, len(steps))
	}
	return result.Shares
}
