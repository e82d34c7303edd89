package placement

import "slices"

// picker fills up a choice under the Spreads of a Limit.
type picker struct {
	*limit
	// compare puts the candidate to pick first.
	compare func(a, b *candidate) int
	force   bool // prefer to keep the skew, but pick in any case

	domains [][][]int      // by combination and Spread: the domains, as indexes
	counts  [][]int        // by Spread and domain: the chosen clusters
	levels  [][]int        // by Spread and count: the domains that have it
	least   []int          // by Spread: the count of the emptiest domain
	pools   [][]*candidate // by combination: heaps of those who may be picked
}

// applyLimit chooses among the candidates that are running.
func (e *eval) applyLimit() {
	entrants := make([]*candidate, 0, len(e.candidates))
	for i := range e.candidates {
		if c := &e.candidates[i]; c.state == running {
			entrants = append(entrants, c)
		}
	}
	e.score(entrants)
	want := e.limit.want(e.eligible, len(entrants))
	p := e.limit.newPicker(entrants)
	chosen := e.keep(p, entrants, want)
	rest := make([]*candidate, 0, len(entrants))
	for _, c := range entrants {
		if c.state == running && (c.there || e.limit.enters(p, c)) {
			rest = append(rest, c)
		}
	}
	p.offer(rest)
	for n := -1; n != len(chosen); {
		n = len(chosen)
		chosen = e.improve(p, p.pick(chosen, want))
	}
	if e.limit.Count != nil || e.limit.Percent != nil {
		e.shortfall = max(e.shortfall, want-len(chosen))
	}
	for _, c := range entrants {
		switch {
		case c.state == running:
			c.settle(p.refusal(c))
		case c.state == picked && c.finding.stand == open:
			c.settle(finding{cause: e.limit.chosen})
		}
	}
}

// keep chooses who stays of those who are there: all that there is room for, and in any case who cannot be judged.
func (e *eval) keep(p *picker, entrants []*candidate, want int) []*candidate {
	var pinned, stay []*candidate
	for _, c := range entrants {
		switch {
		case c.pinned():
			pinned = append(pinned, c)
		case c.there:
			stay = append(stay, c)
		}
	}
	fixed := pinned
	if len(pinned)+len(stay) <= want {
		fixed, stay = append(fixed, stay...), nil
	}
	for _, c := range fixed {
		c.state = picked
		p.count(c, 1)
	}
	p.compare, p.force = e.limit.compareKept, true
	p.offer(stay)
	chosen := p.pick(fixed, want)
	p.compare, p.force = e.limit.compare, false
	return chosen
}

// want is how many clusters to choose.
func (l *limit) want(eligible, entrants int) int {
	switch {
	case l.Count != nil:
		return *l.Count
	case l.Percent != nil:
		return (eligible**l.Percent + 99) / 100
	}
	return entrants
}

// enters tells whether a newcomer can be picked at all; if not, it is settled.
func (l *limit) enters(p *picker, c *candidate) bool {
	for j := range l.scorers {
		if c.missing>>j&1 == 1 && l.scorers[j].Missing == missingExclude {
			by := l.scorers[j].Name
			c.settle(find(refused, Unscored, by, "the scorer "+by+" has no data"))
			return false
		}
	}
	for k, s := range l.spread {
		if len(p.domains[c.domain][k]) == 0 && !s.Soft {
			c.settle(finding{stand: refused, cause: s.noDomain})
			return false
		}
	}
	return true
}

// compareKept says who stays if not all can: first who did not just return, then the better.
func (l *limit) compareKept(a, b *candidate) int {
	if back := a.back(); back != b.back() {
		if back {
			return 1
		}
		return -1
	}
	return l.compare(a, b)
}

// improve replaces choices by candidates that beat them, the worst first. Each step makes the choice better, so it ends.
func (e *eval) improve(p *picker, chosen []*candidate) []*candidate {
	l := &e.limit
	if l.Margin == nil {
		return chosen
	}
	chosen = slices.Clone(chosen)
	for changed := true; changed; {
		changed = false
		slices.SortFunc(chosen, func(a, b *candidate) int { return l.compare(b, a) })
		for i, c := range chosen {
			if e.locked(c) {
				continue
			}
			p.count(c, -1)
			best := p.best()
			if best < 0 || !l.beats(p.pools[best][0], c) {
				p.count(c, 1)
				continue
			}
			chosen[i], changed = p.take(best), true
			c.state = running
			p.push(c)
		}
	}
	return chosen
}

// locked tells whether a choice cannot be replaced now.
func (e *eval) locked(c *candidate) bool {
	if c.pinned() || c.missing != 0 {
		return true
	}
	if e.limit.CoolDownSeconds == 0 || e.req.Now.IsZero() {
		return false
	}
	start := e.req.Now
	if c.there && c.before.Selected && !c.before.Since.IsZero() {
		start = c.before.Since
	}
	until := addSeconds(start, e.limit.CoolDownSeconds)
	if until.After(e.req.Now) {
		c.finding.until = sooner(c.finding.until, until)
		return true
	}
	return false
}

// refusal says why a candidate was not picked.
func (p *picker) refusal(c *candidate) finding {
	for k, s := range p.spread {
		domains := p.domains[c.domain][k]
		if !s.Soft && len(domains) == 0 {
			return finding{stand: refused, cause: s.noDomain}
		}
		if !s.Soft && !p.fits(k, domains) {
			return finding{stand: refused, cause: s.skewed}
		}
	}
	return finding{stand: refused, cause: p.outscored}
}
