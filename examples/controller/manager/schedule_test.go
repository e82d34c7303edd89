package manager

import (
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/confed-project/confed/clusterregistry/kube"
	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/kubefed"
	"github.com/confed-project/confed/placement"
	"github.com/confed-project/confed/scheduling"
)

const (
	deploymentKind = "FederatedDeployment.v1beta1.types.kubefed.io"
	rspKind        = "ReplicaSchedulingPreference.v1alpha1.scheduling.kubefed.io"
)

// scheduling is a host's schedules and the syncer of Deployments, with their mirrors in step.
func (h *fakeHost) scheduling(t *testing.T) (*schedules, *syncer) {
	c := h.start(t, Options{})
	c.config.Namespaced = true // so that no FederatedNamespace is needed
	client, err := kube.NewClient(&rest.Config{Host: "https://member.invalid"}, kube.Options{})
	require.NoError(t, err)
	for _, name := range []string{"a", "b"} {
		require.NoError(t, c.members.Put(placement.Cluster{Name: name}, client))
	}
	k := newTypes(c)
	s := newSchedules(k)
	of := newSyncer(k, kubefed.Type{
		Target:    kubefed.Resource{GVK: schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}, Plural: "deployments", Namespaced: true},
		Federated: kubefed.Resource{GVK: schema.GroupVersionKind{Group: "types.kubefed.io", Version: "v1beta1", Kind: "FederatedDeployment"}, Plural: "federateddeployments", Namespaced: true},
	})
	k.running["deployments.apps"] = &running{syncer: of}
	for _, m := range []*mirror{s.mirror, of.mirror} {
		m.follow(t)
	}
	return s, of
}

// TestRemovalsWaitForTheDivision: what a plan removes stays while the object's preference has yet to speak of the cluster.
func TestRemovalsWaitForTheDivision(t *testing.T) {
	web := object(t, `{apiVersion: types.kubefed.io/v1beta1, kind: FederatedDeployment, metadata: {name: web, namespace: shop, resourceVersion: "1"},
	  spec: {placement: {clusters: [{name: a}]}, overrides: [{clusterName: a, clusterOverrides: [{path: /spec/replicas, value: 2}]}]}}`)
	rsp := func(spec string) *unstructured.Unstructured {
		return object(t, `{apiVersion: scheduling.kubefed.io/v1alpha1, kind: ReplicaSchedulingPreference, metadata: {name: web, namespace: shop, resourceVersion: "1"}, spec: `+spec+`}`)
	}
	for name, test := range map[string]struct {
		rsp      *unstructured.Unstructured
		kinds    []string
		deleting bool
		a, b, x  federation.Verb // a has a share, b none, and x is no cluster any more
	}{
		"no preference":          {nil, []string{deploymentKind, rspKind}, false, federation.Delete, federation.Delete, federation.Delete},
		"no such kind":           {nil, []string{deploymentKind}, false, federation.Delete, federation.Delete, federation.Delete},
		"undivided":              {rsp(`{targetKind: FederatedDeployment, totalReplicas: 2}`), []string{deploymentKind, rspKind}, false, federation.Delete, federation.Hold, federation.Delete},
		"of another kind":        {rsp(`{targetKind: FederatedReplicaSet, totalReplicas: 2}`), []string{deploymentKind, rspKind}, false, federation.Delete, federation.Delete, federation.Delete},
		"unreadable":             {rsp(`{targetKind: FederatedDeployment, totalReplicas: many}`), []string{deploymentKind, rspKind}, false, federation.Hold, federation.Hold, federation.Hold},
		"the object itself goes": {rsp(`{targetKind: FederatedDeployment, totalReplicas: 2}`), []string{deploymentKind, rspKind}, true, federation.Delete, federation.Delete, federation.Delete},
	} {
		t.Run(name, func(t *testing.T) {
			h := &fakeHost{kinds: test.kinds, objects: []*unstructured.Unstructured{web}}
			if test.rsp != nil {
				h.objects = append(h.objects, test.rsp)
			}
			_, of := h.scheduling(t)
			var steps []federation.Step
			for _, cluster := range []string{"a", "b", "x"} {
				steps = append(steps, federation.Step{Ref: federation.Ref{Cluster: cluster}, Verb: federation.Delete, Delete: &metav1.DeleteOptions{}})
			}
			p := &pass{syncer: of, fed: web, key: types.NamespacedName{Namespace: "shop", Name: "web"}, deleting: test.deleting}
			got := p.spared(t.Context(), federation.Plan{Steps: steps})
			for i, want := range []federation.Verb{test.a, test.b, test.x} {
				s := got.Steps[i]
				require.Equal(t, want, s.Verb, "%s: %s", s.Ref.Cluster, s.Message)
				held := want == federation.Hold
				require.Equal(t, []bool{held, held, !held}, []bool{s.Holds, s.Reason == federation.ReasonWaiting, s.Delete != nil}, s.Ref.Cluster)
				require.Equal(t, federation.Delete, steps[i].Verb, "arguments stay")
			}
		})
	}
}

// TestUndoingOnAnOldMirror is no failure: the next look knows more.
func TestUndoingOnAnOldMirror(t *testing.T) {
	web := kubefed.WriteShares(object(t, `{apiVersion: types.kubefed.io/v1beta1, kind: FederatedDeployment, metadata: {name: web, namespace: shop, resourceVersion: "1"}, spec: {}}`),
		[]scheduling.Share{{Name: "a", Replicas: 2}})
	h := &fakeHost{kinds: []string{deploymentKind, rspKind}, objects: []*unstructured.Unstructured{web}, refusal: metav1.StatusReasonConflict}
	s, _ := h.scheduling(t)
	require.ErrorIs(t, s.undo(t.Context(), types.NamespacedName{Namespace: "shop", Name: "web"}, ""), errAgain)
}

// TestDividingWithoutAnotherDefinition: that the host lacks the kind of one type is no trouble of the other's preferences.
func TestDividingWithoutAnotherDefinition(t *testing.T) {
	h := &fakeHost{kinds: []string{deploymentKind, rspKind}}
	s, of := h.scheduling(t)
	other := of.t
	other.Target.GVK.Kind, other.Target.Plural = "ReplicaSet", "replicasets"
	other.Federated.GVK.Kind, other.Federated.Plural = "FederatedReplicaSet", "federatedreplicasets"
	absent := newSyncer(s.types, other)
	key := types.NamespacedName{Namespace: "shop", Name: "web"}
	s.types.running[absent.typeName()] = &running{syncer: absent}
	require.Error(t, s.undo(t.Context(), key, "FederatedDeployment"), "nothing is known yet")
	absent.mirror.follow(t)
	require.NoError(t, s.undo(t.Context(), key, "FederatedDeployment"))
}
