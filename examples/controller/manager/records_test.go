package manager

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/confed-project/confed/clusterregistry"
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

// TestServed: a slice tells by its label whose it is, whatever it is called, and a member that was not read tells nothing.
func TestServed(t *testing.T) {
	h := &fakeHost{kinds: []string{"EndpointSlice.v1.discovery.k8s.io"}}
	for _, s := range [][3]string{{"web-1", "web", "false"}, {"web-2", "api", "true"}, {"mine", "web", "true"}, {"down-1", "down", "false"}, {"down", "other", "true"}} {
		h.objects = append(h.objects, object(t, `{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: `+s[0]+`, namespace: shop, resourceVersion: "1",
		  labels: {kubernetes.io/service-name: `+s[1]+`}}, addressType: IPv4, endpoints: [{addresses: [192.0.2.1], conditions: {ready: `+s[2]+`}}]}`))
	}
	c := h.start(t, Options{})
	r := &records{core: c, endpoints: kube.Caches{Kinds: []kube.CachedKind{{GroupVersionKind: sliceKind}}}}
	_, err := r.served(t.Context(), hostName, types.NamespacedName{Namespace: "shop", Name: "web"})
	require.ErrorIs(t, err, clusterregistry.ErrUnknown)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- follow(ctx, &r.endpoints, &c.hosts, func(kube.Change) {}) }()
	defer func() { cancel(); <-done }()
	require.NoError(t, poll(t.Context(), time.Millisecond, func() bool {
		client, err := r.endpoints.Client(hostName)
		return err == nil && client.Synced() == nil
	}))
	for service, want := range map[string]bool{"web": true, "api": true, "down": false, "none": false} {
		ready, err := r.served(t.Context(), hostName, types.NamespacedName{Namespace: "shop", Name: service})
		require.NoError(t, err)
		require.Equal(t, want, ready, service)
	}
}

// TestRecordsOfATypeThatStartsAnew: that a type does not run is told when it stays so.
func TestRecordsOfATypeThatStartsAnew(t *testing.T) {
	h := &fakeHost{kinds: []string{"IngressDNSRecord.v1alpha1.multiclusterdns.kubefed.io", "FederatedTypeConfig.v1beta1.core.kubefed.io"}, objects: []*unstructured.Unstructured{
		object(t, `{apiVersion: multiclusterdns.kubefed.io/v1alpha1, kind: IngressDNSRecord, metadata: {name: web, namespace: shop, resourceVersion: "1"}, spec: {hosts: [a.example]}}`),
	}}
	c := h.start(t, Options{Namespace: DefaultNamespace})
	c.config.Features = map[string]bool{kubefed.FederatedIngress: true}
	k := newTypes(c)
	r := newRecords(k)[0]
	defer r.loop.queue.ShutDown()
	k.mirror.follow(t)
	r.mirror.follow(t)
	require.NoError(t, k.looked())
	name := types.NamespacedName{Namespace: "shop", Name: "web"}
	for range explained + 1 {
		_, told := r.said.Load(name)
		require.False(t, told)
		_, err := r.reconcile(t.Context(), name)
		require.ErrorIs(t, err, errAgain)
		r.loop.queue.AddRateLimited(name)
	}
	why, _ := r.said.Load(name)
	require.Contains(t, why, "ingresses.networking.k8s.io")
}
