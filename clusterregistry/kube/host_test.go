package kube

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

func TestUpdateStatusIsReadAtOnce(t *testing.T) {
	s := newFakeServer(t)
	stored := configMap("a", "b")
	stored["metadata"].(map[string]any)["resourceVersion"] = "8"
	stored["status"] = map[string]any{"done": true}
	s.reply(http.StatusOK, stored)
	m := &mirror{kind: CachedKind{GroupVersionKind: configMaps}, selector: labels.Everything(), now: time.Now, synced: true,
		items: map[types.NamespacedName]*packed{}, changed: func(*types.NamespacedName) {}}
	c := &Cached{Client: newTestClient(t, s, Options{}), mirrors: []*mirror{m}}
	sent := &unstructured.Unstructured{Object: configMap("a", "b")}
	sent.Object["status"] = map[string]any{"done": true}
	got, err := c.UpdateStatus(t.Context(), sent)
	require.NoError(t, err)
	require.Equal(t, "PUT", s.last().method)
	require.Equal(t, "/api/v1/namespaces/a/configmaps/b/status", s.last().path)
	require.Equal(t, "8", got.GetResourceVersion())
	read, err := c.Get(t.Context(), configMaps, aB)
	require.NoError(t, err)
	require.Equal(t, map[string]any{"done": true}, read.Object["status"])

	s.reply(http.StatusConflict, metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: "Failure", Reason: "Conflict", Code: 409})
	_, err = c.UpdateStatus(t.Context(), sent)
	require.True(t, apierrors.IsConflict(err), "%v", err)
	_, err = c.UpdateStatus(t.Context(), &unstructured.Unstructured{Object: configMap("a", "")})
	require.True(t, apierrors.IsBadRequest(err), "%v", err)
}

func TestList(t *testing.T) {
	s := newFakeServer(t)
	s.handle(func(w http.ResponseWriter, r *http.Request) {
		name, next := "one", "more"
		if r.URL.Query().Get("continue") == "more" {
			name, next = "two", ""
		}
		writeJSON(w, http.StatusOK, map[string]any{"apiVersion": "v1", "kind": "ConfigMapList",
			"metadata": map[string]any{"continue": next}, "items": []any{configMap("a", name)}})
	})
	c := newTestClient(t, s, Options{})
	got, err := c.List(t.Context(), configMaps, "a", "app=web")
	require.NoError(t, err)
	require.Len(t, got, 2)
	require.Equal(t, "two", got[1].GetName())
	require.Equal(t, "/api/v1/namespaces/a/configmaps", s.last().path)
	require.Contains(t, s.last().query, "labelSelector=app%3Dweb")
	_, err = c.List(t.Context(), configMaps, "", "")
	require.NoError(t, err)
	require.Equal(t, "/api/v1/configmaps", s.last().path)

	_, err = c.List(t.Context(), schema.GroupVersionKind{Version: "v1", Kind: "Namespace"}, "a", "")
	require.True(t, apierrors.IsBadRequest(err), "%v", err)
	_, err = c.List(t.Context(), schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Nothing"}, "a", "")
	require.True(t, meta.IsNoMatchError(err), "%v", err)
	s.handle(http.NotFound)
	_, err = c.List(t.Context(), configMaps, "", "")
	require.True(t, meta.IsNoMatchError(err), "%v", err)
}

func TestNames(t *testing.T) {
	filled := &mirror{kind: CachedKind{GroupVersionKind: configMaps}, now: time.Now, synced: true, items: map[types.NamespacedName]*packed{}}
	for _, name := range []types.NamespacedName{{Namespace: "b", Name: "x"}, {Namespace: "a", Name: "y"}, {Namespace: "a", Name: "x"}} {
		filled.items[name] = &packed{name: name}
	}
	c := &Cached{mirrors: []*mirror{filled}}
	all, err := c.Names(configMaps, "")
	require.NoError(t, err)
	require.Equal(t, []types.NamespacedName{{Namespace: "a", Name: "x"}, {Namespace: "a", Name: "y"}, {Namespace: "b", Name: "x"}}, all)
	some, err := c.Names(configMaps, "b")
	require.NoError(t, err)
	require.Equal(t, all[2:], some)
	filled.kind.Namespace = "c"
	_, err = c.Names(configMaps, "b")
	require.ErrorIs(t, err, ErrNotSynced, "that namespace is not mirrored")
	filled.synced = false
	_, err = c.Names(configMaps, "")
	require.ErrorIs(t, err, ErrNotSynced)
}
