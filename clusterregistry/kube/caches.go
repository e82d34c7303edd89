package kube

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/confed-project/confed/clusterregistry"
	"github.com/confed-project/confed/internal/pending"
)

// Defaults of Caches.
const (
	defaultStale = time.Minute
	defaultLimit = 10_000
)

// CachedKind is a kind that Caches mirror.
type CachedKind struct {
	schema.GroupVersionKind
	Namespace string // "": all
	// MetadataOnly mirrors apiVersion, kind and metadata. That is enough to find drift by ownership, unless the order of
	// a keyed list matters, and not enough for status.
	MetadataOnly bool
}

// Caches mirror some kinds of every member of a Registry in memory, with one watch for each member and kind. Members do
// not wait for each other. Set the fields before Run.
type Caches struct {
	Kinds []CachedKind
	// Selector is a label selector, normally the owner label: who only changes what bears it need not see the rest.
	// The empty one selects everything.
	Selector string
	Stale    time.Duration // a member that fails for longer is unknown; 0: a minute
	Limit    int           // of changes that wait; beyond it those of one cluster become one; 0: 10,000

	gap     time.Duration // between a failed watch and the next; 0: firstWatchGap
	mu      sync.Mutex
	members map[string]*Cached
	changes pending.Set[Change]
}

// Change says that something changed in a member. An empty Kind stands for everything in that cluster: its cache came
// into step, or too many changes waited.
type Change struct {
	Cluster   string
	GroupKind schema.GroupKind
	Name      types.NamespacedName
}

// Run mirrors the members of the registry until ctx ends, and returns when nothing of it runs any more. The error is a
// selector that does not parse. It logs nothing unless ctx carries a logr.Logger, and what was sent and answered never.
func (c *Caches) Run(ctx context.Context, registry *clusterregistry.Registry[*Client]) error {
	selector, err := labels.Parse(c.Selector)
	if err != nil {
		return err
	}
	logger := logr.FromContextOrDiscard(ctx)
	if sink := logger.GetSink(); sink != nil {
		logger = logger.WithSink(withoutBodies{sink})
	}
	ctx = logr.NewContext(ctx, logger)
	var wg sync.WaitGroup
	defer wg.Wait()
	running := map[string]context.Context{}
	for name := range registry.Changes(ctx) {
		if lease := running[name]; lease != nil && lease.Err() == nil {
			continue // only facts changed
		}
		delete(running, name)
		lease, client, cancel, err := registry.Lease(ctx, name)
		if err != nil {
			c.drop(name, nil)
			continue
		}
		running[name] = lease
		member := newCached(c, name, client, selector)
		c.put(name, member)
		wg.Go(func() {
			defer cancel()
			member.run(lease)
			c.drop(name, member)
			if errors.Is(context.Cause(lease), clusterregistry.ErrGone) {
				client.CloseIdleConnections()
			}
		})
	}
	return nil
}

func (c *Caches) put(name string, member *Cached) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.members == nil {
		c.members = map[string]*Cached{}
	}
	c.members[name] = member
}

// drop forgets a member; nil: whichever has the name.
func (c *Caches) drop(name string, member *Cached) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if member == nil || c.members[name] == member {
		delete(c.members, name)
	}
}

// Client returns a client whose reads come from memory, or an UnknownError.
func (c *Caches) Client(cluster string) (*Cached, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if member := c.members[cluster]; member != nil {
		return member, nil
	}
	return nil, &clusterregistry.UnknownError{Cluster: cluster}
}

// Changes yields what changed in any member, each change once until it was yielded, while ctx and the loop last. One
// loop at a time; one that stands still delays no member.
func (c *Caches) Changes(ctx context.Context) iter.Seq[Change] { return c.changes.All(ctx) }

func (c *Caches) tell(change Change) {
	limit := c.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	all := Change{Cluster: change.Cluster}
	if change != all && c.changes.Has(all) {
		return
	}
	if c.changes.Add(change) <= limit {
		return
	}
	c.changes.Drop(func(waiting Change) bool { return waiting.Cluster == change.Cluster })
	c.changes.Add(all)
}

