package clusterregistry

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/confed-project/confed/placement"
)

func TestTheZeroRegistryIsReady(t *testing.T) {
	var r Registry[int]
	require.Equal(t, 0, r.Fleet().Len())
	_, err := r.Conn("a")
	requireUnknown(t, err, "a")
	_, _, _, err = r.Lease(t.Context(), "a")
	requireUnknown(t, err, "a")
	requireUnknown(t, r.Update(placement.Cluster{Name: "a"}), "a")
	require.False(t, r.Remove("a"))
	require.ErrorIs(t, r.Put(placement.Cluster{}, 1), placement.ErrInvalid)
	require.Equal(t, 0, r.Fleet().Len())
}

func requireUnknown(t *testing.T, err error, name string) {
	t.Helper()
	require.ErrorIs(t, err, ErrUnknown)
	var unknown *UnknownError
	require.True(t, errors.As(err, &unknown))
	require.Equal(t, name, unknown.Cluster)
}

// TestAgainstAMap drives the registry with random calls beside a plain map.
func TestAgainstAMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	var r Registry[int]
	conns, facts := map[string]int{}, map[string]string{}
	for i := range 3000 {
		name := fmt.Sprintf("ns/%d", rng.IntN(150))
		cluster := placement.Cluster{Name: name, Region: fmt.Sprint(i)}
		_, known := conns[name]
		before := r.Fleet()
		lenBefore := before.Len()
		switch rng.IntN(3) {
		case 0:
			require.NoError(t, r.Put(cluster, i))
			conns[name], facts[name] = i, cluster.Region
		case 1:
			require.Equal(t, known, r.Update(cluster) == nil)
			if known {
				facts[name] = cluster.Region
			}
		case 2:
			require.Equal(t, known, r.Remove(name))
			delete(conns, name)
			delete(facts, name)
		}
		require.Equal(t, lenBefore, before.Len(), "a snapshot changed")
		conn, err := r.Conn(name)
		want, known := conns[name]
		require.Equal(t, known, err == nil)
		require.Equal(t, want, conn)
	}
	got := map[string]string{}
	for c := range r.Fleet().All() {
		got[c.Name] = c.Region
	}
	require.Equal(t, facts, got)
}

func TestPutCopiesTheFacts(t *testing.T) {
	var r Registry[int]
	c := placement.Cluster{Name: "a", Labels: map[string]string{"k": "v"}, Properties: map[string]string{"k": "v"},
		Zones: []string{"z"}, Taints: []placement.Taint{{Key: "t"}}}
	require.NoError(t, r.Put(c, 1))
	c.Labels["k"], c.Properties["k"], c.Zones[0], c.Taints[0].Key = "x", "x", "x", "x"
	got, _ := r.Fleet().Get("a")
	require.Equal(t, placement.Cluster{Name: "a", Labels: map[string]string{"k": "v"}, Properties: map[string]string{"k": "v"},
		Zones: []string{"z"}, Taints: []placement.Taint{{Key: "t"}}}, got)
}

func TestALeaseEndsWithItsConnection(t *testing.T) {
	var r Registry[int]
	a := placement.Cluster{Name: "a"}
	require.NoError(t, r.Put(a, 1))
	lease := func() context.Context {
		ctx, _, _, err := r.Lease(t.Context(), "a")
		require.NoError(t, err)
		return ctx
	}
	first, second := lease(), lease()
	require.NoError(t, r.Update(placement.Cluster{Name: "a", Region: "r"}))
	require.NoError(t, first.Err(), "new facts are not a new connection")
	require.NoError(t, r.Put(a, 2))
	require.Equal(t, ErrGone, context.Cause(first))
	require.Equal(t, ErrGone, context.Cause(second))
	third := lease()
	require.True(t, r.Remove("a"))
	require.Equal(t, ErrGone, context.Cause(third))

	require.NoError(t, r.Put(a, 3))
	ctx, conn, cancel, err := r.Lease(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, 3, conn)
	cancel()
	require.Equal(t, context.Canceled, context.Cause(ctx))
	parent, stop := context.WithCancel(t.Context())
	ctx, _, _, err = r.Lease(parent, "a")
	require.NoError(t, err)
	stop()
	<-ctx.Done()
	require.Eventually(t, func() bool { r.mu.RLock(); defer r.mu.RUnlock(); return len(r.members["a"].leases) == 0 }, longTime, shortTime,
		"ended leases are kept")
}

