package controller_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/confed-project/confed/examples/controller/manager"
)

// replicas are those of the copies, by cluster.
func (w *world) divided(k kind, fed *unstructured.Unstructured) map[string]int64 {
	out := map[string]int64{}
	for _, c := range w.everywhere() {
		if live := w.get(c, k.plural, w.copied(k, fed)); live != nil {
			out[c], _, _ = unstructured.NestedInt64(live.Object, "spec", "replicas")
		}
	}
	return out
}

func (w *world) becomes(k kind, fed *unstructured.Unstructured, want map[string]int64) {
	w.Helper()
	w.eventually(fmt.Sprint("divided as ", want), func() (bool, any) {
		got := w.divided(k, fed)
		return fmt.Sprint(got) == fmt.Sprint(want), got
	})
}

// TestReplicaScheduling divides replicas by preferences, follows what finds no room, and undoes.
func TestReplicaScheduling(t *testing.T) {
	w := newWorld(t)
	replicaSet := defaultTypes()[6]
	require.Equal(t, "ReplicaSet", replicaSet.name)
	for _, k := range []kind{namespaces, deployment, replicaSet} {
		w.enable(k)
	}
	w.least()
	w.run()
	for _, k := range []kind{deployment, replicaSet} {
		t.Run(k.plural, func(t *testing.T) { w.sub(t).scheduled(k) })
	}
}

func (w *world) scheduled(k kind) {
	name := "schedule-" + k.plural
	w.create(hostName, "namespaces", "{apiVersion: v1, kind: Namespace, metadata: {name: "+name+"}}")
	w.ensure(hostName, namespaces.federated(), w.fed(namespaces, name, name, `{placement: {clusters: [{name: member-1}, {name: member-2}, {name: member-3}]}}`))
	fed := w.fed(k, name, "web", `{template: {`+k.template+`}, placement: {clusterSelector: {matchExpressions: [{key: name, operator: In, values: [member-1, member-2]}]}}}`)
	w.ensure(hostName, k.federated(), fed)
	rsp := func(spec string) *unstructured.Unstructured {
		return w.decode(`{apiVersion: scheduling.kubefed.io/v1alpha1, kind: ReplicaSchedulingPreference, metadata: {name: web, namespace: ` + name + `}, spec: {targetKind: Federated` + k.name + `, ` + spec + `}}`)
	}
	plural := "replicaschedulingpreferences"
	w.ensure(hostName, plural, rsp("totalReplicas: 9, rebalance: true"))
	w.becomes(k, fed, map[string]int64{"member-1": 3, "member-2": 3, "member-3": 3})
	w.patch(hostName, plural, rsp(""), `{spec: {clusters: {member-1: {weight: 2}, member-2: {weight: 1}}}}`)
	w.becomes(k, fed, map[string]int64{"member-1": 6, "member-2": 3, "member-3": 0})
	w.patch(hostName, plural, rsp(""), `{spec: {totalReplicas: 10, clusters: {member-1: {weight: 2, minReplicas: 4}, member-2: {weight: 3, minReplicas: 2}}}}`)
	w.becomes(k, fed, map[string]int64{"member-1": 4, "member-2": 6, "member-3": 0})
	w.patch(hostName, plural, rsp(""), `{spec: {totalReplicas: 8, intersectWithClusterSelector: true, clusters: {member-1: null, member-2: null, "*": {weight: 1}}}}`)
	w.becomes(k, fed, map[string]int64{"member-1": 4, "member-2": 4})

	// Two pods of member-2 find no node: what they should do goes to member-1.
	w.unschedulable("member-2", name, 2, 4)
	w.becomes(k, fed, map[string]int64{"member-1": 6, "member-2": 2})

	// The copies' statuses are in the federated object, one by one and summed up.
	w.eventually("replicas summed up", func() (bool, any) {
		live := w.get(hostName, k.federated(), fed)
		sum, _, _ := unstructured.NestedInt64(live.Object, "status", "aggregated", "replicas")
		remote, _, _ := unstructured.NestedInt64(w.line(k, fed, "member-1"), "remoteStatus", "replicas")
		return sum == 8 && remote == 6, live.Object["status"]
	})

	w.delete(hostName, plural, rsp(""))
	w.eventually("undone", func() (bool, any) {
		live := w.get(hostName, k.federated(), fed)
		_, clusters, _ := unstructured.NestedSlice(live.Object, "spec", "placement", "clusters")
		_, overrides, _ := unstructured.NestedSlice(live.Object, "spec", "overrides")
		return !clusters && !overrides, live.Object
	})
	want, _, _ := unstructured.NestedInt64(fed.Object, "spec", "template", "spec", "replicas")
	w.becomes(k, fed, map[string]int64{"member-1": want, "member-2": want})
	w.delete(hostName, k.federated(), fed)
	w.gone(hostName, k.federated(), fed)
}

