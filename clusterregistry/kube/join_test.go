package kube

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "rewrite golden files")

var (
	deployments = schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}
	namespaces  = schema.GroupVersionKind{Version: "v1", Kind: "Namespace"}
)

func TestGrantObjects(t *testing.T) {
	_, c := newFakeStore(t)
	for name, g := range map[string]Grant{
		"cluster": {Name: "confed", Namespace: "fleet-system", Kinds: []schema.GroupVersionKind{configMaps, deployments, namespaces, configMaps}, Topology: true,
			Reads: []schema.GroupVersionKind{{Version: "v1", Kind: "Secret"}, deployments}},
		"namespace": {Name: "confed", Namespace: "fleet-system", Kinds: []schema.GroupVersionKind{configMaps, namespaces}, Within: "team", LongLived: true},
		"reader":    {Name: "confed", Namespace: "fleet-system", Reads: []schema.GroupVersionKind{configMaps, namespaces}, Within: "team", LongLived: true},
	} {
		t.Run(name, func(t *testing.T) {
			objects, err := g.Objects(t.Context(), c)
			require.NoError(t, err)
			var b strings.Builder
			for _, obj := range objects {
				text, err := yaml.Marshal(obj.Object)
				require.NoError(t, err)
				fmt.Fprintf(&b, "---\n%s", text)
			}
			path := "testdata/grant_" + name + ".golden"
			if *update {
				require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o644))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(string(want), b.String()))
		})
	}
}

func TestBadGrants(t *testing.T) {
	_, c := newFakeStore(t)
	crd := schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"}
	for _, g := range []Grant{{}, {Name: "a"}, {Name: "a:b", Namespace: "n"}, {Name: "a", Namespace: "N"},
		{Name: "a", Namespace: "n", Within: "w", Kinds: []schema.GroupVersionKind{crd}}} {
		_, err := g.Objects(t.Context(), c)
		require.ErrorIs(t, err, ErrBadGrant, g)
		require.ErrorIs(t, Join(t.Context(), c, g), ErrBadGrant)
	}
	_, err := (Grant{Name: "a", Namespace: "n", Kinds: []schema.GroupVersionKind{widgets}}).Objects(t.Context(), c)
	require.True(t, meta.IsNoMatchError(err))
	broken := &Client{broken: ErrNoCredentials}
	g := Grant{Name: "a", Namespace: "n"}
	require.ErrorIs(t, Join(t.Context(), broken, g), ErrNoCredentials)
	require.ErrorIs(t, Unjoin(t.Context(), broken, g), ErrNoCredentials)
	_, _, err = g.Token(t.Context(), broken, 0)
	require.ErrorIs(t, err, ErrNoCredentials)
}

// TestJoinAndUnjoinSurviveACrashAtEachStep cuts both after every number of writes, and goes on.
func TestJoinAndUnjoinSurviveACrashAtEachStep(t *testing.T) {
	g := Grant{Name: "confed", Namespace: "fleet-system", Kinds: []schema.GroupVersionKind{configMaps}, Within: "team", LongLived: true}
	s, c := newFakeStore(t)
	s.put("/api/v1/namespaces/team", nil)
	empty := s.paths()
	require.NoError(t, Join(t.Context(), c, g))
	joined := s.paths()
	require.Len(t, joined, len(empty)+7)
	s.allow(-1)
	require.NoError(t, Join(t.Context(), c, g))
	require.Empty(t, s.wrote(), "joining again writes nothing")
	for steps := 0; ; steps++ {
		s.allow(steps)
		err := Unjoin(t.Context(), c, g)
		s.allow(-1)
		require.NoError(t, Unjoin(t.Context(), c, g))
		require.Equal(t, empty, s.paths())
		if err == nil {
			require.Equal(t, len(joined)-len(empty), steps)
			break
		}
		s.allow(steps)
		err = Join(t.Context(), c, g)
		require.Error(t, err)
		s.allow(-1)
		require.NoError(t, Join(t.Context(), c, g))
		require.Equal(t, joined, s.paths())
	}
}

func TestJoinMendsAndNarrows(t *testing.T) {
	g := Grant{Name: "confed", Namespace: "fleet-system", Kinds: []schema.GroupVersionKind{configMaps, deployments}, LongLived: true}
	s, c := newFakeStore(t)
	require.NoError(t, Join(t.Context(), c, g))
	role, binding := "/apis/rbac.authorization.k8s.io/v1/clusterroles/fleet-system:confed", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/fleet-system:confed"
	s.objects[role]["rules"] = []any{map[string]any{"apiGroups": []any{"*"}, "resources": []any{"*"}, "verbs": []any{"*"}}}
	s.objects[binding]["roleRef"] = map[string]any{"kind": "ClusterRole", "name": "cluster-admin", "apiGroup": "rbac.authorization.k8s.io"}
	s.allow(-1)
	require.NoError(t, Join(t.Context(), c, g))
	require.Equal(t, []string{"PATCH " + role, "DELETE " + binding, "POST /apis/rbac.authorization.k8s.io/v1/clusterrolebindings"}, s.wrote())

	g.LongLived = false
	s.allow(-1)
	require.NoError(t, Join(t.Context(), c, g))
	require.Contains(t, s.wrote(), "DELETE /api/v1/namespaces/fleet-system/secrets/confed", "a token that never expires is revoked")
}