// TestAChangeComesAfterTheEndOfTheLease: who is told of a new connection and asks its lease learns that it ended, or would
// go on with what is gone.
func TestAChangeComesAfterTheEndOfTheLease(t *testing.T) {
	var r Registry[int]
	a := placement.Cluster{Name: "a"}
	require.NoError(t, r.Put(a, 0))
	puts := make(chan struct{})
	defer close(puts)
	go func() {
		for range puts {
			if err := r.Put(a, 1); err != nil {
				t.Error(err)
			}
		}
	}()
	var lease context.Context
	round := 0
	for range r.Changes(t.Context()) {
		if lease != nil {
			require.Error(t, lease.Err(), "round %d", round)
		}
		if round++; round > 5000 {
			return
		}
		var err error
		lease, _, _, err = r.Lease(t.Context(), "a")
		require.NoError(t, err)
		puts <- struct{}{}
	}
}

func TestChangesBeginWithEveryMember(t *testing.T) {
	var r Registry[int]
	for _, name := range []string{"c", "a", "b"} {
		require.NoError(t, r.Put(placement.Cluster{Name: name}, 1))
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var got []string
	for name := range r.Changes(ctx) {
		got = append(got, name)
		switch len(got) {
		case 3: // each of these shows once, in the order of the first change
			require.True(t, r.Remove("b"))
			require.NoError(t, r.Put(placement.Cluster{Name: "d"}, 1))
			require.NoError(t, r.Put(placement.Cluster{Name: "b"}, 2))
			require.NoError(t, r.Update(placement.Cluster{Name: "d"}))
		case 5:
			cancel()
		}
	}
	require.Equal(t, []string{"a", "b", "c", "b", "d"}, got)
	require.Empty(t, r.listeners)
}

func TestALoopThatStandsStillHoldsOneNameForEachMember(t *testing.T) {
	var r Registry[int]
	require.NoError(t, r.Put(placement.Cluster{Name: "c00"}, 0))
	for range r.Changes(t.Context()) {
		for i := range 1000 {
			require.NoError(t, r.Put(placement.Cluster{Name: fmt.Sprintf("c%02d", i%20)}, i))
		}
		for names := range r.listeners {
			require.Equal(t, 20, names.Add("c00"))
		}
		break
	}
	require.Empty(t, r.listeners)
}

// TestReadersAndWriters is for the race detector: a loop over Changes ends with the same members as the Fleet.
func TestReadersAndWriters(t *testing.T) {
	var r Registry[int]
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen := make(chan map[string]bool)
	go func() {
		last := map[string]bool{}
		for name := range r.Changes(ctx) {
			if name == "end" {
				break
			}
			_, err := r.Conn(name)
			last[name] = err == nil
		}
		maps.DeleteFunc(last, func(_ string, there bool) bool { return !there })
		seen <- last
	}()
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(w), 1))
			for i := range 500 {
				name := fmt.Sprintf("c%d", rng.IntN(30))
				if rng.IntN(2) == 0 {
					r.Remove(name)
				} else if err := r.Put(placement.Cluster{Name: name}, i); err != nil {
					t.Error(err)
				}
				if _, _, cancel, err := r.Lease(ctx, name); err == nil {
					cancel()
				}
				r.Fleet().Len()
			}
		})
	}
	wg.Wait()
	require.NoError(t, r.Put(placement.Cluster{Name: "end"}, 0))
	last := <-seen
	var members []string
	for c := range r.Fleet().All() {
		if c.Name != "end" {
			members = append(members, c.Name)
		}
	}
	require.Equal(t, members, slices.Sorted(maps.Keys(last)))
}

func BenchmarkConn(b *testing.B) {
	r := bigRegistry(b)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := r.Conn("c0500"); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkUpdate(b *testing.B) {
	r := bigRegistry(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Update(placement.Cluster{Name: "c0500", Labels: map[string]string{"a": "b"}}); err != nil {
			b.Fatal(err)
		}
	}
}

func bigRegistry(b *testing.B) *Registry[int] {
	r := &Registry[int]{}
	for i := range 1000 {
		if err := r.Put(placement.Cluster{Name: fmt.Sprintf("c%04d", i), Labels: map[string]string{"a": "b"}}, i); err != nil {
			b.Fatal(err)
		}
	}
	return r
}
