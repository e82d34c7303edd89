package clusterregistry

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/confed-project/confed/internal/pending"
	"github.com/confed-project/confed/placement"
)

// ErrUnknown means that the Registry has no member of that name.
var ErrUnknown = errors.New("unknown cluster")

// ErrGone is the cause with which the context of Lease ends when the member was removed or its connection replaced.
var ErrGone = errors.New("the connection to the cluster was removed or replaced")

// UnknownError is an ErrUnknown with the name.
type UnknownError struct{ Cluster string }

// Error names the cluster.
func (e *UnknownError) Error() string { return fmt.Sprintf("%v %q", ErrUnknown, e.Cluster) }

// Unwrap returns ErrUnknown.
func (e *UnknownError) Unwrap() error { return ErrUnknown }

// Registry keeps the members: the facts, as a Fleet, and a connection to each. The zero value is ready. It is safe for
// concurrent use; nothing in it dials, and nobody waits for anything but another call's few map accesses.
//
// A Registry[federation.ClusterClient]'s method Conn is a federation.Clients.
type Registry[Conn any] struct {
	fleet atomic.Pointer[placement.Fleet]

	mu        sync.RWMutex
	members   map[string]*member[Conn]
	listeners map[*pending.Set[string]]struct{} // one for each loop over Changes
}

// member is one connection. Its leases are guarded by Registry.mu.
type member[Conn any] struct {
	conn   Conn
	leases map[*context.CancelCauseFunc]struct{}
}

// Put adds a member, or replaces it: contexts from Lease over the old connection end. An empty name is a
// placement.FieldError. The cluster is copied.
func (r *Registry[Conn]) Put(cluster placement.Cluster, conn Conn) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.publish(cluster); err != nil {
		return err
	}
	if r.members == nil {
		r.members = map[string]*member[Conn]{}
	}
	r.members[cluster.Name].end()
	r.members[cluster.Name] = &member[Conn]{conn: conn}
	r.tell(cluster.Name)
	return nil
}

// Update replaces the facts about a member and keeps its connection. A name that the Registry does not have is an
// UnknownError.
func (r *Registry[Conn]) Update(cluster placement.Cluster) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.members[cluster.Name] == nil {
		return &UnknownError{cluster.Name}
	}
	if err := r.publish(cluster); err != nil {
		return err
	}
	r.tell(cluster.Name)
	return nil
}

// Remove forgets a member and tells whether there was one. Contexts from Lease over its connection end.
func (r *Registry[Conn]) Remove(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	m, ok := r.members[name]
	if !ok {
		return false
	}
	m.end()
	delete(r.members, name)
	r.fleet.Store(r.fleet.Load().Without(name))
	r.tell(name)
	return true
}

// Conn returns the connection to a member, or an UnknownError.
func (r *Registry[Conn]) Conn(name string) (Conn, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if m := r.members[name]; m != nil {
		return m.conn, nil
	}
	var none Conn
	return none, &UnknownError{name}
}

// Lease returns the connection to a member and a context that ends with ctx, with the cause ErrGone when the member is
// removed or its connection replaced, and when cancel is called. A member that was removed and joined again under its
// name is another one, and the lease of the first has ended.
func (r *Registry[Conn]) Lease(ctx context.Context, name string) (leased context.Context, conn Conn, cancel context.CancelFunc, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.members[name]
	if m == nil {
		return nil, conn, nil, &UnknownError{name}
	}
	leased, end := context.WithCancelCause(ctx)
	if m.leases == nil {
		m.leases = map[*context.CancelCauseFunc]struct{}{}
	}
	m.leases[&end] = struct{}{}
	context.AfterFunc(leased, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(m.leases, &end)
	})
	return leased, m.conn, func() { end(context.Canceled) }, nil
}

// Fleet returns the facts about all members at this moment. It never waits.
func (r *Registry[Conn]) Fleet() *placement.Fleet { return r.fleet.Load() }

// Changes yields the name of every member, and then each name whenever it was put, updated or removed since it was
// last yielded, until ctx ends or the loop does. However often a member changes, a slow loop sees it once: what it is
// now, Fleet, Conn and Lease tell. A loop that stands still delays nobody and holds at most one name for each member.
func (r *Registry[Conn]) Changes(ctx context.Context) iter.Seq[string] {
	return func(yield func(string) bool) {
		names := &pending.Set[string]{}
		r.mu.Lock()
		for _, name := range slices.Sorted(maps.Keys(r.members)) {
			names.Add(name)
		}
		if r.listeners == nil {
			r.listeners = map[*pending.Set[string]]struct{}{}
		}
		r.listeners[names] = struct{}{}
		r.mu.Unlock()
		defer func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			delete(r.listeners, names)
		}()
		names.All(ctx)(yield)
	}
}

// publish puts a copy of the facts into the Fleet. The caller holds mu.
func (r *Registry[Conn]) publish(c placement.Cluster) error {
	c.Labels, c.Properties = maps.Clone(c.Labels), maps.Clone(c.Properties)
	c.Taints, c.Zones = slices.Clone(c.Taints), slices.Clone(c.Zones)
	fleet, err := r.fleet.Load().With(c)
	if err != nil {
		return err
	}
	r.fleet.Store(fleet)
	return nil
}

// tell comes last: who hears of a change must find leases over the old connection ended.
func (r *Registry[Conn]) tell(name string) {
	for names := range r.listeners {
		names.Add(name)
	}
}

func (m *member[Conn]) end() {
	if m == nil {
		return
	}
	for cancel := range m.leases {
		(*cancel)(ErrGone)
	}
}
