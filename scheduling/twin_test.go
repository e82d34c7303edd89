package scheduling

import (
	"math"
	"math/big"
	"math/rand/v2"
)

// The slow twin of Weighted hands out one replica at a time, as the rule is told, in arbitrary precision.

type twin struct {
	req     Request
	targets []Target
	have    []int64
	left    int64
}

func slow(req Request, targets []Target) ([]int64, int64) {
	w := &twin{req: req, targets: targets, have: make([]int64, len(targets)), left: req.Replicas}
	floors, tops, keeps := make([]int64, len(targets)), make([]int64, len(targets)), make([]int64, len(targets))
	running := int64(0)
	for i, t := range targets {
		tops[i] = math.MaxInt64
		if t.Max != nil {
			tops[i] = min(tops[i], *t.Max)
		}
		if t.Capacity != nil {
			tops[i] = min(tops[i], *t.Capacity)
		}
		if t.NoGrowth {
			tops[i] = min(tops[i], w.current(i))
		}
		keeps[i] = min(w.current(i), tops[i])
		floors[i] = min(t.Min, tops[i])
		running += keeps[i]
	}
	shrink := !req.Rebalance && req.Replicas <= running
	if shrink {
		for i := range targets {
			floors[i], tops[i] = min(floors[i], keeps[i]), keeps[i]
		}
	} else if !req.Rebalance {
		for i := range targets {
			w.have[i] = keeps[i]
			w.left -= keeps[i]
		}
	}
	for w.one(func(i int) bool { return w.have[i] < floors[i] }, func(i int) *big.Rat { return rat(targets[i].Weight, 1) }) {
	}
	for tier := -3; tier <= 3; tier++ {
		for w.one(func(i int) bool { return targets[i].Tier == tier && targets[i].Weight > 0 && w.have[i] < tops[i] },
			func(i int) *big.Rat { return rat(targets[i].Weight, 2*w.have[i]+1) }) {
		}
	}
	for shrink && w.one(func(i int) bool { return w.have[i] < keeps[i] }, func(int) *big.Rat { return rat(0, 1) }) {
	}
	return w.have, w.left
}

func (w *twin) current(i int) int64 {
	if w.targets[i].Current == nil {
		return 0
	}
	return *w.targets[i].Current
}

// one hands the next replica to the best of those that may have it.
func (w *twin) one(may func(int) bool, value func(int) *big.Rat) bool {
	best := -1
	if w.left == 0 {
		return false
	}
	for i := range w.targets {
		if may(i) && (best < 0 || w.better(i, best, value(i).Cmp(value(best)))) {
			best = i
		}
	}
	if best < 0 {
		return false
	}
	w.have[best]++
	w.left--
	return true
}

func (w *twin) better(i, j, sign int) bool {
	seed := keySeed(w.req.Key)
	a, b := w.have[i] < w.current(i), w.have[j] < w.current(j)
	switch x, y := tieHash(seed, w.targets[i].Name), tieHash(seed, w.targets[j].Name); {
	case sign != 0:
		return sign > 0
	case a != b:
		return a
	case x != y:
		return x < y
	}
	return w.targets[i].Name < w.targets[j].Name
}

func rat(a, b int64) *big.Rat { return big.NewRat(a, b) }

// randomCase makes a small request in which every rule has a chance to matter.
func randomCase(r *rand.Rand) (Request, []Target) {
	n := 1 + r.IntN(6)
	small := int64(1 + r.IntN(12))
	number := func() int64 { return r.Int64N(small + 1) }
	maybe := func(one int) *int64 {
		if r.IntN(one) != 0 {
			return nil
		}
		v := number()
		return &v
	}
	rules := r.IntN(32)
	targets := make([]Target, n)
	for i := range targets {
		t := Target{Name: string(rune('a' + i)), Weight: []int64{0, 1, 1, 2, 3, 5, 7, 157}[r.IntN(8)]}
		if rules&1 != 0 {
			t.Current = maybe(1 + r.IntN(3))
			t.NoGrowth = r.IntN(6) == 0
		}
		if rules&2 != 0 {
			t.Min = number()
		}
		if rules&4 != 0 {
			if t.Max = maybe(2); t.Max != nil {
				t.Min = min(t.Min, *t.Max)
			}
		}
		if rules&8 != 0 {
			t.Capacity = maybe(2)
		}
		if rules&16 != 0 {
			t.Tier = r.IntN(3) - 1
		}
		targets[i] = t
	}
	r.Shuffle(n, func(i, j int) { targets[i], targets[j] = targets[j], targets[i] })
	key := string(rune('A' + r.IntN(20)))
	return Request{Replicas: r.Int64N(int64(n)*small + 3), Key: key, Rebalance: r.IntN(2) == 0}, targets
}
