package scheduling

import (
	"cmp"
	"math/bits"
	"slices"
)

// Weighted divides in proportion to the weights by Webster's method (also Sainte-Laguë), within bounds; see the
// package documentation for the rule, what it guarantees and what it does not.
//
// It may be called concurrently. Its cost does not depend on the number of replicas.
func Weighted(req Request, targets []Target) (Result, error) {
	d, err := newDivision(req, targets)
	if err != nil {
		return Result{}, err
	}
	d.grantFloors()
	if d.rest > 0 {
		d.grantTiers()
	}
	if d.rest > 0 && d.mode == shrinking {
		d.grantLeft()
	}
	for p, i := range d.at {
		d.shares[i].Bound = d.bound(p)
	}
	return Result{Shares: d.shares, Unplaced: d.rest}, nil
}

// The three cases of the rule.
const (
	rebalancing = iota // everyone starts at floor
	shrinking          // no more replicas than run: everyone ends between floor and what it keeps
	growing            // more replicas than run: everyone starts at what it keeps
)

// A division is the state of one call. Positions are targets ordered by tier: position p is target at[p].
type division struct {
	order
	tier   // per position: the weight, what is granted before weights count, and the most that weights may give
	at     []uint64
	req    Request
	mode   int
	shares []Share // per target
	rest   int64   // not handed out yet

	short      bool    // the sum of low is more than there is
	start, end int     // positions of the last tier that weights divided; those before are full
	within     bracket // of that tier
	last       block   // the last replica handed out in that tier; size 0: not looked for yet
}

// newDivision refuses what Validate refuses.
func newDivision(req Request, targets []Target) (*division, error) {
	work := make([]uint64, 4*len(targets))
	if err := validate(req, targets, work); err != nil {
		return nil, err
	}
	d := &division{order: newOrder(req.Key, targets), req: req, shares: make([]Share, len(targets))}
	d.prepare(work)
	return d, nil
}

// prepare fixes the case of the rule, the order of the positions and their bounds.
func (d *division) prepare(work []uint64) {
	n := len(d.targets)
	d.weight, d.low, d.high, d.at = work[:n], work[n:2*n], work[2*n:3*n], work[3*n:]
	running, tiers := int64(0), false
	for i := range d.targets {
		t := &d.targets[i]
		_, _, keep := t.limits()
		running += keep
		tiers = tiers || t.Tier != d.targets[0].Tier
		d.at[i] = uint64(i)
		d.shares[i].Name = t.Name
	}
	if tiers {
		slices.SortStableFunc(d.at, func(a, b uint64) int { return cmp.Compare(d.targets[a].Tier, d.targets[b].Tier) })
	}
	switch {
	case d.req.Rebalance:
		d.mode = rebalancing
	case d.req.Replicas <= running:
		d.mode = shrinking
	default:
		d.mode = growing
	}
	for p, i := range d.at {
		_, low, high := d.span(&d.targets[i])
		d.weight[p], d.low[p], d.high[p] = uint64(d.targets[i].Weight), uint64(low), uint64(high)
	}
}

// span returns what a target has for certain, what it has before weights count if that fits, and its most.
func (d *division) span(t *Target) (base, low, high int64) {
	floor, ceiling, keep := t.limits()
	switch d.mode {
	case shrinking:
		return 0, min(floor, keep), keep
	case growing:
		return keep, max(floor, keep), ceiling
	default:
		return 0, floor, ceiling
	}
}

// grantFloors gives every target its low or, if that is too much, whole lows in order of weight.
func (d *division) grantFloors() {
	sum := int64(0)
	for _, low := range d.low {
		sum = addSat(sum, int64(low))
	}
	if sum <= d.req.Replicas {
		for p, i := range d.at {
			d.shares[i].Replicas = int64(d.low[p])
		}
		d.rest = d.req.Replicas - sum
		return
	}
	d.short = true
	rest := d.req.Replicas
	blocks := make([]block, 0, 2*len(d.at))
	for p, i := range d.at {
		t := &d.targets[i]
		base, low, _ := d.span(t)
		d.shares[i].Replicas = base
		rest -= base
		runs := min(max(base, t.running()), low)
		b := block{weight: d.weight[p], divisor: 1, target: int32(i)}
		if b.size = low - runs; b.size > 0 {
			blocks = append(blocks, b)
		}
		if b.size, b.below = runs-base, true; b.size > 0 {
			blocks = append(blocks, b)
		}
	}
	if rest > 0 {
		d.take(blocks, rest, d.shares)
	}
}

// grantTiers divides the rest by weight, tier by tier.
func (d *division) grantTiers() {
	for d.end < len(d.at) && d.rest > 0 {
		d.start = d.end
		number := d.targets[d.at[d.start]].Tier
		for d.end < len(d.at) && d.targets[d.at[d.end]].Tier == number {
			d.end++
		}
		part := tier{d.weight[d.start:d.end], d.low[d.start:d.end], d.high[d.start:d.end]}
		if room := part.room(); room <= d.rest {
			d.fill(room)
		} else {
			d.apportion(part)
		}
	}
	if d.rest > 0 {
		d.start = d.end
	}
}

