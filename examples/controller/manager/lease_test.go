package manager

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/confed-project/confed/clusterregistry/kube"
)

// expire closes a fence as time would.
func (f *fence) expire() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.until = time.Now().Add(-time.Second)
}

// open is a fence that nothing but a test closes.
func open() *fence { return &fence{until: time.Now().Add(time.Hour)} }

func TestFence(t *testing.T) {
	var f fence
	require.ErrorIs(t, f.check(), ErrLeaseLost)
	require.False(t, f.opened())
	f.extend(time.Now().Add(time.Hour))
	require.NoError(t, f.check())
	f.extend(time.Now())
	require.NoError(t, f.check(), "an older renewal closes nothing")

	sent := 0
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { sent++ }))
	defer server.Close()
	client := http.Client{Transport: (&fence{}).behind(http.DefaultTransport)}
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL, strings.NewReader("x"))
		require.NoError(t, err)
		resp, err := client.Do(r)
		if method == "GET" {
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			continue
		}
		if err == nil {
			_ = resp.Body.Close()
		}
		require.ErrorIs(t, err, ErrLeaseLost, method)
	}
	require.Equal(t, 1, sent)
}

// TestNoWriteStartsLate has the lease end while a write waits for something: no API server may carry it out.
func TestNoWriteStartsLate(t *testing.T) {
	for name, late := range map[string]func(f *fence, config *rest.Config) (discovery func()){
		"slow discovery": func(f *fence, _ *rest.Config) func() { return f.expire },
		"slow dialing": func(f *fence, config *rest.Config) func() {
			var asked atomic.Bool
			config.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
				if asked.Swap(false) {
					f.expire()
				}
				return (&net.Dialer{}).DialContext(ctx, network, addr)
			}
			return func() { asked.Store(true) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, config := open(), &rest.Config{}
			discovery := late(f, config)
			var mu sync.Mutex
			var carriedOut []string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/api/v1" {
					discovery()
					w.Header().Set("Connection", "close") // so that the write dials anew
					_, _ = io.WriteString(w, `{"kind":"APIResourceList","groupVersion":"v1","resources":[{"name":"configmaps","kind":"ConfigMap","namespaced":true}]}`)
					return
				}
				if _, err := io.ReadAll(r.Body); err == nil {
					mu.Lock()
					defer mu.Unlock()
					carriedOut = append(carriedOut, r.Method)
				}
			}))
			defer server.Close()
			config.Host = server.URL
			kind := configMap("a").GroupVersionKind()
			for _, write := range []func(*kube.Client) error{
				func(c *kube.Client) error {
					_, err := c.Create(t.Context(), configMap("a"), metav1.CreateOptions{})
					return err
				},
				func(c *kube.Client) error {
					_, err := c.Patch(t.Context(), configMap("a"), nil, metav1.PatchOptions{})
					return err
				},
				func(c *kube.Client) error {
					return c.Delete(t.Context(), kind, types.NamespacedName{Namespace: "n", Name: "a"}, metav1.DeleteOptions{})
				},
			} {
				f.extend(time.Now().Add(time.Hour))
				client, err := kube.NewClient(config, kube.Options{Wrap: f.behind})
				require.NoError(t, err)
				require.ErrorIs(t, write(client), ErrLeaseLost)
			}
			mu.Lock()
			defer mu.Unlock()
			require.Empty(t, carriedOut)
		})
	}
}

func configMap(name string) *unstructured.Unstructured {
	obj := &unstructured.Unstructured{}
	obj.SetAPIVersion("v1")
	obj.SetKind("ConfigMap")
	obj.SetNamespace("n")
	obj.SetName(name)
	return obj
}
