package e2e_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/confed-project/confed/clusterregistry"
	"github.com/confed-project/confed/clusterregistry/kube"
	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/internal/e2e/cluster"
	"github.com/confed-project/confed/placement"
)

var (
	gvkConfigMap  = schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}
	gvkNamespace  = schema.GroupVersionKind{Version: "v1", Kind: "Namespace"}
	gvkDeployment = schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}
	gvkGadget     = schema.GroupVersionKind{Group: "registry.example", Version: "v1", Kind: "Gadget"}
	gvkCRD        = schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"}
)

const gadgetCRD = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gadgets.registry.example}
spec:
  group: registry.example
  scope: Namespaced
  names: {kind: Gadget, plural: gadgets}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
`

const within = 3 * time.Minute

// registered joins the members of a world to a registry, by their kubeconfigs.
func registered(t *testing.T, servers []*cluster.Server) *clusterregistry.Registry[*kube.Client] {
	registry := &clusterregistry.Registry[*kube.Client]{}
	for _, s := range servers {
		client, err := kube.NewClient(s.Config(), kube.Options{})
		require.NoError(t, err)
		require.NoError(t, registry.Put(placement.Cluster{Name: s.Name}, client))
	}
	return registry
}

// mirrored runs caches until the test ends, and waits until they are in step.
func mirrored(t *testing.T, registry *clusterregistry.Registry[*kube.Client], caches *kube.Caches) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- caches.Run(ctx, registry) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	for c := range registry.Fleet().All() {
		require.Eventually(t, func() bool {
			member, err := caches.Client(c.Name)
			return err == nil && (member.Synced() == nil || meta.IsNoMatchError(member.Synced()))
		}, within, 20*time.Millisecond)
	}
}

// TestPlanningFromMemory propagates with all reads answered by caches, through drift, an outage and a return.
func TestPlanningFromMemory(t *testing.T) {
	w := newWorld(t)
	registry := registered(t, w.servers)
	caches := &kube.Caches{Selector: "confed.dev/owner=story", Stale: time.Second, Kinds: []kube.CachedKind{
		{GroupVersionKind: gvkNamespace, MetadataOnly: true}, {GroupVersionKind: gvkConfigMap}, {GroupVersionKind: gvkDeployment, MetadataOnly: true}}}
	mirrored(t, registry, caches)
	cached := func(i int) *kube.Cached {
		member, err := caches.Client(w.servers[i].Name)
		require.NoError(t, err)
		return member
	}
	for i, s := range w.servers {
		w.clients[s.Name] = cached(i)
	}
	ns := federation.Object{Template: decode(t, "{apiVersion: v1, kind: Namespace, metadata: {name: from-memory}}"), Placement: everywhere(), Cascade: true}
	cm := federation.Object{Template: decode(t, "{apiVersion: v1, kind: ConfigMap, metadata: {namespace: from-memory, name: x}, data: {k: v}}"), Placement: everywhere()}
	web := federation.Object{Template: decode(t, `{apiVersion: apps/v1, kind: Deployment, metadata: {namespace: from-memory, name: web},
	  spec: {replicas: 1, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: web}]}}}}`), Placement: everywhere()}
	for _, obj := range []federation.Object{ns, cm, web} {
		w.settle(obj)
	}

	t.Run("what a cache holds is what the member holds", func(t *testing.T) {
		for i, s := range w.servers {
			live := w.mustGet(s.Name, "configmaps", cm.Template)
			require.Eventually(t, func() bool {
				held, err := cached(i).Get(t.Context(), gvkConfigMap, types.NamespacedName{Namespace: "from-memory", Name: "x"})
				return err == nil && held.GetResourceVersion() == live.GetResourceVersion()
			}, within, 10*time.Millisecond)
			held, err := cached(i).Get(t.Context(), gvkConfigMap, types.NamespacedName{Namespace: "from-memory", Name: "x"})
			require.NoError(t, err)
			require.Equal(t, live, held)
		}
	})
	t.Run("drift is told and mended", func(t *testing.T) {
		name := w.servers[0].Name
		w.foreignPatch(name, "configmaps", cm.Template, `{"data":{"k":"drifted"}}`)
		want := kube.Change{Cluster: name, GroupKind: gvkConfigMap.GroupKind(), Name: types.NamespacedName{Namespace: "from-memory", Name: "x"}}
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		for {
			for change := range caches.Changes(ctx) {
				if change == want || change == (kube.Change{Cluster: name}) {
					break
				}
			}
			require.NoError(t, ctx.Err())
			held, err := cached(0).Get(ctx, gvkConfigMap, want.Name)
			require.NoError(t, err)
			if held.Object["data"].(map[string]any)["k"] == "drifted" {
				break
			}
		}
		w.settle(cm)
		require.Equal(t, "v", w.mustGet(name, "configmaps", cm.Template).Object["data"].(map[string]any)["k"])
	})
	t.Run("a dead member becomes unknown and the others go on", func(t *testing.T) {
		dead := w.servers[1]
		dead.Kill()
		require.Eventually(t, func() bool { return errors.Is(cached(1).Synced(), kube.ErrNotSynced) }, within, 50*time.Millisecond)
		cm.Template.Object["data"] = map[string]any{"k": "w"}
		w.settle(cm, federation.ReasonUnobserved)
		require.Equal(t, "w", w.mustGet(w.servers[2].Name, "configmaps", cm.Template).Object["data"].(map[string]any)["k"])
		require.NoError(t, dead.Restart(t.Context()))
		require.Eventually(t, func() bool { return cached(1).Synced() == nil }, within, 50*time.Millisecond)
		w.settle(cm)
		require.Equal(t, "w", w.mustGet(dead.Name, "configmaps", cm.Template).Object["data"].(map[string]any)["k"])
	})
	t.Run("gone everywhere", func(t *testing.T) {
		for _, obj := range []federation.Object{web, cm, ns} {
			obj.Placement = placement.Policy{}
			w.settle(obj)
		}
		for i := range w.servers {
			require.Eventually(t, func() bool {
				_, err := cached(i).Get(t.Context(), gvkNamespace, types.NamespacedName{Name: "from-memory"})
				return apierrors.IsNotFound(err)
			}, within, 50*time.Millisecond)
		}
	})
}

// TestAKindComesAndGoes installs and removes a definition under a running cache and client.
func TestAKindComesAndGoes(t *testing.T) {
	ctx := t.Context()
	s := cluster.Shared(t).Members[0]
	registry := registered(t, []*cluster.Server{s})
	client, err := registry.Conn(s.Name)
	require.NoError(t, err)
	caches := &kube.Caches{Kinds: []kube.CachedKind{{GroupVersionKind: gvkGadget}, {GroupVersionKind: gvkConfigMap, Namespace: "default"}}}
	mirrored(t, registry, caches)
	member, err := caches.Client(s.Name)
	require.NoError(t, err)
	name := types.NamespacedName{Namespace: "default", Name: "g"}
	gadget := decode(t, "{apiVersion: registry.example/v1, kind: Gadget, metadata: {namespace: default, name: g}}")
	ends := func(want func(error) bool) {
		t.Helper()
		require.Eventually(t, func() bool {
			_, direct := client.Get(ctx, gvkGadget, name)
			_, cached := member.Get(ctx, gvkGadget, name)
			return want(direct) && want(cached)
		}, 3*time.Minute, 50*time.Millisecond)
	}
	ends(meta.IsNoMatchError)
	_, err = client.Create(ctx, decode(t, gadgetCRD), metav1.CreateOptions{})
	require.NoError(t, err)
	ends(apierrors.IsNotFound)
	require.Eventually(t, func() bool {
		_, err := member.Create(ctx, gadget, metav1.CreateOptions{})
		return err == nil
	}, within, 50*time.Millisecond)
	ends(func(err error) bool { return err == nil })
	require.NoError(t, client.Delete(ctx, gvkCRD, types.NamespacedName{Name: "gadgets.registry.example"}, metav1.DeleteOptions{}))
	ends(meta.IsNoMatchError)
	_, err = client.Create(ctx, gadget, metav1.CreateOptions{})
	require.True(t, meta.IsNoMatchError(err), "%v", err)
}

// TestProbeOfRealServers asks a healthy server, one that is down, and one that does not know us.
func TestProbeOfRealServers(t *testing.T) {
	s := cluster.Shared(t).Members[2]
	registry := registered(t, []*cluster.Server{s})
	stranger := s.Config()
	stranger.BearerToken = "nobody"
	client, err := kube.NewClient(stranger, kube.Options{})
	require.NoError(t, err)
	require.NoError(t, registry.Put(placement.Cluster{Name: "stranger"}, client))
	probes := kube.ProbeAll(t.Context(), registry, within)
	require.Equal(t, clusterregistry.Rejected, probes["stranger"].Outcome)
	p := probes[s.Name]
	require.Equal(t, clusterregistry.Healthy, p.Outcome, p.Message)
	require.Regexp(t, `^v1\.\d+\.\d+`, p.Facts.Version)
	require.False(t, p.Facts.ServerExpiry.IsZero())
	require.LessOrEqual(t, p.Facts.Skew.Abs(), 2*time.Second)

	s.Kill()
	require.Equal(t, clusterregistry.Unreachable, kube.ProbeAll(t.Context(), registry, time.Second)[s.Name].Outcome)
	require.NoError(t, s.Restart(t.Context()))
	require.Equal(t, clusterregistry.Healthy, kube.ProbeAll(t.Context(), registry, within)[s.Name].Outcome)

	own, err := registry.Conn(s.Name)
	require.NoError(t, err)
	node := decode(t, "{apiVersion: v1, kind: Node, metadata: {name: registry-node, labels: {topology.kubernetes.io/region: eu, topology.kubernetes.io/zone: eu-1}}}")
	_, err = own.Create(t.Context(), node, metav1.CreateOptions{})
	require.NoError(t, err)
	facts, err := own.Topology(t.Context())
	require.NoError(t, err)
	require.Equal(t, clusterregistry.Facts{Region: "eu", Zones: []string{"eu-1"}}, facts)
	require.NoError(t, own.Delete(t.Context(), schema.GroupVersionKind{Version: "v1", Kind: "Node"}, types.NamespacedName{Name: "registry-node"}, metav1.DeleteOptions{}))
}
