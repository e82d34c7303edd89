package kube

import (
	"context"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/confed-project/confed/federation"
)

var (
	configMaps = schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}
	widgets    = schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Widget"}
	aB         = types.NamespacedName{Namespace: "a", Name: "b"}
)

func newTestClient(t testing.TB, s *fakeServer, opts Options) *Client {
	c, err := NewClient(s.config(), opts)
	require.NoError(t, err)
	return c
}

func TestRequests(t *testing.T) {
	yes, uid := true, types.UID("u1")
	obj := &unstructured.Unstructured{Object: configMap("a", "b")}
	ns := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": "n"}}}
	for name, test := range map[string]struct {
		call  func(context.Context, *Client) error
		reply any
		want  request
	}{
		"get": {
			call:  func(ctx context.Context, c *Client) error { _, err := c.Get(ctx, configMaps, aB); return err },
			reply: obj.Object,
			want:  request{method: "GET", path: "/api/v1/namespaces/a/configmaps/b"},
		},
		"create": {
			call: func(ctx context.Context, c *Client) error {
				_, err := c.Create(ctx, obj, metav1.CreateOptions{FieldManager: "me", FieldValidation: "Strict", DryRun: []string{"All"}})
				return err
			},
			reply: obj.Object,
			want: request{method: "POST", path: "/api/v1/namespaces/a/configmaps", query: "dryRun=All&fieldManager=me&fieldValidation=Strict",
				contentType: "application/json", body: `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"b","namespace":"a","uid":"u1"}}` + "\n"},
		},
		"create cluster-scoped": {
			call: func(ctx context.Context, c *Client) error {
				_, err := c.Create(ctx, ns, metav1.CreateOptions{})
				return err
			},
			reply: ns.Object,
			want: request{method: "POST", path: "/api/v1/namespaces", contentType: "application/json",
				body: `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"n"}}` + "\n"},
		},
		"apply": {
			call: func(ctx context.Context, c *Client) error {
				_, err := c.Patch(ctx, obj, nil, metav1.PatchOptions{FieldManager: "me", Force: &yes, FieldValidation: "Strict"})
				return err
			},
			reply: obj.Object,
			want: request{method: "PATCH", path: "/api/v1/namespaces/a/configmaps/b", query: "fieldManager=me&fieldValidation=Strict&force=true",
				contentType: "application/apply-patch+yaml", body: `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"b","namespace":"a","uid":"u1"}}` + "\n"},
		},
		"json patch": {
			call: func(ctx context.Context, c *Client) error {
				_, err := c.Patch(ctx, obj, []byte(`[]`), metav1.PatchOptions{FieldManager: "me"})
				return err
			},
			reply: obj.Object,
			want: request{method: "PATCH", path: "/api/v1/namespaces/a/configmaps/b", query: "fieldManager=me",
				contentType: "application/json-patch+json", body: `[]`},
		},
		"delete": {
			call: func(ctx context.Context, c *Client) error {
				return c.Delete(ctx, configMaps, aB, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}})
			},
			reply: metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: "Success"},
			want: request{method: "DELETE", path: "/api/v1/namespaces/a/configmaps/b", contentType: "application/json",
				body: `{"kind":"DeleteOptions","apiVersion":"v1","preconditions":{"uid":"u1"}}` + "\n"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newFakeServer(t)
			s.reply(http.StatusOK, test.reply)
			before := obj.DeepCopy()
			require.NoError(t, test.call(t.Context(), newTestClient(t, s, Options{UserAgent: "tester"})))
			test.want.agent = "tester"
			require.Empty(t, cmp.Diff(test.want, s.last(), cmp.AllowUnexported(request{})))
			require.Equal(t, before, obj, "the argument was changed")
		})
	}
}

