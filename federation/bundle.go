package federation

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/confed-project/confed/placement"
	"github.com/confed-project/confed/scheduling"
	"github.com/confed-project/confed/status"
)

// Bundle is many objects that are planned as one. Each Item has what the program remembers of its object.
type Bundle []Item

// Item is one object of a Bundle.
type Item struct {
	Object Object

	// Of this object; they take the place of the Snapshot's.
	Holders  []string
	Previous []placement.Decision
	Shares   []scheduling.Share
	Finished time.Time

	// After names objects of the bundle (their Cluster does not count) that must be as wished and healthy in a cluster
	// before this one is created or changed there, and that go only after this one is gone.
	After []Key
}

// PlanBundle plans every object, in the order given. A step that has to wait for another object in its cluster becomes
// hold / Waiting, with the name of what it waits for; so each pass carries out a wave. Namespaces need no After: what
// lives in one comes after it by rank, and none is deleted while something of the bundle in it is held. Join makes one plan
// of them to dispatch.
//
// The error names two items with the same target, an After that is not in the bundle, or the items of a cycle; else it
// joins what Plan said of single items, whose plans are empty, while the others are valid beside it.
func (p Planner) PlanBundle(bundle Bundle, snap Snapshot) ([]Plan, error) {
	after, err := bundle.dependencies()
	if err != nil {
		return nil, err
	}
	plans := make([]Plan, len(bundle))
	var errs Plan
	for i, item := range bundle {
		own := snap
		own.Holders, own.Previous, own.Shares, own.Finished = item.Holders, item.Previous, item.Shares, item.Finished
		if plans[i], err = p.Plan(item.Object, own); err != nil {
			errs.Errs = append(errs.Errs, fmt.Errorf("bundle[%d]: %w", i, err))
		}
	}
	// What waits is judged by the steps as they were planned, and asked in the order of the names, so the order of the items
	// does not matter.
	waiting := make([]Plan, len(plans))
	for i := range plans {
		waiting[i] = plans[i]
		waiting[i].Steps = slices.Clone(plans[i].Steps)
	}
	order := bundle.sorted()
	for _, i := range order {
		for _, n := range after[i] {
			hold(waiting[i].Steps, plans[n], bundle[n].Object, (*Step).waitsFor)
			hold(waiting[n].Steps, plans[i], bundle[i].Object, (*Step).outlives)
		}
	}
	bundle.shelter(waiting, plans, order)
	return waiting, errs.Err()
}

// shelter keeps namespaces while something of the bundle that does not go may be in them.
func (b Bundle) shelter(waiting, plans []Plan, order []int) {
	namespaces := map[string]int{}
	for i := range plans {
		if len(plans[i].Steps) > 0 && isNamespace(plans[i].Steps[0].Ref.GVK.GroupKind()) {
			namespaces[plans[i].Steps[0].Ref.Name] = i
		}
	}
	for _, i := range order {
		if n, ok := namespaces[refOf(b[i].Object).Namespace]; ok {
			hold(waiting[n].Steps, plans[i], b[i].Object, (*Step).shelters)
		}
	}
}

// shelters says why the delete of a namespace waits for an object in it.
func (s *Step) shelters(other *Step) string {
	if s.Verb != Delete || other.Verb != Hold || !other.Holds || other.Reason == ReasonDeleting {
		return ""
	}
	return fmt.Sprintf("waits for %s (%s, %s), which is in it", other.Ref, other.Verb, other.Reason)
}

// hold turns steps into hold / Waiting where the step of another object in the same cluster says why, or where that object
// cannot be planned. Both are sorted by cluster.
func hold(steps []Step, other Plan, obj Object, why func(s, other *Step) string) {
	others := other.Steps
	for i := range steps {
		for len(others) > 0 && others[0].Ref.Cluster < steps[i].Ref.Cluster {
			others = others[1:]
		}
		reason := ""
		switch {
		case !other.planned:
			reason = why(&steps[i], &Step{Ref: refOf(obj), Verb: Hold, Reason: ReasonInvalidManifest, Holds: true})
		case len(others) > 0 && others[0].Ref.Cluster == steps[i].Ref.Cluster:
			reason = why(&steps[i], &others[0])
		}
		if reason != "" {
			steps[i].hold(ReasonWaiting, reason)
			steps[i].Holds = steps[i].held
		}
	}
}

// waitsFor says why a create or an apply waits for an object that it comes after.
func (s *Step) waitsFor(other *Step) string {
	if s.Verb != Create && s.Verb != Apply {
		return ""
	}
	if other.Verb != Keep {
		return fmt.Sprintf("waits for %s (%s, %s)", other.Ref, other.Verb, other.Reason)
	}
	if other.Reason != ReasonSettled || other.live == nil {
		return ""
	}
	health, why := status.Assess(other.live.Object)
	if health == status.HealthCurrent || health == status.HealthUnknown && !hasStatus(other) {
		return ""
	}
	return fmt.Sprintf("waits for %s: %s", other.Ref, why)
}