func TestJoinTouchesNothingForeign(t *testing.T) {
	g := Grant{Name: "confed", Namespace: "fleet-system"}
	s, c := newFakeStore(t)
	s.put("/api/v1/namespaces/fleet-system", nil)
	s.put("/api/v1/namespaces/fleet-system/serviceaccounts/confed", nil)
	require.ErrorIs(t, Join(t.Context(), c, g), ErrForeign)
	require.ErrorContains(t, Join(t.Context(), c, g), "ServiceAccount fleet-system/confed")
	require.Empty(t, s.wrote())
	s.put("/api/v1/namespaces/other/serviceaccounts/confed", map[string]any{joinLabel: "confed", joinNamespaceLabel: "other"})
	require.NoError(t, Unjoin(t.Context(), c, g))
	require.Empty(t, s.wrote(), "another program of the same name, and a namespace that was there")
	s.mu.Lock()
	s.unselective = true
	s.mu.Unlock()
	require.NoError(t, Unjoin(t.Context(), c, g))
	require.Empty(t, s.wrote(), "a member that lists what was not asked for")
}

func TestUnjoinKeepsANamespaceThatIsInUse(t *testing.T) {
	g := Grant{Name: "confed", Namespace: "fleet-system"}
	s, c := newFakeStore(t)
	require.NoError(t, Join(t.Context(), c, g))
	s.put("/api/v1/namespaces/fleet-system/configmaps/kube-root-ca.crt", nil)
	s.put("/api/v1/namespaces/fleet-system/serviceaccounts/default", nil)
	s.put("/apis/apps/v1/namespaces/fleet-system/deployments/somebody", nil)
	err := Unjoin(t.Context(), c, g)
	require.ErrorIs(t, err, ErrNamespaceKept)
	require.ErrorContains(t, err, "Deployment somebody")
	s.mu.Lock()
	s.unavailable = "/apis/apps/v1"
	s.mu.Unlock()
	require.NoError(t, Join(t.Context(), c, g))
	err = Unjoin(t.Context(), c, g)
	require.ErrorIs(t, err, ErrNamespaceKept, "nobody knows whether it is empty")
	require.ErrorContains(t, err, "perhaps something of apps/v1, about which the member says: the server is currently unable to handle the request")
	require.Len(t, s.paths(), 4, "everything else is done")
	s.mu.Lock()
	s.unavailable = ""
	s.mu.Unlock()
	delete(s.objects, "/apis/apps/v1/namespaces/fleet-system/deployments/somebody")
	const draft = "/apis/apps/v1alpha1/namespaces/fleet-system/drafts/somebody"
	s.put(draft, nil)
	require.ErrorContains(t, Unjoin(t.Context(), c, g), "Draft somebody", "a kind that the preferred version of its group does not have")
	delete(s.objects, draft)
	require.NoError(t, Unjoin(t.Context(), c, g))
	require.NotContains(t, s.paths(), "/api/v1/namespaces/fleet-system")
}

func TestToken(t *testing.T) {
	s, c := newFakeStore(t)
	g := Grant{Name: "confed", Namespace: "n"}
	token, expires, err := g.Token(t.Context(), c, time.Hour)
	require.NoError(t, err)
	require.Equal(t, "canary-token", token)
	require.Equal(t, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), expires)
	require.Equal(t, []string{"POST /api/v1/namespaces/n/serviceaccounts/confed/token"}, s.wrote())

	g.LongLived = true
	s.put("/api/v1/namespaces/n/secrets/confed", nil)
	_, _, err = g.Token(t.Context(), c, 0)
	require.ErrorIs(t, err, ErrNoToken)
	s.objects["/api/v1/namespaces/n/secrets/confed"]["data"] = map[string]any{"token": b64("canary-long")}
	token, expires, err = g.Token(t.Context(), c, 0)
	require.NoError(t, err)
	require.Equal(t, "canary-long", token)
	require.True(t, expires.IsZero())
}

