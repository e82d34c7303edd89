package kube

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/confed-project/confed/clusterregistry"
	"github.com/confed-project/confed/placement"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func newSecret(labels map[string]string, entries map[string]string) *unstructured.Unstructured {
	data := map[string]any{}
	for k, v := range entries {
		data[k] = b64(v)
	}
	s := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Secret", "data": data}}
	s.SetNamespace("ns")
	s.SetName("secret")
	s.SetLabels(labels)
	return s
}

func kubeFedCluster(spec map[string]any) *unstructured.Unstructured {
	obj := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "core.kubefed.io/v1beta1", "kind": "KubeFedCluster", "spec": spec}}
	obj.SetNamespace("ns")
	obj.SetName("berlin")
	return obj
}

// certificate returns a self-signed server certificate, and itself as a CA bundle.
func certificate(t testing.TB, name string, until time.Time) (tls.Certificate, []byte) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: until.Add(-24 * time.Hour), NotAfter: until,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

type validationTables struct {
	Endpoint struct{ Invalid []string }          `json:"api_endpoint_validation"`
	Proxy    struct{ Valid, Invalid []string }   `json:"proxy_url_validation"`
	TLS      struct{ Valid, Invalid [][]string } `json:"disabled_tls_validation"`
}

func TestKubeFedTables(t *testing.T) {
	data, err := os.ReadFile("../testdata/kubefed_clusters.json")
	require.NoError(t, err)
	var tables validationTables
	require.NoError(t, json.Unmarshal(data, &tables))
	valid := 0
	for _, scheme := range []string{"", "http://", "https://"} {
		for _, host := range []string{"example.com", "my.example.com", "192.0.2.219", "[2001:db8:25a4:8d2::1]"} {
			for _, port := range []string{"", ":1", ":80", ":8080", ":65535"} {
				for _, path := range []string{"", "/", "/path/to/endpoint"} {
					if scheme == "" && len(path) > 1 {
						continue
					}
					got, err := parseEndpoint(scheme + host + port + path)
					require.NoError(t, err)
					require.Equal(t, cmp.Or(scheme, "https://")+host+port+path, got)
					valid++
				}
			}
		}
	}
	require.Equal(t, 160, valid)
	require.NotEmpty(t, tables.Endpoint.Invalid)
	for _, endpoint := range append(tables.Endpoint.Invalid, "user:canary-x@example.com", "https://u:canary-x@h", "http://[::1", "https://h?q", "h%zz") {
		_, err := parseEndpoint(endpoint)
		require.ErrorIs(t, err, ErrMalformed, endpoint)
		requireNoCanary(t, err)
	}
	for _, proxy := range tables.Proxy.Valid {
		_, err := parseProxy(proxy)
		require.NoError(t, err, proxy)
	}
	for _, proxy := range append(tables.Proxy.Invalid, "http://[::1", "http://") {
		_, err := parseProxy(proxy)
		require.ErrorIs(t, err, ErrProxyURL, proxy)
	}
	for _, skip := range tables.TLS.Valid {
		require.True(t, skipOK(skip), skip)
	}
	for _, skip := range append(tables.TLS.Invalid, []string{"Everything"}) {
		require.False(t, skipOK(skip), skip)
	}
}

func TestKubeFedMemberFacts(t *testing.T) {
	obj := kubeFedCluster(map[string]any{"apiEndpoint": "berlin.example:6443", "secretRef": map[string]any{"name": "secret"}})
	obj.SetLabels(map[string]string{"env": "prod"})
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	obj.Object["status"] = map[string]any{"region": "eu", "zones": []any{"a", "b"}, "kubernetesVersion": "v1.36.3",
		"conditions": []any{map[string]any{"type": "Paused", "status": "True", "reason": "Whim"}, map[string]any{"type": "Offline", "status": "True", "reason": "ClusterNotReachable", "lastTransitionTime": at.Format(time.RFC3339)}, "garbage"}}
	m := KubeFedMember(obj, newSecret(nil, map[string]string{"token": "canary-token"}))
	require.NoError(t, m.Err)
	require.Equal(t, "https://berlin.example:6443", m.Config.Host)
	require.Equal(t, "canary-token", m.Config.BearerToken)
	require.Equal(t, placement.Cluster{Name: "berlin", Labels: map[string]string{"env": "prod"}, Region: "eu", Zones: []string{"a", "b"},
		Properties: map[string]string{clusterregistry.VersionProperty: "v1.36.3"},
		Ready:      placement.Readiness{State: placement.NotReady, Since: at, Reason: "ClusterNotReachable"}}, m.Cluster)
	for _, text := range []string{fmt.Sprintf("%v", m), fmt.Sprintf("%+v", m), fmt.Sprintf("%#v", m), fmt.Sprint(m.Config)} {
		require.NotContains(t, text, canary)
	}
}

