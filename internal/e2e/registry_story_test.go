package e2e_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/confed-project/confed/clusterregistry"
	"github.com/confed-project/confed/clusterregistry/kube"
	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/internal/e2e/cluster"
	"github.com/confed-project/confed/placement"
)

// overheard notes the requests that leave with a config.
type overheard struct {
	mu       sync.Mutex
	requests []string
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func (o *overheard) listen(config *rest.Config) *rest.Config {
	config.Wrap(func(rt http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			o.mu.Lock()
			o.requests = append(o.requests, r.Method+" "+r.URL.RequestURI())
			o.mu.Unlock()
			return rt.RoundTrip(r)
		})
	})
	return config
}

// count returns how many requests contain all of the texts.
func (o *overheard) count(texts ...string) (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, r := range o.requests {
		hit := true
		for _, text := range texts {
			hit = hit && strings.Contains(r, text)
		}
		if hit {
			n++
		}
	}
	return n
}

// TestAClusterIsRecreatedUnderItsName: another server takes the name, with what it holds, and nothing of the first is
// believed any more. Both are listed as streams, which the servers know, with one request.
func TestAClusterIsRecreatedUnderItsName(t *testing.T) {
	ctx := t.Context()
	const name = "phoenix"
	servers := cluster.Shared(t).Members[:2]
	id := types.NamespacedName{Namespace: "default", Name: "recreated"}
	registry := &clusterregistry.Registry[*kube.Client]{}
	var heard overheard
	put := func(s *cluster.Server) {
		client, err := kube.NewClient(heard.listen(s.Config()), kube.Options{})
		require.NoError(t, err)
		require.NoError(t, registry.Put(placement.Cluster{Name: name}, client))
	}
	for _, s := range servers {
		obj := named(gvkConfigMap, id.Namespace, id.Name)
		obj.Object["data"] = map[string]any{"server": s.Name}
		obj.SetLabels(map[string]string{"registry": "recreated"})
		root := admin(t, s)
		_, err := root.Create(ctx, obj, metav1.CreateOptions{})
		require.NoError(t, err)
		defer func() {
			require.NoError(t, root.Delete(context.WithoutCancel(ctx), gvkConfigMap, id, metav1.DeleteOptions{}))
		}()
	}
	put(servers[0])
	caches := &kube.Caches{Selector: "registry=recreated", Kinds: []kube.CachedKind{{GroupVersionKind: gvkConfigMap}}}
	mirrored(t, registry, caches)
	shows := func(want string) {
		t.Helper()
		require.Eventually(t, func() bool {
			member, err := caches.Client(name)
			if err != nil {
				return false
			}
			obj, err := member.Get(ctx, gvkConfigMap, id)
			return err == nil && obj.Object["data"].(map[string]any)["server"] == want
		}, within, 20*time.Millisecond)
	}
	shows(servers[0].Name)
	first, err := caches.Client(name)
	require.NoError(t, err)
	require.True(t, registry.Remove(name))
	require.Eventually(t, func() bool { return first.Synced() != nil }, within, 20*time.Millisecond)
	_, err = caches.Client(name)
	require.ErrorIs(t, err, clusterregistry.ErrUnknown)
	put(servers[1])
	shows(servers[1].Name)
	_, err = first.Get(ctx, gvkConfigMap, id)
	require.ErrorIs(t, err, kube.ErrNotSynced, "the first is not believed")
	require.Zero(t, heard.count("GET /api/v1/configmaps?", "limit="), "%q", heard.requests)
	require.Equal(t, 2, heard.count("GET /api/v1/configmaps?", "watch=true", "sendInitialEvents=true"), "%q", heard.requests)
}

// TestATokenIsRenewedInTime against a real server, whose clock is not asked: the program says what time it is.
func TestATokenIsRenewedInTime(t *testing.T) {
	ctx := t.Context()
	s := cluster.Shared(t).Members[0]
	root := admin(t, s)
	grant := kube.Grant{Name: "renewed", Namespace: "registry-renewed", Kinds: []schema.GroupVersionKind{gvkConfigMap}}
	require.NoError(t, kube.Join(ctx, root, grant))
	token, expires, err := grant.Token(ctx, root, time.Hour)
	require.NoError(t, err)
	config := as(s, token)
	same, due, err := grant.Renew(ctx, config, time.Now())
	require.NoError(t, err)
	require.Same(t, config, same)
	require.WithinDuration(t, expires.Add(-12*time.Minute), due, time.Minute)
	var renewed *rest.Config
	require.Eventually(t, func() bool { // until the authorizer has seen the role
		renewed, _, err = grant.Renew(ctx, config, due)
		return err == nil
	}, within, 50*time.Millisecond)
	require.NotEqual(t, config.BearerToken, renewed.BearerToken)
	for _, c := range []*rest.Config{config, renewed} { // the old one goes on until it ends
		client, err := kube.NewClient(c, kube.Options{})
		require.NoError(t, err)
		require.Eventually(t, func() bool { return client.Probe(ctx).Outcome == clusterregistry.Healthy }, within, 50*time.Millisecond)
	}
	require.NoError(t, kube.Unjoin(ctx, root, grant))
	require.Eventually(t, func() bool {
		_, _, err := grant.Renew(ctx, renewed, due)
		return federation.Refused(err).Cause == federation.CauseRejected
	}, within, 100*time.Millisecond, "revoked")
}

