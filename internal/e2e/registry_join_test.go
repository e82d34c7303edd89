package e2e_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/confed-project/confed/clusterregistry"
	"github.com/confed-project/confed/clusterregistry/kube"
	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/internal/e2e/cluster"
	"github.com/confed-project/confed/placement"
)

var (
	gvkSecret     = schema.GroupVersionKind{Version: "v1", Kind: "Secret"}
	gvkKubeFed    = schema.GroupVersionKind{Group: "core.kubefed.io", Version: "v1beta1", Kind: "KubeFedCluster"}
	gvkRole       = schema.GroupVersionKind{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "ClusterRole"}
	gvkAccount    = schema.GroupVersionKind{Version: "v1", Kind: "ServiceAccount"}
	kubeFedCRD    = "kubefedclusters.core.kubefed.io"
	hostNamespace = "registry-host"
)

func admin(t *testing.T, s *cluster.Server) *kube.Client {
	client, err := kube.NewClient(s.Config(), kube.Options{UserAgent: "admin"})
	require.NoError(t, err)
	return client
}

// as returns the same server with another token.
func as(s *cluster.Server, token string) *rest.Config {
	config := rest.AnonymousClientConfig(s.Config())
	config.BearerToken = token
	return config
}

func named(kind schema.GroupVersionKind, namespace, name string) *unstructured.Unstructured {
	obj := &unstructured.Unstructured{}
	obj.SetGroupVersionKind(kind)
	obj.SetNamespace(namespace)
	obj.SetName(name)
	return obj
}

// allowed tells what a connection may do with a kind, by trying each verb that propagation uses.
func allowed(t *testing.T, c *kube.Client, obj *unstructured.Unstructured) (verbs []string) {
	ctx, gvk := t.Context(), obj.GroupVersionKind()
	name := types.NamespacedName{Namespace: obj.GetNamespace(), Name: obj.GetName()}
	force := true
	try := func(verb string, err error) {
		if apierrors.IsForbidden(err) {
			return
		}
		require.True(t, err == nil || apierrors.IsNotFound(err) || apierrors.IsInvalid(err) || apierrors.IsAlreadyExists(err), "%s %s: %v", verb, gvk.Kind, err)
		verbs = append(verbs, verb)
	}
	_, err := c.Get(ctx, gvk, name)
	try("get", err)
	_, err = c.Create(ctx, obj, metav1.CreateOptions{})
	try("create", err)
	_, err = c.Patch(ctx, obj, nil, metav1.PatchOptions{FieldManager: "try", Force: &force})
	try("patch", err)
	try("delete", c.Delete(ctx, gvk, name, metav1.DeleteOptions{}))
	return verbs
}