// unschedulable writes into the status of n of all pods that they have found no node for two minutes, as kube-scheduler would.
func (w *world) unschedulable(server, namespace string, n, of int) {
	pods := w.direct[server].Resource(schema.GroupVersionResource{Version: "v1", Resource: "pods"}).Namespace(namespace)
	var items []unstructured.Unstructured
	w.eventually("pods", func() (bool, any) {
		list, err := pods.List(w.ctx, metav1.ListOptions{})
		require.NoError(w, err)
		items = items[:0]
		for _, pod := range list.Items {
			if pod.GetDeletionTimestamp() == nil {
				items = append(items, pod)
			}
		}
		return len(items) == of, len(items)
	})
	since := time.Now().Add(-2 * time.Minute).UTC().Format(time.RFC3339)
	for _, pod := range items[:n] {
		status := `{"status":{"conditions":[{"type":"PodScheduled","status":"False","reason":"Unschedulable","lastTransitionTime":"` + since + `"}]}}`
		_, err := pods.Patch(w.ctx, pod.GetName(), types.MergePatchType, []byte(status), metav1.PatchOptions{}, "status")
		require.NoError(w, err)
	}
	for _, pod := range items[n:] { // the others have a node, so that they are the last to go
		binding := w.decode("{apiVersion: v1, kind: Binding, metadata: {name: " + pod.GetName() + "}, target: {apiVersion: v1, kind: Node, name: somewhere}}")
		_, err := pods.Create(w.ctx, binding, metav1.CreateOptions{}, "binding")
		require.NoError(w, err)
	}
}

// TestDNSRecords publishes where a service and an ingress answer.
func TestDNSRecords(t *testing.T) {
	w := newWorld(t)
	service, ingress := defaultTypes()[4], defaultTypes()[11]
	require.Equal(t, []string{"Service", "Ingress"}, []string{service.name, ingress.name})
	for _, k := range []kind{namespaces, service, ingress} {
		w.enable(k)
	}
	w.least()
	w.define(hostName, "externaldns.k8s.io", "dnsendpoints", "v1alpha1", "DNSEndpoint", "Namespaced")
	w.run(func(o *manager.Options) {
		require.NoError(t, unstructured.SetNestedSlice(o.Config.Object, []any{
			map[string]any{"name": "CrossClusterServiceDiscovery", "configuration": "Enabled"},
			map[string]any{"name": "FederatedIngress", "configuration": "Enabled"},
		}, "spec", "featureGates"))
	})
	w.federateNamespace("dns")
	clusters := `placement: {clusters: [{name: member-1}, {name: member-2}]}`
	svc := w.fed(service, "dns", "web", `{template: {spec: {type: LoadBalancer, selector: {app: x}, ports: [{name: http, port: 80}]}}, `+clusters+`}`)
	ing := w.fed(ingress, "dns", "web", `{template: {`+ingress.template+`}, `+clusters+`}`)
	w.ensure(hostName, service.federated(), svc)
	w.ensure(hostName, ingress.federated(), ing)
	w.propagated(service, svc, "member-1", "member-2")
	w.propagated(ingress, ing, "member-1", "member-2")
	for i, c := range []string{"member-1", "member-2"} {
		for k, fed := range map[*kind]*unstructured.Unstructured{&service: svc, &ingress: ing} {
			status := fmt.Sprintf(`{"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.%d"}]}}}`, i+1)
			_, err := w.at(c, k.plural, w.copied(*k, fed)).Patch(w.ctx, fed.GetName(), types.MergePatchType, []byte(status), metav1.PatchOptions{}, "status")
			require.NoError(t, err)
		}
		w.patch(hostName, "kubefedclusters", w.cluster(c), `{metadata: {labels: {place: x}}}`)
		_, err := w.at(hostName, "kubefedclusters", w.cluster(c)).Patch(w.ctx, c, types.MergePatchType, []byte(`{"status":{"region":"eu","zones":["eu-1"]}}`), metav1.PatchOptions{}, "status")
		require.NoError(t, err)
	}
	w.ensure(hostName, "domains", w.decode(`{apiVersion: multiclusterdns.kubefed.io/v1alpha1, kind: Domain, metadata: {name: galactic, namespace: `+w.system+`}, domain: example.com}`))
	w.ensure(hostName, "servicednsrecords", w.decode(`{apiVersion: multiclusterdns.kubefed.io/v1alpha1, kind: ServiceDNSRecord, metadata: {name: web, namespace: dns}, spec: {domainRef: galactic, recordTTL: 60, allowServiceWithoutEndpoints: true}}`))
	w.ensure(hostName, "ingressdnsrecords", w.decode(`{apiVersion: multiclusterdns.kubefed.io/v1alpha1, kind: IngressDNSRecord, metadata: {name: web, namespace: dns}, spec: {hosts: [a.example], recordTTL: 60}}`))
	for _, group := range []string{"multiclusterdns.kubefed.io", "externaldns.k8s.io"} {
		w.publishes(group, "service-web", "web.dns.galactic.svc.example.com", "192.0.2.1", "192.0.2.2")
		w.publishes(group, "ingress-web", "a.example", "192.0.2.1", "192.0.2.2")
	}
	w.ensure(hostName, "servicednsrecords", w.decode(`{apiVersion: multiclusterdns.kubefed.io/v1alpha1, kind: ServiceDNSRecord, metadata: {name: lost, namespace: dns}, spec: {domainRef: nowhere}}`))
	w.eventually("a record without a domain is told", func() (bool, any) {
		live := w.get(hostName, "servicednsrecords", w.decode(`{apiVersion: multiclusterdns.kubefed.io/v1alpha1, kind: ServiceDNSRecord, metadata: {name: lost, namespace: dns}}`))
		return w.warned(live, "NotFound", "Domain nowhere"), map[string]any{"events": w.events(live)}
	})
	record := w.get(hostName, "servicednsrecords", w.decode(`{apiVersion: multiclusterdns.kubefed.io/v1alpha1, kind: ServiceDNSRecord, metadata: {name: web, namespace: dns}}`))
	domain, _, _ := unstructured.NestedString(record.Object, "status", "domain")
	require.Equal(t, "example.com", domain)

	w.followsEndpoints(service)
}

