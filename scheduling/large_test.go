package scheduling

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// Large divisions are checked without a twin: a division is right when the last replica anybody has by weight comes before
// the next one that anybody may have, in arbitrary precision.

// title is a target's claim to its replica number h.
type title struct {
	target *Target
	h      int64
	hash   uint64
}

func (a title) before(b title) bool {
	x := new(big.Int).Mul(big.NewInt(a.target.Weight), odd(b.h))
	y := new(big.Int).Mul(big.NewInt(b.target.Weight), odd(a.h))
	switch {
	case x.Cmp(y) != 0:
		return x.Cmp(y) > 0
	case (a.h < a.target.running()) != (b.h < b.target.running()):
		return a.h < a.target.running()
	case a.hash != b.hash:
		return a.hash < b.hash
	}
	return a.target.Name < b.target.Name
}

// odd is 2h+1.
func odd(h int64) *big.Int {
	n := big.NewInt(h)
	return n.Add(n.Add(n, n), big.NewInt(1))
}

// lawTitles holds for divisions whose floors fit.
func lawTitles(req Request, targets []Target, got Result) string {
	d, err := newDivision(req, targets)
	if err != nil {
		return err.Error()
	}
	sum := int64(0)
	for p := range targets {
		low, _ := d.bounds(p)
		sum = addSat(sum, int64(low))
	}
	if sum > req.Replicas {
		return ""
	}
	for start := 0; start < len(targets); {
		end, number := start, targets[d.target(start)].Tier
		var last, next *title
		for ; end < len(targets) && targets[d.target(end)].Tier == number; end++ {
			t, n := &targets[d.target(end)], got.Shares[d.target(end)].Replicas
			low, high := d.bounds(end)
			if t.Weight == 0 {
				continue
			}
			if a := (title{t, n - 1, tieHash(d.seed, t.Name)}); n > int64(low) && (last == nil || last.before(a)) {
				last = &a
			}
			if a := (title{t, n, tieHash(d.seed, t.Name)}); n < int64(high) && (next == nil || a.before(*next)) {
				next = &a
			}
		}
		if last != nil && next != nil && !last.before(*next) {
			return fmt.Sprintf("%s has the better title to its replica %d than %s to its %d", next.target.Name, next.h, last.target.Name, last.h)
		}
		if next != nil {
			for p := end; p < len(targets); p++ {
				low, _ := d.bounds(p)
				if got.Shares[d.target(p)].Replicas > int64(low) && d.weight[p] > 0 {
					return "a tier got something before an earlier one was full"
				}
			}
			if got.Unplaced > 0 {
				return "unplaced though there is room"
			}
		}
		start = end
	}
	return ""
}

// randomLarge makes requests of all magnitudes: numbers are uniform in their number of bits.
func randomLarge(r *rand.Rand, n int) (Request, []Target) {
	number := func(bits int) int64 { return r.Int64() >> (63 - r.IntN(bits+1)) }
	maybe := func(bits int) *int64 {
		if r.IntN(3) != 0 {
			return nil
		}
		return pointer(number(bits))
	}
	total, weights, bounded, tiers := 1+r.IntN(60), 1+r.IntN(62), r.IntN(2) == 0, 1+r.IntN(3)
	targets := make([]Target, n)
	for i := range targets {
		targets[i] = Target{Name: fmt.Sprintf("cluster-%d", i), Weight: number(weights), Tier: r.IntN(tiers)}
		if bounded {
			t := &targets[i]
			t.Current, t.Capacity, t.Max, t.NoGrowth = maybe(total), maybe(total), maybe(total), r.IntN(20) == 0
			if t.Current != nil {
				*t.Current /= int64(n)
			}
			if t.Min = number(total) / int64(n) / 2; t.Max != nil {
				t.Min = min(t.Min, *t.Max)
			}
		}
	}
	return Request{Replicas: number(total), Key: fmt.Sprint(r.Uint32()), Rebalance: r.IntN(2) == 0}, targets
}

func TestWeightedIsExactAtAnySize(t *testing.T) {
	r := rand.New(rand.NewPCG(19, 20))
	for round := range 1_500 {
		n := 1 + r.IntN(40)
		if round%20 == 0 {
			n = 1 + r.IntN(1_500)
		}
		req, targets := randomLarge(r, n)
		got, err := Weighted(req, targets)
		require.NoError(t, err)
		for _, check := range []law{lawTitles, lawBounds, lawKeep, lawHouse, lawAgain} {
			if wrong := check(req, targets, got); wrong != "" {
				t.Fatalf("round %d: %s\n%+v", round, wrong, req)
			}
		}
	}
}

