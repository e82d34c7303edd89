package kube

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/tools/cache"
)

// ErrNotSynced means that a cache does not know yet, or not any more, what its member holds.
var ErrNotSynced = errors.New("the cache is not in step with the cluster")

// packed is one cached object: its JSON, for a Deployment a seventh of the decoded form. As a metav1.Object it has a
// name only, which is what a store of client-go asks for.
type packed struct {
	metav1.Object
	name    types.NamespacedName
	version string // resource version
	data    []byte
	ahead   time.Time // when we wrote it, as long as the watch has not shown it; else zero
}

// aheadFor is how long a write of ours is believed against an older watch. After that something else happened: a backup
// was restored, and versions count again from an earlier one.
const aheadFor = time.Minute

// protects tells whether old, which we wrote, is later than a version that the watch shows.
func (m *mirror) protects(old *packed, version string) bool {
	return old != nil && m.now().Sub(old.ahead) < aheadFor && newer(old.version, version)
}

func (p *packed) GetName() string            { return p.name.Name }
func (p *packed) GetNamespace() string       { return p.name.Namespace }
func (p *packed) GetResourceVersion() string { return p.version }

func (p *packed) unpack() (*unstructured.Unstructured, error) {
	obj := &unstructured.Unstructured{}
	return obj, utiljson.Unmarshal(p.data, &obj.Object)
}

// pack takes what a watch delivers: unstructured objects, metadata, or what is packed already.
func (m *mirror) pack(obj any) (any, error) {
	switch o := obj.(type) {
	case *packed:
		return o, nil
	case *metav1.PartialObjectMetadata:
		o.SetGroupVersionKind(m.kind.GroupVersionKind)
		data, err := json.Marshal(o)
		return &packed{name: nameOf(o), version: o.ResourceVersion, data: data}, err
	case *unstructured.Unstructured:
		if m.kind.MetadataOnly {
			o = &unstructured.Unstructured{Object: map[string]any{"apiVersion": o.GetAPIVersion(), "kind": o.GetKind(), "metadata": o.Object["metadata"]}}
		}
		data, err := o.MarshalJSON()
		return &packed{name: nameOf(o), version: o.GetResourceVersion(), data: data}, err
	}
	return nil, fmt.Errorf("a watch delivered a %T", obj)
}

// mirror is what one member holds of one kind, as far as the watch and our own writes tell.
type mirror struct {
	kind     CachedKind
	selector labels.Selector
	now      func() time.Time
	changed  func(*types.NamespacedName) // nil: everything may have changed

	mu     sync.RWMutex
	items  map[types.NamespacedName]*packed
	synced bool
	shown  string    // the resource version up to which list and watch have shown everything
	err    error     // of the last list or watch, if that failed
	since  time.Time // when the first of the failures in a row happened
}

// get returns the object, nil when there is none, or why that is unknown.
func (m *mirror) get(name types.NamespacedName, stale time.Duration) (*packed, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if err := m.unknown(stale); err != nil {
		return nil, err
	}
	return m.items[name], nil
}

// names returns the names of what is held, of one namespace or all, or why that is unknown.
func (m *mirror) names(namespace string, stale time.Duration) ([]types.NamespacedName, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if err := m.unknown(stale); err != nil {
		return nil, err
	}
	var out []types.NamespacedName
	for name := range m.items {
		if namespace == "" || name.Namespace == namespace {
			out = append(out, name)
		}
	}
	return out, nil
}

// unknown says why the mirror cannot be believed. The caller holds mu.
func (m *mirror) unknown(stale time.Duration) error {
	noKind := meta.IsNoMatchError(m.err)
	switch {
	case m.err != nil && (noKind || !m.synced || m.now().Sub(m.since) > stale):
		if noKind {
			return m.err
		}
		return fmt.Errorf("%w: %s: %w", ErrNotSynced, m.kind.Kind, m.err)
	case !m.synced:
		return fmt.Errorf("%w: %s", ErrNotSynced, m.kind.Kind)
	}
	return nil
}

