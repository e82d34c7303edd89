package kube

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/clusterregistry"
	"github.com/confed-project/confed/placement"
)

// tokenServer serves a member over TLS to who has its token, and repeats what anybody else sent.
func tokenServer(t testing.TB, until time.Time, token string) (url string, ca []byte) {
	cert, ca := certificate(t, "127.0.0.1", until)
	member := newFakeMember()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != "Bearer "+token {
			http.Error(w, "not you: "+got, http.StatusUnauthorized)
			return
		}
		member.ServeHTTP(w, r)
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	server.Config.ErrorLog = quiet()
	server.StartTLS()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL, ca
}

// stderrOf returns what f writes there, where client-go's global logger writes.
func stderrOf(t testing.TB, f func()) string {
	file, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	require.NoError(t, err)
	old := os.Stderr
	os.Stderr = file
	defer func() { os.Stderr = old }()
	f()
	text, err := os.ReadFile(file.Name())
	require.NoError(t, err)
	return string(text)
}

// badFleet has one member for each way of being bad, beside 59 good ones, from five sources.
func badFleet(t testing.TB) (members []Member, err error) {
	soon := time.Now().Add(time.Hour)
	good, goodCA := tokenServer(t, soon, "canary-good")
	expired, expiredCA := tokenServer(t, time.Now().Add(-time.Hour), "canary-good")
	context := func(name, server, ca, user string) string {
		return fmt.Sprintf(`{apiVersion: v1, kind: Config, clusters: [{name: c, cluster: {server: "%s"%s}}], users: [{name: u, user: {%s}}],
			contexts: [{name: %s, context: {cluster: c, user: u}}]}`, server, ca, user, name)
	}
	inline := func(ca []byte) string { return ", certificate-authority-data: " + b64(string(ca)) }
	var sources [][]Member
	for _, text := range []string{
		context("exec-plugin", good, inline(goodCA), `exec: {apiVersion: client.authentication.k8s.io/v1, command: steal, env: [{name: K, value: canary-env}]}`),
		context("no-ca-file", good, ", certificate-authority: nowhere.crt", "token: canary-good"),
		context("no-ca", good, "", "token: canary-good"),
		context("expired", expired, inline(expiredCA), "token: canary-good"),
		context("other-token", good, inline(goodCA), "token: canary-other"),
	} {
		list, err := KubeconfigMembers(writeKubeconfig(t, text))
		require.NoError(t, err)
		sources = append(sources, list)
	}
	var many strings.Builder
	fmt.Fprintf(&many, "apiVersion: v1\nkind: Config\nusers: [{name: u, user: {token: canary-good}}]\nclusters:\n- {name: c, cluster: {server: '%s'%s}}\n- {name: broken, cluster: {server: [canary-x]}}\ncontexts:\n", good, inline(goodCA))
	for i := range 60 {
		fmt.Fprintf(&many, "- {name: x%d, context: {cluster: %s, user: u}}\n", i, map[bool]string{true: "broken", false: "c"}[i == 25])
	}
	list, err := KubeconfigMembers(writeKubeconfig(t, many.String()))
	require.NoError(t, err)
	vanished := KubeFedMember(kubeFedCluster(map[string]any{"apiEndpoint": good, "secretRef": map[string]any{"name": "vanished"}}), nil)
	profile := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "multicluster.x-k8s.io/v1alpha1", "kind": "ClusterProfile",
		"metadata": map[string]any{"namespace": "fleet", "name": "no-provider"}}}
	sources = append(sources, list, []Member{vanished, ProfileMember(profile, nil)})
	sources = append(sources, []Member{{Cluster: placement.Cluster{Name: "expired"}, Origin: "a static list", Config: list[0].Config}})
	return Merge(sources...)
}

