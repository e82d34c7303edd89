package controller_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/examples/controller/manager"
)

// cluster is a KubeFedCluster by name.
func (w *world) cluster(name string) *unstructured.Unstructured {
	return w.decode("{apiVersion: core.kubefed.io/v1beta1, kind: KubeFedCluster, metadata: {name: " + name + ", namespace: " + w.system + "}}")
}

// says waits until a condition of a cluster has a status.
func (w *world) says(name, condition, status string) {
	w.Helper()
	w.eventually(name+" is "+condition+"="+status, func() (bool, any) {
		live := w.get(hostName, "kubefedclusters", w.cluster(name))
		conditions, _, _ := unstructured.NestedSlice(live.Object, "status", "conditions")
		for _, item := range conditions {
			if c := item.(map[string]any); c["type"] == condition && c["status"] == status {
				return true, nil
			}
		}
		return false, live.Object["status"]
	})
}

// TestMembersFailAndReturn follows a member that dies, a token that rots and is replaced, and one that cannot be reached at
// all, while the others go on.
func TestMembersFailAndReturn(t *testing.T) {
	w := newWorld(t)
	for _, k := range []kind{namespaces, configMaps} {
		w.enable(k)
	}
	w.run()
	for _, name := range w.everywhere() {
		w.says(name, "Ready", "True")
		live := w.get(hostName, "kubefedclusters", w.cluster(name))
		version, _, _ := unstructured.NestedString(live.Object, "status", "kubernetesVersion")
		require.True(t, strings.HasPrefix(version, "v1."), version)
	}
	w.federateNamespace("members")
	fed := w.fed(configMaps, "members", "a", `{template: {data: {k: v}}, placement: {clusters: [{name: member-1}, {name: member-3}]}}`)
	w.ensure(hostName, configMaps.federated(), fed)
	w.propagated(configMaps, fed, "member-1", "member-3")

	// A member dies: it is told, and delays nobody but those that may have a copy there.
	w.servers["member-3"].Kill()
	w.says("member-3", "Offline", "True")
	w.eventually("an event says it of the cluster", func() (bool, any) {
		live := w.get(hostName, "kubefedclusters", w.cluster("member-3"))
		return w.warned(live, "RetrievingClusterHealthFailed"), map[string]any{"events": w.events(live)}
	})
	other := w.fed(configMaps, "members", "other", `{template: {data: {k: v}}, placement: {clusters: [{name: member-1}, {name: member-2}]}}`)
	w.ensure(hostName, configMaps.federated(), other)
	w.propagated(configMaps, other, "member-1", "member-2")
	w.delete(hostName, configMaps.federated(), other)
	w.gone(hostName, configMaps.federated(), other)
	w.patch(hostName, configMaps.federated(), fed, `{spec: {template: {data: {k: w}}}}`)
	w.eventually("one is told, the other right", func() (bool, any) {
		data, _, _ := unstructured.NestedString(w.get("member-1", "configmaps", w.copied(configMaps, fed)).Object, "data", "k")
		return data == "w" && w.line(configMaps, fed, "member-3")["status"] == "ClusterNotReady", w.get(hostName, configMaps.federated(), fed).Object["status"]
	})
	w.delete(hostName, configMaps.federated(), fed)
	time.Sleep(3 * time.Second)
	require.NotNil(t, w.get(hostName, configMaps.federated(), fed), "a copy may be left in member-3")
	require.NoError(t, w.servers["member-3"].Restart(w.ctx))
	w.gone(hostName, configMaps.federated(), fed)
	require.Nil(t, w.get("member-3", "configmaps", w.copied(configMaps, fed)))
	w.says("member-3", "Ready", "True")
	w.eventually("and that it is back", func() (bool, any) {
		said := w.events(w.get(hostName, "kubefedclusters", w.cluster("member-3")))
		return slices.Contains(said, "Normal ClusterReady: it answers again"), map[string]any{"events": said}
	})

	// A token rots and is replaced, without a restart.
	secret := w.secretOf("member-2")
	token := secret.Object["data"].(map[string]any)["token"].(string)
	w.patch(hostName, "secrets", secret, fmt.Sprintf(`{data: {token: %s}}`, base64.StdEncoding.EncodeToString([]byte("rotten"))))
	w.eventually("member-2 rejects us", func() (bool, any) {
		live := w.get(hostName, "kubefedclusters", w.cluster("member-2"))
		return strings.Contains(fmt.Sprint(live.Object["status"]), "CredentialsRejected"), live.Object["status"]
	})
	w.patch(hostName, "secrets", secret, fmt.Sprintf(`{data: {token: %s}}`, token))
	w.says("member-2", "Ready", "True")

	// A cluster without a Secret costs nothing but its own line.
	w.ensure(hostName, "kubefedclusters", w.decode(`{apiVersion: core.kubefed.io/v1beta1, kind: KubeFedCluster, metadata: {name: broken, namespace: `+w.system+`},
	  spec: {apiEndpoint: "https://127.0.0.1:1", secretRef: {name: nowhere}}}`))
	w.says("broken", "ConfigMalformed", "True")
	third := w.fed(configMaps, "members", "third", `{template: {data: {k: v}}, placement: {clusters: [{name: member-1}, {name: member-2}]}}`)
	w.ensure(hostName, configMaps.federated(), third)
	w.propagated(configMaps, third, "member-1", "member-2")
	w.delete(hostName, configMaps.federated(), third)
	w.gone(hostName, configMaps.federated(), third)
}

