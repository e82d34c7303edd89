package scheduling

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPackedLaws: those of Weighted that do not speak of weights, and that no fewer targets would do.
func TestPackedLaws(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 8_000 {
		req, targets := randomCase(r)
		divide := func(req Request, targets []Target) Result {
			got, err := Packed(req, targets)
			require.NoError(t, err)
			return got
		}
		before, got := clone(targets), divide(req, targets)
		require.Equal(t, before, targets)
		for _, check := range []law{lawBounds, lawKeep} {
			if wrong := check(req, targets, got); wrong != "" {
				t.Fatalf("%s\n%+v\n%s\n%+v", wrong, req, show(targets), got)
			}
		}
		weighted, err := Weighted(req, targets)
		require.NoError(t, err)
		require.Equal(t, weighted.Unplaced, got.Unplaced, "as much is placed as by weight")
		more := req
		more.Replicas++
		for i, s := range divide(more, targets).Shares {
			require.GreaterOrEqual(t, s.Replicas, got.Shares[i].Replicas, "%+v\n%s", req, show(targets))
		}
		turned := clone(targets)
		slices.Reverse(turned)
		back := divide(req, turned)
		slices.Reverse(back.Shares)
		require.Equal(t, got, back, "the order of the targets does not matter")
		for i := range turned {
			turned[i].Current = pointer(back.Shares[len(back.Shares)-1-i].Replicas)
		}
		require.Equal(t, shares(got), func() []int64 { s := shares(divide(req, turned)); slices.Reverse(s); return s }(), "again\n%+v\n%s", req, show(targets))
		if fewest := fewestTargets(req, targets, got); fewest >= 0 {
			used := len(slices.DeleteFunc(shares(got), func(n int64) bool { return n == 0 }))
			require.Equal(t, fewest, used, "%+v\n%s\n%+v", req, show(targets), got)
		}
	}
}

// fewestTargets is the least number of targets that could hold what was placed, for cases where that is all that counts:
// one tier, every weight above 0, and nothing runs that might have to stay or to be preferred. Otherwise -1.
func fewestTargets(req Request, targets []Target, got Result) int {
	placed, lows := req.Replicas-got.Unplaced, int64(0)
	for i := range targets {
		floor, _, _ := targets[i].limits()
		if lows += floor; targets[i].Tier != targets[0].Tier || targets[i].Weight == 0 || targets[i].running() > 0 {
			return -1
		}
	}
	if lows > req.Replicas {
		return -1
	}
	best := len(targets)
	for set := range 1 << len(targets) {
		room, used := int64(0), 0
		for i := range targets {
			floor, ceiling, _ := targets[i].limits()
			if set>>i&1 != 0 {
				room, used = addSat(room, ceiling), used+1
			} else if floor > 0 {
				room = math.MinInt64
				break
			}
		}
		if room >= placed {
			best = min(best, used)
		}
	}
	return best
}

func TestPackedFillsThoseInUse(t *testing.T) {
	targets := []Target{
		{Name: "large", Weight: 1, Capacity: pointer(100)},
		{Name: "used", Weight: 1, Capacity: pointer(8), Current: pointer(5)},
		{Name: "small", Weight: 1, Capacity: pointer(10)},
	}
	for _, rebalance := range []bool{false, true} {
		got, err := Packed(Request{Replicas: 12, Rebalance: rebalance}, targets)
		require.NoError(t, err)
		require.Equal(t, []Share{{"large", 4, BoundNone}, {"used", 8, BoundCapacity}, {"small", 0, BoundNone}}, got.Shares)
	}
}

