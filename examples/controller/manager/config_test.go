package manager

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/federation/kubefed"
)

// TestTheConfigIsWatched: what cannot be used changes nothing and is told, what says the same is no change.
func TestTheConfigIsWatched(t *testing.T) {
	config := func(version, spec string) *unstructured.Unstructured {
		return object(t, `{apiVersion: core.kubefed.io/v1beta1, kind: KubeFedConfig, metadata: {name: kubefed, namespace: fed, resourceVersion: "`+version+`"}, spec: {scope: Cluster, `+spec+`}}`)
	}
	h := &fakeHost{kinds: []string{"KubeFedConfig.v1beta1.core.kubefed.io"}, objects: []*unstructured.Unstructured{config("1", "")}, becomes: make(chan *unstructured.Unstructured)}
	c := h.start(t, Options{Namespace: "fed"})
	logged := make(chan string, 9)
	c.log = funcr.New(func(_, args string) { logged <- args }, funcr.Options{})
	var err error
	c.config, err = kubefed.DecodeConfig(h.objects[0])
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

	c.Options.Config = h.objects[0]
	cancel()
	require.Nil(t, c.watchConfig(ctx), "one that comes from a file is not watched")
}
