package scheduling

import "math/bits"

// A block is a run of replicas of one target that stand at one place in the order in which replicas are handed out.
type block struct {
	weight, divisor uint64 // the larger weight/divisor comes first
	size            int64
	hash            uint64 // 0: not computed yet
	position        int
	below           bool // the target already runs these: first among equals
}

const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

// keySeed is the FNV-1a state after the key and a zero byte that parts it from the name.
func keySeed(key string) uint64 {
	h := uint64(fnvOffset)
	for i := range len(key) {
		h = (h ^ uint64(key[i])) * fnvPrime
	}
	return h * fnvPrime
}

// tieHash is FNV-1a over key and name, finished like splitmix64: FNV alone hardly mixes the last bytes into the high bits.
func tieHash(seed uint64, name string) uint64 {
	h := seed
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * fnvPrime
	}
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// before is a total order over the blocks of one hand-out: the larger quotient first, then what already runs, then by
// hash, then by name.
func (d *division) before(a, b *block) bool {
	ahi, alo := bits.Mul64(a.weight, b.divisor)
	bhi, blo := bits.Mul64(b.weight, a.divisor)
	switch {
	case ahi != bhi:
		return ahi > bhi
	case alo != blo:
		return alo > blo
	case a.below != b.below:
		return a.below
	}
	if x, y := d.hash(a), d.hash(b); x != y {
		return x < y
	}
	return d.targets[d.target(a.position)].Name < d.targets[d.target(b.position)].Name
}

func (d *division) hash(b *block) uint64 {
	if b.hash == 0 {
		b.hash = tieHash(d.seed, d.targets[d.target(b.position)].Name)
	}
	return b.hash
}

// hand gives the rest to the first blocks of the order, and returns the last block that got any. The blocks hold at least
// the rest between them; they are reordered. It is a quickselect that counts sizes: by quotient, then among equals.
func (d *division) hand(blocks []block) block {
	for pick := newPicker(blocks); d.rest > 0; {
		first, after, ahead, level := part(blocks, blocks[pick.from(blocks)])
		if ahead >= d.rest {
			blocks = blocks[:first]
			continue
		}
		d.give(blocks[:first])
		if level >= d.rest {
			return d.handEqual(blocks[first:after])
		}
		d.give(blocks[first:after])
		blocks = blocks[after:]
	}
	return block{}
}

// part reorders blocks: blocks[:first] have a larger quotient than the pivot and hold ahead, blocks[first:after] have the
// same and hold level.
func part(blocks []block, pivot block) (first, after int, ahead, level int64) {
	after = len(blocks)
	for i := 0; i < after; {
		b := &blocks[i]
		hi, lo := bits.Mul64(b.weight, pivot.divisor)
		pivotHi, pivotLo := bits.Mul64(pivot.weight, b.divisor)
		switch {
		case hi == pivotHi && lo == pivotLo:
			level = addSat(level, b.size)
			i++
		case hi > pivotHi || hi == pivotHi && lo > pivotLo:
			ahead = addSat(ahead, b.size)
			blocks[i], blocks[first] = blocks[first], blocks[i]
			first++
			i++
		default:
			after--
			blocks[i], blocks[after] = blocks[after], blocks[i]
		}
	}
	return first, after, ahead, level
}

// handEqual is hand for blocks with one quotient. Only here hashes matter, and all of them do.
func (d *division) handEqual(blocks []block) block {
	first, ahead := 0, int64(0)
	for i := range blocks {
		if blocks[i].below {
			ahead = addSat(ahead, blocks[i].size)
			blocks[i], blocks[first] = blocks[first], blocks[i]
			first++
		}
	}
	if ahead >= d.rest {
		blocks = blocks[:first]
	} else {
		d.give(blocks[:first])
		blocks = blocks[first:]
	}
	for i := range blocks {
		d.hash(&blocks[i])
	}
	for pick := newPicker(blocks); ; {
		chosen, last := pick.from(blocks), len(blocks)-1
		blocks[chosen], blocks[last] = blocks[last], blocks[chosen]
		pivot := &blocks[last]
		first, ahead = 0, 0
		for i := range last {
			if hash := blocks[i].hash; hash < pivot.hash || hash == pivot.hash && d.before(&blocks[i], pivot) {
				ahead = addSat(ahead, blocks[i].size)
				blocks[i], blocks[first] = blocks[first], blocks[i]
				first++
			}
		}
		if ahead >= d.rest {
			blocks = blocks[:first]
			continue
		}
		d.give(blocks[:first])
		n := min(d.rest, pivot.size)
		d.have[pivot.position] += uint64(n)
		if d.rest -= n; d.rest == 0 {
			return *pivot
		}
		blocks = blocks[first:last]
	}
}

// give lets blocks have all they hold.
func (d *division) give(blocks []block) {
	for i := range blocks {
		d.have[blocks[i].position] += uint64(blocks[i].size)
		d.rest -= blocks[i].size
	}
}

// A picker chooses pivots. It decides how fast the order is found, never what it is.
type picker uint64

func newPicker(blocks []block) picker { return picker(len(blocks)) }

func (r *picker) from(blocks []block) int {
	*r = *r*6364136223846793005 + 1442695040888963407
	chosen, _ := bits.Mul64(uint64(*r), uint64(len(blocks)))
	return int(chosen)
}

// addSat adds two numbers that are not negative and stops at the largest int64.
func addSat(a, b int64) int64 {
	if s := a + b; s >= 0 {
		return s
	}
	return 1<<63 - 1
}
