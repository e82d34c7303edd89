package manager

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"golang.org/x/sync/errgroup"

	"github.com/confed-project/confed/clusterregistry/kube"
	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/kubefed"
	"github.com/confed-project/confed/placement"
)

// ManagedLabel is KubeFed's mark on every copy, so that copies which KubeFed made are ours to keep.
const ManagedLabel = "kubefed.io/managed"

// firstSync is how long a syncer waits at its start for members that say that they are ready.
const firstSync = 30 * time.Second

var errNotReady = errors.New("the cluster is not ready")

// syncer propagates the objects of one type.
type syncer struct {
	*core
	types      *typeController
	t          kubefed.Type
	mirror     *mirror // the federated objects; for namespaces the host's own ones too
	caches     *kube.Caches
	loop       *loop
	planner    federation.Planner
	dispatcher federation.Dispatcher

	serviceStatuses sync.Map // by federated object: the version of its FederatedServiceStatus, and what was written
}

func newSyncer(k *typeController, t kubefed.Type) *syncer {
	s := &syncer{core: k.core, types: k, t: t}
	kinds := []kube.CachedKind{{GroupVersionKind: t.Federated.GVK, Namespace: k.scope()}}
	copies := kube.CachedKind{GroupVersionKind: t.Target.GVK}
	if t.Target.Namespaced {
		copies.Namespace = k.scope()
	}
	if s.ofNamespaces() {
		kinds = append(kinds, kube.CachedKind{GroupVersionKind: namespaceKind, MetadataOnly: true})
	}
	s.mirror = newMirror(&k.hosts, kinds...)
	s.caches = &kube.Caches{Kinds: []kube.CachedKind{copies}, Selector: ManagedLabel + "=true"}
	s.loop = newLoop(k.core, t.Federated.Plural, s.reconcile)
	s.planner = federation.Planner{
		Owner: federation.Owner{Key: ManagedLabel, Value: "true"}, Manager: Manager, FormerManagers: kubefed.Managers(),
	}
	s.dispatcher = federation.Dispatcher{Clients: s.writer}
	return s
}

func (s *syncer) ofNamespaces() bool { return s.t.Target.GVK.GroupKind() == namespaceKind.GroupKind() }

func (s *syncer) run(ctx context.Context) error {
	name := "type " + s.typeName() // plurals of two groups may be the same
	defer s.loop.queue.ShutDown()  // also when it never came to run
	s.ready.set(name, s.usable)
	defer s.ready.remove(name)
	s.live.set(name, s.loop.stuck)
	defer s.live.remove(name)
	defer s.shares.listen(func() { s.memberChanged(kube.Change{}) })()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.mirror.run(ctx, s.hostChanged) })
	group.Go(func() error { return follow(ctx, s.caches, &s.members, s.memberChanged) })
	group.Go(func() error { s.watchFacts(ctx); return nil })
	group.Go(func() error {
		if s.wait(ctx) == nil {
			s.loop.run(ctx, s.Workers)
		}
		return nil
	})
	return group.Wait()
}

// wait returns when the host's objects are known, and those of the members that are ready, or should have been by now: a
// member that lacks the kind, or does not answer, holds nobody but itself.
func (s *syncer) wait(ctx context.Context) error {
	if err := poll(ctx, 20*time.Millisecond, func() bool { return s.synced() == nil }); err != nil {
		return err
	}
	grace, cancel := context.WithTimeout(ctx, min(firstSync, s.config.CacheSyncTimeout))
	defer cancel()
	_ = poll(grace, 20*time.Millisecond, s.membersKnown)
	return ctx.Err()
}

// synced says whether the host's objects are known, those of the namespaces included, whose type may be another by now.
func (s *syncer) synced() error {
	err := s.mirror.synced()
	if n := s.types.namespaces(); n != nil && s.t.Target.Namespaced {
		err = errors.Join(err, n.mirror.synced())
	}
	return err
}

// usable is synced for /readyz: without its kind on the host this type stands still, and no other.
func (s *syncer) usable() error {
	if err := s.synced(); !meta.IsNoMatchError(err) {
		return err
	}
	return nil
}

// unserved says which kind the host does not serve, without which this type stands still; known is false while that cannot be
// told.
func (s *syncer) unserved() (known bool, unserved error) {
	err := s.synced()
	if meta.IsNoMatchError(err) {
		return true, err
	}
	return err == nil, nil
}

// membersKnown says whether readiness of every member is known, and every ready one is mirrored.
func (s *syncer) membersKnown() bool {
	for c := range s.members.Fleet().All() {
		if c.Ready.State == placement.ReadyUnknown {
			return false
		}
		if c.Ready.State != placement.Ready {
			continue
		}
		client, err := s.caches.Client(c.Name)
		if err != nil {
			return false
		}
		if err := client.Synced(); err != nil && !meta.IsNoMatchError(err) {
			return false
		}
	}
	return true
}

