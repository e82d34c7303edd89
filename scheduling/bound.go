package scheduling

// due says whether replica number h of a position in the last divided tier comes before the last one handed out.
func (d *division) due(p int, h uint64) bool {
	if w := d.weight[p]; d.within.found {
		switch {
		case d.within.lo.due(w) > h:
			return true
		case d.within.hi.due(w) <= h:
			return false
		}
	}
	b := d.replica(p, h)
	return d.before(&b, d.final())
}

// final is the last replica handed out in the last divided tier; size 0: there is none.
func (d *division) final() *block {
	if d.last.size > 0 {
		return &d.last
	}
	for q := d.start; q < d.end; q++ {
		low, _ := d.bounds(q)
		if d.weight[q] == 0 || d.have[q] == low {
			continue
		}
		if b := d.replica(q, d.have[q]-1); d.last.size == 0 || d.before(&d.last, &b) {
			d.last = b
		}
	}
	return &d.last
}

// tied says whether a position could as well have got the last replica that was handed out.
func (d *division) tied(p int) bool {
	if _, high := d.bounds(p); p < d.start || p >= d.end || d.weight[p] == 0 || d.have[p] >= high {
		return false
	}
	last := *d.final()
	if last.size == 0 {
		return false
	}
	_, _, _, level := part([]block{d.replica(p, d.have[p])}, last)
	return level > 0
}

// bound says what kept a share from following its weight.
func (d *division) bound(p int, low, high uint64) Bound {
	w, n := d.weight[p], d.have[p]
	t := &d.targets[d.target(p)]
	switch {
	case d.packed:
		return d.packedBound(p)
	case d.short:
		return d.shortBound(p)
	case d.mode == shrinking:
		return d.shrunkBound(p)
	case n == high && (uint64(t.Min) > n || w != 0 && (p < d.start || p < d.end && d.due(p, n))):
		return t.stop(int64(high))
	case n == 0:
		return d.nothing(p)
	case n > low || w != 0 && p < d.end && d.due(p, n-1):
		return BoundNone
	case d.mode == growing && uint64(t.running()) >= n:
		return BoundKept
	}
	return BoundMin
}

// shrunkBound is the bound of a share between floor and what the target keeps.
func (d *division) shrunkBound(p int) Bound {
	w, low, n := d.weight[p], d.low[p], d.have[p]
	t := &d.targets[d.target(p)]
	_, ceiling, keep := t.limits()
	switch share := int64(n); {
	case share == ceiling && max(t.Min, t.running()) > ceiling:
		return t.stop(ceiling)
	case share == keep && (n > 0 || w != 0 && d.req.Replicas > 0), w == 0 && n > low:
		return BoundKept
	case n == 0:
		return d.nothing(p)
	case w != 0 && p < d.end && (n > low || d.due(p, n-1)):
		return BoundNone
	}
	return BoundMin
}

// shortBound is the bound of a share when not all floors fit.
func (d *division) shortBound(p int) Bound {
	_, _, keep := d.targets[d.target(p)].limits()
	switch n := int64(d.have[p]); {
	case n == 0:
		return BoundNone
	case d.mode == growing && n <= keep:
		return BoundKept
	}
	return BoundMin
}

// nothing is the bound of a share of 0 that nothing else explains.
func (d *division) nothing(p int) Bound {
	if d.weight[p] != 0 && d.end > 0 && p >= d.end {
		return BoundTier
	}
	return BoundNone
}

// stop names the bound that makes the ceiling.
func (t *Target) stop(ceiling int64) Bound {
	switch {
	case t.Max != nil && *t.Max == ceiling:
		return BoundMax
	case t.Capacity != nil && *t.Capacity == ceiling:
		return BoundCapacity
	default:
		return BoundNoGrowth
	}
}