// TestEvenLaws: the laws that have a meaning over two levels, domain by domain and target by target.
func TestEvenLaws(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 8_000 {
		req, targets := randomCase(r)
		domains := map[string]string{}
		for _, target := range targets {
			if d := r.IntN(4); d < 3 {
				domains[target.Name] = fmt.Sprint("domain", d)
			}
		}
		divide := func(req Request, targets []Target) Result {
			got, err := Even(domains)(req, targets)
			require.NoError(t, err)
			return got
		}
		before, got := clone(targets), divide(req, targets)
		require.Equal(t, before, targets)
		fail := func(wrong string) { t.Fatalf("%s\n%+v\n%v\n%s\n%+v", wrong, req, domains, show(targets), got) }
		for _, check := range []law{lawBounds, lawKeep} {
			if wrong := check(req, targets, got); wrong != "" {
				fail(wrong)
			}
		}
		weighted, err := Weighted(req, targets)
		require.NoError(t, err)
		require.Equal(t, weighted.Unplaced, got.Unplaced, "as much is placed as by weight")
		more := req
		more.Replicas++
		for i, s := range divide(more, targets).Shares {
			if s.Replicas < got.Shares[i].Replicas {
				fail("one more takes one away from " + s.Name)
			}
		}
		settled := clone(targets)
		slices.Reverse(settled)
		again := divide(req, settled)
		slices.Reverse(again.Shares)
		require.Equal(t, got, again, "the order of the targets does not matter")
		slices.Reverse(settled)
		for i := range settled {
			settled[i].Current = pointer(got.Shares[i].Replicas)
		}
		if again := divide(req, settled); !slices.Equal(shares(again), shares(got)) {
			fail(fmt.Sprintf("then %v", again))
		}
	}
}

// TestEvenDomains: without bounds, domains differ by at most one, whatever the weights within.
func TestEvenDomains(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 2_000 {
		domains, targets := map[string]string{}, []Target(nil)
		for i := range 1 + r.IntN(12) {
			name := fmt.Sprint("t", i)
			domains[name] = fmt.Sprint("d", r.IntN(4))
			targets = append(targets, Target{Name: name, Weight: 1 + r.Int64N(9)})
		}
		got, err := Even(domains)(Request{Replicas: r.Int64N(40), Key: fmt.Sprint(r.Int())}, targets)
		require.NoError(t, err)
		sums := map[string]int64{}
		for _, s := range got.Shares {
			sums[domains[s.Name]] += s.Replicas
		}
		least, most := int64(math.MaxInt64), int64(0)
		for _, n := range sums {
			least, most = min(least, n), max(most, n)
		}
		require.LessOrEqual(t, most-least, int64(1), "%v", sums)
	}
	got, err := Even(nil)(Request{Replicas: 9}, []Target{{Name: "a", Weight: 5}, {Name: "b", Weight: 1}, {Name: "c", Weight: 1}})
	require.NoError(t, err)
	require.Equal(t, []int64{3, 3, 3}, shares(got))
}

// TestStepsLaws walks from anywhere to any division within any budget.
func TestStepsLaws(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for range 8_000 {
		req, targets := randomCase(r)
		for i := range targets {
			targets[i].Current = pointer(r.Int64N(9))
		}
		wanted, err := Weighted(req, targets)
		require.NoError(t, err)
		budget := Budget{Surge: r.Int64N(4), Unavailable: r.Int64N(4)}
		steps, err := Steps(targets, wanted.Shares, budget)
		if budget == (Budget{}) {
			require.ErrorIs(t, err, ErrInvalid)
			continue
		}
		require.NoError(t, err)
		total := req.Replicas - wanted.Unplaced
		now := make([]int64, len(targets))
		for i := range targets {
			now[i] = *targets[i].Current
		}
		count := 0
		for shares := range steps {
			low, high, present := int64(0), int64(0), int64(0)
			for i, s := range shares {
				want, was := wanted.Shares[i].Replicas, now[i]
				require.True(t, was <= s.Replicas && s.Replicas <= want || was >= s.Replicas && s.Replicas >= want, "straight on")
				low, high, present = low+min(was, s.Replicas), high+max(was, s.Replicas), present+was
				now[i] = s.Replicas
			}
			require.LessOrEqual(t, high, max(present, total+budget.Surge))
			require.GreaterOrEqual(t, low, min(present, total-budget.Unavailable))
			count++
			require.Less(t, count, 400, "every step changes something")
		}
		require.Equal(t, shares(wanted), now)
		again := 0
		for range steps {
			again++
		}
		require.Equal(t, count, again, "the sequence can be ranged over again")
	}
}