func TestNoKindIsNotNoObject(t *testing.T) {
	s := newFakeServer(t)
	c := newTestClient(t, s, Options{})

	absent := apierrors.NewNotFound(schema.GroupResource{Resource: "configmaps"}, "b").Status()
	absent.Kind, absent.APIVersion = "Status", "v1"
	s.reply(http.StatusNotFound, absent)
	_, err := c.Get(t.Context(), configMaps, aB)
	require.True(t, apierrors.IsNotFound(err))
	require.False(t, meta.IsNoMatchError(err))

	_, err = c.Get(t.Context(), widgets, aB)
	var noKind *meta.NoKindMatchError
	require.ErrorAs(t, err, &noKind)
	require.Equal(t, widgets.GroupKind(), noKind.GroupKind)
	require.Equal(t, []string{"v1"}, noKind.SearchedVersions)

	// Discovery still lists the kind, but the path is gone: a CRD was just removed.
	s.serve("example.com/v1", metav1.APIResource{Name: "widgets", Kind: "Widget", Namespaced: true})
	s.handle(http.NotFound)
	c.apis.now = func() time.Time { return time.Now().Add(time.Hour) }
	_, err = c.Get(t.Context(), widgets, aB)
	require.Equal(t, 1, s.count("/apis/example.com/v1/namespaces/a/widgets/b"))
	require.True(t, meta.IsNoMatchError(err), "%v", err)
	require.False(t, apierrors.IsNotFound(err), "it would be taken for an absent object")
}

func TestDiscoveryIsReadAgainOnAMissWithABackOff(t *testing.T) {
	const path = "/apis/example.com/v1"
	s := newFakeServer(t)
	c := newTestClient(t, s, Options{})
	now := time.Now()
	c.apis.now = func() time.Time { return now }
	miss := func() {
		_, err := c.Get(t.Context(), widgets, aB)
		require.True(t, meta.IsNoMatchError(err), "%v", err)
	}
	for range 5 {
		miss()
	}
	require.Equal(t, 1, s.count(path), "asked again at once")
	readings, wait := 1, minRefresh
	for range 10 {
		now = now.Add(wait - 1)
		miss()
		require.Equal(t, readings, s.count(path))
		now = now.Add(1)
		miss()
		readings++
		require.Equal(t, readings, s.count(path))
		wait = min(2*wait, maxRefresh)
	}
	s.serve("example.com/v1", metav1.APIResource{Name: "widgets", Kind: "Widget", Namespaced: true})
	s.handle(func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"apiVersion": "example.com/v1", "kind": "Widget", "metadata": map[string]any{"namespace": "a", "name": "b"}})
	})
	now = now.Add(maxRefresh)
	for range 3 {
		_, err := c.Get(t.Context(), widgets, aB)
		require.NoError(t, err)
	}
	require.Equal(t, readings+1, s.count(path))
}

func TestManyCallersReadDiscoveryOnce(t *testing.T) {
	s := newFakeServer(t)
	s.reply(http.StatusOK, configMap("a", "b"))
	c := newTestClient(t, s, Options{})
	errs := make(chan error)
	for range 50 {
		go func() {
			_, err := c.Get(t.Context(), configMaps, aB)
			errs <- err
		}()
	}
	for range 50 {
		require.NoError(t, <-errs)
	}
	require.Equal(t, 1, s.count("/api/v1"))
}

func TestBadNames(t *testing.T) {
	s := newFakeServer(t)
	c := newTestClient(t, s, Options{})
	for _, name := range []types.NamespacedName{{Namespace: "a"}, {Name: "b"}, {Namespace: "a", Name: "b/c"}, {Namespace: "..", Name: "b"}} {
		_, err := c.Get(t.Context(), configMaps, name)
		require.True(t, apierrors.IsBadRequest(err), "%v: %v", name, err)
	}
	_, err := c.Get(t.Context(), schema.GroupVersionKind{Version: "v1", Kind: "Namespace"}, aB)
	require.True(t, apierrors.IsBadRequest(err))
	_, err = c.Get(t.Context(), schema.GroupVersionKind{}, aB)
	require.True(t, apierrors.IsBadRequest(err))
	require.LessOrEqual(t, s.count("/api/v1"), 1)
}

func TestAnAnswerAboutAnotherObjectIsRefused(t *testing.T) {
	s := newFakeServer(t)
	c := newTestClient(t, s, Options{})
	other := configMap("a", "b")
	other["apiVersion"] = "v2"
	for _, reply := range []any{configMap("a", "c"), configMap("x", "b"), other} {
		s.reply(http.StatusOK, reply)
		_, err := c.Get(t.Context(), configMaps, aB)
		require.ErrorIs(t, err, ErrOtherObject)
	}
}

