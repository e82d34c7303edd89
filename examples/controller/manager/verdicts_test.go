package manager

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/confed-project/confed/clusterregistry/kube"
	"github.com/confed-project/confed/federation/kubefed"
	"github.com/confed-project/confed/placement"
	"github.com/confed-project/confed/scheduling"
)

func TestVerdictOfADivision(t *testing.T) {
	client, err := kube.NewClient(&rest.Config{Host: "https://member.invalid"}, kube.Options{})
	require.NoError(t, err)
	c := &core{}
	for _, name := range []string{"a", "b"} {
		require.NoError(t, c.members.Put(placement.Cluster{Name: name}, client))
	}
	for _, test := range []struct {
		clusters string
		unplaced int64
		reaches  bool
		reason   string
		message  string
	}{
		{`{}`, 0, true, "Scheduled", "all replicas are divided"},
		{`{"*": {weight: 1}}`, 0, true, "Scheduled", "all replicas are divided"},
		{`{"*": {maxReplicas: 0}, ghost: {weight: 1}}`, 5, true, "Unplaced", "5 of 5 replicas find no place in a, b; there is no cluster ghost"},
		{`{a: {weight: 1}, spook: {}, ghost: {}}`, 0, true, "Scheduled", "all replicas are divided; there is no cluster ghost, spook"},
		{`{a: {maxReplicas: 0}}`, 5, true, "Unplaced", "5 of 5 replicas find no place in a, b"},
		{`{ghost: {weight: 1}}`, 5, false, "Unplaced", "5 of 5 replicas find no place in a, b; there is no cluster ghost"},
	} {
		pref, err := kubefed.DecodePreference(object(t, `{apiVersion: scheduling.kubefed.io/v1alpha1, kind: ReplicaSchedulingPreference,
		  metadata: {name: a, namespace: ns}, spec: {targetKind: FederatedDeployment, totalReplicas: 5, clusters: `+test.clusters+`}}`))
		require.NoError(t, err)
		d := division{syncer: &syncer{core: c}, pref: pref}
		require.Equal(t, test.reaches, d.reaches([]string{"a", "b"}), test.clusters)
		got := d.verdict(scheduling.Result{Unplaced: test.unplaced}, []string{"a", "b"})
		require.Equal(t, kubefed.Verdict{True: test.reason == "Scheduled", Reason: test.reason, Message: test.message}, got, test.clusters)
	}
}

// TestPreferencesThatCannotBeDivided say why.
func TestPreferencesThatCannotBeDivided(t *testing.T) {
	web := object(t, `{apiVersion: types.kubefed.io/v1beta1, kind: FederatedDeployment, metadata: {name: web, namespace: shop, resourceVersion: "1"},
	  spec: {placement: {clusterSelector: {matchExpressions: [{key: x, operator: Near}]}}}}`)
	h := &fakeHost{kinds: []string{deploymentKind, rspKind}, objects: []*unstructured.Unstructured{web}}
	s, of := h.scheduling(t)
	for _, test := range []struct{ name, spec, reason, words string }{
		{"web", `{targetKind: FederatedJob, totalReplicas: -1}`, "Invalid", `"FederatedJob" is neither`},
		{"none", `{targetKind: FederatedDeployment, totalReplicas: 2}`, "NotFound", "there is no FederatedDeployment shop/none"},
		{"web", `{targetKind: FederatedDeployment, totalReplicas: 2}`, "NoClusters", "no cluster that is ready"},
		{"web", `{targetKind: FederatedDeployment, totalReplicas: 2, intersectWithClusterSelector: true}`, "ComputePlacementFailed", "Near"},
	} {
		obj := object(t, `{apiVersion: scheduling.kubefed.io/v1alpha1, kind: ReplicaSchedulingPreference, metadata: {name: `+test.name+`, namespace: shop}, spec: `+test.spec+`}`)
		o, err := s.schedule(t.Context(), obj, types.NamespacedName{Namespace: "shop", Name: test.name})
		require.NoError(t, err)
		require.Equal(t, test.reason, o.Reason)
		require.Contains(t, o.Message, test.words)
		require.Contains(t, o.Message, "stays as it is")
		require.False(t, o.True)
	}
	require.NotNil(t, of)
	require.Zero(t, h.writes.Load(), "nothing was divided")
}

