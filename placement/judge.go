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

// finding is a stand with its reason.
type finding struct {
	stand   stand
	reason  Reason
	by      string
	message string
	until   time.Time // when to look again; zero: nothing changes by itself
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
	f := e.approval()
	if !sure {
		f = f.and(finding{stand: undecided, reason: Undecided, by: "policy", message: "the policy does not compile"})
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

// approval is the finding on a cluster that the policy matches.
func (e *eval) approval() finding {
	if e.matcher.names != nil {
		return finding{reason: Named, message: "listed in clusters"}
	}
	return finding{reason: Matched, message: "clusterSelector matches"}
}

// refusal says why names and selectors do not match a cluster.
func (m *Matcher) refusal(c *Cluster) finding {
	switch {
	case m.own(c) != no:
		return finding{stand: refused, reason: OutsideNamespace, message: "the policy of the namespace does not match"}
	case m.names != nil:
		return finding{stand: refused, reason: NotNamed, message: "not listed in clusters"}
	case m.open:
		return finding{stand: refused, reason: NotMatched, message: "clusterSelector does not match"}
	}
	return finding{stand: refused, reason: NoPolicy, message: "the policy has neither clusters nor clusterSelector"}
}

// judgeProperties asks the conditions of a policy and of those in its Within.
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
			f := finding{stand: refused, reason: PropertyMismatch, by: p.Name, message: "the property " + p.Name + " does not match"}
			if path != "" {
				f.reason = OutsideNamespace
			}
			worst = worst.and(f)
		case unknown:
			worst = worst.and(finding{stand: undecided, reason: Undecided, by: p.Name, message: "the property " + p.Name + " is not known"})
		}
	}
	for i := range m.within {
		if m.within[i].facts {
			worst = worst.and(e.judgeProperties(&m.within[i], c, path+index("within", i)+"."))
		}
	}
	return worst
}

func (e *eval) judgeKind(c *Cluster) finding {
	kind := e.req.Subject.groupKind()
	if e.req.Subject.Kind == "" || c.Kinds == nil {
		return finding{}
	}
	if _, ok := slices.BinarySearch(c.Kinds, kind); ok {
		return finding{}
	}
	return finding{stand: closed, reason: KindNotServed, by: kind, message: "the cluster does not serve " + kind}
}

func judgeReady(c *Cluster) finding {
	switch c.Ready.State {
	case Ready:
		return finding{}
	case NotReady:
		return finding{stand: refused, reason: Unready, by: c.Ready.Reason, message: "the cluster is not ready"}
	}
	return finding{stand: undecided, reason: Undecided, by: c.Ready.Reason, message: "whether the cluster is ready is not known"}
}

func (e *eval) judgeFilter(f *Filter, c *Cluster) finding {
	if f.Allow == nil {
		return finding{stand: undecided, reason: Undecided, by: f.Name, message: "the filter " + f.Name + " is nil"}
	}
	ok, err := f.Allow(e.req.Subject, *c)
	switch {
	case err != nil:
		e.fail(c, "filters["+f.Name+"]", "%w", err)
		return finding{stand: undecided, reason: Undecided, by: f.Name, message: "the filter " + f.Name + " failed"}
	case !ok:
		return finding{stand: refused, reason: Filtered, by: f.Name, message: "the filter " + f.Name + " refuses it"}
	}
	return finding{}
}

// fail records an error that concerns one cluster alone.
func (e *eval) fail(c *Cluster, field, format string, args ...any) {
	err := invalid(field, format, args...)
	err.Cluster = c.Name
	e.errs = append(e.errs, err)
}
