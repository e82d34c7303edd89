package scheduling

import (
	"math"
	"math/bits"
)

// A divisor stands for one common factor λ of the weights: it makes a target's replica h = 0, 1, … due when
// weight·λ ≥ h + 1/2. Counting the due replicas is exact, whatever the factor was guessed from. The factor kept is 2λ
// for the shifted weights, so that the high half of one multiplication, shifted, is 2·weight·λ.
type divisor struct {
	mantissa uint64 // top bit set; zero: nothing is due
	shift    uint   // above 0
}

// The factors that a divisor can stand for: at the least nothing is due to the heaviest weight, at the most 2^61 replicas.
const (
	leastFactor = 0x1p-64
	mostFactor  = 0x1.fffffffffffffp-2
)

func newDivisor(factor float64) divisor {
	b := math.Float64bits(factor)
	if factor <= leastFactor {
		return divisor{shift: 1}
	}
	return divisor{mantissa: 1<<63 | b<<11, shift: uint(1022 - b>>52)}
}

// due returns how many replicas the weight is worth.
func (d divisor) due(weight uint64) uint64 {
	hi, _ := bits.Mul64(weight, d.mantissa)
	return (hi>>(d.shift&63) + 1) >> 1
}

// sum returns by how much the shares exceed low in total, and the weight of those that are between their bounds.
// A total above 2^62 is cut short.
func (t *tier) sum(d divisor) (total uint64, moving float64) {
	if len(t.low) == 0 { // everything moves
		var slope uint64
		for _, w := range t.weight {
			slope += w >> 20
			if total += d.due(w); total > 1<<62 {
				break
			}
		}
		return total, float64(slope) * (1 << 20)
	}
	low, high := t.low[:len(t.weight)], t.high[:len(t.weight)]
	var slope uint64
	for i, w := range t.weight {
		due, l, s := d.due(w), low[i], w>>20 // no branches below: which targets are at a bound cannot be foreseen
		n := min(max(due, l), high[i])
		if n != due {
			s = 0
		}
		slope += s
		if total += n - l; total > 1<<62 {
			break
		}
	}
	return total, float64(slope) * (1 << 20)
}

// stretch doubles the weights, so that the range of factors reaches twice as far. A weight that cannot be doubled stops
// short; it must be due more than its target may have at the largest factor before, and then it still is.
func (t *tier) stretch() {
	for i, w := range t.weight {
		if t.weight[i] = w << 1; w>>63 != 0 {
			t.weight[i] = math.MaxUint64
		}
	}
}

// measures are sums over the targets of a tier that have a weight.
type measures struct {
	room   int64  // by how much they can grow, at most the largest int64
	weight uint64 // halved 20 times, which is good enough for a first guess
	low    uint64
}

func (all *measures) add(weight, low, high uint64) {
	if weight != 0 {
		all.room = addSat(all.room, int64(high-low))
		all.weight += weight >> 20
		all.low += low
	}
}

func (t *tier) measure() (all measures) {
	for i, w := range t.weight {
		low, high := t.bounds(i)
		all.add(w, low, high)
	}
	return all
}

// A bracket is two divisors around the wanted one: what is due at lo is granted, what is not due at hi is not.
type bracket struct {
	lo, hi  divisor
	between uint64 // how many replicas become due between them
	exact   bool   // what is due at hi is just what is to be granted
	found   bool   // there is one
}

// search finds a bracket between whose ends few replicas become due. The tier must have more room than rest.
// It goes by Newton's method, past the wanted point so as to close in from both sides, and by halves where that fails.
func (t *tier) search(rest uint64, all measures) bracket {
	n := len(t.weight)
	lo, hi := leastFactor, mostFactor
	below, above := uint64(0), uint64(math.MaxUint64) // what is granted at lo and hi; the largest number: not known
	margin := float64(n) / 32                         // how far past the wanted point to aim
	factor := (float64(rest) + float64(all.low)) / (float64(all.weight) * (1 << 19))
	for round := 0; ; round++ {
		if factor >= hi && above == math.MaxUint64 {
			factor = mostFactor
		} else if !(lo < factor && factor < hi) {
			if factor = between(lo, hi); factor == lo {
				break
			}
		}
		total, moving := t.sum(newDivisor(factor))
		stuck := total == below || total == above // all that is left between has one quotient, or nearly
		switch {
		case total >= rest:
			hi, above = factor, total
		case factor == mostFactor:
			t.stretch()
			lo, below, factor = mostFactor/2, total, mostFactor
			continue
		default:
			lo, below = factor, total
		}
		if above == rest || above-below <= few(n, round, stuck) {
			break
		}
		gap := float64(rest) - float64(total)
		switch {
		case round > 12 && above == math.MaxUint64:
			factor = mostFactor
		case round > 12:
			factor = between(lo, hi)
		case moving == 0 && gap > 0:
			factor *= 4
		case moving == 0:
			factor /= 4
		default:
			if stuck { // on a step that many replicas share
				margin *= 8
			}
			factor += 2 * (gap + math.Copysign(margin, gap)) / moving
		}
	}
	return bracket{newDivisor(lo), newDivisor(hi), above - below, above == rest, true}
}

// few is how many replicas may be left to hand out one by one: sorting them out costs about as much as one more round.
func few(n, round int, stuck bool) uint64 {
	switch {
	case stuck || round >= 12:
		return uint64(2*n) + 8
	case round >= 6:
		return uint64(n/2) + 8
	default:
		return uint64(n/8) + 4
	}
}

// between returns a number between two positive ones that halves the representable numbers in between, or lo.
func between(lo, hi float64) float64 {
	a, b := math.Float64bits(lo), math.Float64bits(hi)
	return math.Float64frombits(a + (b-a)/2)
}