// hasStatus: an object without any status has no health to wait for.
func hasStatus(s *Step) bool {
	_, ok := s.live.Object["status"]
	return ok
}

// outlives says why a delete or a release waits for an object that comes after it: one that may be there, unless it is to
// stay.
func (s *Step) outlives(other *Step) string {
	goes := other.Verb == Delete || other.Verb == Release || other.Reason == ReasonDeleting
	if s.Verb != Delete && s.Verb != Release || !other.Holds || !goes && other.Digest != "" {
		return ""
	}
	return fmt.Sprintf("waits until %s is gone", other.Ref)
}

// dependencies resolves After to indices, and finds what cannot be planned.
func (b Bundle) dependencies() ([][]int, error) {
	index := make(map[Key]int, len(b))
	for i, item := range b {
		if item.Object.Template == nil {
			continue // Plan says what is wrong with it
		}
		key := keyOf(item.Object)
		if first, ok := index[key]; ok {
			return nil, &Error{Object: refOf(item.Object).String(), Field: fmt.Sprintf("bundle[%d]", i),
				Err: fmt.Errorf("%w: the same target as bundle[%d]", ErrInvalid, first)}
		}
		index[key] = i
	}
	after := make([][]int, len(b))
	for i, item := range b {
		if item.Object.Template == nil {
			continue
		}
		for n, key := range item.After {
			key.Cluster = ""
			other, ok := index[key]
			if !ok {
				return nil, &Error{Object: refOf(item.Object).String(), Field: fmt.Sprintf("bundle[%d].after[%d]", i, n),
					Err: fmt.Errorf("%w: %s %s is not in the bundle", ErrInvalid, key.GroupKind, key.Name)}
			}
			after[i] = append(after[i], other)
		}
		slices.SortFunc(after[i], b.byName)
	}
	if cycle := findCycle(after); cycle != nil {
		var names []string
		for _, i := range cycle {
			names = append(names, refOf(b[i].Object).String())
		}
		return nil, &Error{Field: "bundle.after", Err: fmt.Errorf("%w: cycle: %s", ErrInvalid, strings.Join(names, " -> "))}
	}
	return after, nil
}

// sorted returns the indices of the items that have a template, by name.
func (b Bundle) sorted() []int {
	order := make([]int, 0, len(b))
	for i := range b {
		if b[i].Object.Template != nil {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, b.byName)
	return order
}

func (b Bundle) byName(i, j int) int {
	return cmp.Compare(refOf(b[i].Object).String(), refOf(b[j].Object).String())
}

func refOf(obj Object) Ref {
	t := obj.Template
	return Ref{GVK: t.GroupVersionKind(), Namespace: t.GetNamespace(), Name: t.GetName()}
}

func keyOf(obj Object) Key { return refOf(obj).Key() }

// findCycle returns the nodes of one cycle, the first again at the end; nil when there is none.
func findCycle(after [][]int) []int {
	const open, closed = 1, 2
	state := make([]int, len(after))
	var path []int
	var visit func(i int) []int
	visit = func(i int) []int {
		path = append(path, i)
		state[i] = open
		for _, n := range after[i] {
			if state[n] == open {
				return append(slices.Clone(path[slices.Index(path, n):]), n)
			}
			if state[n] == 0 {
				if cycle := visit(n); cycle != nil {
					return cycle
				}
			}
		}
		state[i] = closed
		path = path[:len(path)-1]
		return nil
	}
	for i := range after {
		if state[i] == 0 {
			if cycle := visit(i); cycle != nil {
				return cycle
			}
		}
	}
	return nil
}

// Join makes one plan of many, to be dispatched as one: their steps sorted by cluster, rank, kind and name, their errors,
// and the earliest moment to look again. Decisions and shortfalls belong to single objects and stay with their plans. It is
// gone when all are.
func Join(plans ...Plan) Plan {
	all := Plan{planned: len(plans) > 0}
	for _, p := range plans {
		all.planned, all.made = all.planned && p.whole(), all.made+len(p.Steps)
		all.Steps = append(all.Steps, p.Steps...)
		all.Errs = append(all.Errs, p.Errs...)
		all.Redacted = all.Redacted || p.Redacted
		if !p.Next.IsZero() && (all.Next.IsZero() || p.Next.Before(all.Next)) {
			all.Next = p.Next
		}
	}
	slices.SortStableFunc(all.Steps, func(a, b Step) int {
		return cmp.Or(cmp.Compare(a.Ref.Cluster, b.Ref.Cluster), cmp.Compare(a.Rank, b.Rank), cmp.Compare(a.Ref.String(), b.Ref.String()))
	})
	return all
}
