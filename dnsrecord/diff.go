package dnsrecord

import (
	"maps"
	"slices"
)

// Change is one difference between two record sets: the endpoint before and after, with equal name, type and set identifier. Old is nil
// for an endpoint that is new, New for one that is gone.
type Change struct {
	Old *Endpoint `json:"old,omitempty"`
	New *Endpoint `json:"new,omitempty"`
}

// Diff returns what must change to get from one record set to another, sorted by name, type and set identifier; nothing for sets that say
// the same. The order of targets and provider properties, the case of empty or nil, and Why do not count. The arguments are record sets as
// Records and Merge return them, in any order: with one endpoint for each name, type and set identifier.
func Diff(from, to []Endpoint) []Change {
	from, to = clone(from), clone(to)
	slices.SortStableFunc(from, compareKey)
	slices.SortStableFunc(to, compareKey)
	changes := []Change{}
	for len(from)+len(to) > 0 {
		order := 0
		switch {
		case len(from) == 0:
			order = 1
		case len(to) == 0:
			order = -1
		default:
			order = compareKey(from[0], to[0])
		}
		var c Change
		if order <= 0 {
			c.Old, from = &from[0], from[1:]
		}
		if order >= 0 {
			c.New, to = &to[0], to[1:]
		}
		if order != 0 || !saysTheSame(*c.Old, *c.New) {
			changes = append(changes, c)
		}
	}
	return changes
}

// saysTheSame compares two endpoints of one key.
func saysTheSame(a, b Endpoint) bool {
	return a.RecordTTL == b.RecordTTL && maps.Equal(a.Labels, b.Labels) &&
		slices.Equal(slices.Sorted(slices.Values(a.Targets)), slices.Sorted(slices.Values(b.Targets))) &&
		slices.Equal(slices.SortedFunc(slices.Values(a.ProviderSpecific), compareProperties),
			slices.SortedFunc(slices.Values(b.ProviderSpecific), compareProperties))
}