// TestWhatBecomesOfPropagatedObjects when their member leaves: they are removed, released or left, as the program says.
func TestWhatBecomesOfPropagatedObjects(t *testing.T) {
	ctx := t.Context()
	s := cluster.Shared(t).Members[1]
	root := admin(t, s)
	connect := func(string) (federation.ClusterClient, error) { return root, nil }
	planner := federation.Planner{Owner: federation.Owner{Value: "leaver"}}
	fleet, err := placement.NewFleet([]placement.Cluster{{Name: s.Name}})
	require.NoError(t, err)
	id := types.NamespacedName{Namespace: "default", Name: "leaves"}
	// pass carries an object out once and tells how much is left to do.
	pass := func(ctx context.Context, policy placement.Policy, orphan bool) (left int, err error) {
		obj := federation.Object{Template: decode(t, "{apiVersion: v1, kind: ConfigMap, metadata: {namespace: default, name: leaves}}"), Placement: policy, Orphan: orphan}
		for range 2 {
			snap := federation.Snapshot{Now: time.Now(), Fleet: fleet, Holders: []string{s.Name}}
			plan, err := planner.Plan(obj, snap.With(federation.Observe(ctx, connect, planner.Targets(obj, snap))))
			if err != nil {
				return 0, err
			}
			left = 0
			for _, r := range (federation.Dispatcher{Clients: connect}).Dispatch(ctx, plan) {
				if r.Step.Verb != federation.Keep {
					left++
				}
			}
		}
		return left, nil
	}
	for name, test := range map[string]struct {
		empty func(context.Context) (int, error)
		there bool
		owner string
	}{
		"remove":  {func(ctx context.Context) (int, error) { return pass(ctx, placement.Policy{}, false) }, false, ""},
		"release": {func(ctx context.Context) (int, error) { return pass(ctx, placement.Policy{}, true) }, true, ""},
		"leave":   {nil, true, "leaver"},
	} {
		t.Run(name, func(t *testing.T) {
			grant := kube.Grant{Name: "leaver", Namespace: "registry-leaver-" + name, Kinds: []schema.GroupVersionKind{gvkConfigMap}}
			require.NoError(t, kube.Join(ctx, root, grant))
			_, err := pass(ctx, everywhere(), false)
			require.NoError(t, err)
			require.NoError(t, kube.Leave(ctx, kube.Departure{Cluster: s.Name, Grant: grant, Member: root, Empty: test.empty}))
			live, err := root.Get(ctx, gvkConfigMap, id)
			require.Equal(t, test.there, err == nil, "%v", err)
			if test.there {
				require.Equal(t, test.owner, live.GetLabels()["confed.dev/owner"])
				require.NoError(t, root.Delete(ctx, gvkConfigMap, id, metav1.DeleteOptions{}))
			}
			_, err = root.Get(ctx, gvkAccount, types.NamespacedName{Namespace: grant.Namespace, Name: grant.Name})
			require.True(t, apierrors.IsNotFound(err))
		})
	}
}