func TestKubeFedMemberRefuses(t *testing.T) {
	token := newSecret(nil, map[string]string{"token": "canary-token"})
	for name, test := range map[string]struct {
		spec   map[string]any
		secret *unstructured.Unstructured
		want   error
	}{
		"no spec":          {nil, token, ErrMalformed},
		"wrong types":      {map[string]any{"apiEndpoint": int64(7), "secretRef": "x"}, token, ErrMalformed},
		"vanished secret":  {map[string]any{"apiEndpoint": "h"}, nil, ErrNoCredentials},
		"empty secret":     {map[string]any{"apiEndpoint": "h"}, newSecret(nil, nil), ErrNoCredentials},
		"empty token":      {map[string]any{"apiEndpoint": "h"}, newSecret(nil, map[string]string{"token": ""}), ErrNoCredentials},
		"bad CA":           {map[string]any{"apiEndpoint": "h", "caBundle": b64("canary-ca")}, token, ErrMalformed},
		"CA not base64":    {map[string]any{"apiEndpoint": "h", "caBundle": "canary-%%"}, token, ErrMalformed},
		"bad proxy":        {map[string]any{"apiEndpoint": "h", "proxyURL": "ftp://u:canary-p@x"}, token, ErrProxyURL},
		"bad TLS":          {map[string]any{"apiEndpoint": "h", "disabledTLSValidations": []any{"canary-x"}}, token, ErrMalformed},
		"TLS of no string": {map[string]any{"apiEndpoint": "h", "disabledTLSValidations": []any{int64(1)}}, token, ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			m := KubeFedMember(kubeFedCluster(test.spec), test.secret)
			require.Nil(t, m.Config)
			require.ErrorIs(t, m.Err, test.want)
			require.ErrorContains(t, m.Err, "KubeFedCluster ns/berlin")
			requireNoCanary(t, m.Err)
		})
	}
}

// TestDisabledTLSValidations dials servers with the certificate of another name or of yesterday, by name and by address.
func TestDisabledTLSValidations(t *testing.T) {
	soon, past := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	for _, test := range []struct {
		name  string
		until time.Time
		skip  []any
		own   bool // the CA bundle is the server's own
		works bool
	}{
		{"127.0.0.1", soon, nil, true, true},
		{"127.0.0.1", soon, []any{"SubjectName"}, true, true},
		{"192.0.2.1", soon, nil, true, false},
		{"192.0.2.1", soon, []any{"ValidityPeriod"}, true, false},
		{"192.0.2.1", soon, []any{"SubjectName"}, true, true},
		{"other.example", soon, []any{"ValidityPeriod"}, true, false},
		{"127.0.0.1", past, nil, true, false},
		{"127.0.0.1", past, []any{"SubjectName"}, true, false},
		{"127.0.0.1", past, []any{"ValidityPeriod"}, true, true},
		{"192.0.2.1", past, []any{"SubjectName", "ValidityPeriod"}, true, true},
		{"192.0.2.1", past, []any{"SubjectName", "ValidityPeriod"}, false, false},
		{"192.0.2.1", past, []any{"*"}, true, true},
		{"192.0.2.1", past, []any{"*"}, false, true},
	} {
		for _, viaProxy := range []bool{false, true} {
			t.Run(fmt.Sprint(test.name, test.skip, test.own, viaProxy), func(t *testing.T) {
				cert, ca := certificate(t, test.name, test.until)
				server := httptest.NewUnstartedServer(newFakeServerHandler())
				server.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
				server.Config.ErrorLog = quiet()
				server.StartTLS()
				defer server.Close()
				if !test.own {
					_, ca = certificate(t, test.name, test.until)
				}
				spec := map[string]any{"apiEndpoint": server.URL, "caBundle": b64(string(ca)), "disabledTLSValidations": test.skip}
				var connects atomic.Int32
				if viaProxy {
					proxy := newConnectProxy(t, &connects)
					spec["proxyURL"] = proxy.URL
				}
				m := KubeFedMember(kubeFedCluster(spec), newSecret(nil, map[string]string{"token": "canary-token"}))
				require.NoError(t, m.Err)
				c, err := NewClient(m.Config, Options{})
				require.NoError(t, err)
				_, err = c.Get(t.Context(), configMaps, aB)
				if test.works {
					require.NoError(t, err)
				} else {
					require.Error(t, err)
					requireNoCanary(t, err)
				}
				require.Equal(t, viaProxy, connects.Load() > 0, "whether the proxy was used")
				require.True(t, m.SameConnection(KubeFedMember(kubeFedCluster(spec), newSecret(nil, map[string]string{"token": "canary-token"}))))
			})
		}
	}
}

