package scheduling

import (
	"cmp"
	"math"
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
	d.grant()
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
	have    []uint64 // what each position has so far
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

// A tier is a group of targets whose shares grow by Webster's method from low up to high. The weights are shifted left as
// far as the request allows, within reason, and a weight of 0 never grows. The slices have the same length, but low and
// high are empty when nothing bounds anybody: what need not be allocated, filled and looked at saves a quarter of the time.
type tier struct {
	weight, low, high []uint64
}

// free is the high of a target that nothing bounds. Its low is 0.
const free = math.MaxInt64

// bounds returns low and high.
func (t *tier) bounds(i int) (low, high uint64) {
	if i < len(t.low) && i < len(t.high) {
		return t.low[i], t.high[i]
	}
	return 0, free
}

// newDivision refuses what Validate refuses, fixes the case of the rule, and grants everyone its low.
func newDivision(req Request, targets []Target) (d division, err error) {
	if err := req.invalid(targets); err != nil {
		return d, err
	}
	ascend, bounded, tiered := survey(targets)
	if !ascend {
		if err := repeated(targets); err != nil {
			return d, err
		}
	}
	n, words := len(targets), 2
	if d = (division{req: req, targets: targets, seed: keySeed(req.Key), mode: growing}); req.Rebalance {
		d.mode = rebalancing
	}
	// Who wants no replicas wants what runs there gone: a bound for everyone.
	if bounded = bounded || d.mode == growing && req.Replicas == 0; bounded {
		words = 4
	}
	work := make([]uint64, words*n)
	if d.weight, d.have = work[:n], work[n:2*n]; bounded {
		d.low, d.high = work[2*n:3*n], work[3*n:]
	}
	if tiered {
		d.at = make([]uint64, n)
		for i := range d.at {
			d.at[i] = uint64(i)
		}
		slices.SortStableFunc(d.at, func(a, b uint64) int { return cmp.Compare(targets[a].Tier, targets[b].Tier) })
	}
	return d, d.prepare()
}

// survey finds out what need not be looked at: whether the names ascend, so that none is empty or there twice; whether
// anything but their weights counts for some targets; and whether there are tiers.
func survey(targets []Target) (ascend, bounded, tiered bool) {
	ascend = true
	previous, tier := "", targets[0].Tier
	for i := range targets {
		t := &targets[i]
		tiered = tiered || t.Tier != tier
		bounded = bounded || t.Min != 0 || t.Max != nil || t.Capacity != nil || t.Current != nil || t.NoGrowth
		ascend = ascend && previous < t.Name
		previous = t.Name
	}
	return ascend, bounded, tiered
}

// usualShift leaves room above for weights up to 2^40, and below for up to 2^22 replicas for each unit of weight.
const usualShift = 24

// prepare reads the targets as they usually are, and once more for each thing that turns out to be otherwise.
func (d *division) prepare() error {
	read := d.read
	if len(d.low) == 0 {
		read = d.readWeights
	}
	for d.shift = usualShift; ; {
		heaviest, keep, err := read()
		switch {
		case err != nil:
			return err
		case heaviest<<d.shift>>d.shift != heaviest:
			d.shift = bits.LeadingZeros64(heaviest)
		case d.mode == growing && d.req.Replicas <= keep:
			d.mode = shrinking
		default:
			return nil
		}
	}
}

// readWeights does what read does, for targets without bounds.
func (d *division) readWeights() (heaviest uint64, keep int64, err error) {
	shift, weight, sum := d.shift, d.weight, uint64(0)
	for p := range weight {
		t := &d.targets[d.target(p)]
		if t.Weight < 0 {
			return 0, 0, t.invalid()
		}
		w := uint64(t.Weight)
		heaviest |= w
		w <<= shift & 63
		weight[p] = w
		sum += w >> 20
	}
	if d.all.weight = sum; heaviest > 0 {
		d.all.room = free
	}
	return heaviest, 0, nil
}

// read checks each target and stores its bounds. It returns the heaviest weight, by and large, and the sum of what the
// targets keep.
func (d *division) read() (heaviest uint64, keep int64, err error) {
	weight, low, high, have := d.weight, d.low[:len(d.weight)], d.high[:len(d.weight)], d.have[:len(d.weight)]
	mode, shift := d.mode, d.shift
	var lows uint64
	var floors, running, kept int64
	var all measures
	for p := range weight {
		t := &d.targets[d.target(p)]
		if !t.sound() {
			return 0, 0, t.invalid()
		}
		if floors += t.Min; floors < 0 {
			return 0, 0, &InvalidError{Target: t.Name, Field: "Min", Reason: "makes the sum overflow"}
		}
		if running += t.running(); running < 0 {
			return 0, 0, &InvalidError{Target: t.Name, Field: "Current", Reason: "makes the sum overflow"}
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
	return heaviest, kept, nil
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

// grant divides by weight.
func (d *division) grant() {
	d.grantFloors()
	if d.rest > 0 {
		d.grantTiers()
	}
	if d.rest > 0 && d.mode == shrinking {
		d.grantLeft()
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
	blocks := make([]block, 0, 2*len(d.low)) // who has bounds: without, nobody has a floor
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
		part, all := d.tier, d.all
		if len(d.at) > 0 {
			part.weight = d.weight[d.start:d.end]
			if len(d.low) != 0 {
				part.low, part.high = d.low[d.start:d.end], d.high[d.start:d.end]
			}
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

// fill raises a tier to its bounds; without bounds that happens only where no target has a weight.
func (d *division) fill(room int64) {
	d.rest -= room
	d.within = bracket{}
	for p := d.start; p < d.end && p < len(d.high); p++ {
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
	var usual [96]block // that many are on the stack: a twentieth of the time for 1,000 targets
	blocks, granted, have := usual[:0], uint64(0), d.have[d.start:d.end]
	if between > uint64(len(usual)) {
		blocks = make([]block, 0, between)
	}
	for i, w := range part.weight[:len(have)] {
		low, high := part.bounds(i)
		n, most := min(max(lo.due(w), low), high), min(hi.due(w), high)
		have[i] = n
		granted += n - low
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
	for p := range d.low {
		if d.weight[p] == 0 && d.high[p] > d.low[p] {
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
	weight, bounds := d.weight[:len(d.have)], tier{low: d.low, high: d.high}
	for p, n := range d.have {
		i := d.target(p)
		s := &shares[i]
		s.Name, s.Replicas = d.targets[i].Name, int64(n)
		if low, high := bounds.bounds(p); n <= low || n >= high || weight[p] == 0 { // else it goes by weight and nothing stopped it
			s.Bound = d.bound(p, low, high)
		}
	}
	return Result{Shares: shares, Unplaced: d.rest}
}
