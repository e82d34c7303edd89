package manager

import (
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// TestServiceStatusThatIsNotKept is written once for each thing that it has to say, though it never reads so.
func TestServiceStatusThatIsNotKept(t *testing.T) {
	status := func(text string) *unstructured.Unstructured {
		return object(t, `{apiVersion: core.kubefed.io/v1alpha1, kind: FederatedServiceStatus, metadata: {name: web, namespace: shop, resourceVersion: "1"}, clusterStatus: `+text+`}`)
	}
	kept := status(`[{clusterName: a, status: {loadBalancer: {ingress: [{ip: 192.0.2.1}]}}}]`)
	h := &fakeHost{kinds: []string{"FederatedServiceStatus.v1alpha1.core.kubefed.io"}, objects: []*unstructured.Unstructured{kept}}
	p := &pass{syncer: &syncer{core: h.start(t, Options{})}, key: types.NamespacedName{Namespace: "shop", Name: "web"}}
	first := status(`[{clusterName: a, status: {loadBalancer: {ingress: [{ip: 192.0.2.1, ipMode: VIP}]}}}]`)
	second := status(`[{clusterName: a, status: {loadBalancer: {ingress: [{ip: 192.0.2.1, ipMode: Proxy}]}}}]`)
	later := kept.DeepCopy()
	later.SetResourceVersion("2")
	for i, step := range []struct {
		last, out *unstructured.Unstructured
		writes    int32
	}{
		{nil, first, 1}, {kept, first, 1}, {kept, nil, 1}, {kept, second, 2}, {kept, second, 2}, {kept, first, 3}, {later, first, 4},
	} {
		require.NoError(t, p.writeServiceStatus(t.Context(), step.last, step.out))
		require.Equal(t, step.writes, h.writes.Load(), "step %d", i)
	}
}