// publishes waits until a DNSEndpoint answers a name with just these addresses.
func (w *world) publishes(group, endpoint, name string, addresses ...string) {
	w.Helper()
	obj := w.decode("{apiVersion: " + group + "/v1alpha1, kind: DNSEndpoint, metadata: {name: " + endpoint + ", namespace: dns}}")
	w.eventually(name+" in "+group, func() (bool, any) {
		live := w.get(hostName, "dnsendpoints", obj)
		if live == nil {
			return len(addresses) == 0, nil
		}
		list, _, _ := unstructured.NestedSlice(live.Object, "spec", "endpoints")
		targets := "[]"
		for _, item := range list {
			if e := item.(map[string]any); e["dnsName"] == name && e["recordType"] == "A" {
				targets = fmt.Sprint(e["targets"])
			}
		}
		return targets == fmt.Sprint(addresses), live.Object
	})
}

// followsEndpoints has endpoints come and go behind a service, and somebody delete what was published. The other cluster answers
// all the time: the last address stands, whatever is behind it.
func (w *world) followsEndpoints(service kind) {
	fed := w.fed(service, "dns", "api", `{template: {spec: {type: LoadBalancer, ports: [{name: http, port: 80}]}}, placement: {clusters: [{name: member-1}, {name: member-2}]}}`)
	w.ensure(hostName, service.federated(), fed)
	w.propagated(service, fed, "member-1", "member-2")
	w.ensure(hostName, "servicednsrecords", w.decode(`{apiVersion: multiclusterdns.kubefed.io/v1alpha1, kind: ServiceDNSRecord, metadata: {name: api, namespace: dns}, spec: {domainRef: galactic, recordTTL: 60}}`))
	var slice *unstructured.Unstructured
	for i, c := range []string{"member-2", "member-1"} {
		status := fmt.Sprintf(`{"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.%d"}]}}}`, i+7)
		_, err := w.at(c, service.plural, w.copied(service, fed)).Patch(w.ctx, "api", types.MergePatchType, []byte(status), metav1.PatchOptions{}, "status")
		require.NoError(w, err)
		slice = w.create(c, "endpointslices", `{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: api-1, namespace: dns, labels: {kubernetes.io/service-name: api}},
		  addressType: IPv4, ports: [{name: http, port: 80}], endpoints: [{addresses: [10.0.0.1], conditions: {ready: true}}]}`)
	}
	published := func(addresses ...string) {
		w.publishes("multiclusterdns.kubefed.io", "service-api", "api.dns.galactic.svc.example.com", addresses...)
	}
	published("192.0.2.7", "192.0.2.8")
	w.patch("member-1", "endpointslices", slice, `{endpoints: [{addresses: [10.0.0.1], conditions: {ready: false}}]}`)
	published("192.0.2.7")
	w.patch("member-1", "endpointslices", slice, `{endpoints: [{addresses: [10.0.0.1], conditions: {ready: true}}]}`)
	published("192.0.2.7", "192.0.2.8")
	w.delete(hostName, "dnsendpoints", w.decode("{apiVersion: multiclusterdns.kubefed.io/v1alpha1, kind: DNSEndpoint, metadata: {name: service-api, namespace: dns}}"))
	published("192.0.2.7", "192.0.2.8")
	w.delete("member-1", "endpointslices", slice)
	published("192.0.2.7")
	w.eventually("at rest nobody reads", w.readless)
}
