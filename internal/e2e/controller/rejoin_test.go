package controller_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// preferred makes n federated Deployments that a ReplicaSchedulingPreference each divides among two members.
func (w *world) preferred(namespace string, n int) []*unstructured.Unstructured {
	w.create(hostName, "namespaces", "{apiVersion: v1, kind: Namespace, metadata: {name: "+namespace+"}}")
	w.ensure(hostName, namespaces.federated(), w.fed(namespaces, namespace, namespace, `{placement: {clusters: [{name: member-1}, {name: member-2}]}}`))
	out := make([]*unstructured.Unstructured, n)
	for i := range out {
		name := fmt.Sprint("web-", i)
		out[i] = w.fed(deployment, namespace, name, `{template: {`+deployment.template+`}, placement: {clusterSelector: {}}}`)
		w.ensure(hostName, "replicaschedulingpreferences", w.decode(`{apiVersion: scheduling.kubefed.io/v1alpha1, kind: ReplicaSchedulingPreference,
		  metadata: {name: `+name+`, namespace: `+namespace+`}, spec: {targetKind: FederatedDeployment, totalReplicas: 2, rebalance: true}}`))
		w.ensure(hostName, deployment.federated(), out[i])
	}
	for _, fed := range out {
		w.becomes(deployment, fed, map[string]int64{"member-1": 1, "member-2": 1})
	}
	return out
}

// copies are the Deployments in a member, by UID: one that was deleted and made anew is another.
func (w *world) copies(server string, feds []*unstructured.Unstructured) map[types.UID]string {
	out := map[types.UID]string{}
	for _, fed := range feds {
		if live := w.get(server, "deployments", w.copied(deployment, fed)); live != nil && live.GetDeletionTimestamp() == nil {
			out[live.GetUID()] = live.GetName()
		}
	}
	return out
}

// TestARejoinedClusterKeepsItsWorkload deletes KubeFedClusters and makes them anew, as a rotation of credentials may: whoever
// propagates hears of the cluster before whoever divides gives it a share again.
func TestARejoinedClusterKeepsItsWorkload(t *testing.T) {
	w := newWorld(t)
	for _, k := range []kind{namespaces, deployment} {
		w.enable(k)
	}
	w.run()
	feds := w.preferred("rejoin", 20)
	before := w.copies("member-2", feds)
	require.Len(t, before, len(feds))
	for range 2 {
		w.delete(hostName, "kubefedclusters", w.cluster("member-2"))
		for _, fed := range feds {
			w.eventually("the others take its share", func() (bool, any) {
				live := w.get(hostName, deployment.federated(), fed)
				clusters, _, _ := unstructured.NestedSlice(live.Object, "spec", "placement", "clusters")
				return len(clusters) == 1, live.Object["spec"]
			})
		}
		w.join("member-2", w.servers["member-2"])
		for _, fed := range feds {
			w.propagated(deployment, fed, "member-1", "member-2")
			w.becomes(deployment, fed, map[string]int64{"member-1": 1, "member-2": 1})
		}
		require.Equal(t, before, w.copies("member-2", feds), "nothing was deleted")
	}
	for _, fed := range feds {
		w.delete(hostName, deployment.federated(), fed)
	}
	for _, fed := range feds {
		w.gone(hostName, deployment.federated(), fed)
	}
	require.Empty(t, w.copies("member-2", feds))
}

// TestASilentClusterIsSeenBeforeItShrinks has a member die and return: others took its share meanwhile, and what runs there
// still is counted before anything is taken from it.
func TestASilentClusterIsSeenBeforeItShrinks(t *testing.T) {
	w := newWorld(t)
	for _, k := range []kind{namespaces, deployment} {
		w.enable(k)
	}
	w.run()
	feds := w.preferred("silent", 10)
	generations := func() map[string]int64 {
		out := map[string]int64{}
		for _, fed := range feds {
			out[fed.GetName()] = w.get("member-2", "deployments", w.copied(deployment, fed)).GetGeneration()
		}
		return out
	}
	before := generations()
	w.servers["member-2"].Kill()
	t.Cleanup(func() { require.NoError(t, w.servers["member-2"].Restart(w.ctx)) })
	for _, fed := range feds {
		w.eventually("another takes its share", func() (bool, any) {
			live := w.get("member-1", "deployments", w.copied(deployment, fed))
			n, _, _ := unstructured.NestedInt64(live.Object, "spec", "replicas")
			return n == 2, live.Object["spec"]
		})
	}
	require.NoError(t, w.servers["member-2"].Restart(w.ctx))
	for _, fed := range feds {
		w.becomes(deployment, fed, map[string]int64{"member-1": 1, "member-2": 1})
	}
	require.Equal(t, before, generations(), "nothing was scaled down and up again")
	for _, fed := range feds {
		w.delete(hostName, deployment.federated(), fed)
	}
}
