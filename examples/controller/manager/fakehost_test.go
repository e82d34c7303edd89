package manager

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"

	"github.com/confed-project/confed/clusterregistry/kube"
)

// fakeHost serves lists of objects as they are first, and a watch of what one of them becomes. Writes are refused
// with a code, or change nothing where there is none.
type fakeHost struct {
	kinds   []string // as KIND.VERSION.GROUP; plurals are regular
	objects []*unstructured.Unstructured
	becomes chan *unstructured.Unstructured
	refusal metav1.StatusReason
	writes  atomic.Int32 // tried
}

// start returns what all controllers share, with this as the host and an open fence.
func (h *fakeHost) start(t *testing.T, o Options) *core {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	o.Host = &rest.Config{Host: server.URL}
	c := &core{Options: o, outside: &outside{metrics: newMetrics()}}
	c.fence.until = open().until
	require.NoError(t, c.connect())
	return c
}

func (h *fakeHost) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	refuse := func(reason metav1.StatusReason, code int) {
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure, Reason: reason, Code: int32(code)})
	}
	path := strings.Split(strings.TrimPrefix(r.URL.Path, "/apis/"), "/")
	query := r.URL.Query()
	switch {
	case r.Method != http.MethodGet:
		h.writes.Add(1)
		of := func(obj *unstructured.Unstructured) bool {
			return slices.Contains(path, strings.ToLower(obj.GetKind())+"s")
		}
		if i := slices.IndexFunc(h.objects, of); i >= 0 && h.refusal == "" {
			_ = json.NewEncoder(w).Encode(h.objects[i].Object)
			return
		}
		refuse(h.refusal, http.StatusConflict)
	case len(path) == 2:
		list := metav1.APIResourceList{TypeMeta: metav1.TypeMeta{Kind: "APIResourceList"}, GroupVersion: path[0] + "/" + path[1]}
		for _, kind := range h.kinds {
			if name, of, _ := strings.Cut(kind, "."); of == path[1]+"."+path[0] {
				list.APIResources = append(list.APIResources, metav1.APIResource{Name: strings.ToLower(name) + "s", Kind: name, Namespaced: true})
			}
		}
		_ = json.NewEncoder(w).Encode(list)
	case query.Get("sendInitialEvents") != "":
		refuse(metav1.StatusReasonInvalid, http.StatusUnprocessableEntity)
	case query.Get("watch") == "":
		items := []any{}
		for _, obj := range h.objects {
			if slices.Contains(path, strings.ToLower(obj.GetKind())+"s") {
				items = append(items, obj.Object)
			}
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"kind": "List", "apiVersion": path[0] + "/" + path[1], "metadata": map[string]any{"resourceVersion": "1"}, "items": items})
	default:
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		for {
			select {
			case <-r.Context().Done():
				return
			case obj := <-h.becomes:
				_ = json.NewEncoder(w).Encode(map[string]any{"type": "MODIFIED", "object": obj.Object})
				_ = http.NewResponseController(w).Flush()
			}
		}
	}
}

// follow runs a mirror until the test ends, and returns when it is usable.
func (m *mirror) follow(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- m.run(ctx, func(kube.Change) {}) }()
	t.Cleanup(func() { cancel(); <-done })
	require.NoError(t, poll(ctx, time.Millisecond, func() bool { return m.usable() == nil }))
}
