package types

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
)

// Kind is what a Manager needs to know of one kind in one version.
type Kind struct {
	schema.GroupVersionKind
	// Merge holds the rules of lists and maps.
	Merge Merge
	// Versions are those that the kind has, served or not.
	Versions []string
	// Custom is a kind of a CustomResourceDefinition: a server refuses to apply to an object of such a kind whose
	// managed fields speak of a version that there is not, where for a built-in kind it drops the entry.
	Custom bool
	// Status is a subresource: the main resource does not own it.
	Status bool
	// New is what an object has that nobody has written: what its types cannot do without. It may be nil.
	New map[string]any
	// Default fills in what a server fills in, in place. It may be nil, and may be called from many goroutines.
	Default func(object map[string]any)
}

// Manager keeps the managed fields of one kind's objects, as an API server does. It is safe for concurrent use.
type Manager struct {
	kind   Kind
	mu     sync.Mutex
	root   *node
	fields map[string]*managedfields.FieldManager // by subresource; nil until a type is compiled
}

// New reads a kind. An error is ErrRule.
func New(kind Kind) (*Manager, error) {
	root, err := newNode(kind.Merge)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", kind.GroupVersionKind, err)
	}
	return &Manager{kind: kind, root: root}, nil
}

// of returns the field manager of a subresource, with a type that has every field of the objects.
func (m *Manager) of(subresource string, objects ...*unstructured.Unstructured) (*managedfields.FieldManager, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, object := range objects {
		if m.root.learn(object.Object) {
			m.fields = nil
		}
	}
	if m.fields == nil {
		m.fields = map[string]*managedfields.FieldManager{}
		c := &converter{kind: m.kind, object: m.root.parseable()}
		for _, subresource := range []string{"", "status", "scale"} {
			manager, err := c.fieldManager(subresource)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", m.kind.GroupVersionKind, err)
			}
			m.fields[subresource] = manager
		}
	}
	return m.fields[subresource], nil
}

func (c *converter) fieldManager(subresource string) (*managedfields.FieldManager, error) {
	reset := map[fieldpath.APIVersion]fieldpath.Filter{}
	if c.kind.Status && subresource == "" {
		exclude := fieldpath.NewExcludeSetFilter(fieldpath.NewSet(fieldpath.MakePathOrDie("status")))
		for _, version := range c.kind.Versions {
			reset[fieldpath.APIVersion(schema.GroupVersion{Group: c.kind.Group, Version: version}.String())] = exclude
		}
	}
	build := managedfields.NewDefaultFieldManager
	if c.kind.Custom {
		build = managedfields.NewDefaultCRDFieldManager
	}
	return build(c, c, c, c, c.kind.GroupVersionKind, c.kind.GroupVersion(), subresource, reset)
}

// Write is who writes, where and when.
type Write struct {
	Manager     string
	Subresource string // empty, "status" or "scale"
	Force       bool   // an apply takes fields over from others instead of failing
	Now         time.Time
}

// Update returns updated with the managed fields that a POST or PUT of it leaves. live is nil for a POST. As on a
// server, managed fields that updated brings along replace live's. The arguments are used up.
func (m *Manager) Update(live, updated *unstructured.Unstructured, w Write) (*unstructured.Unstructured, error) {
	if live == nil {
		live = m.kind.empty()
	}
	fields, err := m.of(w.Subresource, live, updated)
	if err != nil {
		return nil, err
	}
	started := time.Now()
	object := fields.UpdateNoErrors(live, updated, w.Manager).(*unstructured.Unstructured)
	setTime(object, metav1.ManagedFieldsOperationUpdate, w, started)
	return object, nil
}

// Apply returns live with config applied server-side. live is nil when there is none. The error is an
// *errors.StatusError for a conflict, and plain text for what a server answers with a 500. The arguments are used up.
func (m *Manager) Apply(live, config *unstructured.Unstructured, w Write) (*unstructured.Unstructured, error) {
	if live == nil {
		live = m.kind.empty()
	}
	fields, err := m.of(w.Subresource, live, config)
	if err != nil {
		return nil, err
	}
	started := time.Now()
	applied, err := fields.Apply(live, config, w.Manager, w.Force)
	if err != nil {
		return nil, err
	}
	object := applied.(*unstructured.Unstructured)
	setTime(object, metav1.ManagedFieldsOperationApply, w, started)
	return object, nil
}