// TestPreferenceStatusIsTriedOnce where the host keeps none.
func TestPreferenceStatusIsTriedOnce(t *testing.T) {
	obj := object(t, `{apiVersion: scheduling.kubefed.io/v1alpha1, kind: ReplicaSchedulingPreference, metadata: {name: web, namespace: shop, uid: u, resourceVersion: "1", generation: 1}, spec: {}}`)
	h := &fakeHost{kinds: []string{deploymentKind, rspKind}, objects: []*unstructured.Unstructured{obj}, refusal: metav1.StatusReasonNotFound}
	s, _ := h.scheduling(t)
	for i, o := range []outcome{failed("NoClusters", "none"), failed("NoClusters", "none"), {Verdict: kubefed.Verdict{True: true, Reason: "Scheduled"}}, failed("NoClusters", "none")} {
		require.NoError(t, s.report(t.Context(), obj, o))
		require.Equal(t, []int32{1, 1, 2, 3}[i], h.writes.Load(), "outcome %d", i)
	}
	h.refusal = metav1.StatusReasonForbidden
	for range 2 {
		require.Error(t, s.report(t.Context(), obj, failed("NotFound", "none")))
	}
	require.Equal(t, int32(5), h.writes.Load(), "who may not write tries again")
}

// TestTypesThatDoNotRun say why.
func TestTypesThatDoNotRun(t *testing.T) {
	config := func(name, target, propagation string) *unstructured.Unstructured {
		return object(t, `{apiVersion: core.kubefed.io/v1beta1, kind: FederatedTypeConfig, metadata: {name: `+name+`, namespace: `+DefaultNamespace+`, resourceVersion: "1", creationTimestamp: "2026-01-01T00:00:00Z"},
		  spec: {propagation: `+propagation+`, targetType: {version: v1, `+target+`}, federatedType: {group: types.kubefed.io, version: v1beta1, kind: FederatedThing, scope: Cluster}}}`)
	}
	first := config("ingresses.extensions", "kind: Ingress, scope: Cluster", "Enabled")
	h := &fakeHost{kinds: []string{"FederatedTypeConfig.v1beta1.core.kubefed.io"}, objects: []*unstructured.Unstructured{first}}
	c := h.start(t, Options{Namespace: DefaultNamespace})
	k := newTypes(c)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- k.mirror.run(ctx, func(kube.Change) {}) }()
	t.Cleanup(func() { cancel(); <-done })
	require.NoError(t, k.mirror.wait(ctx))
	for _, test := range []struct {
		obj           *unstructured.Unstructured
		namespaced    bool
		reason, words string
		again         error
	}{
		{first, false, "Running", "", nil},
		{config("things", "kind: Thing, scope: Cluster", "Disabled"), false, "Disabled", "spec.propagation", nil},
		{config("things", "kind: Thing, scope: Cluster", "Enabled"), true, "ClusterScoped", "namespace " + DefaultNamespace, nil},
		{config("things", "kind: Thing, scope: Namespaced", "Enabled"), false, "WaitsForNamespaces", "namespaces", errAgain},
		{config("things", "kind: Thing, scope: Cluster", "Enabled"), false, "Refused", "federates ingresses.extensions already", errAgain},
		{config("ingresses.networking.k8s.io", "kind: Ingress, scope: Cluster", "Enabled"), false, "Refused", "its objects are those of ingresses.extensions", errAgain},
	} {
		c.config.Namespaced = test.namespaced
		wanted, err := kubefed.DecodeType(test.obj)
		require.NoError(t, err)
		got, err := k.wanted(ctx, test.obj, wanted)
		require.ErrorIs(t, err, test.again, test.reason)
		require.Equal(t, test.reason, got.Reason)
		require.Equal(t, test.reason == "Running", got.True)
		require.Contains(t, got.Message, test.words)
	}
}