// room is by how much a tier can grow, or the largest int64.
func (t *tier) room() (room int64) {
	for i, w := range t.weight {
		if w != 0 {
			room = addSat(room, int64(t.high[i]-t.low[i]))
		}
	}
	return room
}

// fill raises a tier to its bounds.
func (d *division) fill(room int64) {
	d.rest -= room
	d.within, d.last = bracket{hi: newDivisor(mostFactor), exact: true}, block{}
	for p := d.start; p < d.end; p++ {
		if d.weight[p] != 0 {
			d.shares[d.at[p]].Replicas = int64(d.high[p])
		}
	}
}

// apportion hands the rest to a tier that can take more.
func (d *division) apportion(part tier) {
	part.scale(uint64(d.rest))
	d.within = part.search(uint64(d.rest))
	lo, hi := d.within.lo, d.within.hi
	if d.within.exact {
		lo = hi
	}
	var blocks []block
	for i, w := range part.weight {
		p := d.start + i
		n := min(max(lo.due(w), part.low[i]), part.high[i])
		d.shares[d.at[p]].Replicas = int64(n)
		d.rest -= int64(n - part.low[i])
		if !d.within.exact {
			for most := min(hi.due(w), part.high[i]); n < most; n++ {
				blocks = append(blocks, d.replica(p, n))
			}
		}
	}
	d.last = block{}
	if d.rest > 0 {
		d.last = d.take(blocks, d.rest, d.shares)
		d.rest = 0
	}
}

// scale shifts the weights to the top, and lowers bounds that cannot be reached so that sums do not overflow.
func (t *tier) scale(rest uint64) {
	most := uint64(1)
	for _, w := range t.weight {
		most = max(most, w)
	}
	shift := bits.LeadingZeros64(most)
	for i := range t.weight {
		t.weight[i] <<= shift & 63
		t.high[i] = min(t.high[i], t.low[i]+rest)
	}
}

// grantLeft leaves what the weighted targets cannot take on weightless ones that run it already.
func (d *division) grantLeft() {
	var blocks []block
	for p, i := range d.at {
		if d.weight[p] == 0 && d.high[p] > d.low[p] {
			blocks = append(blocks, block{divisor: 1, size: int64(d.high[p] - d.low[p]), target: int32(i)})
		}
	}
	d.take(blocks, d.rest, d.shares)
	d.rest = 0
}

// replica is replica number h, from 0, of a position's target.
func (d *division) replica(p int, h uint64) block {
	t := &d.targets[d.at[p]]
	return block{
		weight: uint64(t.Weight), divisor: 2*h + 1, size: 1,
		target: int32(d.at[p]), below: h < uint64(t.running()),
	}
}

// running is Current with unknown as none.
func (t *Target) running() int64 {
	if t.Current == nil {
		return 0
	}
	return *t.Current
}

// due says whether replica number h of a position in the last divided tier comes before the last one handed out.
func (d *division) due(p int, h uint64) bool {
	switch w := d.weight[p]; {
	case d.within.lo.due(w) > h:
		return true
	case d.within.hi.due(w) <= h:
		return false
	}
	if d.last.size == 0 {
		for p := d.start; p < d.end; p++ {
			n := uint64(d.shares[d.at[p]].Replicas)
			if d.weight[p] == 0 || n == d.low[p] {
				continue
			}
			if b := d.replica(p, n-1); d.last.size == 0 || d.before(&d.last, &b) {
				d.last = b
			}
		}
	}
	b := d.replica(p, h)
	return d.before(&b, &d.last)
}

// bound says what kept a share from following its weight.
func (d *division) bound(p int) Bound {
	t := &d.targets[d.at[p]]
	n := d.shares[d.at[p]].Replicas
	if last := d.start <= p && p < d.end; last && uint64(n) > d.low[p] && uint64(n) < d.high[p] && t.Weight > 0 {
		return BoundNone
	}
	_, ceiling, keep := t.limits()
	base, low, high := d.span(t)
	switch {
	case d.short && n > base:
		return BoundMin
	case d.short && n > 0:
		return BoundKept
	case d.short:
		return BoundNone
	case n == ceiling && t.Min > ceiling:
		return t.stop(ceiling)
	case d.mode == shrinking && n == keep && (n > 0 || t.Weight > 0 && d.req.Replicas > 0):
		if t.running() > ceiling {
			return t.stop(ceiling)
		}
		return BoundKept
	case t.Weight == 0 && n > low:
		return BoundKept
	case t.Weight > 0 && p < d.start:
		return t.stop(ceiling)
	case t.Weight > 0 && p < d.end && n == high && d.due(p, uint64(n)):
		return t.stop(ceiling)
	case t.Weight > 0 && p < d.end && n > 0 && (n > low || d.due(p, uint64(n-1))):
		return BoundNone
	case n > 0 && d.mode == growing && n == keep:
		return BoundKept
	case n > 0:
		return BoundMin
	case t.Weight > 0 && d.end > 0 && p >= d.end:
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
