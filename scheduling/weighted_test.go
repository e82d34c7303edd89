package scheduling

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A law looks at one division and says what is wrong with it.
type law func(req Request, targets []Target, got Result) string

func laws() map[string]law {
	return map[string]law{
		"twin":       lawTwin,
		"bounds":     lawBounds,
		"keep":       lawKeep,
		"house":      lawHouse,
		"weight":     lawWeight,
		"capacity":   lawCapacity,
		"again":      lawAgain,
		"divisor":    lawDivisor,
		"reasons":    lawReasons,
		"transfer":   lawTransfer,
		"moves":      lawMoves,
		"any order":  lawOrder,
		"scale free": lawScale,
	}
}

func TestWeightedLaws(t *testing.T) {
	for name, check := range laws() {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			for range 8_000 {
				req, targets := randomCase(r)
				holds(t, check, req, targets)
			}
		})
	}
}

// TestWeightedLawsExhaustively goes through every division of up to 5 replicas between two targets whose weight, bounds and
// running replicas are small.
func TestWeightedLawsExhaustively(t *testing.T) {
	var kinds []Target
	for _, weight := range []int64{0, 1, 2} {
		for least := range int64(2) {
			for most := least; most < 4; most++ {
				for runs := range int64(3) {
					kind := Target{Weight: weight, Min: least, Current: pointer(runs), NoGrowth: runs == 2 && weight == 1}
					if most < 3 {
						kind.Max = pointer(most)
					}
					if weight == 2 && runs == 1 {
						kind.Max, kind.Capacity = nil, kind.Max
					}
					kinds = append(kinds, kind)
				}
			}
		}
	}
	all := laws()
	for _, a := range kinds {
		for _, b := range kinds {
			a.Name, b.Name = "a", "b"
			for total := range int64(6) {
				for _, check := range all {
					holds(t, check, Request{Replicas: total, Key: "k", Rebalance: (a.Weight+total)%2 == 0}, []Target{a, b})
				}
			}
		}
	}
}

func holds(t *testing.T, check law, req Request, targets []Target) {
	t.Helper()
	before := clone(targets)
	got, err := Weighted(req, targets)
	require.NoError(t, err)
	if wrong := check(req, targets, got); wrong != "" {
		t.Fatalf("%s\n%+v\n%s\n%+v", wrong, req, show(targets), got)
	}
	require.Equal(t, before, targets, "arguments stay as they were")
}

func lawTwin(req Request, targets []Target, got Result) string {
	want, left := slow(req, targets)
	if !slices.Equal(want, shares(got)) || left != got.Unplaced {
		return fmt.Sprintf("want %v and %d", want, left)
	}
	return ""
}

// lawBounds: shares and Unplaced add up; no share is above its ceiling, nor below its floor when the floors fit.
func lawBounds(req Request, targets []Target, got Result) string {
	sum, lows, running := got.Unplaced, int64(0), int64(0)
	for i := range targets {
		floor, _, keep := targets[i].limits()
		sum += got.Shares[i].Replicas
		running += keep
		if lows += floor; !req.Rebalance {
			lows += max(floor, keep) - floor
		}
	}
	if sum != req.Replicas || got.Unplaced < 0 {
		return "does not add up"
	}
	for i := range targets {
		floor, ceiling, keep := targets[i].limits()
		n := got.Shares[i].Replicas
		if !req.Rebalance {
			floor = max(floor, keep)
		}
		if got.Shares[i].Name != targets[i].Name || n < 0 || n > ceiling || lows <= req.Replicas && n < floor {
			return "out of bounds: " + targets[i].Name
		}
	}
	if !req.Rebalance && req.Replicas-got.Unplaced < min(req.Replicas, running) {
		return "less than what runs"
	}
	return ""
}

