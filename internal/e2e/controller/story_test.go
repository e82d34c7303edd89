package controller_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/examples/controller/manager"
)

// sub is the world of a subtest.
func (w *world) sub(t *testing.T) *world {
	out := *w
	out.TB, out.ctx = t, context.WithoutCancel(t.Context())
	return &out
}

// line is what the status of a federated object says about a cluster.
func (w *world) line(k kind, fed *unstructured.Unstructured, name string) map[string]any {
	live := w.get(hostName, k.federated(), fed)
	if live == nil {
		return nil
	}
	lines, _, _ := unstructured.NestedSlice(live.Object, "status", "clusters")
	for _, l := range lines {
		if l := l.(map[string]any); l["name"] == name {
			return l
		}
	}
	return nil
}

func (w *world) condition(k kind, fed *unstructured.Unstructured) map[string]any {
	live := w.get(hostName, k.federated(), fed)
	conditions, _, _ := unstructured.NestedSlice(live.Object, "status", "conditions")
	if len(conditions) == 0 {
		return map[string]any{}
	}
	return conditions[0].(map[string]any)
}

// TestStories plays what happens beside the life of an object, with one controller.
func TestStories(t *testing.T) {
	w := newWorld(t)
	w.lenient = true
	for _, k := range []kind{namespaces, configMaps, deployment} {
		w.enable(k)
	}
	w.run()
	for name, story := range map[string]func(*world){
		"namespace not federated": (*world).notFederated, "a labelled object without owner": (*world).possibleOrphan,
		"an unlabelled object of the name": (*world).foreign, "adoption and opt-out": (*world).adopted,
		"orphaning deletion": (*world).orphaning, "delete options": (*world).deleteOptions, "bad input": (*world).badInput,
		"a namespace that selects nothing any more": (*world).narrowed, "types come and go": (*world).typesComeAndGo, "a system namespace": (*world).systemNamespace,
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); story(w.sub(t)) })
	}
}

func (w *world) notFederated() {
	w.create(hostName, "namespaces", "{apiVersion: v1, kind: Namespace, metadata: {name: lonely}}")
	fed := w.fed(configMaps, "lonely", "a", `{template: {data: {k: v}}, placement: {clusterSelector: {}}}`)
	w.ensure(hostName, configMaps.federated(), fed)
	w.eventually("told", func() (bool, any) {
		c := w.condition(configMaps, fed)
		return c["reason"] == "NamespaceNotFederated" && c["status"] == "False", c
	})
	require.Nil(w, w.get("member-1", "configmaps", w.copied(configMaps, fed)))
	w.delete(hostName, configMaps.federated(), fed)
	w.gone(hostName, configMaps.federated(), fed)
}

func (w *world) possibleOrphan() {
	obj := w.create("member-1", "configmaps", `{apiVersion: v1, kind: ConfigMap, metadata: {name: orphan, namespace: default, labels: {kubefed.io/managed: "true", mine: x}}, data: {k: v}}`)
	w.eventually("label taken", func() (bool, any) {
		live := w.get("member-1", "configmaps", obj)
		_, labelled := live.GetLabels()["kubefed.io/managed"]
		return !labelled, live.Object
	})
	live := w.get("member-1", "configmaps", obj)
	require.Equal(w, "x", live.GetLabels()["mine"])
	require.Equal(w, map[string]any{"k": "v"}, live.Object["data"])
}

func (w *world) foreign() {
	w.federateNamespace("foreign")
	w.eventually("namespace in the member", func() (bool, any) {
		return w.get("member-1", "namespaces", w.decode("{apiVersion: v1, kind: Namespace, metadata: {name: foreign}}")) != nil, nil
	})
	obj := w.create("member-1", "configmaps", `{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: foreign}, data: {k: theirs}}`)
	fed := w.fed(configMaps, "foreign", "a", `{template: {data: {k: v}}, placement: {clusters: []}}`)
	w.ensure(hostName, configMaps.federated(), fed)
	w.propagated(configMaps, fed)
	w.delete(hostName, configMaps.federated(), fed)
	w.gone(hostName, configMaps.federated(), fed)
	require.Equal(w, obj.GetResourceVersion(), w.get("member-1", "configmaps", obj).GetResourceVersion())
}

