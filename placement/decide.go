package placement

import (
	"math/bits"
	"slices"
	"strings"
	"time"
)

// Decide judges every cluster of the Fleet.
//
// It is a conjunction of three-valued answers: a cluster is selected if every part of the request says yes, refused if
// one says no, and where the rest says yes but a part cannot answer — it does not compile, or a fact is missing — the
// previous decision on that cluster stands. The error joins a FieldError for each such part, and the Result is valid
// beside it. So neither an error nor an empty read withdraws an object.
//
// Laws: the decisions are complete and sorted; the order of names, tolerations and previous decisions does not matter;
// the arguments are not changed; equal input gives an equal Result; with its own decisions as Previous the same
// clusters are selected again.
func Decide(req Request, fleet *Fleet) (Result, error) {
	e := newEval(req, fleet)
	e.out = make([]Decision, 0, fleet.Len())
	e.run()
	return Result{Decisions: e.withMissing(), Shortfall: e.shortfall, Next: e.next}, join(e.errs)
}

// Select returns the names that Decide selects, sorted, and the same error: the same code at a fraction of the cost.
func Select(req Request, fleet *Fleet) ([]string, error) {
	e := newEval(req, fleet)
	e.run()
	return e.names, join(e.errs)
}

// eval is one run of Decide or Select.
type eval struct {
	req         *Request
	fleet       *Fleet
	matcher     Matcher
	tolerations tolerations
	previous    *previous
	errs        []*FieldError

	out       []Decision // of Decide; nil in Select
	names     []string   // selected
	shortfall int
	next      time.Time
}

func newEval(req Request, fleet *Fleet) *eval {
	e := &eval{req: &req, fleet: fleet, previous: newPrevious(req.Previous)}
	var bad []*FieldError
	e.matcher, e.errs = compile(req.Policy)
	e.tolerations, bad = compileTolerations(req.Policy.Tolerations)
	e.errs = append(e.errs, bad...)
	return e
}

func (e *eval) run() {
	sure, may := e.matcher.masks(e.fleet)
	for i, k := range e.fleet.parts() {
		if e.out != nil {
			for off := range k.clusters {
				bit := uint64(1) << off
				e.settle(&k.clusters[off], e.judge(k, bit, sure[i]&bit != 0, may[i]&bit != 0))
			}
			continue
		}
		for todo := may[i]; todo != 0; todo &= todo - 1 {
			bit := todo & -todo
			c := &k.clusters[bits.TrailingZeros64(bit)]
			if sure[i]&^k.tainted&bit != 0 {
				e.names = append(e.names, c.Name)
				continue
			}
			e.settle(c, e.judge(k, bit, sure[i]&bit != 0, true))
		}
	}
}

// stand is how a part of the request stands to a cluster; the larger one wins.
type stand int8

const (
	open      stand = iota
	closed          // to newcomers; what is there may stay
	undecided       // the previous decision stands
	refused
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

// judge asks every part of the request about the cluster of this bit.
func (e *eval) judge(k *chunk, bit uint64, sure, may bool) finding {
	c := &k.clusters[bits.TrailingZeros64(bit)]
	if !may {
		return e.matcher.refusal(c)
	}
	f := e.matcher.approval()
	if !sure {
		f = f.and(finding{stand: undecided, reason: Undecided, by: "policy", message: "the policy does not compile"})
	}
	if k.tainted&bit != 0 {
		f = f.and(e.judgeTaints(c))
	}
	return f
}

// approval is the finding on a cluster that the policy matches.
func (m *Matcher) approval() finding {
	if m.names != nil {
		return finding{reason: Named, message: "listed in clusters"}
	}
	return finding{reason: Matched, message: "clusterSelector matches"}
}

// refusal says why the policy does not match a cluster.
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

// settle turns a finding into the verdict on a cluster. Clusters must come in the order of their names.
func (e *eval) settle(c *Cluster, f finding) {
	if e.out == nil && f.stand == refused {
		return
	}
	before := e.previous.of(c.Name)
	d := Decision{Cluster: c.Name, Reason: f.reason, By: f.by, Message: f.message}
	switch f.stand {
	case open:
		d.Selected = true
	case closed:
		if d.Selected = was(before); d.Selected {
			d.NoGrowth, d.Reason = true, e.matcher.approval().reason
		}
	case undecided:
		if d.Selected = was(before); d.Selected {
			d.Reason = KeptOnError
		}
	}
	if d.Selected {
		e.names = append(e.names, c.Name)
		e.next = sooner(e.next, f.until)
	}
	if e.out != nil {
		d.Since = e.since(before, d)
		e.out = append(e.out, d)
	}
}

// since is the moment from which a decision stands.
func (e *eval) since(before *Decision, d Decision) time.Time {
	if before != nil && d.Selected == before.Selected && (d.Selected || d.Reason == before.Reason) && !before.Since.IsZero() {
		return before.Since
	}
	return e.req.Now
}

// withMissing adds the decisions on clusters that the Fleet does not have.
func (e *eval) withMissing() []Decision {
	var missing []Decision
	add := func(name string, before *Decision) {
		d := Decision{Cluster: name, Reason: UnknownCluster, Message: "no cluster has this name"}
		if was(before) {
			d.Held, d.Message = true, "left the fleet while selected"
		}
		d.Since = e.since(before, d)
		missing = append(missing, d)
	}
	gone := e.previous.rest()
	for i := range gone {
		if was(&gone[i]) {
			add(gone[i].Cluster, &gone[i])
		}
	}
	for _, name := range e.matcher.names {
		if _, _, known := e.fleet.locate(name); known {
			continue
		}
		e.shortfall++
		if at, ok := slices.BinarySearchFunc(gone, name, compareCluster); !ok {
			add(name, nil)
		} else if !was(&gone[at]) {
			add(name, &gone[at])
		}
	}
	if len(missing) == 0 {
		return e.out
	}
	all := append(e.out, missing...)
	slices.SortFunc(all, func(a, b Decision) int { return strings.Compare(a.Cluster, b.Cluster) })
	return all
}

func compareCluster(d Decision, name string) int { return strings.Compare(d.Cluster, name) }

// fail records an error that concerns one cluster alone.
func (e *eval) fail(c *Cluster, field, format string, args ...any) {
	err := invalid(field, format, args...)
	err.Cluster = c.Name
	e.errs = append(e.errs, err)
}