// lawKeep: without Rebalance no target falls below what it keeps while another rises above what it has.
func lawKeep(req Request, targets []Target, got Result) string {
	fell, rose := false, false
	for i := range targets {
		_, _, keep := targets[i].limits()
		fell = fell || got.Shares[i].Replicas < keep
		rose = rose || got.Shares[i].Replicas > targets[i].running()
	}
	if !req.Rebalance && fell && rose {
		return "moves"
	}
	return ""
}

// lawHouse: one more replica takes none away.
func lawHouse(req Request, targets []Target, got Result) string {
	req.Replicas++
	more, _ := Weighted(req, targets)
	for i := range targets {
		if more.Shares[i].Replicas < got.Shares[i].Replicas {
			return fmt.Sprintf("one more gives %v", shares(more))
		}
	}
	return ""
}

// lawWeight: a larger weight lowers neither its own share nor raises another's.
func lawWeight(req Request, targets []Target, got Result) string {
	for i := range targets {
		heavy := clone(targets)
		heavy[i].Weight += 1 + int64(i)
		more, _ := Weighted(req, heavy)
		for j := range targets {
			if a, b := got.Shares[j].Replicas, more.Shares[j].Replicas; i == j && b < a || i != j && b > a {
				return fmt.Sprintf("a heavier %s gives %v", targets[i].Name, shares(more))
			}
		}
	}
	return ""
}

// lawCapacity: more capacity lowers neither its own share nor the total.
func lawCapacity(req Request, targets []Target, got Result) string {
	for i := range targets {
		if targets[i].Capacity == nil {
			continue
		}
		roomy := clone(targets)
		roomy[i].Capacity = pointer(*targets[i].Capacity + 1)
		more, _ := Weighted(req, roomy)
		if more.Shares[i].Replicas < got.Shares[i].Replicas || more.Unplaced > got.Unplaced {
			return fmt.Sprintf("a larger %s gives %v", targets[i].Name, shares(more))
		}
	}
	return ""
}

// lawAgain: dividing again from the result changes nothing.
func lawAgain(req Request, targets []Target, got Result) string {
	settled := clone(targets)
	for i := range settled {
		settled[i].Current = pointer(got.Shares[i].Replicas)
	}
	again, _ := Weighted(req, settled)
	if !slices.Equal(shares(again), shares(got)) {
		return fmt.Sprintf("then %v", shares(again))
	}
	return ""
}

// lawDivisor: all shares that nothing bounds are round(weight·λ) for one λ.
func lawDivisor(_ Request, targets []Target, got Result) string {
	for i, a := range got.Shares {
		for j, b := range got.Shares {
			if a.Bound == BoundNone && b.Bound == BoundNone && (2*a.Replicas-1)*targets[j].Weight > (2*b.Replicas+1)*targets[i].Weight {
				return "no common divisor for " + a.Name + b.Name
			}
		}
	}
	return ""
}

// lawReasons: a share that a bound stopped grows when that target's bounds go, and one that follows its weight does not.
func lawReasons(req Request, targets []Target, got Result) string {
	for i, s := range got.Shares {
		floor, ceiling, keep := targets[i].limits()
		if s.Bound == BoundKept && s.Replicas > keep || s.Bound == BoundMin && s.Replicas > floor || s.Bound == BoundTier && s.Replicas != 0 {
			return "wrong reason for " + s.Name
		}
		if targets[i].running() > ceiling || targets[i].Min > ceiling {
			continue
		}
		free := clone(targets)
		free[i].Max, free[i].Capacity, free[i].NoGrowth = nil, nil, false
		more, _ := Weighted(req, free)
		grows := more.Shares[i].Replicas > s.Replicas
		switch s.Bound {
		case BoundMax, BoundCapacity, BoundNoGrowth:
			if !grows {
				return "no bound stopped " + s.Name
			}
		default:
			if grows {
				return "a bound stopped " + s.Name
			}
		}
	}
	return ""
}