// TestTheProxysOwnCertificate is not judged by what the member's owner said about the member's.
func TestTheProxysOwnCertificate(t *testing.T) {
	state := func(name string) tls.ConnectionState {
		cert, _ := certificate(t, name, time.Now().Add(time.Hour))
		leaf, err := x509.ParseCertificate(cert.Certificate[0])
		require.NoError(t, err)
		return tls.ConnectionState{ServerName: name, PeerCertificates: []*x509.Certificate{leaf, leaf}}
	}
	member, proxy := state("member.example"), state("proxy.example")
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: member.PeerCertificates[0].Raw})
	ca = append(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: proxy.PeerCertificates[0].Raw})...)
	r := newRelaxed("https://member.example", ca, []string{"SubjectName"}, "https://proxy.example:3128")
	require.NoError(t, r.verify(member))
	require.Error(t, r.verify(proxy), "the system does not know it")
	require.Error(t, newRelaxed("https://member.example", ca, []string{"ValidityPeriod"}, "").verify(proxy), "another name")
}

func TestProfileMember(t *testing.T) {
	profile := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "multicluster.x-k8s.io/v1alpha1", "kind": "ClusterProfile", "metadata": map[string]any{"namespace": "fleet", "name": "berlin"},
		"status": map[string]any{"accessProviders": []any{
			map[string]any{"name": "oidc", "cluster": map[string]any{"server": "https://b.example", "tls-server-name": "api", "proxy-url": "http://proxy.example",
				"extensions": []any{map[string]any{"name": execExtension, "extension": map[string]any{"audience": "x"}}}}},
			map[string]any{"name": "bad", "cluster": map[string]any{"server": "https://b.example", "proxy-url": "ftp://u:canary-p@x"}},
		}},
	}}
	shared := api.ExecConfig{Command: "plugin", APIVersion: "client.authentication.k8s.io/v1", Args: []string{"a"}, InteractiveMode: api.AlwaysExecInteractiveMode}
	providers := []Provider{{Name: "none"}, {Name: "oidc", Exec: shared}}
	m := ProfileMember(profile, providers)
	require.NoError(t, m.Err)
	require.Equal(t, "fleet/berlin", m.Cluster.Name)
	require.Equal(t, "api", m.Config.ServerName)
	require.Equal(t, api.NeverExecInteractiveMode, m.Config.ExecProvider.InteractiveMode)
	require.JSONEq(t, `{"audience":"x"}`, string(m.Config.ExecProvider.Config.(*runtime.Unknown).Raw))
	m.Config.ExecProvider.Args[0] = "changed"
	require.Equal(t, []string{"a"}, shared.Args, "shared between members")
	require.False(t, m.SameConnection(ProfileMember(profile, providers)))
	require.True(t, ProfileMember(profile, providers).SameConnection(ProfileMember(profile, providers)), "although each has its own proxy function")

	require.ErrorIs(t, ProfileMember(profile, nil).Err, ErrNoProvider)
	bad := ProfileMember(profile, []Provider{{Name: "bad"}})
	require.ErrorIs(t, bad.Err, ErrProxyURL)
	requireNoCanary(t, bad.Err)
	require.ErrorIs(t, ProfileMember(newSecret(nil, nil), providers).Err, clusterregistry.ErrNotProfile)
}

