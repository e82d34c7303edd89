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

// Select returns the names that Decide selects, sorted and never nil, and the same error: the same code at a fraction of
// the cost.
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
	guards      []guard
	verdicts    verdicts
	groups      []group
	limit       limit
	plain       bool // nothing but names, selectors, taints and kinds
	picks       bool // has groups or a limit
	approve     *cause
	refuse      *cause
	vague       bool // which do not compile
	previous    *previous
	errs        []*FieldError

	candidates []candidate
	eligible   int
	inUse      string     // the group
	out        []Decision // of Decide; nil in Select
	names      []string   // selected
	shortfall  int
	next       time.Time
}

func newEval(req Request, fleet *Fleet) *eval {
	e := &eval{req: &req, fleet: fleet, previous: &previous{raw: req.Previous}}
	note := func(errs []*FieldError) bool {
		e.errs = append(e.errs, errs...)
		return len(errs) > 0
	}
	var bad []*FieldError
	e.matcher, bad = compile(req.Policy, 0)
	note(bad)
	e.approve, e.refuse = e.matcher.approve(), e.matcher.refuse()
	e.tolerations, bad = compileTolerations(req.Policy.Tolerations)
	note(bad)
	e.guards, bad = compileGuards(req.Guards, req.Subject)
	note(bad)
	e.verdicts, bad = compileVerdicts(&req)
	note(bad)
	e.groups, bad = compileGroups(&req.Policy)
	e.vague = note(bad)
	if req.Policy.Limit != nil {
		e.limit, bad = compileLimit(&req.Policy)
		e.vague = note(bad) || e.vague
	}
	for i, f := range req.Filters {
		if f.Allow == nil {
			note([]*FieldError{invalid(index("filters", i)+".allow", "is nil")})
		}
	}
	e.picks = len(e.groups) > 0 || req.Policy.Limit != nil
	e.plain = !e.picks && !e.matcher.facts && len(e.guards)+len(req.Verdicts)+len(req.Await)+len(req.Filters) == 0 && !req.Policy.OnlyReady
	return e
}

func (e *eval) run() {
	sure, may := e.matcher.masks(e.fleet)
	handle := e.settle
	if e.picks {
		handle = e.enter
	}
	e.reserve(may)
	for i, k := range e.fleet.parts() {
		todo, quick := k.all(), uint64(0)
		if e.out == nil {
			todo = may[i]
		}
		if e.out == nil && e.plain {
			quick = sure[i] &^ e.remarkable(k)
		}
		for ; todo != 0; todo &= todo - 1 {
			off := bits.TrailingZeros64(todo)
			bit, c := uint64(1)<<off, &k.clusters[off]
			switch {
			case quick&bit != 0:
				e.names = append(e.names, c.Name)
			case may[i]&bit == 0:
				handle(c, e.refusal(c))
			default:
				handle(c, e.judge(c, sure[i]&bit != 0, e.remarkable(k)&bit != 0))
			}
		}
	}
	if e.picks {
		e.choose()
	}
	if req := e.req.Policy; req.Clusters != nil && !e.picks {
		e.shortfall = len(e.matcher.names) - len(e.names)
	}
}

// reserve makes room for all that can be selected.
func (e *eval) reserve(may []uint64) {
	n := 0
	for _, word := range may {
		n += bits.OnesCount64(word)
	}
	if e.picks {
		e.candidates, e.names = make([]candidate, 0, n), []string{}
		return
	}
	e.names = make([]string, 0, n)
}

// remarkable has a bit for each cluster with facts of its own that may be in the way.
func (e *eval) remarkable(k *chunk) uint64 {
	if e.req.Subject.Kind == "" {
		return k.tainted
	}
	return k.tainted | k.kinds
}

// settle turns a finding into the decision on a cluster. Clusters must come in the order of their names.
func (e *eval) settle(c *Cluster, f finding) {
	if e.out == nil && f.stand == refused {
		return
	}
	before := e.previous.of(c.Name)
	e.note(c, f, was(before))
	if e.out != nil {
		e.out = append(e.out, e.decision(c, before, f))
	}
}

// note lists a cluster if the finding selects it.
func (e *eval) note(c *Cluster, f finding, there bool) {
	if f.selects(there) {
		e.names = append(e.names, c.Name)
		e.next = sooner(e.next, f.until)
	}
}

// selects is what a finding means for a cluster that was selected before or not.
func (f finding) selects(there bool) bool {
	return f.stand == open || f.stand == staying || there && f.stand < refused
}

// decision is the finding on a cluster, written out.
func (e *eval) decision(c *Cluster, before *Decision, f finding) Decision {
	d := Decision{Cluster: c.Name, Selected: f.selects(was(before)), Reason: f.cause.reason, By: f.cause.by, Message: f.cause.message}
	switch {
	case !d.Selected:
	case f.stand == closed:
		d.Reason, d.NoGrowth = e.approve.reason, true
	case f.stand == staying:
		d.NoGrowth = true
	case f.stand == undecided:
		d.Reason = KeptOnError
	}
	d.Since = e.since(before, &d)
	return d
}

// since is the moment from which a decision stands.
func (e *eval) since(before, d *Decision) time.Time {
	if before != nil && d.Selected == before.Selected && d.Reason == before.Reason && !before.Since.IsZero() {
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
			d.Held, d.Group, d.Message = true, before.Group, "left the fleet while selected"
		}
		d.Since = e.since(before, &d)
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
		if at, ok := slices.BinarySearchFunc(gone, name, compareCluster); !ok {
			add(name, nil)
		} else if !was(&gone[at]) {
			add(name, &gone[at])
		}
	}
	if len(missing) == 0 {
		return e.out
	}
	all := slices.Concat(e.out, missing)
	slices.SortFunc(all, func(a, b Decision) int { return strings.Compare(a.Cluster, b.Cluster) })
	return all
}

func compareCluster(d Decision, name string) int { return strings.Compare(d.Cluster, name) }