func TestStepsPutBoundsFirst(t *testing.T) {
	targets := []Target{
		{Name: "crowded", Max: pointer(4), Current: pointer(6)},
		{Name: "missing", Min: 2, Current: pointer(0)},
		{Name: "fewer", Current: pointer(8)},
		{Name: "more", Current: pointer(0)},
	}
	wanted := []Share{{"crowded", 3, ""}, {"missing", 3, ""}, {"fewer", 1, ""}, {"more", 7, ""}}
	steps, err := Steps(targets, wanted, Budget{Surge: 2, Unavailable: 2})
	require.NoError(t, err)
	for first := range steps {
		require.Equal(t, []int64{4, 2, 8, 0}, shares(Result{Shares: first}))
		return
	}
}

func TestStepsRefuse(t *testing.T) {
	one := []Target{{Name: "a", Current: pointer(1)}}
	for name, c := range map[string]struct {
		targets []Target
		wanted  []Share
		budget  Budget
		field   string
	}{
		"unknown current": {[]Target{{Name: "a"}}, []Share{{Name: "a"}}, Budget{Surge: 1}, "Current"},
		"another name":    {one, []Share{{Name: "b"}}, Budget{Surge: 1}, "Shares"},
		"too few":         {one, nil, Budget{Surge: 1}, "Shares"},
		"negative share":  {one, []Share{{"a", -1, ""}}, Budget{Surge: 1}, "Replicas"},
		"negative budget": {one, []Share{{Name: "a"}}, Budget{Surge: 1, Unavailable: -1}, "Budget"},
		"no targets":      {nil, nil, Budget{Surge: 1}, "Targets"},
	} {
		_, err := Steps(c.targets, c.wanted, c.budget)
		var invalid *InvalidError
		require.ErrorAs(t, err, &invalid, name)
		require.Equal(t, c.field, invalid.Field, name)
	}
}

func TestSets(t *testing.T) {
	targets := []Target{{Name: "east", Weight: 1}, {Name: "west", Weight: 1, Capacity: pointer(9)}, {Name: "edge", Weight: 1}}
	parts := []Component{
		{Name: "leader", Count: 1, Room: map[string]int64{"west": 3, "edge": 40}},
		{Name: "worker", Count: 4, Room: map[string]int64{"west": 11, "edge": 3}},
	}
	whole, each, err := Sets(Weighted, Request{Replicas: 6}, targets, parts)
	require.NoError(t, err)
	require.Equal(t, []Share{{"east", 4, BoundNone}, {"west", 2, BoundCapacity}, {"edge", 0, BoundCapacity}}, whole.Shares)
	require.Equal(t, []int64{4, 2, 0}, shares(each[0]))
	require.Equal(t, []int64{16, 8, 0}, shares(each[1]))
	require.Equal(t, pointer(9), targets[1].Capacity, "the caller's targets stay as they were")

	for field, wrong := range map[string]Component{
		"Component": {Count: 1},
		"Count":     {Name: "x"},
		"Room":      {Name: "x", Count: 1, Room: map[string]int64{"edge": -1}},
	} {
		_, _, err := Sets(Weighted, Request{Replicas: 5}, targets, []Component{wrong})
		var invalid *InvalidError
		require.ErrorAs(t, err, &invalid)
		require.Equal(t, field, invalid.Field)
	}
	_, _, err = Sets(nil, Request{Replicas: 5}, targets, parts)
	require.ErrorIs(t, err, ErrInvalid)
	_, _, err = Sets(Weighted, Request{Replicas: 5}, targets, []Component{{Name: "x", Count: math.MaxInt64}})
	require.ErrorIs(t, err, ErrInvalid)
	_, _, err = Sets(Weighted, Request{Replicas: 5}, targets, []Component{{Name: "x", Count: 1}, {Name: "x", Count: 1}})
	require.ErrorIs(t, err, ErrInvalid)
}

