package kube

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"github.com/confed-project/confed/clusterregistry"
	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/placement"
)

// answers serves status and body by path.
func answers(table map[string]string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := table[r.URL.Path]
		code, body := http.StatusOK, answer
		if _, err := fmt.Sscanf(answer, "%d", &code); err == nil {
			body = answer[4:]
		}
		if !ok {
			code = http.StatusNotFound
		}
		w.WriteHeader(code)
		fmt.Fprint(w, body)
	})
}

func TestProbe(t *testing.T) {
	const version = `{"gitVersion":"v1.36.3"}`
	for name, test := range map[string]struct {
		table   map[string]string
		outcome clusterregistry.Outcome
		message string
		version string
	}{
		"ready":         {map[string]string{"/readyz": "ok", "/version": version}, clusterregistry.Healthy, "/readyz responded with ok", "v1.36.3"},
		"old":           {map[string]string{"/healthz": "OK\n", "/version": version}, clusterregistry.Healthy, "/healthz responded with ok", "v1.36.3"},
		"no version":    {map[string]string{"/readyz": "ok", "/version": "garbage"}, clusterregistry.Healthy, "/readyz responded with ok", ""},
		"login page":    {map[string]string{"/readyz": "<html>canary-page</html>"}, clusterregistry.Unhealthy, "/readyz responded without ok: 200", ""},
		"nothing there": {nil, clusterregistry.Unhealthy, "/healthz responded without ok: 404", ""},
		"etcd is gone": {map[string]string{"/readyz": "500 [+]ping ok\n[-]etcd failed: reason withheld\n[-]informer-sync failed: canary-reason\nreadyz check failed", "/livez": "ok"},
			clusterregistry.Unhealthy, "/readyz responded without ok: 500, failed: etcd, informer-sync; /livez is ok", ""},
		"revoked":   {map[string]string{"/readyz": "401 canary-x"}, clusterregistry.Rejected, "/readyz: Unauthorized", ""},
		"forbidden": {map[string]string{"/readyz": "403 canary-x"}, clusterregistry.Rejected, "/readyz: Forbidden", ""},
		"throttled": {map[string]string{"/readyz": "429 slow down"}, clusterregistry.Unhealthy, "/readyz responded without ok: 429", ""},
		"redirect":  {map[string]string{"/readyz": "302 elsewhere"}, clusterregistry.Unhealthy, "/readyz responded without ok: 302", ""},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(answers(test.table))
			defer server.Close()
			c, err := NewClient(&rest.Config{Host: server.URL}, Options{})
			require.NoError(t, err)
			p := c.Probe(t.Context())
			require.Equal(t, test.outcome, p.Outcome)
			require.Equal(t, test.message, p.Message)
			require.Equal(t, test.version, p.Facts.Version)
			require.NotNil(t, p.Facts.Skew)
			require.LessOrEqual(t, p.Facts.Skew.Abs(), time.Second)
			require.False(t, p.At.IsZero())
		})
	}
}

func TestProbeOfNothing(t *testing.T) {
	server := httptest.NewServer(answers(nil))
	server.Close()
	c, err := NewClient(&rest.Config{Host: server.URL, BearerToken: "canary-token"}, Options{})
	require.NoError(t, err)
	p := c.Probe(t.Context())
	require.Equal(t, clusterregistry.Unreachable, p.Outcome)
	require.Contains(t, p.Message, "cluster is not reachable: ")
	require.NotContains(t, p.Message, canary)

	p = (&Client{broken: ErrNoCredentials}).Probe(t.Context())
	require.Equal(t, clusterregistry.Malformed, p.Outcome)
	require.Equal(t, ErrNoCredentials.Error(), p.Message)
	_, err = (&Client{broken: ErrNoCredentials}).Topology(t.Context())
	require.ErrorIs(t, err, ErrNoCredentials)
}

