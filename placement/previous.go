package placement

import (
	"cmp"
	"slices"
	"strings"
)

// previous walks the last decisions in step with a walk over names in ascending order.
type previous struct {
	raw  []Decision // as given; nil once they are sorted
	list []Decision // those to come, sorted by cluster
	gone []Decision // passed over: on clusters that the Fleet does not have
}

// sorted puts the decisions in order when the first is asked for.
func (p *previous) sorted() *previous {
	if p.raw != nil {
		p.list, p.raw = p.raw, nil
		if !slices.IsSortedFunc(p.list, comparePrevious) {
			p.list = slices.SortedFunc(slices.Values(p.list), comparePrevious)
		}
	}
	return p
}

// comparePrevious puts the selected first among decisions on one cluster, and so does not forget that one.
func comparePrevious(a, b Decision) int {
	return cmp.Or(strings.Compare(a.Cluster, b.Cluster), cmp.Compare(rank(b), rank(a)))
}

func rank(d Decision) int {
	switch {
	case d.Selected:
		return 2
	case d.Held:
		return 1
	}
	return 0
}

// of returns the last decision on a cluster; nil: none. Names must come in ascending order.
func (p *previous) of(name string) *Decision {
	p.sorted()
	for len(p.list) > 0 && p.list[0].Cluster < name {
		p.pass()
	}
	if len(p.list) == 0 || p.list[0].Cluster != name {
		return nil
	}
	d := &p.list[0]
	for len(p.list) > 0 && p.list[0].Cluster == name {
		p.list = p.list[1:]
	}
	return d
}

func (p *previous) pass() {
	if n := len(p.gone); n == 0 || p.gone[n-1].Cluster != p.list[0].Cluster {
		p.gone = append(p.gone, p.list[0])
	}
	p.list = p.list[1:]
}

// rest passes over all that is left.
func (p *previous) rest() []Decision {
	p.sorted()
	for len(p.list) > 0 {
		p.pass()
	}
	return p.gone
}

// was tells whether a cluster counts as selected before.
func was(d *Decision) bool { return d != nil && (d.Selected || d.Held) }