const plainKubeconfig = `{apiVersion: v1, kind: Config, current-context: x, clusters: [{name: c, cluster: {server: "https://c.example"}}],
  users: [{name: u, user: {token: canary-token}}], contexts: [{name: x, context: {cluster: c, user: u}}]}`

func TestSecretMember(t *testing.T) {
	argo := map[string]string{argoLabel: "cluster", "env": "prod"}
	for name, test := range map[string]struct {
		secret  *unstructured.Unstructured
		plugins []string
		member  string
		host    string
		err     error
	}{
		"cluster api": {newSecret(map[string]string{capiLabel: "berlin"}, map[string]string{"value": plainKubeconfig}), nil, "ns/berlin", "https://c.example", nil},
		"plain":       {newSecret(nil, map[string]string{"kubeconfig": plainKubeconfig}), nil, "ns/secret", "https://c.example", nil},
		"empty":       {newSecret(nil, nil), nil, "ns/secret", "", ErrNoCredentials},
		"garbage":     {newSecret(nil, map[string]string{"value": "canary-garbage"}), nil, "ns/secret", "", ErrMalformed},
		"files": {newSecret(nil, map[string]string{"value": strings.Replace(plainKubeconfig, "token: canary-token", "tokenFile: /var/run/secrets/token", 1)}),
			nil, "ns/secret", "", ErrFileReference},
		"no context": {newSecret(nil, map[string]string{"value": strings.Replace(plainKubeconfig, "current-context: x", "current-context: z", 1)}),
			nil, "ns/secret", "", ErrNoContext},
		"argo": {newSecret(argo, map[string]string{"name": "berlin", "server": "https://a.example",
			"config": `{"bearerToken":"canary-t","tlsClientConfig":{"insecure":false,"serverName":"api","caData":"` + b64("CA") + `"}}`}), nil, "berlin", "https://a.example", nil},
		"argo without server": {newSecret(argo, map[string]string{"name": "berlin", "config": "{}"}), nil, "berlin", "", ErrNoCredentials},
		"argo garbage":        {newSecret(argo, map[string]string{"server": "s", "config": `{"bearerToken": 12345, "x": canary-x}`}), nil, "ns/secret", "", ErrMalformed},
		"argo aws":            {newSecret(argo, map[string]string{"server": "s", "config": `{"awsAuthConfig": {}}`}), nil, "ns/secret", "", ErrAuthProvider},
		"argo proxy":          {newSecret(argo, map[string]string{"server": "s", "config": `{"proxyUrl": "ftp://canary-x@h"}`}), nil, "ns/secret", "", ErrProxyURL},
		"argo exec":           {newSecret(argo, map[string]string{"server": "s", "config": `{"execProviderConfig": {"command": "argocd-k8s-auth"}}`}), nil, "ns/secret", "", ErrExecPlugin},
		"argo exec allowed": {newSecret(argo, map[string]string{"server": "s", "config": `{"execProviderConfig": {"command": "argocd-k8s-auth", "apiVersion": "v1", "env": {"B": "2", "A": "1"}}}`}),
			[]string{"argocd-k8s-auth"}, "ns/secret", "s", nil},
	} {
		t.Run(name, func(t *testing.T) {
			m := SecretMember(test.secret, test.plugins...)
			require.Equal(t, test.member, m.Cluster.Name)
			require.Equal(t, test.secret.GetLabels(), m.Cluster.Labels)
			if test.err != nil {
				require.ErrorIs(t, m.Err, test.err)
				require.ErrorContains(t, m.Err, "Secret ns/secret")
				requireNoCanary(t, m.Err)
				require.Nil(t, m.Config)
				return
			}
			require.NoError(t, m.Err)
			require.Equal(t, test.host, m.Config.Host)
		})
	}
}

