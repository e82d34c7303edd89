package manager

import (
	"hash/fnv"
	"slices"
	"sync"
)

// shares says which objects this replica works on. The zero value means all of them, which is right for one that leads.
//
// Each replica publishes by which set of replicas it divides, its view. It works on an object if rendezvous hashing gives it
// the object by its published view and by who is alive now, and if no other live replica's view gives that one the object.
// It publishes a new view only when nothing is under way any more that the view gives away, and looks at the others' views
// after it has. So of two replicas that could both claim an object, each sees the other's claim or is seen: there is never
// one that two work on, whatever each knows of the others; and once all views are equal each object has exactly one.
type shares struct {
	mu        sync.Mutex
	divided   bool
	self      string
	alive     []string            // now
	published []string            // our view
	views     map[string][]string // of the others that are alive
	told      bool                // the listeners know of who is alive
	underWay  map[string]int
	ended     chan struct{} // closed and renewed when something under way ends
	listeners map[int]func()
	next      int
}

// owner is the replica that rendezvous hashing gives an object; "" of none.
func owner(key string, replicas []string) string {
	var best string
	var most uint64
	for _, r := range replicas {
		if h := score(r, key); best == "" || h > most || h == most && r < best {
			best, most = r, h
		}
	}
	return best
}

func score(replica, key string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(replica + "\x00" + key))
	x := h.Sum64() // FNV alone hardly mixes its last bytes upwards
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// owns says whether we may work on an object. The caller holds mu.
func (s *shares) owns(key string) bool {
	if !s.divided {
		return true
	}
	if owner(key, s.published) != s.self || owner(key, s.alive) != s.self {
		return false
	}
	for replica, view := range s.views {
		if owner(key, view) == replica {
			return false
		}
	}
	return true
}

// begin says whether an object is ours, and that it is worked on until done is called.
func (s *shares) begin(key string) (done func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.owns(key) {
		return nil, false
	}
	if s.underWay == nil {
		s.underWay = map[string]int{}
	}
	s.underWay[key]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.underWay[key]--; s.underWay[key] == 0 {
			delete(s.underWay, key)
		}
		if s.ended != nil {
			close(s.ended)
			s.ended = nil
		}
	}, true
}

// leads says whether this replica speaks for an object that all replicas act on.
func (s *shares) leads(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.owns(key)
}

// narrow takes note of who is alive, and returns nil when nothing is under way that this gives away, else a channel to wait
// for.
func (s *shares) narrow(alive []string) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = s.told && slices.Equal(s.alive, alive)
	s.alive = alive
	for key := range s.underWay {
		if owner(key, alive) != s.self {
			if s.ended == nil {
				s.ended = make(chan struct{})
			}
			return s.ended
		}
	}
	return nil
}

// widen takes what was published and what the others publish, and tells everybody if that changes anything.
func (s *shares) widen(published []string, views map[string][]string) {
	s.mu.Lock()
	// What was turned away while others seemed alive is asked for again, even when they left before we published.
	same := s.told && slices.Equal(s.published, published) && len(s.views) == len(views)
	s.told = true
	for replica, view := range views {
		old, had := s.views[replica]
		same = same && had && slices.Equal(old, view)
	}
	s.published, s.views = published, views
	var tell []func()
	for _, f := range s.listeners {
		tell = append(tell, f)
	}
	s.mu.Unlock()
	if same {
		return
	}
	for _, f := range tell {
		f()
	}
}

// listen calls f whenever shares change, until stop is called. It may ask for looks at everything.
func (s *shares) listen(f func()) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listeners == nil {
		s.listeners = map[int]func(){}
	}
	id := s.next
	s.next++
	s.listeners[id] = f
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.listeners, id)
	}
}
