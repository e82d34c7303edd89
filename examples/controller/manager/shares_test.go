package manager

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// fakeReplica goes through the rounds of a replica one request at a time, so that a test can interleave them.
type fakeReplica struct {
	shares
	step  int
	alive []string
	view  []string
	held  map[string]func()
}

// leases are what replicas publish.
type leases struct {
	alive map[string]bool
	views map[string][]string
}

func (l *leases) read(self string) (alive []string, views map[string][]string) {
	views = map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(l.alive)) {
		alive = append(alive, name)
		if name != self {
			views[name] = slices.Clone(l.views[name])
		}
	}
	return alive, views
}

// next is one request of round: read, publish, or read again.
func (r *fakeReplica) next(l *leases) {
	switch r.step {
	case 0:
		r.alive, _ = l.read(r.self)
		r.view = r.alive
		if r.narrow(r.alive) != nil {
			r.view = r.published
		}
	case 1:
		l.views[r.self] = r.view
	case 2:
		_, views := l.read(r.self)
		r.widen(r.view, views)
	}
	r.step = (r.step + 1) % 3
}

// TestNoObjectIsWorkedOnByTwo plays random lives of replicas: they come, go when they are known to be dead, are slow, and
// work. Whatever the order, no object is under way in two, and when all is quiet each has one.
func TestNoObjectIsWorkedOnByTwo(t *testing.T) {
	keys := make([]string, 30)
	for i := range keys {
		keys[i] = fmt.Sprint("ns/", i)
	}
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		l := &leases{alive: map[string]bool{}, views: map[string][]string{}}
		replicas := map[string]*fakeReplica{}
		names := []string{"a", "b", "c", "d", "e"}
		holder := map[string]string{}
		for range 400 {
			name := names[rnd.IntN(len(names))]
			r := replicas[name]
			switch {
			case r == nil:
				r = &fakeReplica{held: map[string]func(){}}
				r.divided, r.self = true, name
				replicas[name], l.alive[name], l.views[name] = r, true, nil
			case rnd.IntN(40) == 0: // dead: its fence is closed before the others know
				for key := range r.held {
					delete(holder, key)
				}
				delete(replicas, name)
				delete(l.alive, name)
				delete(l.views, name)
			case rnd.IntN(3) > 0:
				r.next(l)
			default:
				key := keys[rnd.IntN(len(keys))]
				if done := r.held[key]; done != nil {
					done()
					delete(r.held, key)
					delete(holder, key)
				} else if done, ok := r.begin(key); ok {
					require.Empty(t, holder[key], "seed %d: %s has %s already, and %s begins", seed, holder[key], key, name)
					holder[key] = name
					r.held[key] = done
				}
			}
		}
		for _, r := range replicas {
			for _, done := range r.held {
				done()
			}
		}
		for range 3 * 3 {
			for _, name := range slices.Sorted(maps.Keys(replicas)) {
				replicas[name].next(l)
			}
		}
		for _, key := range keys {
			n := 0
			for _, r := range replicas {
				if r.leads(key) {
					n++
				}
			}
			require.Equal(t, 1, n, "seed %d: %s", seed, key)
		}
	}
}

func TestSharesAreEven(t *testing.T) {
	replicas := []string{"a", "b", "c"}
	count := map[string]int{}
	moved := 0
	for i := range 3000 {
		key := fmt.Sprint("ns/", i)
		count[owner(key, replicas)]++
		if owner(key, replicas) != "c" && owner(key, replicas) != owner(key, replicas[:2]) {
			moved++
		}
	}
	for _, r := range replicas {
		require.InDelta(t, 1000, count[r], 150, r)
	}
	require.Zero(t, moved, "what a replica that stays has does not move")
	require.Empty(t, owner("x", nil))
}

func TestOneThatLeadsHasAll(t *testing.T) {
	var s shares
	done, ok := s.begin("x")
	require.True(t, ok)
	done()
	require.True(t, s.leads("y"))
	told := 0
	stop := s.listen(func() { told++ })
	s.widen([]string{"a"}, map[string][]string{"b": nil})
	s.widen([]string{"a"}, map[string][]string{"b": nil})
	require.Equal(t, 1, told)
	stop()
	s.widen([]string{"a"}, nil)
	require.Equal(t, 1, told)
}

// TestAskedAgainForWhatWasTurnedAway holds the listeners to hear of one who came and left before it was told of.
func TestAskedAgainForWhatWasTurnedAway(t *testing.T) {
	s := shares{divided: true, self: "a"}
	told := 0
	defer s.listen(func() { told++ })()
	round := func(alive ...string) {
		require.Nil(t, s.narrow(alive))
		s.widen([]string{"a"}, map[string][]string{})
	}
	round("a")
	round("a")
	require.Equal(t, 1, told)
	require.Nil(t, s.narrow([]string{"a", "b"})) // and our view could not be published
	key := ""
	for i := 0; owner(key, []string{"a", "b"}) != "b"; i++ {
		key = fmt.Sprint("ns/", i)
	}
	_, ok := s.begin(key)
	require.False(t, ok)
	round("a")
	require.Equal(t, 2, told)
	round("a")
	require.Equal(t, 2, told)
}