// lawTransfer: without bounds, no transfer of one replica between two targets brings both nearer to their quotas.
func lawTransfer(req Request, targets []Target, _ Result) string {
	bare, sum := make([]Target, len(targets)), int64(0)
	for i, t := range targets {
		bare[i] = Target{Name: t.Name, Weight: t.Weight}
		sum += t.Weight
	}
	got, _ := Weighted(req, bare)
	off := func(i int, n int64) int64 {
		return max(n*sum-req.Replicas*bare[i].Weight, req.Replicas*bare[i].Weight-n*sum)
	}
	for i, a := range got.Shares {
		for j, b := range got.Shares {
			if i != j && off(i, a.Replicas-1) < off(i, a.Replicas) && off(j, b.Replicas+1) < off(j, b.Replicas) {
				return fmt.Sprintf("%s should give one to %s: %v", a.Name, b.Name, shares(got))
			}
		}
	}
	return ""
}

// lawMoves: with Rebalance no equally fair division moves fewer replicas.
func lawMoves(req Request, targets []Target, got Result) string {
	lows, total := int64(0), req.Replicas-got.Unplaced
	for i := range targets {
		floor, _, _ := targets[i].limits()
		if lows += floor; targets[i].Tier != targets[0].Tier {
			return ""
		}
	}
	if !req.Rebalance || lows > req.Replicas || len(targets) > 4 || total > 16 {
		return ""
	}
	least := moves(targets, shares(got))
	other, wrong := make([]int64, len(targets)), ""
	var visit func(i int, left int64)
	visit = func(i int, left int64) {
		if i == len(targets) {
			if left == 0 && fair(targets, other) && moves(targets, other) < least {
				wrong = fmt.Sprintf("%v moves fewer", other)
			}
			return
		}
		floor, ceiling, _ := targets[i].limits()
		for n := floor; n <= min(ceiling, left); n++ {
			other[i] = n
			visit(i+1, left-n)
		}
	}
	visit(0, total)
	return wrong
}

// fair says whether nobody has a replica to which another within its bounds has the better title.
func fair(targets []Target, n []int64) bool {
	for i := range targets {
		for j := range targets {
			floor, _, _ := targets[i].limits()
			_, ceiling, _ := targets[j].limits()
			if n[i] > floor && n[j] < ceiling && targets[i].Weight*(2*n[j]+1) < targets[j].Weight*(2*n[i]-1) ||
				n[i] > floor && targets[i].Weight == 0 {
				return false
			}
		}
	}
	return true
}

func moves(targets []Target, n []int64) (sum int64) {
	for i := range targets {
		sum += max(n[i]-targets[i].running(), targets[i].running()-n[i])
	}
	return sum
}

// lawOrder: the order of the targets does not matter.
func lawOrder(req Request, targets []Target, got Result) string {
	turned, want := clone(targets), slices.Clone(got.Shares)
	slices.SortFunc(turned, func(a, b Target) int { return strings.Compare(b.Name, a.Name) })
	slices.SortFunc(want, func(a, b Share) int { return strings.Compare(b.Name, a.Name) })
	other, _ := Weighted(req, turned)
	if !slices.Equal(other.Shares, want) {
		return fmt.Sprintf("in another order %v", other.Shares)
	}
	return ""
}

// lawScale: only the proportions of the weights matter.
func lawScale(req Request, targets []Target, got Result) string {
	large := clone(targets)
	for i := range large {
		large[i].Weight *= 1<<62/157 + 1 - 3
	}
	other, _ := Weighted(req, large)
	if !slices.Equal(other.Shares, got.Shares) {
		return fmt.Sprintf("with large weights %v", other.Shares)
	}
	return ""
}

func pointer(n int64) *int64 { return &n }

func clone(targets []Target) []Target {
	out := slices.Clone(targets)
	for i := range out {
		for _, p := range []**int64{&out[i].Max, &out[i].Capacity, &out[i].Current} {
			if *p != nil {
				*p = pointer(**p)
			}
		}
	}
	return out
}

func shares(r Result) []int64 {
	out := make([]int64, len(r.Shares))
	for i, s := range r.Shares {
		out[i] = s.Replicas
	}
	return out
}