// hostChanged looks at what changed on the host. A Namespace stands for its FederatedNamespace.
func (s *syncer) hostChanged(change kube.Change) {
	switch {
	case change.GroupKind.Kind == "":
		s.addAll("")
	case change.GroupKind == s.t.Federated.GVK.GroupKind():
		s.look(change.Name, 0)
	default:
		s.loop.add(types.NamespacedName{Namespace: change.Name.Name, Name: change.Name.Name}, 0)
	}
}

// memberChanged looks at what changed in a member, a moment later, since one change often follows another.
func (s *syncer) memberChanged(change kube.Change) {
	if change.GroupKind.Kind != "" {
		s.look(s.federated(change.Name), s.Settle)
		if s.ofNamespaces() {
			s.types.placed(kube.Change{Name: s.federated(change.Name)}) // what waits for the namespace need not wait longer
		}
		return
	}
	s.addAll("")
	for c := range s.members.Fleet().All() {
		client, err := s.caches.Client(c.Name)
		if err != nil || change.Cluster != "" && change.Cluster != c.Name {
			continue
		}
		names, _ := client.Names(s.t.Target.GVK, "") // told again when it is in step
		for _, name := range names {
			s.look(s.federated(name), 0)
		}
	}
}

// federated is the name of the federated object of a copy.
func (s *syncer) federated(copied types.NamespacedName) types.NamespacedName {
	if s.ofNamespaces() {
		return types.NamespacedName{Namespace: copied.Name, Name: copied.Name}
	}
	return copied
}

// addAll looks at all federated objects, in one namespace or in all.
func (s *syncer) addAll(namespace string) {
	names, err := s.mirror.names(s.t.Federated.GVK, namespace)
	if err != nil {
		return // told when it is in step
	}
	for _, name := range names {
		s.look(name, 0)
	}
}

// look asks for a look at a federated object, of ours and of whoever else wants to hear of it.
func (s *syncer) look(name types.NamespacedName, after time.Duration) {
	s.loop.add(name, after)
	for _, tell := range s.types.told {
		tell(s, name)
	}
}

// typeName is the name of the FederatedTypeConfig.
func (s *syncer) typeName() string {
	return schema.GroupResource{Group: s.t.Target.GVK.Group, Resource: s.t.Target.Plural}.String()
}

// watchFacts looks at everything when a cluster is new, gone, labelled anew or ready again; when it becomes unready only
// after the delay that KubeFedConfig asks for, since most come back.
func (s *syncer) watchFacts(ctx context.Context) {
	seen := map[string]placement.Cluster{}
	for name := range s.members.Changes(ctx) {
		c, ok := s.members.Fleet().Get(name)
		before, had := seen[name]
		if seen[name] = c; !ok {
			delete(seen, name)
		}
		all := func() { s.memberChanged(kube.Change{Cluster: name}) }
		switch {
		case had && ok && samePlace(before, c):
		case had && ok && before.Ready.State == placement.Ready && c.Ready.State != placement.Ready:
			time.AfterFunc(s.config.UnavailableDelay, func() {
				if ctx.Err() == nil {
					all()
				}
			})
		default:
			all()
		}
	}
}

// samePlace says whether two looks at a cluster mean the same to a placement.
func samePlace(a, b placement.Cluster) bool {
	return a.Ready.State == b.Ready.State && fmt.Sprint(a.Labels, a.Region, a.Zones) == fmt.Sprint(b.Labels, b.Region, b.Zones)
}

// reader reads copies from memory. A member that is not ready is not believed: what it holds may have changed since.
func (s *syncer) reader(cluster string) (federation.ClusterClient, error) {
	if err := s.readiness(cluster); err != nil {
		return nil, err
	}
	return s.caches.Client(cluster)
}

// looker asks the member itself.
func (s *syncer) looker(cluster string) (federation.ClusterClient, error) {
	if err := s.readiness(cluster); err != nil {
		return nil, err
	}
	return s.members.Conn(cluster)
}

// writer writes through the memory.
func (s *syncer) writer(cluster string) (federation.ClusterClient, error) {
	return s.caches.Client(cluster)
}

func (s *syncer) readiness(cluster string) error {
	c, ok := s.members.Fleet().Get(cluster)
	if ok && c.Ready.State != placement.Ready {
		return fmt.Errorf("%w: %s", errNotReady, c.Ready.Reason)
	}
	return nil
}

// ref is the copy of a federated object in a cluster.
func (s *syncer) ref(cluster string, fed types.NamespacedName) federation.Ref {
	r := federation.Ref{Cluster: cluster, GVK: s.gvk(), Namespace: fed.Namespace, Name: fed.Name}
	if !s.t.Target.Namespaced {
		r.Namespace = ""
	}
	return r
}

func (s *syncer) gvk() schema.GroupVersionKind { return s.t.Target.GVK }