// TestTheGrantIsExactlyEnough propagates with a joined account, and tries what it was not given.
func TestTheGrantIsExactlyEnough(t *testing.T) {
	ctx := t.Context()
	s := cluster.Shared(t).Members[0]
	root := admin(t, s)
	grant := kube.Grant{Name: "enough", Namespace: "registry-enough", Kinds: []schema.GroupVersionKind{gvkConfigMap, gvkNamespace}}
	require.NoError(t, kube.Join(ctx, root, grant))
	before, err := s.Writes(ctx)
	require.NoError(t, err)
	require.NoError(t, kube.Join(ctx, root, grant))
	after, err := s.Writes(ctx)
	require.NoError(t, err)
	of := after.Since(before).Of("serviceaccounts", "roles", "rolebindings", "clusterroles", "clusterrolebindings", "secrets")
	for write, n := range of { // controllers may write too, but only we would touch roles
		require.NotContains(t, []string{"roles", "rolebindings", "clusterroles", "clusterrolebindings"}, write.Resource, "%s: %d", write, n)
	}

	token, expires, err := grant.Token(ctx, root, time.Hour)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(time.Hour), expires, 5*time.Minute)
	c, err := kube.NewClient(as(s, token), kube.Options{})
	require.NoError(t, err)
	require.Eventually(t, func() bool { // until the authorizer has seen the bindings
		_, err := c.Get(ctx, gvkNamespace, types.NamespacedName{Name: "default"})
		return err == nil
	}, within, 20*time.Millisecond)

	planner := federation.Planner{Owner: federation.Owner{Value: "enough"}}
	fleet, err := placement.NewFleet([]placement.Cluster{{Name: s.Name}})
	require.NoError(t, err)
	connect := func(string) (federation.ClusterClient, error) { return c, nil }
	dispatcher := federation.Dispatcher{Clients: connect}
	for _, policy := range []placement.Policy{everywhere(), {}} {
		for _, template := range []string{"{apiVersion: v1, kind: Namespace, metadata: {name: enough}}", "{apiVersion: v1, kind: ConfigMap, metadata: {namespace: enough, name: x}, data: {k: v}}"} {
			obj := federation.Object{Template: decode(t, template), Placement: policy, Cascade: true}
			snap := federation.Snapshot{Now: time.Now(), Fleet: fleet}
			snap = snap.With(federation.Observe(ctx, connect, planner.Targets(obj, snap)))
			plan, err := planner.Plan(obj, snap)
			require.NoError(t, err)
			for _, r := range dispatcher.Dispatch(ctx, plan) {
				require.NoError(t, r.Err, "%s", plan)
			}
		}
	}

	registry := &clusterregistry.Registry[*kube.Client]{} // it may list and watch the same kinds
	require.NoError(t, registry.Put(placement.Cluster{Name: s.Name}, c))
	mirrored(t, registry, &kube.Caches{Kinds: []kube.CachedKind{{GroupVersionKind: gvkConfigMap}, {GroupVersionKind: gvkNamespace, MetadataOnly: true}}})
	_, err = c.List(ctx, gvkSecret, "", "")
	require.Equal(t, federation.CauseForbidden, federation.Refused(err).Cause, "%v", err)
	require.Equal(t, []string{"get", "create", "patch", "delete"}, allowed(t, c, decode(t, "{apiVersion: v1, kind: ConfigMap, metadata: {namespace: default, name: tried}}")))
	for _, obj := range []*unstructured.Unstructured{
		decode(t, "{apiVersion: v1, kind: Secret, metadata: {namespace: default, name: tried}}"),
		decode(t, "{apiVersion: v1, kind: ServiceAccount, metadata: {namespace: registry-enough, name: tried}}"),
		decode(t, "{apiVersion: v1, kind: Node, metadata: {name: tried}}"),
		decode(t, "{apiVersion: apps/v1, kind: Deployment, metadata: {namespace: default, name: tried}}"),
		decode(t, "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: tried}}"),
		decode(t, "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {namespace: registry-enough, name: tried}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}}"),
	} {
		require.Empty(t, allowed(t, c, obj), obj.GetKind())
	}
	_, err = c.Topology(ctx)
	require.True(t, apierrors.IsForbidden(err))
	_, _, err = kube.Grant{Name: "default", Namespace: "registry-enough"}.Token(ctx, c, time.Hour)
	require.True(t, apierrors.IsForbidden(err), "the token of another account: %v", err)
	require.Equal(t, clusterregistry.Healthy, c.Probe(ctx).Outcome)

	renewed, _, err := grant.Token(ctx, c, time.Hour)
	require.NoError(t, err)
	require.NotEqual(t, token, renewed)

	require.NoError(t, kube.Unjoin(ctx, root, grant))
	require.NoError(t, kube.Unjoin(ctx, root, grant))
	require.Eventually(t, func() bool { return c.Probe(ctx).Outcome == clusterregistry.Rejected }, within, 100*time.Millisecond, "the tokens ended with the account")
	require.Eventually(t, func() bool {
		_, err := root.Get(ctx, gvkNamespace, types.NamespacedName{Name: "registry-enough"})
		return apierrors.IsNotFound(err)
	}, within, 100*time.Millisecond)
	_, err = root.Get(ctx, gvkRole, types.NamespacedName{Name: "registry-enough:enough"})
	require.True(t, apierrors.IsNotFound(err))
}

