package manager

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"golang.org/x/sync/errgroup"

	"github.com/confed-project/confed/clusterregistry"
	"github.com/confed-project/confed/clusterregistry/kube"
	"github.com/confed-project/confed/federation/kubefed"
)

var secretKind = schema.GroupVersionKind{Version: "v1", Kind: "Secret"}

// clusters keeps the registry in step with KubeFedClusters and their Secrets, probes the members, and writes their
// statuses. Readiness reaches the registry through the status alone, so that every replica decides by the same facts.
type clusters struct {
	*core
	mirror *mirror
	feed   kube.Feed[*kube.Client]
	known  atomic.Bool // the registry has what the host says
	loop   *loop

	mu      sync.Mutex // guards what follows
	health  map[string]clusterregistry.Health
	pending map[string]bool // joined, and not probed yet
	wake    chan struct{}
}

func newClusters(c *core) *clusters {
	k := &clusters{core: c, health: map[string]clusterregistry.Health{}, pending: map[string]bool{}, wake: make(chan struct{}, 1)}
	k.mirror = newMirror(&c.hosts,
		kube.CachedKind{GroupVersionKind: coreKind("KubeFedCluster"), Namespace: c.Namespace},
		kube.CachedKind{GroupVersionKind: secretKind, Namespace: c.Namespace})
	k.feed = kube.Feed[*kube.Client]{Registry: &c.members, Options: kube.Options{UserAgent: Manager, Wrap: c.fence.behind},
		Connect: func(client *kube.Client) *kube.Client { return client }}
	k.loop = newLoop(c, "kubefedcluster", k.report)
	return k
}

func (k *clusters) run(ctx context.Context) error {
	k.ready.set("clusters", k.read)
	defer k.ready.remove("clusters")
	k.live.set("clusters", k.loop.stuck)
	defer k.live.remove("clusters")
	group, ctx := errgroup.WithContext(ctx)
	changed := make(chan struct{}, 1)
	group.Go(func() error {
		return k.mirror.run(ctx, func(kube.Change) {
			select {
			case changed <- struct{}{}:
			default:
			}
		})
	})
	group.Go(func() error {
		for ctx.Err() == nil {
			select {
			case <-changed:
				k.sync(ctx)
			case <-ctx.Done():
			}
		}
		return nil
	})
	group.Go(func() error { k.probe(ctx); return nil })
	group.Go(func() error { k.loop.run(ctx, 4); return nil })
	return group.Wait()
}

// read says whether the registry has what the host says.
func (k *clusters) read() error {
	if err := k.mirror.synced(); err != nil {
		return err
	}
	if !k.known.Load() {
		return errors.New("the clusters were not read yet")
	}
	return nil
}

// sync puts what the host says into the registry. A host that cannot be read says nothing.
func (k *clusters) sync(ctx context.Context) {
	names, err := k.mirror.names(coreKind("KubeFedCluster"), k.Namespace)
	if err != nil || k.mirror.synced() != nil {
		return // told again when it is in step
	}
	var members []kube.Member
	for _, name := range names {
		obj, err := k.mirror.get(ctx, coreKind("KubeFedCluster"), name)
		if apierrors.IsNotFound(err) {
			continue // just now
		}
		if err != nil {
			return
		}
		if obj.GetDeletionTimestamp() != nil && len(obj.GetFinalizers()) == 0 {
			continue
		}
		members = append(members, kube.KubeFedMember(obj, k.secret(ctx, obj)))
	}
	if err := k.feed.Sync(members); err != nil {
		k.log.Error(err, "clusters that cannot be reached as they are described")
	}
	k.known.Store(true)
	k.track(members)
}

// secret is the one that a cluster names, nil when it is not there.
func (k *clusters) secret(ctx context.Context, obj *unstructured.Unstructured) *unstructured.Unstructured {
	name, _, _ := unstructured.NestedString(obj.Object, "spec", "secretRef", "name")
	secret, err := k.mirror.get(ctx, secretKind, types.NamespacedName{Namespace: obj.GetNamespace(), Name: name})
	if name == "" || err != nil {
		return nil
	}
	return secret
}

