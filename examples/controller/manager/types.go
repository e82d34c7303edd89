package manager

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"golang.org/x/sync/errgroup"

	"github.com/confed-project/confed/clusterregistry/kube"
	"github.com/confed-project/confed/federation/kubefed"
)

// typeFinalizer is KubeFed's: a type that goes is stopped first. Copies stay as they are.
const typeFinalizer = "core.kubefed.io/federated-type-config"

// namespacesType is the FederatedTypeConfig that all namespaced types need.
const namespacesType = "namespaces"

// typeController starts, stops and restarts a syncer for each FederatedTypeConfig.
type typeController struct {
	*core
	mirror *mirror
	loop   *loop
	ctx    context.Context                       // of run, which the syncers live in
	told   []func(*syncer, types.NamespacedName) // who else wants to hear of changes

	undivided func(context.Context, division) func(cluster string) string // of schedules; nil: nothing is scheduled

	mu      sync.Mutex
	running map[string]*running
	// placements are the FederatedNamespaces, while the type is there, enabled or not.
	placements *namespaces
	stopNames  func()
	seen       map[string]bool // which were looked at, whatever came of it
}

type running struct {
	syncer *syncer
	of     kubefed.Type
	stop   func() // and wait
}

func newTypes(c *core) *typeController {
	k := &typeController{core: c, running: map[string]*running{}, seen: map[string]bool{}}
	k.mirror = newMirror(&c.hosts, kube.CachedKind{GroupVersionKind: coreKind("FederatedTypeConfig"), Namespace: c.Namespace})
	k.loop = newLoop(c, "federatedtypeconfig", func(ctx context.Context, name types.NamespacedName) (time.Duration, error) {
		defer k.noted(name.Name)
		return k.reconcile(ctx, name)
	})
	k.loop.everyReplica = true
	return k
}

func (k *typeController) run(ctx context.Context) error {
	k.ready.set("types", k.looked)
	defer k.ready.remove("types")
	defer k.loop.queue.ShutDown() // also when it never came to run
	defer k.shares.listen(func() { k.all(0) })()
	group, ctx := errgroup.WithContext(ctx)
	k.ctx = ctx
	group.Go(func() error { return k.mirror.run(ctx, k.changed) })
	group.Go(func() error {
		if err := k.mirror.wait(ctx); err == nil {
			k.loop.run(ctx, 1) // types depend on each other, and there are few
		}
		return nil
	})
	err := group.Wait()
	k.mu.Lock()
	all := k.running
	k.running = map[string]*running{}
	k.mu.Unlock()
	for _, r := range all {
		r.stop()
	}
	k.follow(nil)
	return err
}

func (k *typeController) noted(name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.seen[name] = true
}

// looked says whether every type was looked at, so that those that should run are among what /readyz asks.
func (k *typeController) looked() error {
	names, err := k.mirror.names(coreKind("FederatedTypeConfig"), k.Namespace)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, name := range names {
		if !k.seen[name.Name] {
			return fmt.Errorf("%s was not looked at yet", name.Name)
		}
	}
	return nil
}

func (k *typeController) changed(kube.Change) {
	k.all(0) // whether one may run depends on others
}

