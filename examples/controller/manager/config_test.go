package manager

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"

	"github.com/confed-project/confed/federation/kubefed"
)

// configHost serves one KubeFedConfig: a list of it as it is first, and a watch of what it becomes.
type configHost struct {
	first   *unstructured.Unstructured
	becomes chan *unstructured.Unstructured
}

func (h configHost) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.URL.Path == "/apis/core.kubefed.io/v1beta1":
		_, _ = io.WriteString(w, `{"kind":"APIResourceList","groupVersion":"core.kubefed.io/v1beta1","resources":[{"name":"kubefedconfigs","kind":"KubeFedConfig","namespaced":true}]}`)
	case r.URL.Query().Get("sendInitialEvents") != "":
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = io.WriteString(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Invalid","code":422}`)
	case r.URL.Query().Get("watch") == "":
		_ = json.NewEncoder(w).Encode(map[string]any{"kind": "KubeFedConfigList", "apiVersion": "core.kubefed.io/v1beta1",
			"metadata": map[string]any{"resourceVersion": "1"}, "items": []any{h.first.Object}})
	default:
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

// TestTheConfigIsWatched: what cannot be used changes nothing and is told, what says the same is no change.
func TestTheConfigIsWatched(t *testing.T) {
	config := func(version, spec string) *unstructured.Unstructured {
		return object(t, `{apiVersion: core.kubefed.io/v1beta1, kind: KubeFedConfig, metadata: {name: kubefed, namespace: fed, resourceVersion: "`+version+`"}, spec: {scope: Cluster, `+spec+`}}`)
	}
	h := configHost{first: config("1", ""), becomes: make(chan *unstructured.Unstructured)}
	server := httptest.NewServer(h)
	defer server.Close()
	logged := make(chan string, 9)
	c := &core{Options: Options{Host: &rest.Config{Host: server.URL}, Namespace: "fed"}, outside: &outside{},
		log: funcr.New(func(_, args string) { logged <- args }, funcr.Options{})}
	require.NoError(t, c.connect())
	var err error
	c.config, err = kubefed.DecodeConfig(h.first)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	done := make(chan *kubefed.Config, 1)
	go func() { done <- c.watchConfig(ctx) }()

	h.becomes <- config("2", "syncController: {adoptResources: Enabled}") // the default
	h.becomes <- config("3", "leaderElect: {leaseDuration: 1s, renewDeadline: 2s}")
	require.Contains(t, <-logged, "renewDeadline")
	require.Empty(t, done)
	h.becomes <- config("4", "syncController: {adoptResources: Disabled}, clusterHealthCheck: {period: 1s}")
	next := <-done
	require.NotNil(t, next)
	require.False(t, next.Adopt)
	said := <-logged
	require.True(t, strings.Contains(said, "Adopt: false, was true") && strings.Contains(said, "HealthPeriod: 1s, was 10s"), said)

	c.Options.Config = h.first
	cancel()
	require.Nil(t, c.watchConfig(ctx), "one that comes from a file is not watched")
}
