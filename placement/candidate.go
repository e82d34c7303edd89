package placement

import "time"

// candidate is a cluster that Groups and Limit have to choose about. There are as many as clusters, so it is kept small.
type candidate struct {
	cluster *Cluster
	before  *Decision
	finding finding

	total   float64
	points  []float64
	missing uint64 // a bit per scorer without data
	tie     uint64

	at     int32 // its place among the decisions
	domain int32 // its place among the combinations of domains
	first  int32 // the first group it belongs to; -1: none
	state  state
	there  bool
	inUse  bool // it belongs to the group in use
}

// state is how far the choice about a candidate has come.
type state int8

const (
	running state = iota // Groups and Limit choose
	picked               // chosen by Limit, so far
	settled              // the finding stands
)

// settle ends the choice about a candidate.
func (c *candidate) settle(f finding) {
	f.until = sooner(f.until, c.finding.until)
	c.finding, c.state = f, settled
}

// pinned: not decidable, so it stays.
func (c *candidate) pinned() bool { return c.finding.stand == undecided }

// back: was lost when last looked at.
func (c *candidate) back() bool {
	return c.there && (c.before.Reason == KeptWhileLost || c.before.Reason == Returned)
}

// down: known not to answer, if only for a moment.
func (c *candidate) down() bool {
	ready := &c.cluster.Ready
	return ready.State == NotReady || ready.State != Ready && !ready.Since.IsZero()
}

// enter makes a cluster a candidate. Clusters must come in the order of their names.
func (e *eval) enter(c *Cluster, f finding) {
	if f.stand == refused {
		e.settle(c, f)
		return
	}
	before := e.previous.of(c.Name)
	next := candidate{cluster: c, before: before, there: was(before), at: int32(len(e.out)), first: -1, finding: f}
	if e.out != nil {
		e.out = e.out[:len(e.out)+1] // filled in when the choice is made
	}
	switch lostAt := e.lostAt(&next); {
	case !next.there && f.stand != open:
		next.state = settled
	case lostAt.IsZero():
	case lostAt.After(e.req.Now):
		next.finding.until = sooner(f.until, lostAt)
	case next.there:
		next.settle(find(staying, KeptWhileLost, "", "does not answer; keeps its copies"))
	default:
		next.settle(find(refused, Lost, "", "does not answer"))
	}
	e.candidates = append(e.candidates, next)
}

// lostAt is the moment from which a cluster counts as lost; zero: never.
func (e *eval) lostAt(c *candidate) time.Time {
	after, since := e.req.Policy.LostAfterSeconds, c.cluster.Ready.Since
	if after <= 0 || !c.down() || since.IsZero() || e.req.Now.IsZero() {
		return time.Time{}
	}
	return addSeconds(since, after)
}

// choose runs Groups and Limit over the candidates, and settles all.
func (e *eval) choose() {
	e.eligible = len(e.candidates)
	if e.vague {
		for i := range e.candidates {
			if c := &e.candidates[i]; c.state == running {
				c.settle(find(undecided, Undecided, "policy", "groups or limit do not compile"))
			}
		}
	} else {
		if len(e.groups) > 0 {
			e.chooseGroup()
		}
		if e.req.Policy.Limit != nil {
			e.applyLimit()
		}
	}
	for i := range e.candidates {
		e.conclude(&e.candidates[i])
	}
}

// conclude turns a candidate into a decision.
func (e *eval) conclude(c *candidate) {
	e.note(c.cluster, c.finding, c.there)
	e.next = sooner(e.next, c.finding.until) // the choice depends on the others as well
	if e.out == nil {
		return
	}
	d := e.decision(c.cluster, c.before, c.finding)
	if c.inUse {
		d.Group = e.inUse
	}
	if c.points != nil {
		d.Total, d.Scores = c.total, e.limit.scores(c)
	}
	e.out[c.at] = d
}