func (w *world) adopted() {
	w.federateNamespace("adoption")
	ns := w.decode("{apiVersion: v1, kind: Namespace, metadata: {name: adoption}}")
	for _, c := range []string{"member-1", "member-2"} {
		w.eventually("namespace in the member", func() (bool, any) { return w.get(c, "namespaces", ns) != nil, nil })
	}
	w.create("member-1", "configmaps", `{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: adoption}, data: {k: theirs, more: stays}}`)
	free := w.create("member-2", "configmaps", `{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: adoption, labels: {kubefed.io/managed: "false"}}, data: {k: theirs}}`)
	fed := w.fed(configMaps, "adoption", "a", `{template: {data: {k: v}}, placement: {clusterSelector: {}}}`)
	w.ensure(hostName, configMaps.federated(), fed)
	w.eventually("the opt-out is told", func() (bool, any) {
		l := w.line(configMaps, fed, "member-2")
		return l["status"] == "ManagedLabelFalse", w.get(hostName, configMaps.federated(), fed).Object["status"]
	})
	live := w.get("member-1", "configmaps", w.copied(configMaps, fed))
	require.Equal(w, map[string]any{"k": "v", "more": "stays"}, live.Object["data"])
	require.Equal(w, "true", live.GetLabels()["kubefed.io/managed"])
	require.Equal(w, free.GetResourceVersion(), w.get("member-2", "configmaps", free).GetResourceVersion())
	w.delete(hostName, configMaps.federated(), fed)
	w.gone(hostName, configMaps.federated(), fed)
	require.NotNil(w, w.get("member-2", "configmaps", free))
}

func (w *world) orphaning() {
	w.federateNamespace("orphaning")
	fed := w.fed(configMaps, "orphaning", "a", `{template: {data: {k: v}}, placement: {clusterSelector: {}}}`)
	fed.SetAnnotations(map[string]string{"kubefed.io/orphan": "true"})
	w.ensure(hostName, configMaps.federated(), fed)
	w.propagated(configMaps, fed, w.everywhere()...)
	w.delete(hostName, configMaps.federated(), fed)
	w.gone(hostName, configMaps.federated(), fed)
	for _, c := range w.everywhere() {
		live := w.get(c, "configmaps", w.copied(configMaps, fed))
		require.NotNil(w, live, "in %s", c)
		require.NotContains(w, live.GetLabels(), "kubefed.io/managed")
		require.Equal(w, map[string]any{"k": "v"}, live.Object["data"])
	}
}

func (w *world) deleteOptions() {
	w.federateNamespace("options")
	fed := w.fed(deployment, "options", "web", `{template: {`+deployment.template+`}, placement: {clusters: [{name: member-1}]}}`)
	fed.SetAnnotations(map[string]string{"kubefed.io/deleteoption": `{"propagationPolicy": "Orphan"}`})
	w.ensure(hostName, deployment.federated(), fed)
	w.propagated(deployment, fed, "member-1")
	sets := w.direct["member-1"].Resource(w.decode("{apiVersion: apps/v1, kind: ReplicaSet}").GroupVersionKind().GroupVersion().WithResource("replicasets")).Namespace("options")
	list := func() []unstructured.Unstructured {
		out, err := sets.List(w.ctx, metav1.ListOptions{})
		require.NoError(w, err)
		return out.Items
	}
	w.eventually("a ReplicaSet", func() (bool, any) { return len(list()) == 1, nil })
	w.delete(hostName, deployment.federated(), fed)
	w.gone(hostName, deployment.federated(), fed)
	w.gone("member-1", "deployments", w.copied(deployment, fed))
	require.Len(w, list(), 1)
	require.Empty(w, list()[0].GetOwnerReferences())
}

func (w *world) badInput() {
	w.federateNamespace("bad")
	bad := w.fed(deployment, "bad", "none", `{placement: {clusterSelector: {}}}`)
	w.ensure(hostName, deployment.federated(), bad)
	override := w.fed(configMaps, "bad", "override", `{template: {data: {k: v}}, placement: {clusterSelector: {}},
	  overrides: [{clusterName: member-2, clusterOverrides: [{path: /metadata/name, value: x}]}]}`)
	w.ensure(hostName, configMaps.federated(), override)
	w.eventually("the bad override is told", func() (bool, any) {
		l := w.line(configMaps, override, "member-2")
		return l["status"] == "ApplyOverridesFailed" && w.line(configMaps, override, "member-1")["name"] != nil, w.get(hostName, configMaps.federated(), override).Object["status"]
	})
	require.Nil(w, w.line(configMaps, override, "member-1")["status"])
	require.NotNil(w, w.get("member-3", "configmaps", w.copied(configMaps, override)))
	require.Nil(w, w.get("member-2", "configmaps", w.copied(configMaps, override)))
	w.eventually("a template is missing", func() (bool, any) {
		c, l := w.condition(deployment, bad), w.line(deployment, bad, "member-1")
		said := fmt.Sprint(c["message"], l["message"])
		return c["status"] == "False" && strings.Contains(said, "spec"), w.get(hostName, deployment.federated(), bad).Object["status"]
	})
	for k, fed := range map[*kind]*unstructured.Unstructured{&deployment: bad, &configMaps: override} {
		w.delete(hostName, k.federated(), fed)
		w.gone(hostName, k.federated(), fed)
	}
}

