package scheduling

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// world is a set of targets with true capacities that nobody is told.
type world struct {
	divide  Strategy
	req     Request
	targets []Target
	room    []int64
	memory  Memory
	probes  []int // rounds in which that happened
}

// round divides, lets the world run what fits, and observes. It returns the shares.
func (w *world) round(t *testing.T, now time.Time) []int64 {
	bounded, _ := w.memory.At(now, w.targets)
	got, err := w.divide(w.req, bounded)
	require.NoError(t, err)
	var seen []Sighting
	for i, s := range got.Shares {
		runs := min(s.Replicas, w.room[i])
		w.targets[i].Current = &runs
		seen = append(seen, Sighting{Target: s.Name, Running: runs, Unschedulable: s.Replicas - runs})
		if s.Replicas > runs {
			w.probes[i]++
		}
	}
	w.memory, err = w.memory.Observe(now, seen...)
	require.NoError(t, err)
	return shares(got)
}

func randomWorld(r *rand.Rand) *world {
	n := 1 + r.IntN(6)
	divide := []Strategy{Weighted, Packed, Even(map[string]string{"a": "x", "b": "x", "c": "y"})}[r.IntN(3)]
	w := &world{divide: divide, req: Request{Rebalance: r.IntN(2) == 0, Key: string(rune('a' + r.IntN(9)))}, probes: make([]int, n)}
	total := int64(0)
	for i := range n {
		w.targets = append(w.targets, Target{Name: string(rune('a' + i)), Weight: 1 + r.Int64N(4), Min: r.Int64N(3)})
		w.room = append(w.room, r.Int64N(12))
		total += w.room[i]
	}
	w.req.Replicas = r.Int64N(total + 1)
	return w
}

// TestMemorySettles: with true capacities that suffice, everything runs after at most one round more than there are targets.
func TestMemorySettles(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	now := time.Unix(0, 0)
	for range 8_000 {
		w := randomWorld(r)
		var last []int64
		for range len(w.targets) + 1 {
			now = now.Add(time.Second)
			last = w.round(t, now)
		}
		require.Equal(t, last, w.round(t, now))
		running := int64(0)
		for _, target := range w.targets {
			running += *target.Current
		}
		require.Equal(t, w.req.Replicas, running)
	}
}

// TestMemoryProbesOncePerPeriod: after a limit ran out, a full target is tried at most once in each period.
func TestMemoryProbesOncePerPeriod(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 18))
	probed := 0
	for range 800 {
		w := randomWorld(r)
		w.memory.Period = time.Minute
		now := time.Unix(0, 0)
		for range len(w.targets) + 1 {
			w.round(t, now)
		}
		clear(w.probes)
		const periods = 5
		for range periods * 60 {
			now = now.Add(time.Second)
			w.round(t, now)
		}
		for i := range w.probes {
			require.LessOrEqual(t, w.probes[i], periods)
			probed += w.probes[i]
		}
	}
	require.Positive(t, probed, "limits do run out")
}

// TestMemoryFindsGrowth: a cluster that grew is used again, at a growing pace; one that was never asked is forgotten.
func TestMemoryFindsGrowth(t *testing.T) {
	w := &world{
		divide:  Weighted,
		req:     Request{Replicas: 40, Rebalance: true},
		targets: []Target{{Name: "a", Weight: 1}, {Name: "b", Weight: 1}},
		room:    []int64{3, 100}, probes: make([]int, 2), memory: Memory{Period: time.Minute},
	}
	now := time.Unix(0, 0)
	w.round(t, now)
	require.Equal(t, []int64{3, 37}, w.round(t, now))
	w.room[0] = 100
	var grown []int64
	for range 6 {
		now = now.Add(time.Minute)
		grown = append(grown, w.round(t, now)[0], w.round(t, now)[0])
	}
	require.Equal(t, []int64{4, 4, 6, 6, 10, 10, 18, 18, 20, 20, 20, 20}, grown)

	memory, err := Memory{Period: time.Minute}.Observe(now, Sighting{"a", 3, 2})
	require.NoError(t, err)
	var bounds []int64
	for range 11 {
		bounded, next := memory.At(now, []Target{{Name: "a"}})
		if bounded[0].Capacity == nil {
			require.Zero(t, next)
			break
		}
		bounds = append(bounds, *bounded[0].Capacity)
		require.Equal(t, now.Add(time.Minute), next)
		now = next
	}
	require.Equal(t, []int64{3, 4, 5, 7, 11, 19, 35, 67, 131, 259}, bounds)
	memory, err = memory.Observe(now)
	require.NoError(t, err)
	require.Empty(t, memory.Limits)
}

func TestMemoryIsAValue(t *testing.T) {
	now := time.Unix(100, 0).UTC()
	first, err := Memory{}.Observe(now, Sighting{"b", 2, 1}, Sighting{"a", 5, 0}, Sighting{"c", 0, 9})
	require.NoError(t, err)
	require.Equal(t, []Limit{{"b", 2, now.Add(10 * time.Minute), 1}, {"c", 0, now.Add(10 * time.Minute), 1}}, first.Limits)
	kept := slices.Clone(first.Limits)
	_, err = first.Observe(now.Add(time.Hour), Sighting{"a", 1, 1}, Sighting{"b", 9, 0})
	require.NoError(t, err)
	require.Equal(t, kept, first.Limits, "the receiver stays as it was")

	text, err := json.Marshal(first)
	require.NoError(t, err)
	var back Memory
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, first, back)

	targets := []Target{{Name: "b", Capacity: pointer(1)}, {Name: "c"}, {Name: "d"}}
	bounded, next := first.At(now, targets)
	require.Equal(t, []Target{{Name: "b", Capacity: pointer(1)}, {Name: "c", Capacity: pointer(0)}, {Name: "d"}}, bounded)
	require.Equal(t, now.Add(10*time.Minute), next)
	require.Nil(t, targets[1].Capacity)
	for _, wrong := range []Sighting{{"", 1, 1}, {"a", -1, 1}, {"a", 1, -1}} {
		_, err := first.Observe(now, wrong)
		require.ErrorIs(t, err, ErrInvalid)
	}
}