func TestProbeSeesClocksAndCertificates(t *testing.T) {
	until := time.Now().Add(time.Hour).Truncate(time.Second)
	cert, ca := certificate(t, "127.0.0.1", until)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(90*time.Second).UTC().Format(http.TimeFormat))
		fmt.Fprint(w, "ok")
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	server.StartTLS()
	defer server.Close()
	exp := time.Now().Add(30 * time.Minute).Unix()
	claims := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"exp":%d}`, exp))
	c, err := NewClient(&rest.Config{Host: server.URL, BearerToken: "x." + claims + ".y", TLSClientConfig: rest.TLSClientConfig{CAData: ca}}, Options{})
	require.NoError(t, err)
	p := c.Probe(t.Context())
	require.Equal(t, clusterregistry.Healthy, p.Outcome)
	require.True(t, until.Equal(p.Facts.ServerExpiry))
	require.Equal(t, exp, p.Facts.CredentialsEnd.Unix())
	require.InDelta(t, 90, p.Facts.Skew.Seconds(), 1)
}

func TestCredentialsEnd(t *testing.T) {
	until := time.Now().Add(time.Hour).Truncate(time.Second)
	cert, _ := certificate(t, "me", until)
	own := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})
	require.True(t, until.Equal(credentialsEnd(&rest.Config{TLSClientConfig: rest.TLSClientConfig{CertData: own}})))
	for _, token := range []string{"", "opaque", "a.b.c", "a." + base64.RawURLEncoding.EncodeToString([]byte(`{"exp":"x"}`)) + ".c"} {
		require.True(t, credentialsEnd(&rest.Config{BearerToken: token}).IsZero(), token)
	}
	require.True(t, credentialsEnd(&rest.Config{TLSClientConfig: rest.TLSClientConfig{CertFile: "/nowhere"}}).IsZero())
}

func TestTopology(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pages := map[string]string{
			"": `{"apiVersion":"meta.k8s.io/v1","kind":"PartialObjectMetadataList","metadata":{"continue":"2"},"items":[
				{"metadata":{"labels":{"topology.kubernetes.io/region":"eu","topology.kubernetes.io/zone":"b"}}},
				{"metadata":{"labels":{"failure-domain.beta.kubernetes.io/region":"us","failure-domain.beta.kubernetes.io/zone":"a"}}}]}`,
			"2": `{"apiVersion":"meta.k8s.io/v1","kind":"PartialObjectMetadataList","metadata":{},"items":[
				{"metadata":{"labels":{"topology.kubernetes.io/region":"eu","topology.kubernetes.io/zone":"b"}}}, {"metadata":{}}]}`,
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, pages[r.URL.Query().Get("continue")])
	}))
	defer server.Close()
	c, err := NewClient(&rest.Config{Host: server.URL}, Options{})
	require.NoError(t, err)
	facts, err := c.Topology(t.Context())
	require.NoError(t, err)
	require.Equal(t, clusterregistry.Facts{Region: "eu", Zones: []string{"a", "b"}}, facts)
	server.Close()
	_, err = c.Topology(t.Context())
	require.Error(t, err)
}

func TestAMemberThatEchoesOurToken(t *testing.T) {
	echo := func(w http.ResponseWriter, r *http.Request) {
		message := "you said " + r.Header.Get("Authorization")
		if r.URL.Path == "/readyz" {
			http.Error(w, "[-]"+strings.Fields(message)[3]+" failed", http.StatusInternalServerError)
			return
		}
		if r.URL.Path == "/api/v1" {
			http.Error(w, message, http.StatusInternalServerError)
			return
		}
		writeJSON(w, http.StatusForbidden, map[string]any{"apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": "Forbidden", "code": 403,
			"message": message, "details": map[string]any{"name": message, "causes": []any{map[string]any{"message": message, "field": message}}}})
	}
	server := httptest.NewServer(http.HandlerFunc(echo))
	defer server.Close()
	c, err := NewClient(&rest.Config{Host: server.URL, BearerToken: "canary-token"}, Options{})
	require.NoError(t, err)
	_, err = c.Get(t.Context(), configMaps, aB)
	require.True(t, apierrors.IsInternalError(err), "%v", err)
	requireNoCanary(t, err)
	c.apis.groups[configMaps.GroupVersion()].kinds = map[string]resource{"ConfigMap": {"configmaps", true}}
	_, err = c.Get(t.Context(), configMaps, aB)
	require.True(t, apierrors.IsForbidden(err), "%v", err)
	require.ErrorContains(t, err, mask)
	var status *apierrors.StatusError
	require.ErrorAs(t, err, &status)
	require.NotContains(t, fmt.Sprintf("%+v %+v", status.ErrStatus.Details, federation.Refused(err)), canary)
	requireNoCanary(t, err)
	echoed := &net.OpError{Op: "read", Err: fmt.Errorf("canary-token: %w", os.ErrDeadlineExceeded)}
	masked := c.scrub(fmt.Errorf("get: %w", echoed))
	require.EqualError(t, masked, "get: read: [masked]: i/o timeout")
	require.ErrorIs(t, masked, os.ErrDeadlineExceeded)
	require.Equal(t, federation.CauseUnreachable, federation.Refused(masked).Cause)
	var opError *net.OpError
	require.False(t, errors.As(masked, &opError), "it would tell")
	requireNoCanary(t, masked)
	require.EqualError(t, c.scrub(errors.New("x canary-token")), "x [masked]")
	require.Contains(t, c.Probe(t.Context()).Message, "500, failed: "+mask)
}

// TestAMemberThatEchoesWhatItGot sends back credentials that are in no rest.Config as they go out.
func TestAMemberThatEchoesWhatItGot(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte("canary-file"), 0o600))
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Get("Authorization")
		http.Error(w, "you said "+got, http.StatusInternalServerError)
	}))
	defer server.Close()
	for _, config := range []*rest.Config{{Host: server.URL, BearerTokenFile: file}, {Host: server.URL, Username: "u", Password: "canary-password"}} {
		c, err := NewClient(config, Options{})
		require.NoError(t, err)
		_, err = c.Get(t.Context(), configMaps, aB)
		require.ErrorContains(t, err, mask)
		_, sent, _ := strings.Cut(got, " ")
		require.NotEmpty(t, sent)
		require.NotContains(t, err.Error(), sent)
		requireNoCanary(t, err)
		require.NotContains(t, c.Probe(t.Context()).Message, sent)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	reached := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer other.Close()
	server := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	c, err := NewClient(&rest.Config{Host: server.URL, BearerToken: "canary-token"}, Options{})
	require.NoError(t, err)
	_, err = c.Get(t.Context(), configMaps, aB)
	require.Error(t, err)
	require.Equal(t, clusterregistry.Unhealthy, c.Probe(t.Context()).Outcome)
	require.False(t, reached)
}

func TestProbeAll(t *testing.T) {
	var registry clusterregistry.Registry[*Client]
	stop := make(chan struct{})
	defer close(stop)
	for name, handler := range map[string]http.Handler{
		"good": answers(map[string]string{"/readyz": "ok"}),
		"bad":  answers(map[string]string{"/readyz": "500 x"}),
		"hangs": http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-stop:
			}
		}),
	} {
		server := httptest.NewServer(handler)
		defer server.CloseClientConnections()
		c, err := NewClient(&rest.Config{Host: server.URL}, Options{})
		require.NoError(t, err)
		require.NoError(t, registry.Put(placement.Cluster{Name: name}, c))
	}
	require.NoError(t, registry.Put(placement.Cluster{Name: "broken"}, &Client{broken: ErrNoCredentials}))
	got := map[string]clusterregistry.Outcome{}
	for name, p := range ProbeAll(t.Context(), &registry, time.Second) {
		got[name] = p.Outcome
	}
	require.Equal(t, map[string]clusterregistry.Outcome{"good": clusterregistry.Healthy, "bad": clusterregistry.Unhealthy,
		"hangs": clusterregistry.Unreachable, "broken": clusterregistry.Malformed}, got)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Len(t, ProbeAll(ctx, &registry, 0), 4)
}
