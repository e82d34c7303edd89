package placement

import (
	"slices"
	"time"
)

// Group is one choice of Policy.Groups: the clusters that are used together, as long as enough of them are available. If
// there are not, the first group that has enough takes over; lost clusters keep their copies, the others are left. If no
// group has enough, the one in use stays while any of its clusters is available.
type Group struct {
	Name     string `json:"name"`          // unique; comes back as Decision.Group
	Clusters Policy `json:"clusters"`      // which of the policy's clusters belong to it, as Compile understands it
	Min      int    `json:"min,omitempty"` // how many must be available; 0 counts as 1
}

// group is a compiled Group, with its members among the candidates.
type group struct {
	name    string
	matcher Matcher
	min     int
	members []*candidate
	usable  int // members that are not lost
}

func compileGroups(p *Policy) ([]group, []*FieldError) {
	var groups []group
	var errs []*FieldError
	seen := map[string]bool{}
	for i, g := range p.Groups {
		matcher, bad := compileInner(g.Clusters, 0)
		path := index("groups", i) + "."
		errs = append(errs, under(path+"clusters.", bad)...)
		switch {
		case g.Name == "":
			errs = append(errs, invalid(path+"name", "is empty"))
		case seen[g.Name]:
			errs = append(errs, invalid(path+"name", "%q is not unique", g.Name))
		}
		if g.Min < 0 {
			errs = append(errs, invalid(path+"min", "is negative"))
		}
		seen[g.Name] = true
		groups = append(groups, group{name: g.Name, matcher: matcher, min: max(g.Min, 1)})
	}
	if p.LostAfterSeconds < 0 {
		errs = append(errs, invalid("lostAfterSeconds", "is negative"))
	}
	if p.FailBackSeconds != nil && *p.FailBackSeconds < 0 {
		errs = append(errs, invalid("failBackSeconds", "is negative"))
	}
	return groups, errs
}

// chooseGroup puts a group to use, and takes everybody else out of the running.
func (e *eval) chooseGroup() {
	for i := range e.groups {
		g := &e.groups[i]
		for j := range e.candidates {
			c := &e.candidates[j]
			t := g.matcher.matches(c.cluster)
			if t == yes || t == unknown && c.there && c.before.Group == g.name {
				g.members = append(g.members, c)
				if c.first < 0 {
					c.first = int32(i)
				}
				if c.state == running {
					g.usable++
				}
			}
		}
	}
	active := e.activeGroup()
	g := &e.groups[active]
	for _, c := range g.members {
		c.inUse = true
	}
	e.inUse = g.name
	for i := range e.candidates {
		if c := &e.candidates[i]; c.state == running && !c.inUse {
			e.leaveOut(c, active)
		}
	}
	e.eligible = len(g.members)
	e.shortfall = max(0, g.min-g.usable)
}

// leaveOut says why a candidate outside of the group in use is not selected, or why it stays.
func (e *eval) leaveOut(c *candidate, active int) {
	switch {
	case c.pinned():
		c.state = settled
		return
	case c.there && e.groups[active].matcher.matches(c.cluster) == unknown:
		c.settle(find(undecided, Undecided, e.groups[active].name, "whether it is in the group is unknown"))
		return
	}
	inUse := "the group " + e.groups[active].name + " is in use"
	f := find(refused, OtherGroup, e.groups[active].name, inUse)
	if c.first >= 0 && int(c.first) < active {
		by := e.groups[c.first].name
		switch down, waits := c.down(), c.back() && e.req.Policy.FailBackSeconds != nil; {
		case waits && down:
			f = find(staying, KeptWhileLost, by, inUse+"; does not answer again")
		case waits:
			f = find(staying, Returned, by, inUse+"; waits for "+by)
		case !down:
			f = find(refused, StandBy, by, inUse+"; stands by in "+by)
		}
	}
	c.settle(f)
}

// activeGroup is the index of the group to use.
func (e *eval) activeGroup() int {
	last := e.lastGroup()
	enough := func(g group) bool { return g.usable >= g.min }
	switch {
	case last >= 0 && enough(e.groups[last]):
		return e.failBack(last)
	case last >= 0:
		if i := slices.IndexFunc(e.groups, func(g group) bool { return len(g.healthy()) >= g.min }); i >= 0 {
			return i
		}
	}
	if i := slices.IndexFunc(e.groups, enough); i >= 0 {
		return i
	}
	if last >= 0 && e.groups[last].usable > 0 {
		return last
	}
	if i := slices.IndexFunc(e.groups, func(g group) bool { return g.usable > 0 }); i >= 0 {
		return i
	}
	return max(last, 0)
}

// lastGroup is the group that was in use; -1: none. Clusters that left the Fleet tell only if no other does.
func (e *eval) lastGroup() int {
	last, held := -1, -1
	for i := range e.req.Previous {
		d := &e.req.Previous[i]
		if d.Group == "" {
			continue
		}
		tell := &last
		if d.Held {
			tell = &held
		}
		at := slices.IndexFunc(e.groups, func(g group) bool { return g.name == d.Group })
		if at >= 0 && (*tell < 0 || at < *tell) {
			*tell = at
		}
	}
	if last >= 0 {
		return last
	}
	return held
}

// failBack is the first group that may take over from the one in use, or else that one.
func (e *eval) failBack(last int) int {
	wait := e.req.Policy.FailBackSeconds
	if wait == nil {
		return last
	}
	for i := range e.groups[:last] {
		g := &e.groups[i]
		healthy := g.healthy()
		switch {
		case len(healthy) < g.min:
		case *wait == 0:
			return i
		case e.req.Now.IsZero():
		default:
			at := addSeconds(e.stableSince(healthy, g.min), *wait)
			if !at.After(e.req.Now) {
				return i
			}
			e.next = sooner(e.next, at)
		}
	}
	return last
}

// healthy are the members that could be used at once.
func (g *group) healthy() []*candidate {
	var out []*candidate
	for _, c := range g.members {
		if c.state == running && !c.down() {
			out = append(out, c)
		}
	}
	return out
}

// stableSince is the moment from which at least n of the clusters have been available without a break.
func (e *eval) stableSince(clusters []*candidate, n int) time.Time {
	var since []time.Time
	for _, c := range clusters {
		start := e.req.Now
		if c.before != nil && (c.before.Reason == StandBy || c.before.Reason == Returned) && !c.before.Since.IsZero() {
			start = c.before.Since
		}
		if c.cluster.Ready.Since.After(start) {
			start = c.cluster.Ready.Since
		}
		since = append(since, start)
	}
	slices.SortFunc(since, time.Time.Compare)
	return since[n-1]
}