func TestOneBrokenContextOfMany(t *testing.T) {
	var b strings.Builder
	b.WriteString("apiVersion: v1\nkind: Config\nusers:\n- {name: u, user: {token: canary-token}}\nclusters:\n")
	for i := range 500 {
		fmt.Fprintf(&b, "- {name: c%d, cluster: {server: 'https://c%d', certificate-authority-data: %s}}\n", i, i, map[bool]string{true: "'canary-%'", false: b64("x")}[i == 250])
	}
	b.WriteString("contexts:\n")
	for i := range 500 {
		fmt.Fprintf(&b, "- {name: x%d, context: {cluster: c%d, user: u}}\n", i, i)
	}
	members, err := KubeconfigMembers(writeKubeconfig(t, b.String()))
	require.NoError(t, err)
	require.Len(t, members, 500)
	for i, m := range members {
		require.Equal(t, i != 250, m.Err == nil)
	}
	require.ErrorContains(t, members[250].Err, `context "x250", cluster "c250"`)
	requireNoCanary(t, members[250].Err)
	_, err = KubeconfigMembers("/nowhere")
	require.Error(t, err)
}

func TestSameConnection(t *testing.T) {
	proxy, err := parseProxy("http://u:p@proxy")
	require.NoError(t, err)
	base := func() *rest.Config {
		return &rest.Config{Host: "https://h", BearerToken: "t", Proxy: proxy, TLSClientConfig: rest.TLSClientConfig{CAData: []byte("ca"), CertData: []byte("c")},
			ExecProvider: &api.ExecConfig{Command: "x", Env: []api.ExecEnvVar{{Name: "a", Value: "b"}}}}
	}
	require.True(t, Member{Config: base()}.SameConnection(Member{Config: base()}))
	require.True(t, Member{}.SameConnection(Member{}))
	require.False(t, Member{Config: base()}.SameConnection(Member{}))
	for name, change := range map[string]func(*rest.Config){
		"host":      func(c *rest.Config) { c.Host = "https://i" },
		"token":     func(c *rest.Config) { c.BearerToken = "u" },
		"file":      func(c *rest.Config) { c.BearerTokenFile = "/f" },
		"CA":        func(c *rest.Config) { c.CAData = []byte("cb") },
		"cert":      func(c *rest.Config) { c.CertData = nil },
		"name":      func(c *rest.Config) { c.ServerName = "n" },
		"insecure":  func(c *rest.Config) { c.Insecure = true },
		"proxy":     func(c *rest.Config) { c.Proxy = nil },
		"env":       func(c *rest.Config) { c.ExecProvider.Env[0].Value = "c" },
		"as":        func(c *rest.Config) { c.Impersonate.UserName = "root" },
		"dial":      func(c *rest.Config) { c.Dial = (&net.Dialer{}).DialContext },
		"func":      func(c *rest.Config) { c.Transport = roundTripper(nil) },
		"transport": func(c *rest.Config) { c.Transport = newRelaxed("https://h", nil, []string{"SubjectName"}, "") },
	} {
		changed := base()
		change(changed)
		require.False(t, Member{Config: base()}.SameConnection(Member{Config: changed}), name)
		require.True(t, Member{Config: changed}.SameConnection(Member{Config: changed}), name)
	}
}

// roundTripper is a type whose values cannot be compared.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestMerge(t *testing.T) {
	m := func(name, origin string) Member {
		return Member{Cluster: placement.Cluster{Name: name}, Origin: origin}
	}
	got, err := Merge([]Member{m("b", "1"), m("a", "1")}, []Member{m("a", "2"), m("c", "2")}, []Member{m("a", "3")})
	require.Equal(t, []Member{m("a", "1"), m("b", "1"), m("c", "2")}, got)
	require.ErrorIs(t, err, ErrTwoOrigins)
	require.Equal(t, "2, cluster \"a\": another source has a member of this name: 1\n3, cluster \"a\": another source has a member of this name: 1", err.Error())
}