// Cached is a client of one member whose reads of mirrored kinds come from memory; all else goes to the member. It
// fulfils federation.ClusterClient, so federation.Observe and Dispatcher take it. What it created or patched it reads at
// once; a deletion shows when the watch tells of it, since a finalizer may hold the object.
type Cached struct {
	*Client
	stale   time.Duration
	gap     time.Duration
	mirrors []*mirror
}

func newCached(c *Caches, cluster string, client *Client, selector labels.Selector) *Cached {
	m := &Cached{Client: client, stale: c.Stale, gap: cmp.Or(c.gap, firstWatchGap)}
	if m.stale <= 0 {
		m.stale = defaultStale
	}
	for _, kind := range c.Kinds {
		changed := func(name *types.NamespacedName) {
			if name == nil {
				c.tell(Change{Cluster: cluster})
				return
			}
			c.tell(Change{Cluster: cluster, GroupKind: kind.GroupKind(), Name: *name})
		}
		m.mirrors = append(m.mirrors, &mirror{kind: kind, selector: selector, now: time.Now, changed: changed, items: map[types.NamespacedName]*packed{}})
	}
	return m
}

// run watches every kind until ctx ends.
func (m *Cached) run(ctx context.Context) {
	var wg sync.WaitGroup
	for _, each := range m.mirrors {
		wg.Go(func() { (&feed{mirror: each, client: m.Client, gap: m.gap}).run(ctx) })
	}
	wg.Wait()
	for _, each := range m.mirrors {
		each.noted(context.Cause(ctx))
		each.mu.Lock()
		each.synced = false
		each.mu.Unlock()
	}
}

// Synced returns nil when all mirrored kinds are in step with the member, else why not, as ErrNotSynced or a no-match
// error.
func (m *Cached) Synced() error {
	var errs []error
	for _, each := range m.mirrors {
		each.mu.RLock()
		errs = append(errs, each.unknown(m.stale))
		each.mu.RUnlock()
	}
	return errors.Join(errs...)
}

// mirror returns the mirror that covers an object.
func (m *Cached) mirror(gvk schema.GroupVersionKind, namespace string) *mirror {
	for _, each := range m.mirrors {
		if each.kind.GroupVersionKind == gvk && (each.kind.Namespace == "" || each.kind.Namespace == namespace) {
			return each
		}
	}
	return nil
}

// Get reads one object from memory if its kind is mirrored. One that the selector does not select is not found. While
// the mirror is not in step the error is ErrNotSynced, or a no-match error if the member does not serve the kind.
func (m *Cached) Get(ctx context.Context, gvk schema.GroupVersionKind, name types.NamespacedName) (*unstructured.Unstructured, error) {
	of := m.mirror(gvk, name.Namespace)
	if of == nil {
		return m.Client.Get(ctx, gvk, name)
	}
	p, err := of.get(name, m.stale)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, apierrors.NewNotFound(schema.GroupResource{Group: gvk.Group, Resource: gvk.Kind}, name.Name)
	}
	return p.unpack()
}

// Create is Client.Create; what it returns can be read at once.
func (m *Cached) Create(ctx context.Context, obj *unstructured.Unstructured, opts metav1.CreateOptions) (*unstructured.Unstructured, error) {
	out, err := m.Client.Create(ctx, obj, opts)
	return m.wrote(out, opts.DryRun, err)
}

// Patch is Client.Patch; what it returns can be read at once.
func (m *Cached) Patch(ctx context.Context, obj *unstructured.Unstructured, jsonPatch []byte, opts metav1.PatchOptions) (*unstructured.Unstructured, error) {
	out, err := m.Client.Patch(ctx, obj, jsonPatch, opts)
	return m.wrote(out, opts.DryRun, err)
}

func (m *Cached) wrote(out *unstructured.Unstructured, dryRun []string, err error) (*unstructured.Unstructured, error) {
	if err != nil || len(dryRun) > 0 {
		return out, err
	}
	if of := m.mirror(out.GroupVersionKind(), out.GetNamespace()); of != nil {
		of.wrote(out)
	}
	return out, nil
}