func TestGarbageFromDiscovery(t *testing.T) {
	for name, body := range map[string]string{"html": "<html>canary-body</html>", "another list": `{"groupVersion":"v2"}`, "empty": ""} {
		t.Run(name, func(t *testing.T) {
			s := newFakeServer(t)
			s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = w.Write([]byte(body))
			})
			_, err := newTestClient(t, s, Options{}).Get(t.Context(), configMaps, aB)
			require.ErrorContains(t, err, "discovery of v1")
			require.False(t, meta.IsNoMatchError(err), "garbage is not a refusal")
			require.NotContains(t, err.Error(), "canary")
		})
	}
}

func TestThrottledIsToldAtOnce(t *testing.T) {
	s := newFakeServer(t)
	c := newTestClient(t, s, Options{})
	s.handle(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		http.Error(w, "too many requests", http.StatusTooManyRequests)
	})
	_, err := c.Get(t.Context(), configMaps, aB)
	delay, ok := apierrors.SuggestsClientDelay(err)
	require.True(t, ok)
	require.Equal(t, 7, delay)
	refused := federation.Refused(err)
	require.Equal(t, federation.CauseThrottled, refused.Cause)
	require.Equal(t, 7*time.Second, refused.Delay)
	require.Equal(t, 1, s.count("/api/v1/namespaces/a/configmaps/b"))
}

func TestUnreachableKeepsTheTransportsError(t *testing.T) {
	s := newFakeServer(t)
	c := newTestClient(t, s, Options{})
	s.Close()
	_, err := c.Get(t.Context(), configMaps, aB)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
}

func TestContextEndsARequest(t *testing.T) {
	s := newFakeServer(t)
	c := newTestClient(t, s, Options{})
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	arrived := make(chan struct{}, 8)
	hang := func(_ http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		select {
		case <-r.Context().Done():
		case <-stop:
		}
	}
	s.Config.Handler = http.HandlerFunc(hang)
	ctx, cancel := context.WithCancel(t.Context())
	errs := make(chan error)
	for range 2 { // one reads discovery, the other waits for its turn
		go func() {
			_, err := c.Get(ctx, configMaps, aB)
			errs <- err
		}()
	}
	<-arrived
	cancel()
	for range 2 {
		require.ErrorIs(t, <-errs, context.Canceled)
	}
}

func TestOptions(t *testing.T) {
	given := &rest.Config{Host: "h", QPS: 3, Burst: 4, UserAgent: "u"}
	before := *given
	require.Equal(t, float32(3), tuned(given, Options{}).QPS)
	require.Equal(t, "u", tuned(given, Options{}).UserAgent)
	require.Equal(t, float32(9), tuned(given, Options{QPS: 9}).QPS)
	require.Equal(t, 5, tuned(given, Options{Burst: 5}).Burst)
	require.Equal(t, float32(-1), tuned(&rest.Config{}, Options{}).QPS)
	require.Equal(t, DefaultUserAgent, tuned(&rest.Config{}, Options{}).UserAgent)
	require.Equal(t, before, *given, "the config was changed")
	_, err := NewClient(nil, Options{})
	require.Error(t, err)
}

func TestBadTransportIsFoundBeforeDialling(t *testing.T) {
	_, err := NewClient(&rest.Config{Host: "https://h", BearerToken: "canary-token",
		TLSClientConfig: rest.TLSClientConfig{CAData: []byte("canary-ca")}}, Options{})
	require.Error(t, err)
	require.NotContains(t, err.Error(), "canary")
}

func BenchmarkResource(b *testing.B) {
	s := newFakeServer(b)
	c := newTestClient(b, s, Options{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.apis.resource(b.Context(), configMaps, true); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	s := newFakeServer(b)
	s.reply(http.StatusOK, configMap("a", "b"))
	c := newTestClient(b, s, Options{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Get(b.Context(), configMaps, aB); err != nil {
			b.Fatal(err)
		}
	}
}