func (w *world) narrowed() {
	ns := w.federateNamespace("narrowed")
	fed := w.fed(configMaps, "narrowed", "a", `{template: {data: {k: v}}, placement: {clusterSelector: {}}}`)
	w.ensure(hostName, configMaps.federated(), fed)
	w.propagated(configMaps, fed, w.everywhere()...)
	w.patch(hostName, namespaces.federated(), ns, `{spec: {placement: {clusters: [{name: member-1}]}}}`)
	w.propagated(configMaps, fed, "member-1")
	w.patch(hostName, namespaces.federated(), ns, `{spec: {placement: {clusters: []}}}`)
	w.propagated(configMaps, fed)
	w.gone("member-1", "namespaces", w.copied(namespaces, ns))
	require.NotNil(w, w.get(hostName, "namespaces", w.copied(namespaces, ns)), "the host keeps its own")
}

func (w *world) typesComeAndGo() {
	gizmo := kind{"Gizmo", "gizmos", "e2e.example", "v1", false, `spec: {size: 1}`}
	w.define("member-1", gizmo.group, gizmo.plural, gizmo.version, gizmo.name, gizmo.scope())
	w.define(hostName, gizmo.group, gizmo.plural, gizmo.version, gizmo.name, gizmo.scope())
	w.enable(gizmo)
	ftc := w.typeConfig(gizmo)
	runs := func(want string) {
		w.eventually("the type is "+want, func() (bool, any) {
			live := w.get(hostName, "federatedtypeconfigs", ftc)
			status, _ := live.Object["status"].(map[string]any)
			return status["propagationController"] == want && status["observedGeneration"] == live.GetGeneration(), live.Object
		})
	}
	runs("Running")
	fed := w.fed(gizmo, "", "g", `{template: {spec: {size: 1}}, placement: {clusters: [{name: member-1}, {name: member-2}]}}`)
	w.ensure(hostName, gizmo.federated(), fed)
	w.eventually("a member that lacks the kind holds only itself", func() (bool, any) {
		return w.get("member-1", gizmo.plural, w.copied(gizmo, fed)) != nil && w.line(gizmo, fed, "member-2")["status"] == "CachedRetrievalFailed",
			w.get(hostName, gizmo.federated(), fed).Object["status"]
	})
	w.patch(hostName, "federatedtypeconfigs", ftc, `{spec: {propagation: Disabled}}`)
	runs("NotRunning")
	w.patch(hostName, gizmo.federated(), fed, `{spec: {template: {spec: {size: 2}}}}`)
	w.patch(hostName, "federatedtypeconfigs", ftc, `{spec: {propagation: Enabled}}`)
	runs("Running")
	w.define("member-2", gizmo.group, gizmo.plural, gizmo.version, gizmo.name, gizmo.scope())
	w.eventually("the kind came", func() (bool, any) {
		l := w.line(gizmo, fed, "member-2")
		return l["name"] == "member-2" && l["status"] == nil, w.get(hostName, gizmo.federated(), fed).Object["status"]
	})
	size, _, _ := unstructured.NestedInt64(w.get("member-1", gizmo.plural, w.copied(gizmo, fed)).Object, "spec", "size")
	require.Equal(w, int64(2), size)
	// Another type with the same federated kind would fight over it: the one that runs stays.
	twin := w.get(hostName, "federatedtypeconfigs", ftc)
	rival := w.decode("{apiVersion: core.kubefed.io/v1beta1, kind: FederatedTypeConfig, metadata: {name: gizmos.other.example, namespace: " + w.system + "}}")
	rival.Object["spec"] = twin.Object["spec"]
	require.NoError(w, unstructured.SetNestedField(rival.Object, "other.example", "spec", "targetType", "group"))
	w.ensure(hostName, "federatedtypeconfigs", rival)
	w.eventually("the rival does not run", func() (bool, any) {
		status, _ := w.get(hostName, "federatedtypeconfigs", rival).Object["status"].(map[string]any)
		return status["propagationController"] == "NotRunning", status
	})
	runs("Running")
	w.delete(hostName, "federatedtypeconfigs", rival)
	w.gone(hostName, "federatedtypeconfigs", rival)
	w.delete(hostName, gizmo.federated(), fed)
	w.gone(hostName, gizmo.federated(), fed)
	w.delete(hostName, "federatedtypeconfigs", ftc)
	w.gone(hostName, "federatedtypeconfigs", ftc)
}

