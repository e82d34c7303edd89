package federation

import (
	"maps"
	"slices"
)

// Allowance is how many copies may still be deleted or released. It is a value shared by many plans, so that plans of one
// object each, all below a limit, cannot empty a cluster; the program makes a new one for each period. Both limits count,
// and the zero value allows nothing.
type Allowance struct {
	Total      int            // over all clusters
	PerCluster int            // in each cluster
	Used       map[string]int // by cluster, so far
}

// Guard returns the plan with every delete and release beyond the allowance as hold / Guarded, and what is left of the
// allowance when the plan is carried out. An apply that may recreate its copy counts as a delete; beyond the allowance it may
// not. What is allowed is given out in the order of dispatch, so that a namespace goes last. It is a pure function: one of the
// func(Plan) Plan that fit between planning and dispatching.
func Guard(p Plan, a Allowance) (Plan, Allowance) {
	left := a
	left.Used = maps.Clone(a.Used)
	if left.Used == nil {
		left.Used = map[string]int{}
	}
	steps := slices.Clone(p.Steps)
	for _, order := range lanesOf(steps) {
		for _, i := range order {
			s := &steps[i]
			if s.Verb != Delete && s.Verb != Release && s.Delete == nil {
				continue
			}
			none := left.Total < 1 || left.Used[s.Ref.Cluster] >= left.PerCluster
			switch {
			case none && s.Verb == Apply:
				s.Delete = nil
			case none:
				s.hold(ReasonGuarded, "more copies would go than are allowed; allow more to go on")
				s.Holds = true
			default:
				left.Total--
				left.Used[s.Ref.Cluster]++
			}
		}
	}
	p.Steps = steps
	return p, left
}