func TestFeed(t *testing.T) {
	var registry clusterregistry.Registry[*Client]
	feed := Feed[*Client]{Registry: &registry, Connect: func(c *Client) *Client { return c }}
	good := func(name, token string) Member {
		return Member{Cluster: placement.Cluster{Name: name}, Config: &rest.Config{Host: "https://" + name, BearerToken: token}}
	}
	broken := func(name string) Member {
		return Member{Cluster: placement.Cluster{Name: name, Region: "r"}, Err: &SourceError{Origin: "test", Cluster: name, Err: ErrNoCredentials}}
	}
	conn := func(name string) *Client {
		c, err := registry.Conn(name)
		require.NoError(t, err)
		return c
	}
	require.ErrorIs(t, feed.Sync([]Member{good("a", "1"), good("b", "1"), broken("c")}), ErrNoCredentials)
	a, b, c := conn("a"), conn("b"), conn("c")
	_, err := c.Get(context.Background(), configMaps, aB)
	require.ErrorIs(t, err, ErrNoCredentials)

	lease, _, cancel, err := registry.Lease(t.Context(), "b")
	require.NoError(t, err)
	defer cancel()
	require.ErrorIs(t, feed.Sync([]Member{broken("a"), good("b", "2"), good("c", "1")}), ErrNoCredentials)
	require.Same(t, a, conn("a"), "a vanished Secret does not end a connection that may work")
	known, _ := registry.Fleet().Get("a")
	require.Equal(t, "r", known.Region)
	require.NotSame(t, b, conn("b"), "a rotated token is taken")
	require.Equal(t, clusterregistry.ErrGone, context.Cause(lease))
	require.NotSame(t, c, conn("c"))

	require.NoError(t, feed.Sync([]Member{good("a", "1"), good("c", "1")}))
	probed := placement.Cluster{Name: "c", Ready: placement.Readiness{State: placement.Ready}}
	require.NoError(t, registry.Update(probed))
	require.NoError(t, feed.Sync([]Member{good("a", "1"), good("c", "1")}))
	known, _ = registry.Fleet().Get("c")
	require.Equal(t, probed, known, "the source said nothing new")
	require.Same(t, a, conn("a"), "the same connection as before the Secret vanished")
	_, err = registry.Conn("b")
	require.ErrorIs(t, err, clusterregistry.ErrUnknown)

	registry.Remove("a")
	require.NoError(t, feed.Sync([]Member{good("a", "1"), good("c", "1")}))
	require.NotSame(t, a, conn("a"))

	bad := Member{Cluster: placement.Cluster{Name: "d"}, Config: &rest.Config{Host: "https://d", TLSClientConfig: rest.TLSClientConfig{CAData: []byte("canary-ca")}}}
	err = feed.Sync([]Member{good("a", "1"), good("a", "2"), {}, bad})
	require.ErrorIs(t, err, ErrTwoOrigins)
	require.ErrorIs(t, err, placement.ErrInvalid)
	require.ErrorContains(t, err, `cluster "d"`)
	requireNoCanary(t, err)
	require.Equal(t, 2, registry.Fleet().Len())
}

func FuzzSources(f *testing.F) {
	f.Add([]byte(`{"metadata":{"name":"a","namespace":"b"},"spec":{"apiEndpoint":"h:1","caBundle":"","disabledTLSValidations":["*"],"proxyURL":"http://x"},"data":{"token":"dA=="}}`))
	f.Add([]byte(`{"metadata":{"labels":{"argocd.argoproj.io/secret-type":"cluster"}},"data":{"server":"c2VydmVy","config":"e30=","name":"bg=="}}`))
	f.Add([]byte(`{"data":{"value":"` + b64(plainKubeconfig) + `"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		obj := &unstructured.Unstructured{}
		if json.Unmarshal(data, &obj.Object) != nil {
			return
		}
		for _, m := range []Member{KubeFedMember(obj, obj), KubeFedMember(obj, nil), SecretMember(obj), ProfileMember(obj, []Provider{{Name: "a"}})} {
			if (m.Config == nil) == (m.Err == nil) {
				t.Fatalf("%s: config %v, error %v", m.Origin, m.Config != nil, m.Err)
			}
		}
	})
}

// newFakeServerHandler answers every object with one ConfigMap.
func newFakeServerHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/api/v1" {
			fmt.Fprint(w, `{"groupVersion":"v1","resources":[{"name":"configmaps","kind":"ConfigMap","namespaced":true}]}`)
			return
		}
		writeJSON(w, http.StatusOK, configMap("a", "b"))
	})
}