func (w *world) secretOf(name string) *unstructured.Unstructured {
	ref, _, _ := unstructured.NestedString(w.get(hostName, "kubefedclusters", w.cluster(name)).Object, "spec", "secretRef", "name")
	return w.get(hostName, "secrets", w.decode("{apiVersion: v1, kind: Secret, metadata: {name: "+ref+", namespace: "+w.system+"}}"))
}

// TestAClusterLeavesForGood deletes a KubeFedCluster that has copies: nobody waits for it, and nothing in it is touched.
func TestAClusterLeavesForGood(t *testing.T) {
	w := newWorld(t)
	for _, k := range []kind{namespaces, configMaps} {
		w.enable(k)
	}
	w.run()
	w.federateNamespace("leaving")
	fed := w.fed(configMaps, "leaving", "a", `{template: {data: {k: v}}, placement: {clusterSelector: {}}}`)
	w.ensure(hostName, configMaps.federated(), fed)
	w.propagated(configMaps, fed, w.everywhere()...)
	w.delete(hostName, "kubefedclusters", w.cluster("member-2"))
	w.propagated(configMaps, fed, "host", "member-1", "member-3")
	live := w.get("member-2", "configmaps", w.copied(configMaps, fed))
	w.delete(hostName, configMaps.federated(), fed)
	w.gone(hostName, configMaps.federated(), fed)
	require.Equal(t, live.GetResourceVersion(), w.get("member-2", "configmaps", live).GetResourceVersion())

	// It joins again: what was left there is nobody's now, and is let go.
	w.join("member-2", w.servers["member-2"])
	w.eventually("the label is taken", func() (bool, any) {
		live := w.get("member-2", "configmaps", live)
		return live.GetLabels()["kubefed.io/managed"] == "", live.Object
	})
}

// TestNamespacedScope runs a control plane that sees nothing but its own namespace.
func TestNamespacedScope(t *testing.T) {
	w := newWorld(t)
	w.namespaced = true
	for _, k := range []kind{namespaces, configMaps, defaultTypes()[12]} {
		w.enable(k)
	}
	w.run(func(o *manager.Options) {
		require.NoError(t, unstructured.SetNestedField(o.Config.Object, "Namespaced", "spec", "scope"))
	})
	for name := range w.servers {
		if name != hostName {
			w.create(name, "namespaces", "{apiVersion: v1, kind: Namespace, metadata: {name: "+w.system+"}}")
		}
	}
	w.create(hostName, "namespaces", "{apiVersion: v1, kind: Namespace, metadata: {name: outside}}")
	outside := w.fed(configMaps, "outside", "a", `{template: {data: {k: v}}, placement: {clusterSelector: {}}}`)
	w.ensure(hostName, configMaps.federated(), outside)
	fed := w.fed(configMaps, w.system, "a", `{template: {data: {k: v}}, placement: {clusters: [{name: member-1}, {name: member-2}]}}`)
	w.ensure(hostName, configMaps.federated(), fed)
	w.propagated(configMaps, fed, "member-1", "member-2") // no FederatedNamespace is needed
	role := w.typeConfig(defaultTypes()[12])
	w.eventually("cluster-scoped types do not run", func() (bool, any) {
		status, _ := w.get(hostName, "federatedtypeconfigs", role).Object["status"].(map[string]any)
		return status["propagationController"] == "NotRunning", status
	})
	ns := w.fed(namespaces, w.system, w.system, `{placement: {clusters: [{name: member-1}]}}`)
	w.ensure(hostName, namespaces.federated(), ns)
	w.propagated(configMaps, fed, "member-1") // it can only narrow
	w.patch(hostName, namespaces.federated(), ns, `{spec: {placement: {clusters: []}}}`)
	w.propagated(configMaps, fed)
	w.gone("member-1", "configmaps", w.copied(configMaps, fed))
	require.Empty(t, w.get(hostName, configMaps.federated(), outside).GetFinalizers())
	w.delete(hostName, configMaps.federated(), fed)
	w.gone(hostName, configMaps.federated(), fed)
	w.delete(hostName, configMaps.federated(), outside)
	w.delete(hostName, namespaces.federated(), ns)
}

// TestNoAdoption leaves what members have alone, but for the host's own namespace.
func TestNoAdoption(t *testing.T) {
	w := newWorld(t)
	for _, k := range []kind{namespaces, configMaps} {
		w.enable(k)
	}
	w.run(func(o *manager.Options) {
		require.NoError(t, unstructured.SetNestedField(o.Config.Object, "Disabled", "spec", "syncController", "adoptResources"))
	})
	ns := w.federateNamespace("no-adoption")
	w.propagated(namespaces, ns, w.everywhere()...)
	theirs := w.create("member-1", "configmaps", `{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: no-adoption}, data: {k: theirs}}`)
	fed := w.fed(configMaps, "no-adoption", "a", `{template: {data: {k: v}}, placement: {clusters: [{name: member-1}, {name: member-2}]}}`)
	w.ensure(hostName, configMaps.federated(), fed)
	w.eventually("told", func() (bool, any) {
		return w.line(configMaps, fed, "member-1")["status"] == "AlreadyExists" && w.line(configMaps, fed, "member-2")["name"] != nil,
			w.get(hostName, configMaps.federated(), fed).Object["status"]
	})
	require.Nil(t, w.line(configMaps, fed, "member-2")["status"])
	w.delete(hostName, configMaps.federated(), fed)
	w.gone(hostName, configMaps.federated(), fed)
	require.Equal(t, theirs.GetResourceVersion(), w.get("member-1", "configmaps", theirs).GetResourceVersion())
	require.Nil(t, w.get("member-2", "configmaps", theirs))
}
