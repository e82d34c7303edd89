// Package pending holds keys that wait to be looked at, each once.
package pending

import (
	"context"
	"iter"
	"slices"
	"sync"
)

// Set is a first-in first-out set. The zero value is ready. It is safe for concurrent use; adding never waits.
type Set[K comparable] struct {
	mu    sync.Mutex
	keys  map[K]struct{}
	order []K
	wake  chan struct{}
}

// Add puts a key at the end unless it is there, and returns how many there are.
func (s *Set[K]) Add(key K) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.keys[key]; !ok {
		if s.keys == nil {
			s.keys = map[K]struct{}{}
		}
		s.keys[key] = struct{}{}
		s.order = append(s.order, key)
		select {
		case s.signal() <- struct{}{}:
		default:
		}
	}
	return len(s.order)
}

// Has tells whether a key waits.
func (s *Set[K]) Has(key K) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.keys[key]
	return ok
}

// Drop removes the keys for which drop holds.
func (s *Set[K]) Drop(drop func(K) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.order = slices.DeleteFunc(s.order, func(key K) bool {
		if drop(key) {
			delete(s.keys, key)
			return true
		}
		return false
	})
}

// All takes and yields the oldest key, again and again, until ctx ends or the loop does. A key that is added while it
// is looked at waits again. One loop at a time.
func (s *Set[K]) All(ctx context.Context) iter.Seq[K] {
	return func(yield func(K) bool) {
		for ctx.Err() == nil {
			key, wake, ok := s.take()
			if ok {
				if !yield(key) {
					return
				}
				continue
			}
			select {
			case <-wake:
			case <-ctx.Done():
			}
		}
	}
}

func (s *Set[K]) take() (key K, wake <-chan struct{}, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.order) == 0 {
		return key, s.signal(), false
	}
	key = s.order[0]
	s.order = s.order[1:]
	delete(s.keys, key)
	return key, nil, true
}

// signal returns the channel that wakes the loop. The caller holds mu.
func (s *Set[K]) signal() chan struct{} {
	if s.wake == nil {
		s.wake = make(chan struct{}, 1)
	}
	return s.wake
}