// TestBadMembersAreReportedAndTheOthersWork is the list of bad input, in one fleet. Each is told with its reason, 59
// members do not notice, and nothing that anybody could read has a credential in it.
func TestBadMembersAreReportedAndTheOthersWork(t *testing.T) {
	members, doubled := badFleet(t)
	require.ErrorIs(t, doubled, ErrTwoOrigins)
	require.ErrorContains(t, doubled, `a static list, cluster "expired"`)
	var registry clusterregistry.Registry[*Client]
	feed := Feed[*Client]{Registry: &registry, Connect: func(c *Client) *Client { return c }}
	told := feed.Sync(members)
	text := told.Error()
	for _, want := range []string{
		`context "exec-plugin", cluster "c": exec plugin not allowed: "steal"`,
		`context "no-ca-file", cluster "c": `,
		`context "x25", cluster "broken": malformed`,
		`KubeFedCluster ns/berlin, cluster "berlin": no credentials: Secret ns/vanished is not there`,
		`ClusterProfile fleet/no-provider, cluster "fleet/no-provider": no access provider`,
	} {
		require.Contains(t, text, want)
	}
	require.Equal(t, 5, strings.Count(text, "\n")+1, text)

	var lines []string
	var mu sync.Mutex
	logger := funcr.New(func(_, args string) {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, args)
	}, funcr.Options{Verbosity: 10})
	var health map[string]clusterregistry.Health
	stderr := stderrOf(t, func() {
		ctx, cancel := context.WithCancel(logr.NewContext(t.Context(), logger))
		caches := &Caches{Kinds: []CachedKind{{GroupVersionKind: configMaps}}, gap: 10 * time.Millisecond}
		done := make(chan error)
		go func() { done <- caches.Run(ctx, &registry) }()
		health = clusterregistry.Judge(nil, ProbeAll(ctx, &registry, time.Minute), clusterregistry.Thresholds{})
		for c := range registry.Fleet().All() {
			bad := health[c.Name].Outcome != clusterregistry.Healthy
			require.Eventually(t, func() bool {
				cached, err := caches.Client(c.Name)
				return err == nil && (cached.Synced() == nil || bad && strings.Count(cached.Synced().Error(), ":") > 1)
			}, longTime, shortTime, c.Name)
			if cached, _ := caches.Client(c.Name); bad {
				requireNoCanary(t, cached.Synced())
			}
		}
		cancel()
		require.NoError(t, <-done)
	})
	healthy := 0
	for name, h := range health {
		if strings.HasPrefix(name, "x") && name != "x25" {
			require.Equal(t, clusterregistry.Healthy, h.Outcome, "%s: %s", name, h.Message)
			healthy++
		}
	}
	require.Equal(t, 59, healthy)
	for name, want := range map[string]struct {
		outcome clusterregistry.Outcome
		message string
	}{
		"exec-plugin":       {clusterregistry.Malformed, "exec plugin not allowed"},
		"no-ca-file":        {clusterregistry.Malformed, "nowhere.crt"},
		"no-ca":             {clusterregistry.Unreachable, "certificate signed by unknown authority"},
		"expired":           {clusterregistry.Unreachable, "certificate has expired"},
		"other-token":       {clusterregistry.Rejected, "Unauthorized"},
		"x25":               {clusterregistry.Malformed, "malformed"},
		"berlin":            {clusterregistry.Malformed, "no credentials"},
		"fleet/no-provider": {clusterregistry.Malformed, "no access provider"},
	} {
		require.Equal(t, want.outcome, health[name].Outcome, "%s: %s", name, health[name].Message)
		require.Contains(t, health[name].Message, want.message, name)
	}
	dump, err := json.Marshal(health)
	require.NoError(t, err)
	require.Empty(t, stderr, "nobody asked for a log there")
	mu.Lock() // client-go's last words about a stream may still come
	logged := strings.Join(lines, "\n")
	mu.Unlock()
	require.NotEmpty(t, logged, "the caches log what they do")
	for what, text := range map[string]string{"health": string(dump), "errors": text, "merge": doubled.Error(), "log": logged,
		"fleet": fmt.Sprintf("%+v", registry.Fleet())} {
		require.NotContains(t, text, canary, what)
	}
}

// TestMutilatedSourcesKeepTheirSecrets cuts pieces out of sources that are full of credentials.
func TestMutilatedSourcesKeepTheirSecrets(t *testing.T) {
	argo, err := json.Marshal(newSecret(map[string]string{argoLabel: "cluster"}, map[string]string{"server": "https://h", "config": `{"bearerToken":"canary-t","tlsClientConfig":{"caData":"` + b64("canary-ca") + `"}}`}).Object)
	require.NoError(t, err)
	for at := 0; at < len(goodKubeconfig); at += 11 {
		for _, n := range []int{1, 13} {
			text := goodKubeconfig[:at] + goodKubeconfig[min(len(goodKubeconfig), at+n):]
			k, err := parseKubeconfig("test", []byte(text))
			requireNoCanary(t, err)
			if err != nil {
				continue
			}
			for _, e := range k.contexts {
				_, err := k.config(e.name)
				requireNoCanary(t, err)
			}
		}
	}
	for at := range argo {
		obj := &unstructured.Unstructured{}
		if json.Unmarshal([]byte(string(argo[:at])+string(argo[at+1:])), &obj.Object) == nil {
			requireNoCanary(t, SecretMember(obj).Err)
		}
	}
}
