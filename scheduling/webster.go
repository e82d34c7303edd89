package scheduling

import (
	"math"
	"math/bits"
)

// A tier is a group of targets whose shares grow by Webster's method from low up to high. The slices have the same
// length; the weights are shifted left until the largest has its top bit set, and a weight of 0 never grows.
type tier struct {
	weight, low, high []uint64
}

// A divisor stands for one common factor λ of the weights: it makes a target's replica h = 0, 1, … due when
// weight·λ ≥ h + 1/2. Counting the due replicas is exact, whatever the factor was guessed from. The factor kept is 2λ
// for the shifted weights, so that one multiplication gives 2·weight·λ. Above 2^60 a count only says "very many".
type divisor struct {
	mantissa    uint64 // top bit set; zero: nothing is due
	left, right uint   // how to shift the high half of weight·mantissa; one of them is 0
}

// The factors between which a search takes place: at least nothing is due even to the largest weight, at most 2^60
// replicas are due to the smallest.
const (
	leastFactor = 0x1p-64
	mostFactor  = 0x1p62
)

func newDivisor(factor float64) divisor {
	if factor <= leastFactor {
		return divisor{}
	}
	b := math.Float64bits(factor)
	d := divisor{mantissa: 1<<63 | b<<11}
	if exponent := int(b>>52) - 1022; exponent > 0 {
		d.left = uint(exponent)
	} else {
		d.right = uint(-exponent)
	}
	return d
}

// due returns how many replicas the weight is worth.
func (d divisor) due(weight uint64) uint64 {
	hi, lo := bits.Mul64(weight, d.mantissa)
	if d.left != 0 {
		if hi>>(64-d.left)&math.MaxUint64 != 0 {
			return 1 << 62
		}
		hi = hi<<(d.left&63) | lo>>((64-d.left)&63)
	}
	hi >>= d.right & 63
	return hi>>1 + hi&1
}

// sum returns by how much the shares exceed low in total, and the weight of those that are between their bounds.
// A total above 2^62 is cut short.
func (t *tier) sum(d divisor) (total uint64, moving float64) {
	low, high := t.low[:len(t.weight)], t.high[:len(t.weight)]
	var slope uint64
	for i, w := range t.weight {
		n, l, h, s := d.due(w), low[i], high[i], w>>24
		if n <= l {
			n, s = l, 0
		}
		if n >= h {
			n, s = h, 0
		}
		slope += s
		if total += n - l; total > 1<<62 {
			break
		}
	}
	return total, float64(slope) * (1 << 24)
}

// A bracket is two divisors around the wanted one: what is due at lo is granted, what is not due at hi is not.
// It is exact when what is due at hi is just what is to be granted.
type bracket struct {
	lo, hi divisor
	exact  bool
}

// search finds a bracket between whose ends few replicas become due. The tier must have more room than rest.
// It goes by Newton's method, past the wanted point so as to close in from both sides, and by halves where that fails.
func (t *tier) search(rest uint64) bracket {
	all, held := 0.0, 0.0
	for i, w := range t.weight {
		if w != 0 {
			all += float64(w)
			held += float64(t.low[i])
		}
	}
	n := len(t.weight)
	lo, hi := leastFactor, mostFactor
	below, above := uint64(0), uint64(math.MaxUint64) // what is granted at lo and hi
	factor := 2 * (float64(rest) + held) / all
	for round := 0; ; round++ {
		if !(lo < factor && factor < hi) {
			factor = between(lo, hi)
			if factor == lo {
				break
			}
		}
		total, moving := t.sum(newDivisor(factor))
		if total < rest {
			lo, below = factor, total
		} else {
			hi, above = factor, total
		}
		if above == rest || above-below <= few(n, round) {
			break
		}
		gap := float64(rest) - float64(total)
		switch {
		case round > 12:
			factor = between(lo, hi)
		case moving == 0 && gap > 0:
			factor *= 4
		case moving == 0:
			factor /= 4
		default:
			factor += 2 * (gap + math.Copysign(float64(n)/32, gap)) / moving
		}
	}
	return bracket{newDivisor(lo), newDivisor(hi), above == rest}
}

// few is how many replicas may be left to hand out one by one: sorting them out costs about as much as one more round.
func few(n, round int) uint64 {
	switch {
	case round < 6:
		return uint64(n/8) + 4
	case round < 12:
		return uint64(n/2) + 8
	default:
		return uint64(2*n) + 8
	}
}

// between returns a number between two positive ones that halves the representable numbers in between, or lo.
func between(lo, hi float64) float64 {
	a, b := math.Float64bits(lo), math.Float64bits(hi)
	return math.Float64frombits(a + (b-a)/2)
}
