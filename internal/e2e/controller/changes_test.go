package controller_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/confed-project/confed/examples/controller/manager"
)

// ready waits until /readyz says ok.
func (w *world) ready(addr string) {
	w.Helper()
	w.eventually("ready", func() (bool, any) {
		code, text := w.ask(addr, "/readyz")
		return code == http.StatusOK && text == "ok", text
	})
}

// TestTheConfigChanges edits the KubeFedConfig under two controllers, which goes on without a restart of either.
func TestTheConfigChanges(t *testing.T) {
	w := newWorld(t)
	for _, k := range []kind{namespaces, configMaps} {
		w.enable(k)
	}
	config := w.config("leaseDuration: 15s, renewDeadline: 10s, retryPeriod: 1s")
	require.NoError(t, unstructured.SetNestedField(config.Object, "Disabled", "spec", "syncController", "adoptResources"))
	w.ensure(hostName, "kubefedconfigs", config)
	var stops []func() error
	for _, identity := range []string{"one", "two"} {
		stops = append(stops, w.run(func(o *manager.Options) { o.Config, o.Identity = nil, identity }))
	}
	w.propagated(namespaces, w.federateNamespace("config-changes"), w.everywhere()...)
	theirs := w.create("member-1", "configmaps", `{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: config-changes}, data: {k: theirs}}`)
	fed := w.fed(configMaps, "config-changes", "a", `{template: {data: {k: ours}}, placement: {clusters: [{name: member-1}]}}`)
	w.ensure(hostName, configMaps.federated(), fed)
	w.eventually("not adopted", func() (bool, any) {
		return w.line(configMaps, fed, "member-1")["status"] == "AlreadyExists", w.get(hostName, configMaps.federated(), fed).Object["status"]
	})
	w.patch(hostName, "kubefedconfigs", config, `{spec: {syncController: {adoptResources: Enabled}}}`)
	w.propagated(configMaps, fed, "member-1")
	require.Equal(t, map[string]any{"k": "ours"}, w.get("member-1", "configmaps", theirs).Object["data"])

	// What follows is worked on by whoever leads then, and everybody ends in peace.
	w.delete(hostName, configMaps.federated(), fed)
	w.gone(hostName, configMaps.federated(), fed)
	w.delete(hostName, "kubefedconfigs", config)
	other := w.fed(configMaps, "config-changes", "other", `{template: {data: {k: v}}, placement: {clusters: [{name: member-2}]}}`)
	w.ensure(hostName, configMaps.federated(), other)
	w.propagated(configMaps, other, "member-2")
	for _, stop := range stops {
		require.NoError(t, stop())
	}
}

// TestOneMissingDefinition has a type without its federated kind: it does not run and says so, and the replica is ready all
// the same, for all other types. When the definition comes the type runs, and when it goes it does not.
func TestOneMissingDefinition(t *testing.T) {
	w := newWorld(t)
	for _, k := range []kind{namespaces, configMaps} {
		w.enable(k)
	}
	widget := kind{"Widget", "widgets", "e2e.example", "v1", false, `spec: {size: 1}`}
	config := w.typeConfig(widget)
	config.Object["spec"] = map[string]any{
		"propagation":   "Enabled",
		"targetType":    map[string]any{"group": widget.group, "version": "v1", "kind": "Widget", "pluralName": "widgets", "scope": "Cluster"},
		"federatedType": map[string]any{"group": w.group(), "version": "v1beta1", "kind": "FederatedWidget", "pluralName": "federatedwidgets", "scope": "Cluster"},
	}
	w.ensure(hostName, "federatedtypeconfigs", config)
	health := w.freeAddr()
	w.run(func(o *manager.Options) { o.HealthAddr = health })
	runs := func(what string) {
		w.Helper()
		w.eventually("the type is "+what, func() (bool, any) {
			status, _ := w.get(hostName, "federatedtypeconfigs", config).Object["status"].(map[string]any)
			return status["propagationController"] == what, status
		})
	}
	runs("NotRunning")
	w.ready(health)
	w.define(hostName, w.group(), "federatedwidgets", "v1beta1", "FederatedWidget", "Cluster")
	definition := w.decode("{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: federatedwidgets." + w.group() + "}}")
	runs("Running")
	w.ready(health)
	w.delete(hostName, "customresourcedefinitions", definition)
	runs("NotRunning")
	w.ready(health)
}