// track forgets the health of clusters that left, and has new ones probed at once.
func (k *clusters) track(members []kube.Member) {
	k.mu.Lock()
	defer k.mu.Unlock()
	here := map[string]bool{}
	for _, m := range members {
		here[m.Cluster.Name] = true
		_, probed := k.health[m.Cluster.Name]
		if _, broken := k.pending[m.Cluster.Name]; !probed && !broken {
			k.pending[m.Cluster.Name] = true
			select {
			case k.wake <- struct{}{}:
			default:
			}
		}
	}
	gone := func(name string) bool { return !here[name] }
	maps.DeleteFunc(k.health, func(name string, _ clusterregistry.Health) bool { return gone(name) })
	maps.DeleteFunc(k.pending, func(name string, _ bool) bool { return gone(name) })
	k.metrics.healths(k.health)
}

// probe asks all members every period, and new ones at once.
func (k *clusters) probe(ctx context.Context) {
	ticker := time.NewTicker(k.config.HealthPeriod)
	defer ticker.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-k.wake:
			k.fold(k.probeNew(ctx))
		case <-ticker.C:
			started := time.Now()
			k.fold(kube.ProbeAll(ctx, &k.members, k.config.HealthTimeout))
			k.metrics.probe.Observe(time.Since(started).Seconds())
		}
	}
}

func (k *clusters) probeNew(ctx context.Context) map[string]clusterregistry.Probe {
	k.mu.Lock()
	names := slices.Sorted(maps.Keys(k.pending))
	clear(k.pending)
	k.mu.Unlock()
	probes := make([]clusterregistry.Probe, len(names))
	var group errgroup.Group
	for i, name := range names {
		client, err := k.members.Conn(name)
		if err != nil {
			continue
		}
		group.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, k.config.HealthTimeout)
			defer cancel()
			probes[i] = client.Probe(ctx)
			return nil
		})
	}
	_ = group.Wait() // returns nothing
	out := map[string]clusterregistry.Probe{}
	for i, name := range names {
		if probes[i].Outcome != "" {
			out[name] = probes[i]
		}
	}
	return out
}

func (k *clusters) thresholds() clusterregistry.Thresholds {
	return clusterregistry.Thresholds{Failure: int(k.config.FailureThreshold), Success: int(k.config.SuccessThreshold), Period: k.config.HealthPeriod}
}

// fold judges what was seen and has the statuses written.
func (k *clusters) fold(probes map[string]clusterregistry.Probe) {
	k.mu.Lock()
	for name := range probes {
		if _, err := k.members.Conn(name); err != nil {
			delete(probes, name) // left meanwhile
		}
	}
	k.health = clusterregistry.Judge(k.health, probes, k.thresholds())
	k.metrics.healths(k.health)
	k.mu.Unlock()
	for name := range probes {
		k.loop.add(types.NamespacedName{Namespace: k.Namespace, Name: name}, 0)
	}
}

// report writes the status of one cluster, when it says something new.
func (k *clusters) report(ctx context.Context, name types.NamespacedName) (time.Duration, error) {
	obj, err := k.mirror.get(ctx, coreKind("KubeFedCluster"), name)
	if apierrors.IsNotFound(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	k.mu.Lock()
	h, ok := k.health[name.Name]
	k.mu.Unlock()
	if !ok {
		return 0, nil
	}
	out := kubefed.EncodeClusterStatus(obj, kubefed.ClusterHealth{
		Outcome: string(h.Outcome), Message: h.Message, ProbedAt: h.ProbedAt, Since: h.ReadySince,
		Version: h.Facts.Version, Region: h.Facts.Region, Zones: h.Facts.Zones, Refresh: statusRefresh,
	})
	if out == nil {
		return 0, nil
	}
	status, _ := out.Object["status"].(map[string]any)
	_, err = k.mirror.updateStatus(ctx, obj, status)
	if err == nil {
		was, _ := obj.Object["status"].(map[string]any)
		k.events.tell(obj, health(was, status)...)
	}
	if apierrors.IsNotFound(err) {
		return 0, nil
	}
	return 0, err
}

// statusRefresh is how old the probe times in a status may get. KubeFed wrote every status with every probe.
const statusRefresh = 5 * time.Minute