// TestAGrantWithinANamespace has no reach beyond it, and its long-lived token ends when the grant no longer wants one.
func TestAGrantWithinANamespace(t *testing.T) {
	ctx := t.Context()
	s := cluster.Shared(t).Members[1]
	root := admin(t, s)
	for _, name := range []string{"registry-team", "registry-within"} {
		_, err := root.Create(ctx, named(gvkNamespace, "", name), metav1.CreateOptions{})
		require.NoError(t, err)
	}
	_, err := root.Create(ctx, named(gvkConfigMap, "registry-within", "precious"), metav1.CreateOptions{})
	require.NoError(t, err)
	grant := kube.Grant{Name: "within", Namespace: "registry-within", Within: "registry-team", LongLived: true,
		Kinds: []schema.GroupVersionKind{gvkConfigMap, gvkNamespace}}
	require.NoError(t, kube.Join(ctx, root, grant))
	var token string
	require.Eventually(t, func() bool {
		token, _, err = grant.Token(ctx, root, 0)
		return err == nil
	}, within, 50*time.Millisecond)
	c, err := kube.NewClient(as(s, token), kube.Options{})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		return len(allowed(t, c, decode(t, "{apiVersion: v1, kind: ConfigMap, metadata: {namespace: registry-team, name: tried}}"))) == 4
	}, within, 50*time.Millisecond)
	require.Empty(t, allowed(t, c, decode(t, "{apiVersion: v1, kind: ConfigMap, metadata: {namespace: default, name: tried}}")))
	require.Empty(t, allowed(t, c, decode(t, "{apiVersion: v1, kind: Secret, metadata: {namespace: registry-team, name: tried}}")))
	_, err = c.Get(ctx, gvkNamespace, types.NamespacedName{Name: "registry-team"})
	require.NoError(t, err)
	_, err = c.Get(ctx, gvkNamespace, types.NamespacedName{Name: "default"})
	require.True(t, apierrors.IsForbidden(err))

	grant.LongLived = false
	require.NoError(t, kube.Join(ctx, root, grant))
	require.Eventually(t, func() bool { return c.Probe(ctx).Outcome == clusterregistry.Rejected }, within, 100*time.Millisecond)
	require.NoError(t, kube.Unjoin(ctx, root, grant), "the namespace was there before")
	_, err = root.Get(ctx, gvkConfigMap, types.NamespacedName{Namespace: "registry-within", Name: "precious"})
	require.NoError(t, err)
	for _, name := range []string{"registry-team", "registry-within"} {
		require.NoError(t, root.Delete(ctx, gvkNamespace, types.NamespacedName{Name: name}, metav1.DeleteOptions{}))
	}
}