// TestAPreferenceFromKubeFed deletes a ReplicaSchedulingPreference that KubeFed divided by, after the move.
func TestAPreferenceFromKubeFed(t *testing.T) {
	w := newWorld(t)
	for _, k := range []kind{namespaces, deployment} {
		w.enable(k)
	}
	const name = "preferred"
	w.create(hostName, "namespaces", "{apiVersion: v1, kind: Namespace, metadata: {name: "+name+"}}")
	w.ensure(hostName, namespaces.federated(), w.fed(namespaces, name, name, `{placement: {clusters: [{name: member-1}, {name: member-2}]}}`))
	rsp := w.decode(`{apiVersion: scheduling.kubefed.io/v1alpha1, kind: ReplicaSchedulingPreference, metadata: {name: web, namespace: ` + name + `},
	  spec: {targetKind: FederatedDeployment, totalReplicas: 7, clusters: {member-1: {weight: 4}, member-2: {weight: 3}}}}`)
	w.ensure(hostName, "replicaschedulingpreferences", rsp)
	fed := w.fed(deployment, name, "web", `{template: {`+deployment.template+`}, placement: {clusterSelector: {}}}`)
	made, err := w.at(hostName, deployment.federated(), fed).Create(w.ctx, fed, metav1.CreateOptions{FieldManager: "kubectl-create"})
	require.NoError(t, err)
	spec := made.Object["spec"].(map[string]any)
	spec["placement"].(map[string]any)["clusters"] = []any{map[string]any{"name": "member-1"}, map[string]any{"name": "member-2"}}
	three := func(cluster string, n int64) map[string]any {
		return map[string]any{"clusterName": cluster, "clusterOverrides": []any{map[string]any{"path": "/spec/replicas", "value": n}}}
	}
	spec["overrides"] = []any{three("member-1", 4), three("member-2", 3)}
	_, err = w.at(hostName, deployment.federated(), fed).Update(w.ctx, made, metav1.UpdateOptions{FieldManager: "controller-manager"})
	require.NoError(t, err)

	w.run()
	w.becomes(deployment, fed, map[string]int64{"member-1": 4, "member-2": 3})
	w.eventually("the division is noted", func() (bool, any) {
		live := w.get(hostName, deployment.federated(), fed)
		return live.GetAnnotations()["confed.dev/unscheduled"] != "", live.Object["metadata"]
	})
	w.delete(hostName, "replicaschedulingpreferences", rsp)
	w.becomes(deployment, fed, map[string]int64{"member-1": 2, "member-2": 2})
	live := w.get(hostName, deployment.federated(), fed)
	require.Equal(t, fed.Object["spec"], live.Object["spec"], "as it was before KubeFed divided")
	require.NotContains(t, live.GetAnnotations(), "confed.dev/unscheduled")
	w.delete(hostName, deployment.federated(), fed)
	w.gone(hostName, deployment.federated(), fed)
}

// TestServiceStatusOfOld collects the status of services into FederatedServiceStatuses, as KubeFed did while the gate that took
// their place is off.
func TestServiceStatusOfOld(t *testing.T) {
	w := newWorld(t)
	service := defaultTypes()[4]
	require.Equal(t, "Service", service.name)
	for _, k := range []kind{namespaces, service} {
		w.enable(k)
	}
	w.patch(hostName, "federatedtypeconfigs", w.typeConfig(service), `{spec: {statusCollection: Enabled, statusType:
	  {group: core.kubefed.io, version: v1alpha1, kind: FederatedServiceStatus, pluralName: federatedservicestatuses, scope: Namespaced}}}`)
	w.run(func(o *manager.Options) {
		unstructured.RemoveNestedField(o.Config.Object, "spec", "featureGates")
	})
	w.federateNamespace("service-status")
	fed := w.fed(service, "service-status", "web", `{template: {spec: {type: LoadBalancer, selector: {app: x}, ports: [{name: http, port: 80}]}}, placement: {clusters: [{name: member-1}]}}`)
	w.ensure(hostName, service.federated(), fed)
	w.propagated(service, fed, "member-1")
	status := w.decode("{apiVersion: core.kubefed.io/v1alpha1, kind: FederatedServiceStatus, metadata: {name: web, namespace: service-status}}")
	says := func(want ...string) {
		w.Helper()
		w.eventually("the statuses are told", func() (bool, any) {
			live := w.get(hostName, "federatedservicestatuses", status)
			if live == nil {
				return false, nil
			}
			lines, _, _ := unstructured.NestedSlice(live.Object, "clusterStatus")
			var got []string
			for _, l := range lines {
				l := l.(map[string]any)
				ingress, _, _ := unstructured.NestedSlice(l, "status", "loadBalancer", "ingress")
				got = append(got, fmt.Sprint(l["clusterName"], ingress))
			}
			return fmt.Sprint(got) == fmt.Sprint(want), live.Object
		})
	}
	says("host[]", "member-1[]", "member-2[]", "member-3[]")
	_, err := w.at("member-1", "services", w.copied(service, fed)).Patch(w.ctx, "web", types.MergePatchType,
		[]byte(`{"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.1"}]}}}`), metav1.PatchOptions{}, "status")
	require.NoError(t, err)
	says("host[]", "member-1[map[ip:192.0.2.1 ipMode:VIP]]", "member-2[]", "member-3[]")
	w.eventually("the type says so", func() (bool, any) {
		status, _ := w.get(hostName, "federatedtypeconfigs", w.typeConfig(service)).Object["status"].(map[string]any)
		return status["statusController"] == "Running" && status["propagationController"] == "Running", status
	})
	require.Equal(t, "FederatedService", w.get(hostName, "federatedservicestatuses", status).GetOwnerReferences()[0].Kind)
	w.delete(hostName, service.federated(), fed)
	w.gone(hostName, service.federated(), fed)
	w.gone(hostName, "federatedservicestatuses", status)
}
