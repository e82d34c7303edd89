package manager

import (
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/confed-project/confed/clusterregistry/kube"
	"github.com/confed-project/confed/federation/kubefed"
)

// TestRecordsOfALateDefinition: once the host serves a group of DNSEndpoints, all records are looked at, and nothing is known of
// what is published before each group was read, or is known not to be served.
func TestRecordsOfALateDefinition(t *testing.T) {
	record := object(t, `{apiVersion: multiclusterdns.kubefed.io/v1alpha1, kind: ServiceDNSRecord, metadata: {name: web, namespace: shop, resourceVersion: "1"}, spec: {domainRef: d}}`)
	h := &fakeHost{kinds: []string{"ServiceDNSRecord.v1alpha1.multiclusterdns.kubefed.io", "Domain.v1alpha1.multiclusterdns.kubefed.io", "DNSEndpoint.v1alpha1.multiclusterdns.kubefed.io"}}
	h.objects = []*unstructured.Unstructured{record}
	c := h.start(t, Options{Namespace: DefaultNamespace})
	c.config.Features = map[string]bool{kubefed.CrossClusterServiceDiscovery: true}
	r := newRecords(newTypes(c))[0]
	defer r.loop.queue.ShutDown()
	r.mirror.follow(t)
	require.Error(t, r.publishable())
	for _, group := range endpointGroups() {
		require.Error(t, r.publishable(), group)
		r.published[group].follow(t)
	}
	require.NoError(t, r.publishable(), "the host lacks one of the groups")

	name := types.NamespacedName{Namespace: "shop", Name: "web"}
	for _, change := range []kube.Change{
		{Cluster: hostName},
		{Cluster: hostName, GroupKind: endpointKind(kubefed.DNSGroup).GroupKind(), Name: types.NamespacedName{Namespace: "shop", Name: "service-web"}},
	} {
		r.publishedChanged(change)
		got, _ := r.loop.queue.Get()
		require.Equal(t, name, got)
		r.loop.queue.Done(got)
	}
	r.publishedChanged(kube.Change{Cluster: hostName, GroupKind: endpointKind(kubefed.DNSGroup).GroupKind(), Name: types.NamespacedName{Namespace: "shop", Name: "ingress-web"}})
	require.Zero(t, r.loop.queue.Len(), "of another controller")
}
