package controller_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

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

// TestUpgradeFromKubeFed takes over what KubeFed left: copies written by PUT, its label, its finalizer, its status, and
// PropagatedVersions; nothing of ours.
func TestUpgradeFromKubeFed(t *testing.T) {
	w := newWorld(t)
	w.lenient = true
	for _, k := range []kind{namespaces, configMaps, deployment} {
		w.enable(k)
	}
	w.create(hostName, "namespaces", "{apiVersion: v1, kind: Namespace, metadata: {name: upgrade}}")
	spec := `{template: ` + `{data: {k: v}}` + `, placement: {clusters: [{name: member-1}, {name: member-2}]}}`
	ns := w.fed(namespaces, "upgrade", "upgrade", `{placement: {clusters: [{name: member-1}, {name: member-2}]}}`)
	cm := w.fed(configMaps, "upgrade", "a", spec)
	web := w.fed(deployment, "upgrade", "web", `{template: {`+deployment.template+`}, placement: {clusters: [{name: member-1}, {name: member-2}]}}`)
	left := w.fed(configMaps, "upgrade", "left", `{template: {data: {k: v}}, placement: {clusters: [{name: member-1}]}}`)
	byKubeFed := metav1.CreateOptions{FieldManager: "controller-manager"}
	for _, c := range []string{"member-1", "member-2"} {
		for _, each := range [][2]string{
			{"namespaces", `{apiVersion: v1, kind: Namespace, metadata: {name: upgrade, labels: {kubefed.io/managed: "true"}}}`},
			{"configmaps", `{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: upgrade, labels: {kubefed.io/managed: "true"}}, data: {k: v, former: x}}`},
			{"deployments", `{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: upgrade, labels: {kubefed.io/managed: "true"}}, ` + deployment.template + `}`},
		} {
			obj := w.decode(each[1])
			live, err := w.at(c, each[0], obj).Create(w.ctx, obj, byKubeFed)
			require.NoError(t, err)
			if each[0] == "configmaps" {
				live.Object["data"].(map[string]any)["put"] = "x"
				_, err = w.at(c, each[0], obj).Update(w.ctx, live, metav1.UpdateOptions{FieldManager: "controller-manager"})
				require.NoError(t, err)
			}
		}
		w.leftover(c, byKubeFed)
	}
	for k, fed := range map[*kind]*unstructured.Unstructured{&namespaces: ns, &configMaps: cm, &deployment: web} {
		w.asKubeFed(*k, fed, "member-1", "member-2")
	}
	w.asKubeFed(configMaps, left, "member-1")
	replicaSets := func() string {
		list, err := w.direct["member-1"].Resource(w.decode("{apiVersion: apps/v1, kind: ReplicaSet}").GroupVersionKind().GroupVersion().WithResource("replicasets")).
			Namespace("upgrade").List(w.ctx, metav1.ListOptions{})
		require.NoError(t, err)
		names := ""
		for _, item := range list.Items {
			names += item.GetName() + " "
		}
		return names
	}
	w.eventually("the workload runs", func() (bool, any) { return replicaSets() != "", nil })
	before := replicaSets()

	w.run()
	for k, fed := range map[*kind]*unstructured.Unstructured{&namespaces: ns, &configMaps: cm, &deployment: web} {
		w.propagated(*k, fed, "member-1", "member-2")
	}
	w.propagated(configMaps, left, "member-1")
	require.Equal(t, before, replicaSets(), "no workload was restarted")
	w.gone("member-2", "configmaps", w.copied(configMaps, left))
	for _, c := range []string{"member-1", "member-2"} {
		require.NotContains(t, w.get(c, "configmaps", w.copied(configMaps, cm)).Object["data"], "put", "what KubeFed wrote and nobody wishes goes")
	}
	w.patch(hostName, configMaps.federated(), cm, `{spec: {template: {data: {k: null, new: fresh}}}}`)
	w.propagated(configMaps, cm, "member-1", "member-2")
	require.Equal(t, map[string]any{"new": "fresh"}, w.get("member-1", "configmaps", w.copied(configMaps, cm)).Object["data"])
	for k, fed := range map[*kind]*unstructured.Unstructured{&deployment: web, &configMaps: cm} {
		w.delete(hostName, k.federated(), fed)
		w.gone(hostName, k.federated(), fed)
		require.Nil(t, w.get("member-1", k.plural, w.copied(*k, fed)))
	}
}

// leftover is a copy in a cluster that left the placement while it was silent, which KubeFed forgot.
func (w *world) leftover(server string, options metav1.CreateOptions) {
	obj := w.decode(`{apiVersion: v1, kind: ConfigMap, metadata: {name: left, namespace: upgrade, labels: {kubefed.io/managed: "true"}}, data: {k: v}}`)
	_, err := w.at(server, "configmaps", obj).Create(w.ctx, obj, options)
	require.NoError(w, err)
}

// asKubeFed creates a federated object with the finalizer and the status that KubeFed left.
func (w *world) asKubeFed(k kind, fed *unstructured.Unstructured, clusters ...string) {
	w.Helper()
	fed = fed.DeepCopy()
	fed.SetFinalizers([]string{"kubefed.io/sync-controller"})
	w.ensure(hostName, k.federated(), fed)
	lines := make([]string, 0, len(clusters))
	for _, c := range clusters {
		lines = append(lines, `{"name":"`+c+`"}`)
	}
	status := `{"status":{"observedGeneration":1,"conditions":[{"type":"Propagation","status":"True","lastUpdateTime":"2022-08-10T00:00:00Z","lastTransitionTime":"2022-08-10T00:00:00Z"}],"clusters":[` + strings.Join(lines, ",") + `]}}`
	_, err := w.at(hostName, k.federated(), fed).Patch(w.ctx, fed.GetName(), types.MergePatchType, []byte(status), metav1.PatchOptions{}, "status")
	require.NoError(w, err)
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