// all asks for a look at every type, the one of namespaces first, and at those that run and may be gone.
func (k *typeController) all(after time.Duration) {
	names, err := k.mirror.names(coreKind("FederatedTypeConfig"), k.Namespace)
	if err != nil {
		return
	}
	k.loop.add(types.NamespacedName{Namespace: k.Namespace, Name: namespacesType}, after)
	for _, name := range names {
		k.loop.add(name, after)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for name := range k.running {
		k.loop.add(types.NamespacedName{Namespace: k.Namespace, Name: name}, after)
	}
}

func (k *typeController) reconcile(ctx context.Context, name types.NamespacedName) (time.Duration, error) {
	obj, err := k.mirror.get(ctx, coreKind("FederatedTypeConfig"), name)
	if apierrors.IsNotFound(err) {
		return 0, k.stop(name.Name)
	}
	if err != nil {
		return 0, err
	}
	if obj.GetDeletionTimestamp() != nil {
		return 0, k.removed(ctx, obj)
	}
	t, err := kubefed.DecodeType(obj)
	if err != nil {
		return 0, errors.Join(k.stop(name.Name), k.report(ctx, obj, no("Invalid", "%v", err)))
	}
	if !slices.Contains(obj.GetFinalizers(), typeFinalizer) && k.shares.leads(name.String()) {
		if obj, err = k.mirror.write(ctx, obj, finalized(obj, typeFinalizer, true)); err != nil {
			return 0, err
		}
	}
	if name.Name == namespacesType {
		k.follow(&t)
	}
	verdict, why := k.wanted(ctx, obj, t)
	if !verdict.True {
		if err := errors.Join(k.stop(name.Name), k.report(ctx, obj, verdict)); err != nil || why == nil {
			return 0, err
		}
		return 0, why
	}
	k.start(name.Name, t)
	known, unserved := k.syncer(name.Name).unserved()
	if !known {
		return firstRetry, nil // whether it works is not known yet, or not now
	}
	if unserved != nil {
		verdict = no("NotServed", "%v", unserved)
	}
	return unservedRecheck, k.report(ctx, obj, verdict)
}

// unservedRecheck is how often a type that runs asks whether the host still serves its kind, which no change tells. It costs
// nothing: the mirror knows.
const unservedRecheck = 10 * time.Second

// allowed says whether a type may run in this control plane.
func (k *typeController) allowed(t kubefed.Type) bool {
	return t.Propagation && (t.Target.Namespaced || !k.config.Namespaced)
}

// others are the types that a type must get on with: those that run, and those that come before it, so that all replicas, and
// one that starts anew, decide for the same of two. The copies of the other would have nobody, and be let go.
func (k *typeController) others(ctx context.Context, obj *unstructured.Unstructured) ([]kubefed.Type, error) {
	names, err := k.mirror.names(coreKind("FederatedTypeConfig"), k.Namespace)
	if err != nil {
		return nil, err
	}
	all := map[string]kubefed.Type{}
	for _, name := range names {
		other, err := k.mirror.get(ctx, coreKind("FederatedTypeConfig"), name)
		if apierrors.IsNotFound(err) {
			continue // just now
		}
		if err != nil {
			return nil, err
		}
		if t, err := kubefed.DecodeType(other); err == nil && other.GetDeletionTimestamp() == nil && earlier(other, obj) && k.allowed(t) {
			all[name.Name] = t
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for name, r := range k.running {
		all[name] = r.of
	}
	delete(all, obj.GetName())
	var out []kubefed.Type
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, all[name])
	}
	return out, nil
}

// earlier says whether an object was made before another; of two of one second the name decides.
func earlier(a, b *unstructured.Unstructured) bool {
	at, bt := a.GetCreationTimestamp(), b.GetCreationTimestamp()
	return at.Before(&bt) || at.Equal(&bt) && a.GetName() < b.GetName()
}

// removed stops a type that is being deleted, and lets it go.
func (k *typeController) removed(ctx context.Context, obj *unstructured.Unstructured) error {
	if err := k.stop(obj.GetName()); err != nil {
		return err
	}
	if !slices.Contains(obj.GetFinalizers(), typeFinalizer) || !k.shares.leads(obj.GetNamespace()+"/"+obj.GetName()) {
		return nil
	}
	_, err := k.mirror.write(ctx, obj, finalized(obj, typeFinalizer, false))
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

func (k *typeController) start(name string, t kubefed.Type) {
	k.mu.Lock()
	old := k.running[name]
	k.mu.Unlock()
	if old != nil {
		if equalTypes(old.of, t) {
			return
		}
		_ = k.stop(name)
	}
	ctx, cancel := context.WithCancel(k.ctx)
	r := &running{syncer: newSyncer(k, t), of: t}
	done := make(chan struct{})
	r.stop = func() { cancel(); <-done }
	k.mu.Lock()
	k.running[name] = r
	k.mu.Unlock()
	k.log.Info("type starts", "type", name, "version", t.Target.GVK.Version)
	go func() {
		defer close(done)
		if err := r.syncer.run(ctx); err != nil && ctx.Err() == nil {
			k.log.Error(err, "type ended", "type", name)
		}
	}()
}

func equalTypes(a, b kubefed.Type) bool {
	return a.Target == b.Target && a.Federated == b.Federated && a.StatusCollection == b.StatusCollection && (a.Status == nil) == (b.Status == nil)
}

// stop ends a type and waits for it. The type of namespaces takes those that need it with it.
func (k *typeController) stop(name string) error {
	k.mu.Lock()
	r := k.running[name]
	delete(k.running, name)
	k.mu.Unlock()
	if r != nil {
		k.log.Info("type stops", "type", name)
		r.syncer.addAll("") // for those who look at its objects too
		r.stop()
	}
	if obj, err := k.mirror.get(k.ctx, coreKind("FederatedTypeConfig"), types.NamespacedName{Namespace: k.Namespace, Name: name}); name == namespacesType &&
		(apierrors.IsNotFound(err) || err == nil && obj.GetDeletionTimestamp() != nil) {
		k.follow(nil)
	}
	return nil
}

// syncers are those that run now.
func (k *typeController) syncers() []*syncer {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []*syncer
	for _, r := range k.running {
		out = append(out, r.syncer)
	}
	return out
}

// syncer is the one of a type, nil while that does not run.
func (k *typeController) syncer(name string) *syncer {
	k.mu.Lock()
	defer k.mu.Unlock()
	if r := k.running[name]; r != nil {
		return r.syncer
	}
	return nil
}

// namespaces are where FederatedNamespaces are read; nil without such a type.
func (k *typeController) namespaces() *namespaces {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.placements
}

// follow mirrors the FederatedNamespaces of a type, in place of those of another; nil: of none.
func (k *typeController) follow(t *kubefed.Type) {
	k.mu.Lock()
	old, stop := k.placements, k.stopNames
	k.mu.Unlock()
	if old != nil && t != nil && old.kind == t.Federated.GVK || old == nil && t == nil {
		return
	}
	if stop != nil {
		stop()
	}
	var next *namespaces
	if t != nil {
		next = &namespaces{kind: t.Federated.GVK, mirror: newMirror(&k.hosts, kube.CachedKind{GroupVersionKind: t.Federated.GVK, Namespace: k.scope()})}
		ctx, cancel := context.WithCancel(k.ctx)
		done := make(chan struct{})
		stop = func() { cancel(); <-done }
		go func() {
			defer close(done)
			_ = next.mirror.run(ctx, k.placed) // a kind of ours has no selector that could be bad
		}()
	} else {
		stop = nil
	}
	k.mu.Lock()
	k.placements, k.stopNames = next, stop
	k.mu.Unlock()
	k.all(0)
}

// placed looks again at all that is in a namespace whose placement changed.
func (k *typeController) placed(change kube.Change) {
	for _, s := range k.syncers() {
		if s.t.Target.Namespaced {
			s.addAll(change.Name.Namespace)
		}
	}
}
