package scheduling

import "slices"

// Packed uses few targets: it fills those in use first, then those with the most room, one after the other. The bounds,
// the floors, the tiers and the rule about running replicas are those of [Weighted]; a target of weight 0 gets no more
// than its Min and what it keeps, and other weights decide nothing but whose floor comes first when they do not all fit.
//
// In use is a target that runs more than its floor, then one that has a floor. Those that are full come first, so that
// dividing again changes nothing; then the one with the largest room, so that the prefix that holds the rest is the shortest.
func Packed(req Request, targets []Target) (Result, error) {
	d, err := newDivision(req, targets)
	if err != nil {
		return Result{}, err
	}
	d.packed = true
	d.grantFloors()
	if d.rest > 0 {
		d.pack()
	}
	return d.result(), nil
}

// pack fills targets one after the other; weightless ones that run something come last, and only when shrinking.
func (d *division) pack() {
	queue := make([]int, len(d.weight))
	for p := range queue {
		queue[p] = p
	}
	slices.SortFunc(queue, d.packOrder)
	for _, weightless := range []bool{false, true} {
		for _, p := range queue {
			if d.rest == 0 || weightless && d.mode != shrinking {
				return
			}
			if (d.weight[p] == 0) != weightless {
				continue
			}
			n := min(d.rest, int64(d.room(p)))
			d.have[p] += uint64(n)
			d.rest -= n
			for n > 0 && d.end < len(queue) && d.targets[d.target(d.end)].Tier <= d.targets[d.target(p)].Tier {
				d.end++
			}
		}
	}
}

// room is by how much a position can grow.
func (d *division) room(p int) uint64 {
	low, high := d.bounds(p)
	return high - low
}

// packOrder compares two positions: the one to be filled first is less.
func (d *division) packOrder(p, q int) int {
	a, b := &d.targets[d.target(p)], &d.targets[d.target(q)]
	if a.Tier != b.Tier {
		return p - q // positions are ordered by tier
	}
	if x, y := d.use(p), d.use(q); x != y {
		return y - x
	}
	x := block{weight: d.room(p), divisor: 1, position: p}
	y := block{weight: d.room(q), divisor: 1, position: q}
	if d.before(&x, &y) {
		return -1
	}
	return 1
}

// use ranks how much a position is in use.
func (d *division) use(p int) int {
	runs := uint64(d.targets[d.target(p)].running())
	low, high := d.bounds(p)
	switch {
	case runs > low && runs >= high:
		return 3
	case runs > low:
		return 2
	case low > 0:
		return 1
	default:
		return 0
	}
}

// packedBound says what stopped a share from getting all or nothing.
func (d *division) packedBound(p int) Bound {
	t := &d.targets[d.target(p)]
	share := int64(d.have[p])
	low, _ := d.bounds(p)
	_, ceiling, keep := t.limits()
	switch {
	case d.short:
		return d.shortBound(p)
	case share == ceiling && (t.Weight > 0 || t.Min > ceiling):
		return t.stop(ceiling)
	case share == 0:
		return d.nothing(p)
	case share == keep && d.mode != rebalancing, t.Weight == 0 && share > int64(low):
		return BoundKept
	case share == int64(low):
		return BoundMin
	}
	return BoundNone
}