// story of a federation: three members join, a token is rotated, one is revoked, one leaves while it is down, one
// returns under its name, and in the end nothing is left.
func TestMembersComeAndGo(t *testing.T) {
	ctx := t.Context()
	fleet := cluster.Shared(t)
	host := admin(t, fleet.Host)
	_, err := host.Create(ctx, named(gvkNamespace, "", hostNamespace), metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = host.Create(ctx, coreDefinition(t, kubeFedCRD), metav1.CreateOptions{})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, err := host.Get(ctx, gvkKubeFed, types.NamespacedName{Namespace: hostNamespace, Name: "none"})
		return apierrors.IsNotFound(err)
	}, within, 100*time.Millisecond)

	grant := kube.Grant{Name: "story", Namespace: "registry-story", Kinds: []schema.GroupVersionKind{gvkConfigMap}}
	departures := map[string]*kube.Departure{}
	record := func(s *cluster.Server) {
		root := admin(t, s)
		require.NoError(t, kube.Join(ctx, root, grant))
		token, _, err := grant.Token(ctx, root, time.Hour)
		require.NoError(t, err)
		records, err := kube.KubeFedRecords(types.NamespacedName{Namespace: hostNamespace, Name: s.Name}, as(s, token))
		require.NoError(t, err)
		force := true
		for _, r := range records {
			_, err := host.Patch(ctx, r, nil, metav1.PatchOptions{FieldManager: "story", Force: &force})
			require.NoError(t, err)
		}
		departures[s.Name] = &kube.Departure{Cluster: s.Name, Grant: grant, Member: root, Host: host, Records: records}
	}
	registry := &clusterregistry.Registry[*kube.Client]{}
	feed := kube.Feed[*kube.Client]{Registry: registry, Connect: func(c *kube.Client) *kube.Client { return c }}
	sync := func() error {
		var members []kube.Member
		for _, s := range fleet.Members {
			name := types.NamespacedName{Namespace: hostNamespace, Name: s.Name}
			obj, err := host.Get(ctx, gvkKubeFed, name)
			if apierrors.IsNotFound(err) {
				continue
			}
			require.NoError(t, err)
			secret, err := host.Get(ctx, gvkSecret, name)
			if apierrors.IsNotFound(err) {
				secret = nil
			} else {
				require.NoError(t, err)
			}
			members = append(members, kube.KubeFedMember(obj, secret))
		}
		return feed.Sync(members)
	}
	outcomes := func() map[string]clusterregistry.Outcome {
		got := map[string]clusterregistry.Outcome{}
		for name, p := range kube.ProbeAll(ctx, registry, 5*time.Second) {
			got[name] = p.Outcome
		}
		return got
	}
	a, b, c := fleet.Members[0], fleet.Members[1], fleet.Members[2]
	for _, s := range fleet.Members {
		record(s)
	}
	require.NoError(t, sync())
	require.Equal(t, map[string]clusterregistry.Outcome{a.Name: clusterregistry.Healthy, b.Name: clusterregistry.Healthy, c.Name: clusterregistry.Healthy}, outcomes())

	lease, old, cancel, err := registry.Lease(ctx, a.Name)
	require.NoError(t, err)
	defer cancel()
	other, err := registry.Conn(b.Name)
	require.NoError(t, err)
	record(a) // the token of a is rotated
	require.NoError(t, sync())
	require.Equal(t, clusterregistry.ErrGone, context.Cause(lease))
	renewed, err := registry.Conn(a.Name)
	require.NoError(t, err)
	require.NotSame(t, old, renewed)
	same, err := registry.Conn(b.Name)
	require.NoError(t, err)
	require.Same(t, other, same)

	require.NoError(t, kube.Unjoin(ctx, admin(t, b), grant)) // b is revoked behind our back
	require.Eventually(t, func() bool { return outcomes()[b.Name] == clusterregistry.Rejected }, within, 100*time.Millisecond)
	require.Equal(t, clusterregistry.Healthy, outcomes()[a.Name])

	// The Secret of a vanishes: reported, and the connection goes on.
	require.NoError(t, host.Delete(ctx, gvkSecret, types.NamespacedName{Namespace: hostNamespace, Name: a.Name}, metav1.DeleteOptions{}))
	require.ErrorIs(t, sync(), kube.ErrNoCredentials)
	require.Equal(t, clusterregistry.Healthy, outcomes()[a.Name])
	record(a)
	require.NoError(t, sync())

	c.Kill() // and leaves while it is down
	err = kube.Leave(ctx, *departures[c.Name])
	require.Error(t, err)
	require.NoError(t, sync())
	_, err = registry.Conn(c.Name)
	require.NoError(t, err, "the records stay while the member could not be cleaned")
	departures[c.Name].Force = true
	require.Error(t, kube.Leave(ctx, *departures[c.Name]), "what was passed over is told")
	require.NoError(t, sync())
	_, err = registry.Conn(c.Name)
	require.ErrorIs(t, err, clusterregistry.ErrUnknown)
	require.NoError(t, c.Restart(ctx))
	record(c) // and returns under its name
	require.NoError(t, sync())
	require.Equal(t, clusterregistry.Healthy, outcomes()[c.Name])

	all := []kube.Departure{*departures[a.Name], *departures[b.Name], *departures[c.Name]}
	require.NoError(t, kube.Teardown(ctx, all, host, kubeFedCRD))
	require.NoError(t, kube.Teardown(ctx, all, host, kubeFedCRD))
	for _, s := range fleet.Members {
		_, err := admin(t, s).Get(ctx, gvkAccount, types.NamespacedName{Namespace: grant.Namespace, Name: grant.Name})
		require.True(t, apierrors.IsNotFound(err))
	}
	require.Eventually(t, func() bool {
		_, err := host.Get(ctx, gvkCRD, types.NamespacedName{Name: kubeFedCRD})
		return apierrors.IsNotFound(err)
	}, within, 100*time.Millisecond)
	require.NoError(t, host.Delete(ctx, gvkNamespace, types.NamespacedName{Name: hostNamespace}, metav1.DeleteOptions{}))
}
