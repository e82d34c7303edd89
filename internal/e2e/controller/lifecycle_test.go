package controller_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/federation/kubefed"
)

const pods = `{metadata: {labels: {app: x}}, spec: {containers: [{name: c, image: nginx}]}}`

var (
	namespaces = kind{"Namespace", "namespaces", "", "v1", false, ``}
	configMaps = kind{"ConfigMap", "configmaps", "", "v1", true, `data: {k: v}`}
	deployment = kind{"Deployment", "deployments", "apps", "v1", true, `spec: {replicas: 2, selector: {matchLabels: {app: x}}, template: ` + pods + `}`}
)

// defaultTypes are those that KubeFed enables, and more that it can.
func defaultTypes() []kind {
	return []kind{
		namespaces, configMaps, deployment,
		{"Secret", "secrets", "", "v1", true, `stringData: {k: v}`},
		{"Service", "services", "", "v1", true, `spec: {selector: {app: x}, ports: [{name: http, port: 80}]}`},
		{"ServiceAccount", "serviceaccounts", "", "v1", true, `automountServiceAccountToken: false`},
		{"ReplicaSet", "replicasets", "apps", "v1", true, `spec: {replicas: 1, selector: {matchLabels: {app: x}}, template: ` + pods + `}`},
		{"StatefulSet", "statefulsets", "apps", "v1", true, `spec: {serviceName: x, replicas: 1, selector: {matchLabels: {app: x}}, template: ` + pods + `}`},
		{"DaemonSet", "daemonsets", "apps", "v1", true, `spec: {selector: {matchLabels: {app: x}}, template: ` + pods + `}`},
		{"Job", "jobs", "batch", "v1", true, `spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: nginx}]}}}`},
		{"PersistentVolumeClaim", "persistentvolumeclaims", "", "v1", true, `spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}`},
		{"Ingress", "ingresses", "networking.k8s.io", "v1", true, `spec: {rules: [{host: a.example, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: x, port: {number: 80}}}}]}}]}`},
		{"ClusterRole", "clusterroles", "rbac.authorization.k8s.io", "v1", false, `rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]`},
		{"Gadget", "gadgets", "e2e.example", "v1", true, `spec: {size: 3}`},
		{"Planet", "planets", "e2e.example", "v1", false, `spec: {size: 3}`},
	}
}

// everywhere are the members, in order.
func (w *world) everywhere() []string {
	var out []string
	for name := range w.servers {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// federateNamespace makes a namespace on the host and federates it to all members.
func (w *world) federateNamespace(name string) *unstructured.Unstructured {
	w.Helper()
	w.create(hostName, "namespaces", "{apiVersion: v1, kind: Namespace, metadata: {name: "+name+"}}")
	fed := w.fed(namespaces, name, name, `{placement: {clusterSelector: {}}}`)
	w.ensure(hostName, namespaces.federated(), fed)
	w.Cleanup(func() {
		w.delete(hostName, "namespaces", w.decode("{apiVersion: v1, kind: Namespace, metadata: {name: "+name+"}}"))
	})
	return fed
}

// TestLifeOfEveryType creates, changes, narrows and deletes an object of every default type.
func TestLifeOfEveryType(t *testing.T) {
	w := newWorld(t)
	for _, k := range defaultTypes() {
		if k.group == "e2e.example" {
			for name := range w.servers {
				w.define(name, k.group, k.plural, k.version, k.name, k.scope())
			}
		}
		w.enable(k)
	}
	w.run()
	t.Run("types", func(t *testing.T) {
		for _, k := range defaultTypes() {
			t.Run(k.plural, func(t *testing.T) {
				t.Parallel()
				w.sub(t).life(k)
			})
		}
	})
}

func (w *world) life(k kind) {
	name := "life-" + strings.ToLower(k.name)
	all := w.everywhere()
	template := fmt.Sprintf("{metadata: {labels: {template: x}}, %s}", k.template)
	spec := "{template: " + template + ", placement: {clusterSelector: {}}}"
	fed := w.fed(k, name, name, spec)
	if k == namespaces {
		w.create(hostName, "namespaces", "{apiVersion: v1, kind: Namespace, metadata: {name: "+name+"}}")
	} else if k.namespaced {
		w.federateNamespace(name)
	}
	w.ensure(hostName, k.federated(), fed)
	fed = w.propagated(k, fed, all...)
	copied := w.copied(k, fed)
	for _, c := range all {
		live := w.get(c, k.plural, copied)
		require.NotNil(w, live, "in %s", c)
		require.Equal(w, "true", live.GetLabels()["kubefed.io/managed"])
		require.Equal(w, "x", live.GetLabels()["template"])
	}

	w.patch(hostName, k.federated(), fed, `{spec: {overrides: [{clusterName: member-1, clusterOverrides: [{path: /metadata/labels/template, value: changed}]}]}}`)
	w.propagated(k, fed, all...)
	for _, c := range all {
		want := map[bool]string{true: "changed", false: "x"}[c == "member-1"]
		require.Equal(w, want, w.get(c, k.plural, copied).GetLabels()["template"], "in %s", c)
	}

	// A foreign edit of what is ours is taken back, one of what is not stays.
	w.patch("member-2", k.plural, copied, `{metadata: {labels: {template: foreign, theirs: stays}}}`)
	w.eventually("drift mended", func() (bool, any) {
		live := w.get("member-2", k.plural, copied)
		return live.GetLabels()["template"] == "x" && live.GetLabels()["theirs"] == "stays", live.Object
	})

	narrow := `{spec: {placement: {clusters: [{name: member-1}, {name: member-2}, {name: member-3}]}}}`
	w.patch(hostName, k.federated(), fed, narrow)
	w.propagated(k, fed, "member-1", "member-2", "member-3")
	if k == namespaces {
		require.NotContains(w, w.get(hostName, k.plural, copied).GetLabels(), "kubefed.io/managed", "the host's own namespace is released")
	} else {
		w.gone(hostName, k.plural, copied)
	}
	w.patch(hostName, k.federated(), fed, `{spec: {placement: {clusters: [{name: member-3}]}}}`)
	w.propagated(k, fed, "member-3")
	w.gone("member-1", k.plural, copied)

	w.delete(hostName, k.federated(), fed)
	w.gone(hostName, k.federated(), fed)
	for _, c := range all {
		if k != namespaces || c != hostName {
			require.Nil(w, w.get(c, k.plural, copied), "in %s", c)
		}
	}
}

// systemNamespace was federated by KubeFed, which did not know that it is one. It can go, and the member keeps its own.
func (w *world) systemNamespace() {
	ns := w.decode("{apiVersion: v1, kind: Namespace, metadata: {name: kube-node-lease}}")
	w.ensure(hostName, "namespaces", ns)
	w.ensure("member-1", "namespaces", ns)
	w.patch("member-1", "namespaces", ns, `{metadata: {labels: {kubefed.io/managed: "true"}}}`)
	uid := w.get("member-1", "namespaces", ns).GetUID()
	fed := w.fed(namespaces, ns.GetName(), ns.GetName(), `{placement: {clusters: [{name: member-1}]}}`)
	fed.SetFinalizers([]string{kubefed.SyncFinalizer})
	w.ensure(hostName, namespaces.federated(), fed)
	w.delete(hostName, namespaces.federated(), fed)
	w.gone(hostName, namespaces.federated(), fed)
	live := w.get("member-1", "namespaces", ns)
	require.Equal(w, uid, live.GetUID())
	require.Nil(w, live.GetDeletionTimestamp())
	require.NotContains(w, live.GetLabels(), "kubefed.io/managed")
}
