package fedtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	smd "github.com/confed-project/confed/internal/smd/types"
)

// Member is one API server in memory. Its zero value is ready, serves the built-in kinds and holds the namespaces that
// every cluster has. It is safe for concurrent use and serves one request at a time. The fields are read from the
// first request on, and must not change after it; their functions are called while a request is served, and must not
// use the member.
type Member struct {
	// Name goes into generated UIDs, so that those of two members differ. It may be empty.
	Name string
	// Clock tells the time of creations, deletions and managed fields. When nil it is 2000-01-01 00:00:00 UTC plus one
	// second for every write so far, so that equal runs give equal objects. A clock that runs ahead of the wall clock
	// confuses which of more than ten updates are the oldest.
	Clock func() time.Time
	// Kinds are served besides the built-in ones, and instead of those with the same group, version and kind. Storing
	// a CustomResourceDefinition serves its kinds too.
	Kinds []Kind
	// Missing are kinds that are not served although they are built in.
	Missing []schema.GroupKind
	// Normalize fills in defaults and rewrites values of an object, in place, as a server does while it decodes: before
	// it finds out who owns what. It comes after the built-in defaults. It may be nil.
	Normalize func(*unstructured.Unstructured)
	// Admit is the mutating admission: it may change an object that is about to be stored, or refuse it. What it
	// changes belongs to nobody. The verb of a foreign PUT is update. It may be nil.
	Admit func(Request, *unstructured.Unstructured) error

	mu       sync.Mutex
	kinds    map[schema.GroupVersionKind]*served
	objects  map[key]*unstructured.Unstructured
	version  int64
	born     int64 // version when the member came to be
	requests []Request
	fault    Fault
}

// served is a kind that is served, and what keeps its objects' managed fields.
type served struct {
	Kind
	manager  *smd.Manager   // nil until there is an object
	fresh    map[string]any // what an object has that nobody has written
	defaults []defaultRule
	versions []string // that exist, but need not be served
}

type key struct {
	schema.GroupKind
	types.NamespacedName
}

// Objects returns what has been written to the member since it came to be, sorted by group, kind, namespace and name.
func (m *Member) Objects() []*unstructured.Unstructured {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.start()
	var objects []*unstructured.Unstructured
	for _, k := range m.sorted(all) {
		if version, _ := strconv.ParseInt(m.objects[k].GetResourceVersion(), 10, 64); version > m.born {
			objects = append(objects, m.objects[k].DeepCopy())
		}
	}
	return objects
}

func all(key) bool { return true }

// sorted returns the keys of the objects that are wanted.
func (m *Member) sorted(wanted func(key) bool) []key {
	var keys []key
	for k := range m.objects {
		if wanted(k) {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b key) int {
		return slices.Compare(
			[]string{a.Group, a.Kind, a.Namespace, a.Name},
			[]string{b.Group, b.Kind, b.Namespace, b.Name},
		)
	})
	return keys
}

// start makes the zero value ready. The caller holds the lock.
func (m *Member) start() {
	if m.objects != nil {
		return
	}
	m.objects = map[key]*unstructured.Unstructured{}
	m.serveKinds()
	for _, name := range []string{"default", "kube-node-lease", "kube-public", "kube-system"} {
		namespace := &unstructured.Unstructured{Object: map[string]any{}}
		namespace.SetAPIVersion("v1")
		namespace.SetKind("Namespace")
		namespace.SetName(name)
		// A namespace of these names is always valid.
		_, _ = m.create(namespace, metav1.CreateOptions{FieldManager: "kube-apiserver"})
	}
	m.born = m.version
}

// serveKinds finds out what is served: the built-in kinds, those of Kinds and those of stored definitions.
func (m *Member) serveKinds() {
	m.kinds = map[schema.GroupVersionKind]*served{}
	for _, kind := range builtins() {
		if slices.Contains(m.Missing, kind.GroupKind()) {
			continue
		}
		m.kinds[kind.GroupVersionKind] = &served{Kind: kind}
	}
	for _, kind := range m.Kinds {
		kind.Merge = maps.Clone(kind.Merge)
		if kind.Merge == nil {
			kind.Merge = map[string]string{}
		}
		kind.Merge[""] = "any"
		m.kinds[kind.GroupVersionKind] = &served{Kind: kind}
	}
	for _, k := range m.sorted(func(k key) bool { return k.GroupKind == definition() }) {
		for _, kind := range definedKinds(m.objects[k]) {
			m.kinds[kind.GroupVersionKind] = kind
		}
	}
}

// kind finds a kind that is served.
func (m *Member) kind(gvk schema.GroupVersionKind) (*served, error) {
	kind, ok := m.kinds[gvk]
	if !ok {
		return nil, &meta.NoKindMatchError{GroupKind: gvk.GroupKind(), SearchedVersions: []string{gvk.Version}}
	}
	if kind.manager != nil {
		return kind, nil
	}
	if kind.builtin {
		kind.fresh, kind.defaults = defaultsOf(kind.GroupKind().String())
	}
	versions := slices.Clone(kind.versions)
	for other := range m.kinds {
		if other.GroupKind() == kind.GroupKind() {
			versions = append(versions, other.Version)
		}
	}
	var err error
	kind.manager, err = smd.New(smd.Kind{
		GroupVersionKind: kind.GroupVersionKind,
		Merge:            kind.merge(),
		Versions:         versions,
		Custom:           !kind.builtin,
		Status:           !kind.NoStatus,
		New:              kind.fresh,
		Default:          func(object map[string]any) { m.decoded(kind, object) },
	})
	if err != nil {
		return nil, fmt.Errorf("fedtest: %w", err)
	}
	return kind, nil
}

// decoded does to an object what a server does while it reads one: it forgets what says nothing, fills in defaults
// and normalises values.
func (m *Member) decoded(kind *served, object map[string]any) {
	if kind.builtin {
		kind.manager.Tidy(object)
	} else {
		kind.manager.Prune(object)
	}
	complete(object, kind.fresh)
	for _, rule := range kind.defaults {
		rule.fill(object, rule.path)
	}
	obj := &unstructured.Unstructured{Object: object}
	if kind.builtin {
		compute(obj)
	}
	if m.Normalize != nil {
		m.Normalize(obj)
	}
}

// now is the time of the write that is being served.
func (m *Member) now() time.Time {
	if m.Clock != nil {
		return m.Clock()
	}
	return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(m.version) * time.Second)
}

// uid makes a UID of the member's name and the number of the write.
func (m *Member) uid() types.UID {
	name := uint64(14695981039346656037)
	for _, b := range []byte(m.Name) {
		name = (name ^ uint64(b)) * 1099511628211
	}
	return types.UID(fmt.Sprintf("%08x-%04x-4000-8000-%012x", uint32(name>>32), uint16(name), m.version+1))
}

// decode returns a copy of an object as JSON carries it, whatever Go types the caller has used.
func decode(object *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	if object == nil {
		return nil, fmt.Errorf("fedtest: %w", errNoObject)
	}
	data, err := json.Marshal(object.Object)
	if err != nil {
		return nil, fmt.Errorf("fedtest: encode object: %w", err)
	}
	copied := &unstructured.Unstructured{}
	if err := copied.UnmarshalJSON(data); err != nil {
		return nil, fmt.Errorf("fedtest: decode object: %w", err)
	}
	return copied, nil
}