// TestWhatRealServersRefuse reads the errors of real servers by their cause.
func TestWhatRealServersRefuse(t *testing.T) {
	ctx := t.Context()
	s := cluster.Shared(t).Members[0]
	root := admin(t, s)
	grant := kube.Grant{Name: "refused", Namespace: "registry-refused", Kinds: []schema.GroupVersionKind{gvkConfigMap}}
	require.NoError(t, kube.Join(ctx, root, grant))
	defer func() { require.NoError(t, kube.Unjoin(context.WithoutCancel(ctx), root, grant)) }()
	token, _, err := grant.Token(ctx, root, time.Hour)
	require.NoError(t, err)
	client := func(config *rest.Config) *kube.Client {
		c, err := kube.NewClient(config, kube.Options{})
		require.NoError(t, err)
		return c
	}
	web := decode(t, `{apiVersion: apps/v1, kind: Deployment, metadata: {namespace: default, name: refused}, spec: {replicas: 0, selector: {matchLabels: {a: b}},
	  template: {metadata: {labels: {a: b}}, spec: {containers: [{name: web, image: web}]}}}}`)
	_, err = root.Create(ctx, web, metav1.CreateOptions{FieldManager: "somebody"})
	require.NoError(t, err)
	id := types.NamespacedName{Namespace: "default", Name: "refused"}
	defer func() {
		require.NoError(t, root.Delete(context.WithoutCancel(ctx), gvkDeployment, id, metav1.DeleteOptions{}))
	}()
	apply := func(text string, force bool) error {
		_, err := root.Patch(ctx, decode(t, "{apiVersion: apps/v1, kind: Deployment, metadata: {namespace: default, name: refused}, spec: "+text+"}"), nil,
			metav1.PatchOptions{FieldManager: "us", Force: &force})
		return err
	}
	get := func(c *kube.Client, gvk schema.GroupVersionKind) error { _, err := c.Get(ctx, gvk, id); return err }
	nowhere := s.Config()
	nowhere.Host = "https://127.0.0.1:1"
	other := types.UID("another")
	_, exists := root.Create(ctx, web, metav1.CreateOptions{})
	for _, test := range []struct {
		err    error
		want   federation.Cause
		fields []string
		by     []string
	}{
		{err: get(root, gvkGadget), want: federation.CauseNotServed},
		{err: get(root, gvkConfigMap), want: federation.CauseNotFound},
		{err: get(client(as(s, token)), gvkSecret), want: federation.CauseForbidden},
		{err: get(client(as(s, "nobody")), gvkConfigMap), want: federation.CauseRejected},
		{err: get(client(nowhere), gvkConfigMap), want: federation.CauseUnreachable},
		{err: exists, want: federation.CauseAlreadyExists},
		{err: apply("{replicas: 3}", false), want: federation.CauseFieldsHeld, fields: []string{".spec.replicas"}, by: []string{"somebody"}},
		{err: apply("{selector: {matchLabels: {c: d}}, template: {metadata: {labels: {c: d}}}}", true), want: federation.CauseImmutable, fields: []string{"spec.selector"}},
		{err: apply("{colour: blue}", false), want: federation.CauseInvalid},
		{err: root.Delete(ctx, gvkDeployment, id, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &other}}), want: federation.CauseStale},
	} {
		r := federation.Refused(test.err)
		require.Equal(t, test.want, r.Cause, "%v", test.err)
		require.NotEmpty(t, r.Message)
		require.Equal(t, test.by, r.Managers)
		if test.fields != nil {
			require.Equal(t, test.fields, r.Fields)
		}
	}
}

// TestAForeignObjectUnderOurName is not in a cache of what is ours; the create finds it, and leaves it alone.
func TestAForeignObjectUnderOurName(t *testing.T) {
	ctx := t.Context()
	s := cluster.Shared(t).Members[2]
	root := admin(t, s)
	id := types.NamespacedName{Namespace: "default", Name: "foreign"}
	foreign := named(gvkConfigMap, id.Namespace, id.Name)
	foreign.Object["data"] = map[string]any{"k": "theirs"}
	_, err := root.Create(ctx, foreign, metav1.CreateOptions{FieldManager: "somebody"})
	require.NoError(t, err)
	defer func() {
		require.NoError(t, root.Delete(context.WithoutCancel(ctx), gvkConfigMap, id, metav1.DeleteOptions{}))
	}()
	registry := registered(t, []*cluster.Server{s})
	caches := &kube.Caches{Selector: "confed.dev/owner=finder", Kinds: []kube.CachedKind{{GroupVersionKind: gvkConfigMap}}}
	mirrored(t, registry, caches)
	connect := func(name string) (federation.ClusterClient, error) { return caches.Client(name) }
	planner := federation.Planner{Owner: federation.Owner{Value: "finder"}}
	obj := federation.Object{Template: decode(t, "{apiVersion: v1, kind: ConfigMap, metadata: {namespace: default, name: foreign}, data: {k: ours}}"), Placement: everywhere()}
	snap := federation.Snapshot{Now: time.Now(), Fleet: registry.Fleet()}
	plan, err := planner.Plan(obj, snap.With(federation.Observe(ctx, connect, planner.Targets(obj, snap))))
	require.NoError(t, err)
	require.Equal(t, federation.Create, plan.Steps[0].Verb, "the cache does not see it")
	results := federation.Dispatcher{Clients: connect}.Dispatch(ctx, plan)
	require.Equal(t, federation.Held, results[0].Outcome)
	require.Equal(t, federation.ReasonNotOwned, results[0].Reason)
	live, err := root.Get(ctx, gvkConfigMap, id)
	require.NoError(t, err)
	require.Equal(t, map[string]any{"k": "theirs"}, live.Object["data"])
	require.Empty(t, live.GetLabels())
}
