package placement

import (
	"slices"
	"time"
)

// stand is how a part of the request stands to a cluster; the larger one wins.
type stand int8

const (
	open      stand = iota
	closed          // to newcomers; what is there may stay
	undecided       // the previous decision stands
	refused
	staying // stays, without growth, for a reason of its own
)

// finding is a stand with its cause. The zero value objects to nothing.
type finding struct {
	stand stand
	cause *cause
	until time.Time // when to look again; zero: nothing changes by itself
}

// cause is what a Decision says of a finding. Findings share it.
type cause struct {
	reason  Reason
	by      string
	message string
}

func find(s stand, reason Reason, by, message string) finding {
	return finding{stand: s, cause: &cause{reason, by, message}}
}

// and combines two findings; of equal ones the first stays.
func (f finding) and(g finding) finding {
	until := sooner(f.until, g.until)
	if g.stand > f.stand {
		f = g
	}
	f.until = until
	return f
}

// sooner is the earlier of two moments, where zero means never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// judge asks every part of the request about a cluster that may match the policy.
func (e *eval) judge(c *Cluster, sure, remarkable bool) finding {
	f := finding{cause: e.approve}
	if !sure {
		f = f.and(find(undecided, Undecided, "policy", "the policy does not compile"))
	}
	if e.matcher.facts {
		f = f.and(e.judgeProperties(&e.matcher, c, ""))
	}
	if len(e.guards) > 0 {
		f = f.and(e.judgeGuards(c))
	}
	if len(e.req.Verdicts)+len(e.req.Await) > 0 {
		f = f.and(e.judgeVerdicts(c))
	}
	if remarkable {
		f = f.and(e.judgeTaints(c)).and(e.judgeKind(c))
	}
	if e.req.Policy.OnlyReady {
		f = f.and(judgeReady(c))
	}
	for i := range e.req.Filters {
		f = f.and(e.judgeFilter(&e.req.Filters[i], c))
	}
	return f
}

// approve and refuse are the causes by which a policy's names and selectors decide.
func (m *Matcher) approve() *cause {
	if m.names != nil {
		return &cause{Named, "", "listed in clusters"}
	}
	return &cause{Matched, "", "clusterSelector matches"}
}

func (m *Matcher) refuse() *cause {
	switch {
	case m.names != nil:
		return &cause{NotNamed, "", "not listed in clusters"}
	case m.open:
		return &cause{NotMatched, "", "clusterSelector does not match"}
	}
	return &cause{NoPolicy, "", "the policy has neither clusters nor clusterSelector"}
}

// refusal is the finding on a cluster that names and selectors do not match.
func (e *eval) refusal(c *Cluster) finding {
	switch {
	case len(e.matcher.within)+len(e.matcher.anyOf) == 0 || e.matcher.own(c) == no:
		return finding{stand: refused, cause: e.refuse}
	case e.matcher.alternatives(c) == no:
		return find(refused, NotMatched, "anyOf", "none of anyOf matches")
	}
	return find(refused, OutsideNamespace, "", "the policy of the namespace does not match")
}

// judgeProperties asks the conditions of a policy and of those further in.
func (e *eval) judgeProperties(m *Matcher, c *Cluster, path string) finding {
	var worst finding
	for i := range m.props {
		p := &m.props[i]
		holds, err := p.holds(c)
		if err != nil {
			e.fail(c, path+index("properties", i), "%s: %w", p.Name, err)
		}
		switch holds {
		case no:
			f := finding{stand: refused, cause: p.mismatch}
			if path != "" {
				f = find(refused, OutsideNamespace, p.Name, p.mismatch.message)
			}
			worst = worst.and(f)
		case unknown:
			worst = worst.and(finding{stand: undecided, cause: p.unclear})
		}
	}
	worst = worst.and(e.judgeAlternatives(m, c, path))
	for i := range m.within {
		if m.within[i].facts {
			worst = worst.and(e.judgeProperties(&m.within[i], c, path+index("within", i)+"."))
		}
	}
	return worst
}

// judgeAlternatives asks AnyOf. What cannot be read in one of them is an error only if it could have mattered.
func (e *eval) judgeAlternatives(m *Matcher, c *Cluster, path string) finding {
	switch m.alternatives(c) {
	case yes:
		return finding{}
	case no:
		if path != "" {
			return find(refused, OutsideNamespace, "anyOf", "none of anyOf matches")
		}
		return find(refused, NotMatched, "anyOf", "none of anyOf matches")
	}
	for i := range m.anyOf {
		if one := &m.anyOf[i]; one.facts && one.matches(c) == unknown {
			e.judgeProperties(one, c, path+index("anyOf", i)+".")
		}
	}
	return find(undecided, Undecided, "anyOf", "whether one of anyOf matches is not known")
}

func (e *eval) judgeKind(c *Cluster) finding {
	kind := e.req.Subject.groupKind()
	if e.req.Subject.Kind == "" || c.Kinds == nil {
		return finding{}
	}
	if _, ok := slices.BinarySearch(c.Kinds, kind); ok {
		return finding{}
	}
	return find(closed, KindNotServed, kind, "the cluster does not serve "+kind)
}

func judgeReady(c *Cluster) finding {
	switch c.Ready.State {
	case Ready:
		return finding{}
	case NotReady:
		return find(refused, Unready, c.Ready.Reason, "the cluster is not ready")
	}
	return find(undecided, Undecided, c.Ready.Reason, "whether the cluster is ready is not known")
}

func (e *eval) judgeFilter(f *Filter, c *Cluster) finding {
	if f.Allow == nil {
		return find(undecided, Undecided, f.Name, "the filter "+f.Name+" is nil")
	}
	ok, err := f.Allow(e.req.Subject, *c)
	switch {
	case err != nil:
		e.fail(c, "filters["+f.Name+"]", "%w", err)
		return find(undecided, Undecided, f.Name, "the filter "+f.Name+" failed")
	case !ok:
		return find(refused, Filtered, f.Name, "the filter "+f.Name+" refuses it")
	}
	return finding{}
}

// fail records an error that concerns one cluster alone.
func (e *eval) fail(c *Cluster, field, format string, args ...any) {
	err := invalid(field, format, args...)
	err.Cluster = c.Name
	e.errs = append(e.errs, err)
}
