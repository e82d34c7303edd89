package placement

import (
	"cmp"
	"slices"
	"time"
)

// Difference is what changed between two decisions on the same object. Every cluster that was or is selected is in
// exactly one of the lists, which are sorted.
type Difference struct {
	Added   []string `json:"added,omitempty"`
	Removed []string `json:"removed,omitempty"`
	Kept    []string `json:"kept,omitempty"`
	// Moved were selected by one group and are by another now. That is no removal.
	Moved []string `json:"moved,omitempty"`
	// Held left the Fleet while selected. Nothing is known of them, so they are not removed.
	Held []string `json:"held,omitempty"`
}

// Diff compares two lists of decisions, in any order.
func Diff(old, current []Decision) Difference {
	var d Difference
	before, now := &previous{raw: old}, (&previous{raw: current}).sorted().list
	for i := range now {
		if i > 0 && now[i-1].Cluster == now[i].Cluster {
			continue
		}
		last := before.of(now[i].Cluster)
		switch {
		case now[i].Selected && !was(last):
			d.Added = append(d.Added, now[i].Cluster)
		case now[i].Selected && last.Group != now[i].Group:
			d.Moved = append(d.Moved, now[i].Cluster)
		case now[i].Selected:
			d.Kept = append(d.Kept, now[i].Cluster)
		case now[i].Held:
			d.Held = append(d.Held, now[i].Cluster)
		case was(last):
			d.Removed = append(d.Removed, now[i].Cluster)
		}
	}
	for _, gone := range before.rest() {
		if was(&gone) {
			d.Removed = append(d.Removed, gone.Cluster)
		}
	}
	slices.SortFunc(d.Removed, cmp.Compare[string])
	return d
}

// Change is a question for WhatIf. All parts happen at once.
type Change struct {
	Put    []Cluster // clusters that are added, or take the place of those with their names
	Remove []string  // clusters that leave the Fleet
	Policy *Policy   // another policy
	Guards []Guard   // other guards; nil: the same
	Now    time.Time // a later moment; zero: the same
}

// WhatIf decides, makes the change, and decides again with the first decisions as previous ones: the same code as in
// earnest. It returns the second Result, what it changes, and its error. The arguments are not changed.
func WhatIf(req Request, fleet *Fleet, change Change) (Result, Difference, error) {
	before, _ := Decide(req, fleet)
	req.Previous = before.Decisions
	if change.Policy != nil {
		req.Policy = *change.Policy
	}
	if change.Guards != nil {
		req.Guards = change.Guards
	}
	if !change.Now.IsZero() {
		req.Now = change.Now
	}
	for _, name := range change.Remove {
		fleet = fleet.Without(name)
	}
	for i, c := range change.Put {
		var err error
		if fleet, err = fleet.With(c); err != nil {
			return before, Diff(before.Decisions, before.Decisions), invalid(index("put", i)+".name", "is empty")
		}
	}
	after, err := Decide(req, fleet)
	return after, Diff(before.Decisions, after.Decisions), err
}
