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
	return d.result(), nil
}

// The three cases of the rule.
const (
	rebalancing = iota // everyone starts at floor
	shrinking          // no more replicas than run: everyone ends between floor and what it keeps
	growing            // more replicas than run: everyone starts at what it keeps
)

// A division is the state of one call. Positions are targets in the order of their tiers.
type division struct {
	tier             // one entry a position
	at      []uint64 // the target of each position; empty: positions are targets, there is only one tier
	req     Request
	targets []Target
	seed    uint64   // of Key
	mode    int      // the case of the rule
	shift   int      // of the weights
	lows    uint64   // sum of low
	all     measures // of all positions
	rest    int64    // not handed out yet

	packed     bool    // not by weight
	short      bool    // the sum of low is more than there is
	start, end int     // positions of the last tier that weights divided; those before are full
	within     bracket // of that tier
	last       block   // the last replica handed out in that tier; size 0: not looked for yet
}

// A tier is a group of targets whose shares, have, grow by Webster's method from low up to high. The slices have the same
// length; the weights are shifted left as far as the request allows, within reason, and a weight of 0 never grows.
type tier struct {
	weight, low, high, have []uint64
}

// newDivision refuses what Validate refuses, fixes the case of the rule, and grants nothing yet.
func newDivision(req Request, targets []Target) (d division, err error) {
	if err := req.invalid(targets); err != nil {
		return d, err
	}
	n, words := len(targets), 4
	for i := range targets {
		if targets[i].Tier != targets[0].Tier {
			words = 5
			break
		}
	}
	work := make([]uint64, words*n)
	d = division{req: req, targets: targets, seed: keySeed(req.Key)}
	d.tier = tier{weight: work[:n], low: work[n : 2*n], high: work[2*n : 3*n], have: work[3*n : 4*n]}
	if d.at = work[4*n:]; len(d.at) > 0 {
		for i := range d.at {
			d.at[i] = uint64(i)
		}
		slices.SortStableFunc(d.at, func(a, b uint64) int { return cmp.Compare(targets[a].Tier, targets[b].Tier) })
	}
	return d, d.prepare(work[:4*n])
}

// usualShift leaves room above for weights up to 2^40, and below for up to 2^22 replicas for each unit of weight.
const usualShift = 24

// prepare reads the targets as they usually are, and once more for each thing that turns out to be otherwise.
func (d *division) prepare(work []uint64) error {
	d.mode, d.shift = growing, usualShift
	if d.req.Rebalance {
		d.mode = rebalancing
	}
	for ascend := true; ; {
		found, err := d.read(ascend)
		switch {
		case err != nil:
			return err
		case found.unordered:
			if err := repeated(d.targets, work); err != nil {
				return err
			}
			ascend = false
		case found.heaviest<<d.shift>>d.shift != found.heaviest:
			d.shift = bits.LeadingZeros64(found.heaviest)
		case d.mode == growing && d.req.Replicas <= found.keep:
			d.mode = shrinking
		default:
			return nil
		}
	}
}

// findings are what read learns about all targets.
type findings struct {
	heaviest  uint64 // weight
	keep      int64  // sum of what they keep
	unordered bool   // names do not ascend, so that one may be there twice; the rest is not known then
}

// read checks each target and stores its bounds. It gives up when names are to ascend and do not.
func (d *division) read(ascend bool) (findings, error) {
	weight, low, high, have := d.weight, d.low[:len(d.weight)], d.high[:len(d.weight)], d.have[:len(d.weight)]
	mode, shift, previous := d.mode, d.shift, ""
	var heaviest, lows uint64
	var floors, running, kept int64
	var all measures
	for p := range weight {
		t := &d.targets[d.target(p)]
		if !t.sound() {
			return findings{}, t.invalid()
		}
		if ascend && previous >= t.Name {
			return findings{unordered: true}, nil
		}
		previous = t.Name
		if floors += t.Min; floors < 0 {
			return findings{}, &InvalidError{Target: t.Name, Field: "Min", Reason: "makes the sum overflow"}
		}
		if running += t.running(); running < 0 {
			return findings{}, &InvalidError{Target: t.Name, Field: "Current", Reason: "makes the sum overflow"}
		}
		floor, ceiling, keep := t.limits()
		kept += keep
		_, l, h := span(mode, uint64(floor), uint64(ceiling), uint64(keep))
		w := uint64(t.Weight)
		heaviest |= w
		w <<= shift & 63
		weight[p], low[p], high[p], have[p] = w, l, h, l
		lows += l
		all.add(w, l, h)
	}
	d.lows, d.all = lows, all
	return findings{heaviest: heaviest, keep: kept}, nil
}

