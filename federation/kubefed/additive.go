package kubefed

import (
	"cmp"
	"hash/fnv"
	"math"
	"math/bits"
	"slices"

	"github.com/confed-project/confed/scheduling"
)

// Additive divides as KubeFed's planner did; it is a scheduling.Strategy, for Planner.Strategies under any name. What sets it
// apart from scheduling.Weighted: a Min comes on top of the weighted share and is granted before Max is looked at, shares are
// rounded up in the order of weight until nothing is left, and of equal weights the order is the 32-bit FNV-1 hash of the
// cluster's name and the key. Without Rebalance a target keeps what it runs as long as there is something to keep.
//
// Nothing is refused, as KubeFed refused nothing: with a negative Capacity a share can be negative, which a Planner does not
// carry out. NoGrowth and Tier mean nothing here. Shares and Unplaced add up to Replicas, and shares are in the order of the
// targets. The bound of a share is Capacity or Max where that stopped it. Key is the namespace/name of the object.
func Additive(req scheduling.Request, targets []scheduling.Target) (scheduling.Result, error) {
	r := newRound(req, targets)
	return r.result(false), nil
}

// AdditiveProbing is Additive, with what KubeFed wrote on top: a cluster that is full is given what it should have had
// nevertheless, so that its pending pods tell when there is room again. Without Rebalance that is no more than what is
// Unplaced; with it the shares can add up to more than Replicas, so this is for WriteShares and not for a Planner.
func AdditiveProbing(req scheduling.Request, targets []scheduling.Target) (scheduling.Result, error) {
	r := newRound(req, targets)
	return r.result(true), nil
}

// seat is a target while replicas are divided.
type seat struct {
	scheduling.Target
	at       int    // in the order of the targets
	hash     uint32 // breaks ties
	plan     int64
	kept     int64 // granted beforehand for what runs already
	overflow int64 // what did not fit
	bound    scheduling.Bound
}

// round is one division.
type round struct {
	rebalance bool
	seats     []*seat // by weight, then by hash
	remaining int64
}

func newRound(req scheduling.Request, targets []scheduling.Target) *round {
	r := &round{rebalance: req.Rebalance, remaining: req.Replicas, seats: make([]*seat, len(targets))}
	for i, t := range targets {
		h := fnv.New32()
		_, _ = h.Write([]byte(t.Name + req.Key)) // never fails
		r.seats[i] = &seat{Target: t, at: i, hash: h.Sum32()}
	}
	slices.SortFunc(r.seats, func(a, b *seat) int {
		return cmp.Or(cmp.Compare(b.Weight, a.Weight), cmp.Compare(a.hash, b.hash), cmp.Compare(a.Name, b.Name))
	})
	r.grantMinima()
	if !r.rebalance {
		r.keep()
	}
	r.distribute()
	return r
}

func (r *round) grantMinima() {
	for _, s := range r.seats {
		n := min(s.Min, r.remaining)
		if s.Capacity != nil {
			n = min(n, *s.Capacity)
		}
		s.plan = n
		r.remaining -= n
	}
}

// keep sets aside what runs already, so that the distribution does not give it to others.
func (r *round) keep() {
	for _, s := range r.seats {
		if s.Current == nil || *s.Current <= s.plan {
			continue
		}
		target := *s.Current
		if s.Max != nil {
			target = min(target, *s.Max)
		}
		if s.Capacity != nil {
			target = min(target, *s.Capacity)
		}
		s.kept = max(0, min(target-s.plan, r.remaining))
		s.plan += s.kept
		r.remaining -= s.kept
	}
}

// distribute hands out by weight, in passes: who is full leaves, and the rest is divided among the others.
func (r *round) distribute() {
	open := slices.Clone(r.seats)
	for changed := true; changed && r.remaining > 0; {
		changed = false
		var weights uint64
		for _, s := range open {
			weights = saturate(weights, uint64(max(0, s.Weight)))
		}
		if weights == 0 {
			return
		}
		amount := r.remaining
		open = slices.DeleteFunc(open, func(s *seat) bool {
			full, moved := r.hand(s, min(share(amount, s.Weight, weights), r.remaining))
			changed = changed || moved
			return full
		})
	}
}

// hand gives a seat its part of one pass, and says whether it is full and whether anything happened.
func (r *round) hand(s *seat, extra int64) (full, moved bool) {
	used := min(extra, s.kept)
	s.kept -= used
	extra -= used
	total := s.plan + extra
	if s.Max != nil && total > *s.Max {
		total, full, s.bound = *s.Max, true, scheduling.BoundMax
	}
	if s.Capacity != nil && total > *s.Capacity {
		s.overflow = total - *s.Capacity
		total, full, s.bound = *s.Capacity, true, scheduling.BoundCapacity
	}
	moved = used > 0 || total > s.plan
	r.remaining -= total - s.plan
	s.plan = total
	return full, moved
}

// share is the part of an amount that is due to a weight, rounded up.
func share(amount, weight int64, weights uint64) int64 {
	if weight <= 0 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(amount), uint64(weight))
	q, rest := bits.Div64(hi, lo, weights) // weight is part of weights, so it fits
	if rest > 0 {
		q++
	}
	return int64(q) //nolint:gosec // at most amount
}

func saturate(a, b uint64) uint64 {
	if a > math.MaxUint64-b {
		return math.MaxUint64
	}
	return a + b
}

// result puts the seats back in their order; with what did not fit on top, if wanted.
func (r *round) result(probing bool) scheduling.Result {
	out := scheduling.Result{Shares: make([]scheduling.Share, len(r.seats)), Unplaced: r.remaining}
	for _, s := range r.seats {
		n := s.plan
		if probing && r.rebalance {
			n += s.overflow
		} else if probing {
			n += min(s.overflow, r.remaining)
		}
		out.Shares[s.at] = scheduling.Share{Name: s.Name, Replicas: n, Bound: s.bound}
	}
	return out
}
