package manager

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/confed-project/confed/clusterregistry/kube"
	"github.com/confed-project/confed/federation/kubefed"
)

// TestTypesWaitForTheNamespacesOfNow: the type of namespaces may have named a kind that the host lacks, and name the right one
// while others wait for it.
func TestTypesWaitForTheNamespacesOfNow(t *testing.T) {
	h := &fakeHost{kinds: []string{deploymentKind, "FederatedNamespace.v1beta1.types.kubefed.io"}}
	c := h.start(t, Options{})
	k := newTypes(c)
	federated := func(kind, version string) schema.GroupVersionKind {
		return schema.GroupVersionKind{Group: "types.kubefed.io", Version: version, Kind: kind}
	}
	s := newSyncer(k, kubefed.Type{
		Target:    kubefed.Resource{GVK: schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}, Plural: "deployments", Namespaced: true},
		Federated: kubefed.Resource{GVK: federated("FederatedDeployment", "v1beta1"), Plural: "federateddeployments", Namespaced: true},
	})
	defer s.loop.queue.ShutDown()
	s.mirror.follow(t)
	of := func(version string) *namespaces {
		n := &namespaces{kind: federated("FederatedNamespace", version)}
		n.mirror = newMirror(&c.hosts, kube.CachedKind{GroupVersionKind: n.kind})
		return n
	}
	k.placements = of("v1alpha1")
	require.Error(t, s.usable(), "the namespaces are not known")
	k.placements.mirror.follow(t)
	require.NoError(t, s.usable())
	known, unserved := s.unserved()
	require.True(t, known)
	require.ErrorContains(t, unserved, "FederatedNamespace")

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, s.wait(ctx), context.DeadlineExceeded)
	waited := make(chan error, 1)
	go func() { waited <- s.wait(t.Context()) }()
	next := of("v1beta1")
	next.mirror.follow(t)
	k.mu.Lock()
	k.placements = next
	k.mu.Unlock()
	select {
	case err := <-waited:
		require.NoError(t, err)
	case <-time.After(10 * time.Second):
		require.NoError(t, errors.New("it waits for the namespaces of before"))
	}
}
