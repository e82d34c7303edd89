package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"

	"github.com/confed-project/confed/clusterregistry"
	"github.com/confed-project/confed/placement"
)

// stillMember answers without a network, so that a test may let time pass. It ends watches when the client asks for it.
type stillMember struct {
	mu       sync.Mutex
	requests map[string]int // by what they were for
}

func (m *stillMember) RoundTrip(r *http.Request) (*http.Response, error) {
	query := r.URL.Query()
	answer := func(body io.ReadCloser) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: body, Request: r}, nil
	}
	var what string
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.requests[what]++
	}()
	switch {
	case r.URL.Path == "/api/v1":
		what = "discovery"
		return answer(io.NopCloser(strings.NewReader(`{"groupVersion":"v1","resources":[{"name":"configmaps","kind":"ConfigMap","namespaced":true}]}`)))
	case query.Get("watch") == "":
		what = "list"
		return answer(io.NopCloser(strings.NewReader(`{"apiVersion":"v1","kind":"ConfigMapList","metadata":{"resourceVersion":"7"},"items":[]}`)))
	}
	what = "watch from " + cmp.Or(query.Get("resourceVersion"), "the beginning")
	seconds, err := strconv.Atoi(query.Get("timeoutSeconds"))
	if err != nil {
		return nil, err
	}
	out, in := io.Pipe()
	go func() {
		if query.Get("sendInitialEvents") == "true" {
			_ = json.NewEncoder(in).Encode(map[string]any{"type": "BOOKMARK", "object": map[string]any{"apiVersion": "v1", "kind": "ConfigMap",
				"metadata": map[string]any{"resourceVersion": "7", "annotations": map[string]any{"k8s.io/initial-events-end": "true"}}}})
		}
		select {
		case <-time.After(time.Duration(seconds) * time.Second):
		case <-r.Context().Done():
		}
		_ = in.Close()
	}()
	return answer(out)
}

// TestADayAtRestCostsOnlyWatches lets a day pass over a fleet to which nothing happens. All that goes out is the next
// watch when the member ends one, as it is asked to after five to ten minutes, and it starts where the last one stood.
func TestADayAtRestCostsOnlyWatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var registry clusterregistry.Registry[*Client]
		member := &stillMember{requests: map[string]int{}}
		client, err := NewClient(&rest.Config{Host: "https://still.example", Transport: member}, Options{})
		require.NoError(t, err)
		require.NoError(t, registry.Put(placement.Cluster{Name: "m"}, client))
		caches := &Caches{Kinds: []CachedKind{{GroupVersionKind: configMaps}}}
		done := make(chan error)
		go func() { done <- caches.Run(ctx, &registry) }()
		time.Sleep(24 * time.Hour)
		cached, err := caches.Client("m")
		require.NoError(t, err)
		require.NoError(t, cached.Synced())
		cancel()
		require.NoError(t, <-done)
		member.mu.Lock()
		defer member.mu.Unlock()
		renewed := member.requests["watch from 7"]
		require.LessOrEqual(t, renewed, 24*60/5)
		require.GreaterOrEqual(t, renewed, 24*60/10-1)
		delete(member.requests, "watch from 7")
		require.Equal(t, map[string]int{"discovery": 1, "watch from the beginning": 1}, member.requests)
	})
}
