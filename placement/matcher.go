package placement

import (
	"slices"
)

// Matcher is a compiled Policy: it tells which clusters the policy is about. The zero value matches nothing.
// Any number of goroutines may use one.
type Matcher struct {
	names  []string // sorted; nil: by selector
	reqs   []requirement
	open   bool // has a selector
	broken bool // the selector does not compile
	within []Matcher
}

// truth is a three-valued answer. Unknown is neither yes nor no.
type truth int8

const (
	no truth = iota
	unknown
	yes
)

// Compile prepares a policy for many clusters. It looks at names, selector and Within; tolerations are the business of
// Decide. The joined FieldErrors name what does not compile; the Matcher is usable beside them, and what does not
// compile matches nothing.
func Compile(p Policy) (Matcher, error) {
	m, errs := compile(p)
	return m, join(errs)
}

func compile(p Policy) (Matcher, []*FieldError) {
	var m Matcher
	var errs []*FieldError
	switch {
	case p.Clusters != nil:
		m.names = slices.Sorted(slices.Values(p.Clusters))
		m.names = slices.Compact(m.names)
		if m.names == nil {
			m.names = []string{}
		}
	case p.Selector != nil:
		var bad []*FieldError
		m.open = true
		m.reqs, bad = compileSelector(*p.Selector)
		m.broken = len(bad) > 0
		errs = append(errs, under("clusterSelector.", bad)...)
	}
	for i, w := range p.Within {
		inner, bad := compile(w)
		m.within = append(m.within, inner)
		errs = append(errs, under(index("within", i)+".", bad)...)
	}
	return m, errs
}

// Matches reports whether the policy is about this cluster.
func (m Matcher) Matches(c Cluster) bool {
	return m.matches(&c) == yes
}

func (m *Matcher) matches(c *Cluster) truth {
	t := m.own(c)
	for i := range m.within {
		t = min(t, m.within[i].matches(c))
	}
	return t
}

// own is matches without Within.
func (m *Matcher) own(c *Cluster) truth {
	switch {
	case m.names != nil:
		if _, ok := slices.BinarySearch(m.names, c.Name); ok {
			return yes
		}
		return no
	case !m.open:
		return no
	case m.broken:
		return unknown
	}
	for i := range m.reqs {
		if !m.reqs[i].matches(c.Labels) {
			return no
		}
	}
	return yes
}

// masks is matches for a whole Fleet: a word per chunk of the clusters that match for sure, and one of those that may.
// Without errors both are the same slice.
func (m *Matcher) masks(f *Fleet) (sure, may []uint64) {
	chunks := f.parts()
	sure = make([]uint64, len(chunks))
	switch {
	case m.names != nil:
		for _, name := range m.names {
			if at, off, ok := f.locate(name); ok {
				sure[at] |= 1 << off
			}
		}
	case m.open && !m.broken:
		for i, k := range chunks {
			sure[i] = k.all()
			for j := range m.reqs {
				sure[i] &= m.reqs[j].mask(k)
			}
		}
	}
	may = sure
	if m.names == nil && m.broken {
		may = make([]uint64, len(chunks))
		for i, k := range chunks {
			may[i] = k.all()
		}
	}
	for i := range m.within {
		s, w := m.within[i].masks(f)
		sure, may = and(sure, s), and(may, w)
	}
	return sure, may
}

func and(a, b []uint64) []uint64 {
	out := make([]uint64, len(a))
	for i := range a {
		out[i] = a[i] & b[i]
	}
	return out
}