// target is the index of a position's target.
func (d *division) target(p int) int {
	if len(d.at) == 0 {
		return p
	}
	return int(d.at[p])
}

// span returns what a target has for certain, what it has before weights count if that fits, and the most it may have.
func span(mode int, floor, ceiling, keep uint64) (base, low, high uint64) {
	switch mode {
	case shrinking:
		return 0, min(floor, keep), keep
	case growing:
		return keep, max(floor, keep), ceiling
	default:
		return 0, floor, ceiling
	}
}

// grantFloors gives every position its low or, if that is too much, whole lows in order of weight.
func (d *division) grantFloors() {
	d.rest = d.req.Replicas
	if d.lows <= uint64(d.rest) {
		d.rest -= int64(d.lows)
		return
	}
	d.short = true
	blocks := make([]block, 0, 2*len(d.low))
	for p, low := range d.low {
		t := &d.targets[d.target(p)]
		floor, ceiling, keep := t.limits()
		base, _, _ := span(d.mode, uint64(floor), uint64(ceiling), uint64(keep))
		d.have[p] = base
		d.rest -= int64(base)
		runs := min(max(base, uint64(t.running())), low)
		b := block{weight: d.weight[p], divisor: 1, position: p}
		if b.size = int64(low - runs); b.size > 0 {
			blocks = append(blocks, b)
		}
		if b.size, b.below = int64(runs-base), true; b.size > 0 {
			blocks = append(blocks, b)
		}
	}
	d.hand(blocks)
}

// grantTiers divides the rest by weight, tier by tier.
func (d *division) grantTiers() {
	for d.end < len(d.weight) && d.rest > 0 {
		d.start, d.end = d.end, len(d.weight)
		if number := d.targets[d.target(d.start)].Tier; len(d.at) > 0 {
			for d.end = d.start; d.end < len(d.at) && d.targets[d.at[d.end]].Tier == number; {
				d.end++
			}
		}
		part := tier{d.weight[d.start:d.end], d.low[d.start:d.end], d.high[d.start:d.end], d.have[d.start:d.end]}
		all := d.all
		if len(d.at) > 0 {
			all = part.measure()
		}
		d.last = block{}
		if all.room <= d.rest {
			d.fill(all.room)
		} else {
			d.apportion(part, all)
		}
	}
	if d.rest > 0 {
		d.start = d.end
	}
}

// fill raises a tier to its bounds.
func (d *division) fill(room int64) {
	d.rest -= room
	d.within = bracket{}
	for p := d.start; p < d.end; p++ {
		if d.weight[p] != 0 {
			d.have[p] = d.high[p]
		}
	}
}

// apportion hands the rest to a tier that can take more.
func (d *division) apportion(part tier, all measures) {
	d.within = part.search(uint64(d.rest), all)
	lo, hi, between := d.within.lo, d.within.hi, d.within.between
	if d.within.exact {
		lo, between = hi, 0
	}
	blocks, granted := make([]block, 0, between), uint64(0)
	low, high, have := part.low[:len(part.weight)], part.high[:len(part.weight)], part.have[:len(part.weight)]
	for i, w := range part.weight {
		n, most := min(max(lo.due(w), low[i]), high[i]), min(hi.due(w), high[i])
		have[i] = n
		granted += n - low[i]
		for ; n < most; n++ {
			blocks = append(blocks, d.replica(d.start+i, n))
		}
	}
	d.rest -= int64(granted)
	d.last = d.hand(blocks)
}

// grantLeft leaves what the weighted targets cannot take on weightless ones that run it already.
func (d *division) grantLeft() {
	var blocks []block
	for p, w := range d.weight {
		if w == 0 && d.high[p] > d.low[p] {
			blocks = append(blocks, block{divisor: 1, size: int64(d.high[p] - d.low[p]), position: p})
		}
	}
	d.hand(blocks)
}

// replica is replica number h, from 0, of a position's target.
func (d *division) replica(p int, h uint64) block {
	t := &d.targets[d.target(p)]
	return block{weight: uint64(t.Weight), divisor: 2*h + 1, size: 1, position: p, below: h < uint64(t.running())}
}

// result makes the shares, with what stopped each.
func (d *division) result() Result {
	shares := make([]Share, len(d.targets))
	low, high, weight := d.low[:len(d.have)], d.high[:len(d.have)], d.weight[:len(d.have)]
	for p, n := range d.have {
		i := d.target(p)
		s := &shares[i]
		s.Name, s.Replicas = d.targets[i].Name, int64(n)
		if n <= low[p] || n >= high[p] || weight[p] == 0 { // else it goes by weight and nothing stopped it
			s.Bound = d.bound(p)
		}
	}
	return Result{Shares: shares, Unplaced: d.rest}
}