func TestTeardown(t *testing.T) {
	host, h := newFakeStore(t)
	host.put("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/x", nil)
	g := Grant{Name: "confed", Namespace: "fleet-system"}
	left := 2
	var members []Departure
	for i := range 3 {
		_, c := newFakeStore(t)
		require.NoError(t, Join(t.Context(), c, g))
		name := fmt.Sprint("m", i)
		records, err := KubeFedRecords(types.NamespacedName{Namespace: "k", Name: name}, &rest.Config{Host: "https://m", BearerToken: "canary-t"})
		require.NoError(t, err)
		for _, record := range records {
			plural := strings.ToLower(record.GetKind()) + "s"
			host.put(map[bool]string{true: "/api/v1", false: "/apis/core.kubefed.io/v1beta1"}[plural == "secrets"]+"/namespaces/k/"+plural+"/"+name, nil)
		}
		members = append(members, Departure{Cluster: name, Grant: g, Member: c, Host: h, Records: records})
	}
	members[1].Empty = func(context.Context) (int, error) { left--; return left, nil }
	members[2].Member = nil
	require.Len(t, host.paths(), 7)

	err := Teardown(t.Context(), members, h, "x")
	require.ErrorIs(t, err, ErrNotEmpty)
	require.ErrorContains(t, err, `cluster "m1": propagated objects are left: 1`)
	require.ErrorContains(t, err, `cluster "m2": no credentials`)
	require.Len(t, host.paths(), 5, "m0 has left")
	members[2].Force = true
	host.allow(2)
	require.Error(t, Teardown(t.Context(), members, h, "x"), "the host failed half way")
	require.Contains(t, host.paths(), "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/x")
	host.allow(-1)
	require.NoError(t, Teardown(t.Context(), members, h, "x"))
	require.Empty(t, host.paths())
	require.NoError(t, Teardown(t.Context(), members, h, "x"), "again")

	members[1].Empty = func(context.Context) (int, error) { return 0, errors.New("silent") }
	require.ErrorContains(t, Leave(t.Context(), members[1]), "silent")
	members[1].Force = true
	require.ErrorContains(t, Teardown(t.Context(), members[1:2], h), "silent", "what was passed over is told")
}

// TestAMemberThatHangsLeavesByForce: what it does not answer takes no time from the host.
func TestAMemberThatHangsLeavesByForce(t *testing.T) {
	member := newCountedServer(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), true)
	c, err := NewClient(member.config("t"), Options{})
	require.NoError(t, err)
	host, h := newFakeStore(t)
	records, err := KubeFedRecords(types.NamespacedName{Namespace: "k", Name: "m"}, member.config("t"))
	require.NoError(t, err)
	host.put("/api/v1/namespaces/k/secrets/m", nil)
	host.put("/apis/core.kubefed.io/v1beta1/namespaces/k/kubefedclusters/m", nil)
	d := Departure{Cluster: "m", Grant: Grant{Name: "confed", Namespace: "n"}, Member: c, Host: h, Records: records, Timeout: 50 * time.Millisecond}
	require.ErrorIs(t, Leave(t.Context(), d), context.DeadlineExceeded)
	require.Len(t, host.paths(), 2)
	d.Force = true
	require.ErrorIs(t, Leave(t.Context(), d), context.DeadlineExceeded, "what was passed over is told")
	require.Empty(t, host.paths())
	c.CloseIdleConnections()
}

// TestRecordsAreReadBack is a law: what was remembered reaches the member in the same way.
func TestRecordsAreReadBack(t *testing.T) {
	cert, ca := certificate(t, "127.0.0.1", time.Now().Add(time.Hour))
	proxy, err := parseProxy("http://u:canary-p@proxy:3128")
	require.NoError(t, err)
	name := types.NamespacedName{Namespace: "n", Name: "m"}
	key := clientKey(t, cert)
	for i, config := range []*rest.Config{
		{Host: "https://m:6443", BearerToken: "canary-t", TLSClientConfig: rest.TLSClientConfig{CAData: ca}},
		{Host: "https://m:6443", BearerToken: "canary-t", Proxy: proxy, TLSClientConfig: rest.TLSClientConfig{Insecure: true}},
		{Host: "https://m:6443", BearerToken: "canary-t", Proxy: proxy, TLSClientConfig: rest.TLSClientConfig{CAData: ca, ServerName: "api"}},
		{Host: "https://m:6443", TLSClientConfig: rest.TLSClientConfig{CAData: ca, CertData: ca, KeyData: key}},
		{Host: "https://m:6443", Username: "u", Password: "canary-p"},
	} {
		records, err := KubeFedRecords(name, config)
		require.Equal(t, i < 2, err == nil, "%v", err)
		if err == nil {
			back := KubeFedMember(records[1], records[0])
			require.NoError(t, back.Err)
			require.True(t, back.SameConnection(Member{Config: config}), i)
		} else {
			require.ErrorIs(t, err, ErrInexpressible)
		}
		record, err := KubeconfigRecord(name, config)
		require.NoError(t, err)
		back := SecretMember(record)
		require.NoError(t, back.Err)
		require.True(t, back.SameConnection(Member{Config: config}), i)
		require.Equal(t, "n/m", back.Cluster.Name)
	}
	for _, config := range []*rest.Config{{ExecProvider: &api.ExecConfig{}}, {Transport: &relaxed{}}, {BearerToken: "t", TLSClientConfig: rest.TLSClientConfig{CAFile: "/nowhere"}}} {
		_, err := KubeconfigRecord(name, config)
		require.Error(t, err)
		_, err = KubeFedRecords(name, config)
		require.Error(t, err)
	}
}

func clientKey(t testing.TB, cert tls.Certificate) []byte {
	der, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func TestDescribe(t *testing.T) {
	require.Equal(t, "ClusterRole x", describe(&unstructured.Unstructured{Object: map[string]any{"kind": "ClusterRole", "metadata": map[string]any{"name": "x"}}}))
	require.Equal(t, "Role n/x", describe(&unstructured.Unstructured{Object: map[string]any{"kind": "Role", "metadata": map[string]any{"namespace": "n", "name": "x"}}}))
}