// TestCompatible reads the KubeFedConfig of the cluster, completes it once, and writes what KubeFed's own tools read.
func TestCompatible(t *testing.T) {
	w := newWorld(t)
	for _, k := range []kind{namespaces, configMaps} {
		w.enable(k)
	}
	config := w.config("leaseDuration: 15s, renewDeadline: 10s, retryPeriod: 1s")
	w.ensure(hostName, "kubefedconfigs", config)
	health, metrics := w.freeAddr(), w.freeAddr()
	w.run(func(o *manager.Options) {
		o.Config, o.Compatible, o.HealthAddr, o.MetricsAddr = nil, true, health, metrics
	})
	w.federateNamespace("compatible")
	fed := w.fed(configMaps, "compatible", "a", `{template: {data: {k: v}}, placement: {clusters: [{name: member-1}, {name: member-2}]}}`)
	w.ensure(hostName, configMaps.federated(), fed)
	w.propagated(configMaps, fed, "member-1", "member-2")
	version := w.decode("{apiVersion: core.kubefed.io/v1alpha1, kind: PropagatedVersion, metadata: {name: configmap-a, namespace: compatible}}")
	recorded := func(value string) {
		w.eventually("the version of "+value, func() (bool, any) {
			live := w.get(hostName, "propagatedversions", version)
			if live == nil {
				return false, nil
			}
			lines, _, _ := unstructured.NestedSlice(live.Object, "status", "clusterVersions")
			copied := w.get("member-2", "configmaps", w.copied(configMaps, fed))
			return len(lines) == 2 && lines[1].(map[string]any)["version"] == "rv:"+copied.GetResourceVersion() &&
				copied.Object["data"].(map[string]any)["k"] == value, live.Object
		})
	}
	recorded("v")
	w.patch(hostName, configMaps.federated(), fed, `{spec: {template: {data: {k: w}}}}`)
	recorded("w")
	for _, path := range []string{"/healthz", "/readyz"} {
		w.eventually(path, func() (bool, any) {
			code, text := w.ask(health, path)
			return code == http.StatusOK && text == "ok", text
		})
	}
	_, text := w.ask(metrics, "/metrics")
	for _, line := range []string{`kubefedcluster_total{cluster="member-1",state="ready"} 1`, "joined_cluster_total 4",
		`dispatch_operation_duration_seconds_count{action="create"}`, `controller_runtime_reconcile_total{controller="federatedconfigmaps",result="success"}`} {
		require.Contains(t, text, line)
	}
	live := w.get(hostName, "kubefedconfigs", config)
	adopt, _, _ := unstructured.NestedString(live.Object, "spec", "syncController", "adoptResources")
	require.Equal(t, "Enabled", adopt)
	period, _, _ := unstructured.NestedString(live.Object, "spec", "clusterHealthCheck", "period")
	require.Equal(t, "1s", period, "what was said stays")
	w.delete(hostName, configMaps.federated(), fed)
	w.gone(hostName, configMaps.federated(), fed)
	w.gone(hostName, "propagatedversions", version)
}

// freeAddr is an address that nobody listens on now.
func (w *world) freeAddr() string {
	l, err := (&net.ListenConfig{}).Listen(w.ctx, "tcp", "127.0.0.1:0")
	require.NoError(w, err)
	require.NoError(w, l.Close())
	return l.Addr().String()
}

func (w *world) ask(addr, path string) (int, string) {
	request, err := http.NewRequestWithContext(w.ctx, http.MethodGet, "http://"+addr+path, http.NoBody)
	require.NoError(w, err)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(w, err)
	return response.StatusCode, string(body)
}