// TestWeightedSurvivesExtremes: the largest weights, bounds and totals, together.
func TestWeightedSurvivesExtremes(t *testing.T) {
	for _, weights := range [][]int64{
		{1, 1 << 62, 1 << 62, 1},
		{math.MaxInt64, math.MaxInt64, math.MaxInt64},
		{math.MaxInt64, math.MaxInt64 - 1, 1, 0},
		{math.MaxInt64, 1, 3}, {1 << 60, 1 << 20, 5, 7}, {1 << 40, 1},
		{1}, {0}, {math.MaxInt64}, {3, 2, 2},
	} {
		for _, total := range []int64{0, 1, 2, 79, 1<<53 - 1, 1 << 53, 1<<60 - 1, 1 << 60} {
			for _, most := range []*int64{nil, pointer(0), pointer(1), pointer(1 << 59), pointer(math.MaxInt64)} {
				targets := make([]Target, len(weights))
				for i, w := range weights {
					targets[i] = Target{Name: string(rune('a' + i)), Weight: w}
				}
				for _, runs := range []*int64{nil, pointer(total / 3)} {
					targets[0].Max, targets[len(targets)-1].Current = most, runs
					req := Request{Replicas: total}
					got, err := Weighted(req, targets)
					require.NoError(t, err)
					for _, check := range []law{lawTitles, lawBounds, lawKeep, lawAgain} {
						require.Empty(t, check(req, targets, got), "%v %v\n%s", weights, total, show(targets))
					}
				}
			}
		}
	}
}

// TestQuotaMayBeLeft pins what the package documentation says about quota.
func TestQuotaMayBeLeft(t *testing.T) {
	got, err := Weighted(Request{Replicas: 79}, []Target{
		{Name: "a", Weight: 158}, {Name: "b", Weight: 1}, {Name: "c", Weight: 1}, {Name: "d", Weight: 1},
	})
	require.NoError(t, err)
	require.Equal(t, []int64{79, 0, 0, 0}, shares(got))
	for total := range int64(40) {
		for a := range int64(12) {
			for b := range int64(12) {
				weights, sum := []int64{a, b, 7}, a+b+7
				got, err := Weighted(Request{Replicas: total}, []Target{{Name: "a", Weight: a}, {Name: "b", Weight: b}, {Name: "c", Weight: 7}})
				require.NoError(t, err)
				for i, n := range shares(got) {
					off := n*sum - total*weights[i]
					require.Less(t, max(off, -off), sum, "three targets never leave quota: %v of %d", weights, total)
				}
			}
		}
	}
}

// TestTiesFavourNobody: over many keys, a replica that several equal targets could have falls on each equally often.
func TestTiesFavourNobody(t *testing.T) {
	const keys = 10_000
	for _, n := range []int{2, 3, 5, 10} {
		targets, counts := make([]Target, n), make([]float64, n)
		for i := range targets {
			targets[i] = Target{Name: fmt.Sprintf("cluster-%02d", i), Weight: 1}
		}
		for key := range keys {
			got, err := Weighted(Request{Replicas: 1, Key: fmt.Sprintf("namespace/name-%d", key)}, targets)
			require.NoError(t, err)
			counts[slices.Index(shares(got), 1)]++
		}
		square := 0.0
		for _, c := range counts {
			square += (c - keys/float64(n)) * (c - keys/float64(n)) / (keys / float64(n))
		}
		// Above the 99.9% point of chi-square with 9 degrees of freedom, and of fewer.
		require.Less(t, square, 27.9, "%v", counts)
	}
}

// FuzzWeighted tries numbers of any size on three targets; what Validate takes must keep the laws.
func FuzzWeighted(f *testing.F) {
	f.Add(int64(10), "key", true, int64(1), int64(2), int64(3), int64(1), int64(4), int64(5), int64(6))
	f.Add(int64(1)<<53, "", false, int64(1)<<62, int64(0), int64(1), int64(0), int64(1)<<52, int64(-1), int64(9))
	f.Fuzz(func(t *testing.T, total int64, key string, rebalance bool, w1, w2, w3, low, high, room, runs int64) {
		maybe := func(n int64) *int64 {
			if n < 0 {
				return nil
			}
			return &n
		}
		req := Request{Replicas: total, Key: key, Rebalance: rebalance}
		targets := []Target{
			{Name: "b", Weight: w1, Min: low, Current: maybe(runs)},
			{Name: "a", Weight: w2, Max: maybe(high), Tier: int(w3 % 2)},
			{Name: "c" + key, Weight: w3, Capacity: maybe(room), Current: maybe(high), NoGrowth: low%2 == 1},
		}
		got, err := Weighted(req, targets)
		if err != nil {
			require.ErrorIs(t, err, ErrInvalid)
			require.Error(t, Validate(req, targets))
			return
		}
		require.NoError(t, Validate(req, targets))
		for name, check := range map[string]law{"titles": lawTitles, "bounds": lawBounds, "keep": lawKeep, "again": lawAgain, "order": lawOrder} {
			require.Empty(t, check(req, targets, got), "%s\n%+v\n%s\n%+v", name, req, show(targets), got)
		}
		for _, other := range []Strategy{Packed, Even(nil), Even(map[string]string{"a": "d", "b": "d"})} {
			also, err := other(req, targets)
			require.NoError(t, err)
			require.Empty(t, lawBounds(req, targets, also), "%+v\n%s\n%+v", req, show(targets), also)
			require.Equal(t, got.Unplaced, also.Unplaced)
		}
	})
}
