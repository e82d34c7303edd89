package scheduling

import "math/bits"

// A block is a run of replicas of one target that stand at one place in the order in which replicas are handed out.
type block struct {
	weight, divisor uint64 // the larger weight/divisor comes first
	size            int64
	hash            uint64
	target          int32
	hashed          bool
	below           bool // the target already runs these: first among equals
}

// An order hands out blocks of replicas: the larger quotient first, then what already runs, then by hash, then by name.
type order struct {
	targets []Target
	seed    uint64 // the FNV-1a state after the key
}

const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

func newOrder(key string, targets []Target) order {
	h := uint64(fnvOffset)
	for i := range len(key) {
		h = (h ^ uint64(key[i])) * fnvPrime
	}
	return order{targets: targets, seed: h * fnvPrime} // a zero byte parts the key from the name
}

// hash is FNV-1a over key and name, finished like splitmix64: FNV alone hardly mixes the last bytes into the high bits.
func (o *order) hash(name string) uint64 {
	h := o.seed
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * fnvPrime
	}
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// before is a total order over the blocks of one hand-out.
func (o *order) before(a, b *block) bool {
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
	for _, x := range [...]*block{a, b} {
		if !x.hashed {
			x.hash, x.hashed = o.hash(o.targets[x.target].Name), true
		}
	}
	if a.hash != b.hash {
		return a.hash < b.hash
	}
	return o.targets[a.target].Name < o.targets[b.target].Name
}

// take hands n > 0 replicas to the first blocks of the order, adds them to the shares, and returns the last block that
// got any. The blocks hold at least n between them; they are reordered. It is a quickselect that counts sizes.
func (o *order) take(blocks []block, n int64, shares []Share) block {
	random := uint64(len(blocks))
	for {
		random = random*6364136223846793005 + 1442695040888963407
		chosen, _ := bits.Mul64(random, uint64(len(blocks)))
		last := len(blocks) - 1
		blocks[chosen], blocks[last] = blocks[last], blocks[chosen]
		pivot := &blocks[last]
		first, ahead := 0, int64(0) // blocks[:first] come before the pivot and hold ahead
		for i := range last {
			if o.before(&blocks[i], pivot) {
				ahead = addSat(ahead, blocks[i].size)
				blocks[i], blocks[first] = blocks[first], blocks[i]
				first++
			}
		}
		if ahead >= n {
			blocks = blocks[:first]
			continue
		}
		for i := range first {
			shares[blocks[i].target].Replicas += blocks[i].size
		}
		n -= ahead
		shares[pivot.target].Replicas += min(n, pivot.size)
		if n <= pivot.size {
			return *pivot
		}
		n -= pivot.size
		blocks = blocks[first:last]
	}
}

// addSat adds two numbers that are not negative and stops at the largest int64.
func addSat(a, b int64) int64 {
	if s := a + b; s >= 0 {
		return s
	}
	return 1<<63 - 1
}
