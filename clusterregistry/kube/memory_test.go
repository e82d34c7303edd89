package kube_test

import (
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"

	"github.com/confed-project/confed/clusterregistry"
	"github.com/confed-project/confed/clusterregistry/kube"
	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/fedtest"
)

// The member in memory is an API server for the client, and tells the same stories over HTTP as without.
func TestClientOfMemory(t *testing.T) {
	fedtest.TestClient(t, func(t *testing.T) federation.ClusterClient { return memory(t, &fedtest.Member{}) })
}

func TestProbeOfMemory(t *testing.T) {
	member := &fedtest.Member{}
	client := memory(t, member)
	probe := client.Probe(t.Context())
	require.Equal(t, clusterregistry.Healthy, probe.Outcome, "%s", probe.Message)
	require.Equal(t, "v1.35.0", probe.Facts.Version)
	member.Break(fedtest.Refused())
	require.Equal(t, clusterregistry.Unreachable, client.Probe(t.Context()).Outcome)
}

// A grant can be made, used and taken back.
func TestJoinOfMemory(t *testing.T) {
	member := &fedtest.Member{}
	client := memory(t, member)
	g := kube.Grant{Name: "fed", Namespace: "fed-system"}
	require.NoError(t, kube.Join(t.Context(), client, g))
	token, expires, err := g.Token(t.Context(), client, 0)
	require.NoError(t, err)
	require.Equal(t, "fedtest-fed", token)
	require.False(t, expires.IsZero())
	require.NotEmpty(t, member.Objects())
	require.NoError(t, kube.Unjoin(t.Context(), client, g))
	require.Empty(t, member.Objects())
}

func memory(t *testing.T, member *fedtest.Member) *kube.Client {
	t.Helper()
	server := httptest.NewServer(member)
	t.Cleanup(server.Close)
	client, err := kube.NewClient(&rest.Config{Host: server.URL}, kube.Options{})
	require.NoError(t, err)
	return client
}