// TestSetsStayWhole: every component has its count for every set, and room for it.
func TestSetsStayWhole(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for range 5_000 {
		req, targets := randomCase(r)
		parts := make([]Component, 1+r.IntN(3))
		for i := range parts {
			parts[i] = Component{Name: fmt.Sprint(i), Count: 1 + r.Int64N(4), Room: map[string]int64{}}
			for _, target := range targets {
				if r.IntN(2) == 0 {
					parts[i].Room[target.Name] = r.Int64N(30)
				}
			}
		}
		whole, each, err := Sets(Packed, req, targets, parts)
		require.NoError(t, err)
		for i, c := range parts {
			sum := each[i].Unplaced
			for j, s := range each[i].Shares {
				require.Equal(t, whole.Shares[j].Replicas*c.Count, s.Replicas)
				if room, known := c.Room[s.Name]; known {
					require.LessOrEqual(t, s.Replicas, room)
				}
				sum += s.Replicas
			}
			require.Equal(t, req.Replicas*c.Count, sum)
		}
	}
}

// TestFollowNests: a larger total gives no target less, and the lead's own total gives the lead.
func TestFollowNests(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	for range 5_000 {
		req, targets := randomCase(r)
		lead, err := Weighted(req, targets)
		require.NoError(t, err)
		placed, before := req.Replicas-lead.Unplaced, make([]int64, len(targets))
		for total := range 2*placed + 3 {
			got, err := Follow(Request{Replicas: total, Key: req.Key}, lead.Shares)
			require.NoError(t, err)
			for i, n := range shares(got) {
				require.GreaterOrEqual(t, n, before[i])
			}
			if before = shares(got); total == placed {
				require.Equal(t, shares(lead), before)
			}
		}
	}
}

func TestWeightsFromCapacity(t *testing.T) {
	free := []map[string]int64{{"a": 60, "b": 20, "c": 7}, {"a": 50, "c": 9}}
	targets := []Target{
		{Name: "a", Weight: 10, Current: pointer(10)},
		{Name: "b", Current: pointer(40)},
		{Name: "c", Weight: 8},
		{Name: "d", Weight: 3, Current: pointer(4)},
	}
	weights := func(damping int64) []int64 {
		got, err := WeightsFromCapacity(targets, damping, free...)
		require.NoError(t, err)
		out := make([]int64, len(got))
		for i := range got {
			out[i] = got[i].Weight
		}
		return out
	}
	require.Equal(t, []int64{60, 60, 7, 4}, weights(1))
	require.Equal(t, []int64{22, 60, 7, 4}, weights(4))
	require.Equal(t, int64(10), targets[0].Weight, "the caller's targets stay as they were")
	for range 100 {
		targets, _ = WeightsFromCapacity(targets, 4, free...)
	}
	require.Equal(t, []int64{60, 60, 7, 4}, weights(4), "comes to rest")
	for _, err := range []error{
		func() error { _, err := WeightsFromCapacity(targets, 0); return err }(),
		func() error { _, err := WeightsFromCapacity(nil, 1); return err }(),
		func() error { _, err := WeightsFromCapacity(targets, 1, map[string]int64{"a": -1}); return err }(),
		func() error {
			_, err := WeightsFromCapacity(targets, 1, map[string]int64{"a": math.MaxInt64})
			return err
		}(),
	} {
		require.ErrorIs(t, err, ErrInvalid)
	}
}

// TestWeightsFromCapacityDoNotSwing: two clusters of 100 cores, others use 40 of the second, 100 replicas of one core. What
// leaves out the own use swings between all in one and all in the other.
func TestWeightsFromCapacityDoNotSwing(t *testing.T) {
	targets := []Target{{Name: "a", Weight: 1, Current: pointer(100)}, {Name: "b", Weight: 1, Current: pointer(0)}}
	for round := range 4 {
		free := map[string]int64{"a": 100 - *targets[0].Current, "b": 60 - *targets[1].Current}
		weighted, err := WeightsFromCapacity(targets, 1, free)
		require.NoError(t, err)
		got, err := Weighted(Request{Replicas: 100, Rebalance: true}, weighted)
		require.NoError(t, err)
		require.Equal(t, []int64{63, 37}, shares(got), "round %d", round)
		for i := range targets {
			targets[i] = weighted[i]
			targets[i].Current = pointer(got.Shares[i].Replicas)
		}
	}
}
