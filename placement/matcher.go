package placement

import "slices"

// Matcher is a compiled Policy: it tells which clusters the policy is about. The zero value matches nothing.
// Any number of goroutines may use one.
type Matcher struct {
	names  []string      // sorted; nil: by selector
	reqs   []requirement // of the selector
	open   bool          // has a selector
	broken bool          // the selector does not compile
	props  []condition
	within []Matcher
	anyOf  []Matcher
	facts  bool // props, here or further in
	vague  bool // asks for more than a Matcher can answer
}

// truth is a three-valued answer. Unknown is neither yes nor no.
type truth int8

const (
	no truth = iota
	unknown
	yes
)

// Compile prepares a policy for many clusters. It looks at names, selector, Properties, AnyOf and Within; the rest is
// the business of Decide. The joined FieldErrors name what does not compile; the Matcher is usable beside them, and what does not
// compile matches nothing.
func Compile(p Policy) (Matcher, error) {
	m, errs := compile(p, 0)
	return m, join(errs)
}

// deepest is how deep policies may lie in each other; a slice may even hold itself.
const deepest = 16

func compile(p Policy, depth int) (Matcher, []*FieldError) {
	var m Matcher
	var errs []*FieldError
	switch {
	case p.Clusters != nil:
		m.names, errs = compileNames(p.Clusters)
	case p.Selector != nil:
		var bad []*FieldError
		m.open = true
		m.reqs, bad = compileSelector(*p.Selector)
		m.broken = len(bad) > 0
		errs = append(errs, under("clusterSelector.", bad)...)
	}
	var bad []*FieldError
	m.props, bad = compileProperties(p.Properties)
	m.facts = len(m.props) > 0
	errs = append(errs, bad...)
	inner := func(field string, list []Policy) (out []Matcher) {
		for i, p := range list {
			one, bad := compileInner(p, depth+1)
			out = append(out, one)
			m.facts = m.facts || one.facts
			errs = append(errs, under(index(field, i)+".", bad)...)
		}
		return out
	}
	m.anyOf, m.within = inner("anyOf", p.AnyOf), inner("within", p.Within)
	return m, errs
}

// compileNames sorts a list of names. It is never nil.
func compileNames(list []string) (names []string, errs []*FieldError) {
	names = make([]string, 0, len(list))
	for i, name := range list {
		if name == "" {
			errs = append(errs, invalid(index("clusters", i), "is empty"))
			continue
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names), errs
}

// compileInner compiles a policy that only tells which clusters something is about.
func compileInner(p Policy, depth int) (Matcher, []*FieldError) {
	if depth > deepest {
		return Matcher{open: true, broken: true}, []*FieldError{invalid("within", "lies too deep")}
	}
	m, errs := compile(p, depth)
	if p.Limit != nil {
		errs = append(errs, invalid("limit", "has no meaning here"))
	}
	if len(p.Groups) > 0 {
		errs = append(errs, invalid("groups", "has no meaning here"))
	}
	m.vague = p.Limit != nil || len(p.Groups) > 0
	return m, errs
}

// Matches reports whether the policy is about this cluster.
func (m Matcher) Matches(c Cluster) bool {
	return m.matches(&c) == yes
}

func (m *Matcher) matches(c *Cluster) truth {
	t := m.own(c)
	if m.vague {
		t = min(t, unknown)
	}
	for i := range m.props {
		if t == no {
			return no
		}
		holds, _ := m.props[i].holds(c)
		t = min(t, holds)
	}
	for i := range m.within {
		t = min(t, m.within[i].matches(c))
	}
	return min(t, m.alternatives(c))
}

// alternatives answers by AnyOf alone.
func (m *Matcher) alternatives(c *Cluster) truth {
	if len(m.anyOf) == 0 {
		return yes
	}
	t := no
	for i := range m.anyOf {
		t = max(t, m.anyOf[i].matches(c))
	}
	return t
}

// own answers by names and selector alone.
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
	return matchAll(m.reqs, c.Labels)
}

// masks answers by names and selectors, those further in included, for a whole Fleet: a word per chunk of the clusters
// that match for sure, and one of those that may.
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
	if m.vague {
		sure = make([]uint64, len(chunks))
	}
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
	if len(m.anyOf) > 0 {
		s, w := make([]uint64, len(chunks)), make([]uint64, len(chunks))
		for i := range m.anyOf {
			oneSure, oneMay := m.anyOf[i].masks(f)
			s, w = or(s, oneSure), or(w, oneMay)
		}
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

func or(a, b []uint64) []uint64 {
	out := make([]uint64, len(a))
	for i := range a {
		out[i] = a[i] | b[i]
	}
	return out
}