// setTime gives the entry that a write has touched the time of the write: the field manager reads the wall clock. It
// then sorts the entries again, as a server does.
func setTime(object *unstructured.Unstructured, operation metav1.ManagedFieldsOperationType, w Write, started time.Time) {
	entries := object.GetManagedFields()
	if len(entries) == 0 {
		return
	}
	// Times are cut to seconds on their way into the object.
	started = started.Truncate(time.Second)
	for i, e := range entries {
		if e.Manager == w.Manager && e.Operation == operation && e.Subresource == w.Subresource && e.Time != nil && !e.Time.Time.Before(started) {
			entries[i].Time = &metav1.Time{Time: w.Now.UTC().Truncate(time.Second)}
		}
	}
	slices.SortStableFunc(entries, func(a, b metav1.ManagedFieldsEntry) int {
		return cmp.Or(
			cmp.Compare(a.Operation, b.Operation),
			cmp.Compare(seconds(a.Time), seconds(b.Time)),
			cmp.Compare(a.Manager, b.Manager),
			cmp.Compare(a.APIVersion, b.APIVersion),
			cmp.Compare(a.Subresource, b.Subresource),
		)
	})
	object.SetManagedFields(entries)
}

func seconds(t *metav1.Time) int64 {
	if t == nil {
		return 0
	}
	return t.Unix()
}

func (k Kind) empty() *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: runtime.DeepCopyJSON(k.New)}
	if k.New == nil {
		object.Object = map[string]any{}
	}
	object.SetGroupVersionKind(k.GroupVersionKind)
	return object
}

// converter is the schema of one kind as the field manager wants it: types, conversion between versions, which for
// our kinds changes the apiVersion alone, defaults and creation.
type converter struct {
	kind   Kind
	object typed.ParseableType
}

var errVersion = errors.New("request to convert CR to an invalid group/version")

func (c *converter) ObjectToTyped(object runtime.Object, options ...typed.ValidationOptions) (*typed.TypedValue, error) {
	content, ok := object.(*unstructured.Unstructured)
	if !ok {
		return nil, fmt.Errorf("%T is not unstructured", object)
	}
	return c.object.FromUnstructured(content.Object, options...)
}

func (c *converter) TypedToObject(value *typed.TypedValue) (runtime.Object, error) {
	content, ok := value.AsValue().Unstructured().(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%T is not an object", value.AsValue().Unstructured())
	}
	return &unstructured.Unstructured{Object: content}, nil
}

func (c *converter) ConvertToVersion(object runtime.Object, target runtime.GroupVersioner) (runtime.Object, error) {
	content, ok := object.(*unstructured.Unstructured)
	if !ok {
		return nil, fmt.Errorf("%T is not unstructured", object)
	}
	gv, ok := target.(schema.GroupVersion)
	if !ok {
		return nil, fmt.Errorf("%T is not a version", target)
	}
	gvk := gv.WithKind(c.kind.Kind)
	if gvk == content.GroupVersionKind() {
		return content, nil
	}
	if gvk.Group != c.kind.Group || !slices.Contains(c.kind.Versions, gvk.Version) {
		if c.kind.Custom {
			return nil, fmt.Errorf("%w: %s", errVersion, gvk.GroupVersion())
		}
		return nil, runtime.NewNotRegisteredErrForKind("fedtest", gvk)
	}
	converted := content.DeepCopy()
	converted.SetGroupVersionKind(gvk)
	return converted, nil
}

// Convert and ConvertFieldLabel are not asked for by a field manager.
func (c *converter) Convert(_, _, _ any) error { return errors.ErrUnsupported }

func (c *converter) ConvertFieldLabel(_ schema.GroupVersionKind, _, _ string) (string, string, error) {
	return "", "", errors.ErrUnsupported
}

func (c *converter) Default(object runtime.Object) {
	if content, ok := object.(*unstructured.Unstructured); ok && c.kind.Default != nil {
		c.kind.Default(content.Object)
	}
}

func (c *converter) New(schema.GroupVersionKind) (runtime.Object, error) { return c.kind.empty(), nil }

// Tidy removes from an object what a server's types for it cannot hold, in place: nulls, empty lists and empty maps.
func (m *Manager) Tidy(object map[string]any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.root.tidy(object)
}

// Prune removes the fields that the rules do not allow from an object, in place.
func (m *Manager) Prune(object map[string]any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.root.prune(object)
}

// Nulls returns the paths in an object where there is null and an object must be, sorted.
func (m *Manager) Nulls(object map[string]any) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.root.nulls(nil, "", object)
}

// Owned tells whether any of the entries holds a field of an object.
func Owned(entries []metav1.ManagedFieldsEntry, path ...string) bool {
	fields := make([]any, len(path))
	for i, name := range path {
		fields[i] = name
	}
	return slices.ContainsFunc(entries, func(e metav1.ManagedFieldsEntry) bool {
		set := &fieldpath.Set{}
		return e.FieldsV1 != nil && set.FromJSON(bytes.NewReader(e.FieldsV1.Raw)) == nil && set.Has(fieldpath.MakePathOrDie(fields...))
	})
}