// noted remembers how the last request ended.
func (m *mirror) noted(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil && m.err == nil {
		m.since = m.now()
	}
	m.err = err
}

// wrote takes the answer to a write of ours, so that who writes and looks again sees it. An object that the watch does
// not select any more is dropped, since the watch will report it deleted; that is told now, since it will be gone then.
// What the watch has come past is known better from there: the object may have been deleted or selected again since.
func (m *mirror) wrote(obj *unstructured.Unstructured) {
	var p *packed
	if m.selector.Matches(labels.Set(obj.GetLabels())) {
		o, err := m.pack(obj)
		if err != nil {
			return
		}
		p = o.(*packed)
		p.ahead = m.now()
	}
	name, version := nameOf(obj), obj.GetResourceVersion()
	m.mu.Lock()
	old := m.items[name]
	fresh := false
	switch {
	case m.shown == version || newer(m.shown, version):
	case p == nil:
		fresh = old != nil
		delete(m.items, name)
	case old == nil || newer(version, old.version):
		fresh = true
		m.items[name] = p
	}
	m.mu.Unlock()
	if fresh {
		m.changed(&name)
	}
}

// Add, Update, Delete, Replace, Resync and Transformer are what a cache.Reflector feeds.
func (m *mirror) Add(obj any) error { return m.Update(obj) }

// Update puts an object unless we wrote a newer one.
func (m *mirror) Update(obj any) error {
	o, err := m.pack(obj)
	if err != nil {
		return err
	}
	p := o.(*packed)
	m.mu.Lock()
	m.shown = p.version
	old := m.items[p.name]
	fresh := old == nil || old.version != p.version
	if m.protects(old, p.version) {
		fresh = false
	} else {
		m.items[p.name] = p
	}
	m.mu.Unlock()
	if fresh {
		m.changed(&p.name)
	}
	return nil
}

// Delete drops an object unless it was written after that deletion.
func (m *mirror) Delete(obj any) error {
	o, err := meta.Accessor(obj)
	if err != nil {
		return err
	}
	name := nameOf(o)
	m.mu.Lock()
	m.shown = o.GetResourceVersion()
	old := m.items[name]
	gone := old != nil && !m.protects(old, o.GetResourceVersion())
	if gone {
		delete(m.items, name)
	}
	m.mu.Unlock()
	if gone {
		m.changed(&name)
	}
	return nil
}

// Replace takes a list, but keeps what we wrote after it was made.
func (m *mirror) Replace(list []any, version string) error {
	next := make(map[types.NamespacedName]*packed, len(list))
	for _, obj := range list {
		o, err := m.pack(obj)
		if err != nil {
			return err
		}
		p := o.(*packed)
		next[p.name] = p
	}
	m.mu.Lock()
	first := !m.synced
	var changed []types.NamespacedName
	for name, old := range m.items {
		p := next[name]
		switch {
		case m.protects(old, version):
			next[name] = old
		case p == nil || p.version != old.version:
			changed = append(changed, name)
		}
	}
	for name := range next {
		if m.items[name] == nil {
			changed = append(changed, name)
		}
	}
	m.items, m.synced, m.shown, m.err = next, true, version, nil
	m.mu.Unlock()
	if first {
		m.changed(nil)
		return nil
	}
	for _, name := range changed {
		m.changed(&name)
	}
	return nil
}

// Resync does nothing: nobody needs a change that is none.
func (m *mirror) Resync() error { return nil }

// Transformer lets a reflector pack while it reads a long list.
func (m *mirror) Transformer() cache.TransformFunc { return m.pack }

// newer tells whether resource version a is later than b. Versions of one kind in one cluster are comparable numbers;
// of others nothing is known, and the watch is believed.
func newer(a, b string) bool {
	x, errX := strconv.ParseUint(a, 10, 64)
	y, errY := strconv.ParseUint(b, 10, 64)
	return errX == nil && errY == nil && x > y
}
