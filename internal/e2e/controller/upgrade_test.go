package controller_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/confed-project/confed/clusterregistry/kube"
	"github.com/confed-project/confed/examples/controller/manager"
	"github.com/confed-project/confed/federation/kubefed"
	"github.com/confed-project/confed/internal/e2e/cluster"
)

// upgrade is a federation of one object of each type that KubeFed runs, and then the controller.
type upgrade struct {
	*world
	kinds []kind
	feds  map[string]*unstructured.Unstructured // by plural
	left  *unstructured.Unstructured            // another ConfigMap, which only member-1 is to have
	rsp   *unstructured.Unstructured            // of the Deployment
}

const upgraded = "upgraded" // every object, and their namespace

// TestUpgradeFromKubeFed has KubeFed propagate an object of every type by its own definitions, and takes its place.
func TestUpgradeFromKubeFed(t *testing.T) {
	fleet, err := cluster.Start(t.Context(), cluster.Options{Members: 2})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, fleet.Stop(t.Failed())) })
	u := &upgrade{world: worldOn(t, fleet), feds: map[string]*unstructured.Unstructured{}, kinds: chartTypes("gadgets")}
	u.records()
	u.byKubeFed()
	stop := u.takeOver()
	u.goOn()
	u.ourDefinitions()
	require.NoError(t, stop())
	u.backAgain()
	u.run(func(o *manager.Options) { o.Config = nil })
	for _, k := range append(u.kinds[1:], u.kinds[0]) { // the namespace last
		u.delete(hostName, k.federated(), u.feds[k.plural])
		u.gone(hostName, k.federated(), u.feds[k.plural])
		for _, c := range []string{"member-1", "member-2"} {
			u.gone(c, k.plural, u.copied(k, u.feds[k.plural]))
		}
	}
}

// records are what KubeFed v0.6 left, which had DNS still: objects of its four kinds, and one that our rules refuse.
func (u *upgrade) records() {
	of := map[string]string{
		"Domain": `domain: example.com, nameServer: ns.example.com`,
		"ServiceDNSRecord": `spec: {domainRef: d, recordTTL: 300, dnsPrefix: p, externalName: e, allowServiceWithoutEndpoints: true}, status: {domain: example.com,
		  dns: [{cluster: member-1, loadBalancer: {ingress: [{ip: 192.0.2.1}, {hostname: lb.example.com}]}, zones: [z], region: r}]}`,
		"IngressDNSRecord": `spec: {hosts: [a.example.com], recordTTL: 300}, status: {dns: [{cluster: member-1, loadBalancer: {ingress: [{ip: 192.0.2.1}]}}]}`,
		"DNSEndpoint": `spec: {endpoints: [{dnsName: a.example.com, targets: [192.0.2.1], recordType: A, recordTTL: 300, labels: {serviceName: e}}]},
		  status: {observedGeneration: 1}`,
	}
	for kind, content := range of {
		plural := strings.ToLower(kind) + "s"
		u.define(hostName, kubefed.DNSGroup, plural, "v1alpha1", kind, "Namespaced")
		obj := u.decode("{apiVersion: " + kubefed.DNSGroup + "/v1alpha1, kind: " + kind + ", metadata: {name: d, namespace: " + u.system + "}, " + content + "}")
		u.ensure(hostName, plural, obj)
		if status := obj.Object["status"]; status != nil {
			live := u.get(hostName, plural, obj)
			live.Object["status"] = status
			_, err := u.at(hostName, plural, obj).UpdateStatus(u.ctx, live, metav1.UpdateOptions{})
			require.NoError(u, err)
		}
	}
	u.ensure(hostName, "servicednsrecords", u.half("old"))
}

// half is a record that our rules refuse.
func (u *upgrade) half(name string) *unstructured.Unstructured {
	return u.decode("{apiVersion: " + kubefed.DNSGroup + "/v1alpha1, kind: ServiceDNSRecord, metadata: {name: " + name + ", namespace: " + u.system + "}, spec: {recordTTL: -1}}")
}

// byKubeFed is the life before.
func (u *upgrade) byKubeFed() {
	u.installKubeFed(nil)
	gadget := defaultTypes()[13]
	for name, s := range u.servers {
		// kubefedctl makes a template of what the schema says alone.
		text := strings.Replace(fmt.Sprintf(definition, gadget.group, gadget.plural, gadget.version, gadget.name, gadget.scope()),
			"x-kubernetes-preserve-unknown-fields: true", "properties: {spec: {type: object, properties: {size: {type: integer}}}}", 1)
		u.established(name, u.decode(text))
		u.join(name, s)
	}
	out, err := u.kubefedTool("kubefedctl", "enable", "gadgets.e2e.example").CombinedOutput()
	require.NoError(u, err, "%s", out)
	p := u.kubefedManager()
	u.create(hostName, "namespaces", "{apiVersion: v1, kind: Namespace, metadata: {name: "+upgraded+"}}")
	const placed = "placement: {clusters: [{name: member-1}, {name: member-2}]}"
	for _, k := range u.kinds {
		template := strings.NewReplacer("stringData: {k: v}", "data: {k: dg==}", "{selector: {app: x}, ports", "{type: NodePort, selector: {app: x}, ports").Replace(k.template)
		spec := "{template: {metadata: {labels: {template: x}}, " + template + "}, " + placed +
			", overrides: [{clusterName: member-1, clusterOverrides: [{path: /metadata/labels/template, value: changed}]}]}"
		if k == namespaces {
			spec = "{" + placed + "}" // its definition has no template
		}
		u.feds[k.plural] = u.fed(k, upgraded, upgraded, spec)
		u.ensure(hostName, k.federated(), u.feds[k.plural])
	}
	u.left = u.fed(configMaps, upgraded, "left", "{template: {data: {k: v}}, placement: {clusters: [{name: member-1}]}}")
	u.ensure(hostName, configMaps.federated(), u.left)
	u.rsp = u.decode(`{apiVersion: scheduling.kubefed.io/v1alpha1, kind: ReplicaSchedulingPreference, metadata: {name: ` + upgraded + `, namespace: ` + upgraded + `},
	  spec: {targetKind: FederatedDeployment, totalReplicas: 6, clusters: {member-1: {weight: 2}, member-2: {weight: 1}}}}`)
	u.ensure(hostName, "replicaschedulingpreferences", u.rsp)
	u.allPropagated()
	u.becomes(deployment, u.feds["deployments"], map[string]int64{"member-1": 4, "member-2": 2})
	u.patch(hostName, configMaps.federated(), u.feds["configmaps"], `{spec: {template: {data: {former: x}}}}`)
	u.allPropagated()
	version := u.decode("{apiVersion: core.kubefed.io/v1alpha1, kind: PropagatedVersion, metadata: {name: configmap-" + upgraded + ", namespace: " + upgraded + "}}")
	require.NotNil(u, u.get(hostName, "propagatedversions", version))
	p.kill()
	// A member fell silent, left a placement and came back, which KubeFed forgot.
	obj := u.decode(`{apiVersion: v1, kind: ConfigMap, metadata: {name: left, namespace: ` + upgraded + `, labels: {kubefed.io/managed: "true"}}, data: {k: v}}`)
	_, err = u.at("member-2", "configmaps", obj).Create(u.ctx, obj, metav1.CreateOptions{FieldManager: "controller-manager"})
	require.NoError(u, err)
}

func (u *upgrade) allPropagated() {
	u.Helper()
	for _, k := range u.kinds {
		u.propagated(k, u.feds[k.plural], "member-1", "member-2")
	}
	u.propagated(configMaps, u.left, "member-1")
}

// takeOver starts the controller, which writes each copy and each federated object once, and changes nothing of a copy but
// whose it is.
func (u *upgrade) takeOver() (stop func() error) {
	before, written := u.copies(), u.written()
	stop = u.run(func(o *manager.Options) { o.Config = nil })
	u.eventually("all taken over", func() (bool, any) {
		for _, k := range u.kinds {
			fed := u.get(hostName, k.federated(), u.feds[k.plural])
			if fed.GetAnnotations()["confed.dev/holders"] == "" {
				return false, fed.Object["metadata"]
			}
			for _, c := range []string{"member-1", "member-2"} {
				live := u.get(c, k.plural, u.copied(k, fed))
				if who := managers(live); strings.Contains(who, "controller-manager/Update ") || !strings.Contains(who, manager.Manager+"/Apply ") {
					return false, []any{c, live.Object["metadata"]}
				}
			}
		}
		return u.get("member-2", "configmaps", u.copied(configMaps, u.left)) == nil, "the copy that was left"
	})
	u.allPropagated()
	time.Sleep(3 * time.Second)
	u.once(written)
	require.Equal(u, before, u.copies(), "only whose the fields are changed")
	rest := u.written()
	time.Sleep(3 * time.Second)
	require.Equal(u, rest, u.written(), "at rest")
	return stop
}

// once holds the take-over to one change of each copy, which is a request that moves KubeFed's fields to us and an apply, and
// to one of each federated object and of its status. What was left is let go of after that. KubeFed's division had the host,
// where the namespace is not, so two controllers write the FederatedDeployment, and either may have to try again.
func (u *upgrade) once(before map[string]cluster.Requests) {
	for name, all := range u.written() {
		for request, n := range all.Since(before[name]) {
			most := 1
			switch {
			case request.Subresource == "status" && name != hostName, request.Verb == "PUT" && request.Resource == "replicasets":
				continue // by controllers of the member
			case request.Resource == "federateddeployments":
				continue
			case request.Resource == "federatedconfigmaps":
				most = 3
			case request.Resource == "configmaps" && name == "member-1":
				most = 2 // there are two
			case request.Verb == "DELETE" && (name != "member-2" || request.Resource != "configmaps"), request.Verb == "POST":
				most = 0
			}
			require.LessOrEqual(u, n, most, "%s in %s", request, name)
		}
	}
}

// managers lists who owns fields and how.
func managers(live *unstructured.Unstructured) string {
	var out strings.Builder
	for _, entry := range live.GetManagedFields() {
		if entry.Subresource == "" {
			out.WriteString(entry.Manager + "/" + string(entry.Operation) + " ")
		}
	}
	return out.String()
}

// copies are all copies and the Pods that come of them, less what a take-over may change.
func (u *upgrade) copies() map[string]string {
	out := map[string]string{}
	for _, c := range []string{"member-1", "member-2"} {
		for _, k := range u.kinds {
			live := u.get(c, k.plural, u.copied(k, u.feds[k.plural]))
			require.NotNil(u, live, "%s in %s", k.plural, c)
			meta := live.Object["metadata"].(map[string]any)
			delete(live.Object, "status")
			delete(meta, "managedFields")
			delete(meta, "resourceVersion")
			if k == deployment {
				delete(meta, "generation") // moves with annotations
			}
			if annotations, ok := meta["annotations"].(map[string]any); ok {
				delete(annotations, "confed.dev/digest")
				if len(annotations) == 0 {
					delete(meta, "annotations")
				}
			}
			text, err := json.Marshal(live.Object)
			require.NoError(u, err)
			out[c+" "+k.plural] = string(text)
		}
		pods, err := u.direct[c].Resource(schema.GroupVersionResource{Version: "v1", Resource: "pods"}).Namespace(upgraded).List(u.ctx, metav1.ListOptions{})
		require.NoError(u, err)
		for _, pod := range pods.Items {
			out[c+" "+pod.GetName()] = string(pod.GetUID())
		}
	}
	return out
}

// written counts the writes to what is propagated, by server. On the host that are federated objects.
func (u *upgrade) written() map[string]cluster.Requests {
	out := map[string]cluster.Requests{}
	for name, s := range u.servers {
		all, err := s.Writes(u.ctx)
		require.NoError(u, err)
		var resources []string
		for _, k := range u.kinds {
			resource := k.typeName()
			if name == hostName {
				resource = k.federated() + ".types.kubefed.io"
			}
			resources = append(resources, resource)
		}
		out[name] = all.Of(resources...)
	}
	return out
}

// goOn changes what KubeFed made.
func (u *upgrade) goOn() {
	fed, service := u.feds["configmaps"], u.feds["services"]
	u.patch(hostName, configMaps.federated(), fed, `{spec: {template: {data: {former: null, fresh: x}}}}`)
	u.propagated(configMaps, fed, "member-1", "member-2")
	require.Equal(u, map[string]any{"k": "v", "fresh": "x"}, u.get("member-2", "configmaps", u.copied(configMaps, fed)).Object["data"])

	port := func() any {
		ports, _, _ := unstructured.NestedSlice(u.get("member-1", "services", u.copied(defaultTypes()[4], service)).Object, "spec", "ports")
		return ports[0].(map[string]any)["nodePort"]
	}
	was := port()
	require.NotNil(u, was)
	u.patch(hostName, "federatedservices", service, `{spec: {template: {spec: {ports: [{name: http, port: 80}, {name: more, port: 81}]}}}}`)
	u.propagated(defaultTypes()[4], service, "member-1", "member-2")
	require.Equal(u, was, port())

	u.patch(hostName, "replicaschedulingpreferences", u.rsp, `{spec: {totalReplicas: 9}}`)
	u.becomes(deployment, u.feds["deployments"], map[string]int64{"member-1": 6, "member-2": 3})
	u.patch(hostName, configMaps.federated(), u.left, `{spec: {placement: {clusters: []}}}`)
	u.gone("member-1", "configmaps", u.copied(configMaps, u.left))
}

// backAgain has KubeFed take over again, which finds all that it needs, and changes nothing of a copy by itself.
func (u *upgrade) backAgain() {
	before := u.copies()
	// The lock of the one that was killed would take a while to expire.
	u.delete(hostName, "configmaps", u.decode("{apiVersion: v1, kind: ConfigMap, metadata: {name: kubefed-controller-manager, namespace: "+u.system+"}}"))
	p := u.kubefedManager()
	u.patch(hostName, configMaps.federated(), u.feds["configmaps"], `{spec: {template: {data: {fresh: null, back: x}}}}`)
	for _, k := range u.kinds {
		u.propagated(k, u.feds[k.plural], "member-1", "member-2")
	}
	after := u.copies()
	for _, c := range []string{"member-1", "member-2"} {
		require.Equal(u, map[string]any{"k": "v", "back": "x"}, u.get(c, "configmaps", u.copied(configMaps, u.feds["configmaps"])).Object["data"])
		delete(before, c+" configmaps")
		delete(after, c+" configmaps")
	}
	require.Equal(u, before, after)
	p.kill()
}

// ourDefinitions replaces KubeFed's definitions by ours, as the guide says, over all that is stored.
func (u *upgrade) ourDefinitions() {
	client, err := kube.NewClient(u.fleet.Host.Config(), kube.Options{})
	require.NoError(u, err)
	text, err := os.ReadFile(filepath.Join(deployDir, "crds", "kubefed.yaml"))
	require.NoError(u, err)
	crds, err := kubefed.Documents(text)
	require.NoError(u, err)
	for _, k := range u.kinds {
		_, crd, err := kubefed.Enable(k.resource(), nil, kubefed.Directive{})
		require.NoError(u, err)
		crds = append(crds, crd)
	}
	for _, crd := range crds {
		_, err := client.Patch(u.ctx, crd, nil, metav1.PatchOptions{FieldManager: "kubectl", Force: ptr(true)})
		require.NoError(u, err)
		u.established(hostName, crd)
	}
	for _, crd := range crds {
		u.still(crd)
	}
	half := u.half("new")
	_, err = u.at(hostName, "servicednsrecords", half).Create(u.ctx, half, metav1.CreateOptions{})
	require.True(u, apierrors.IsInvalid(err), "%v", err)
}

// still reads all stored objects of a definition, and updates each, as it is and its status.
func (u *upgrade) still(crd *unstructured.Unstructured) {
	group, _, _ := unstructured.NestedString(crd.Object, "spec", "group")
	plural, _, _ := unstructured.NestedString(crd.Object, "spec", "names", "plural")
	versions, _, _ := unstructured.NestedSlice(crd.Object, "spec", "versions")
	version := versions[0].(map[string]any)
	r := u.direct[hostName].Resource(schema.GroupVersionResource{Group: group, Version: version["name"].(string), Resource: plural})
	list, err := r.List(u.ctx, metav1.ListOptions{})
	require.NoError(u, err)
	for _, obj := range list.Items {
		obj.SetLabels(map[string]string{"seen": "x"})
		was := obj.DeepCopy()
		into := r.Namespace(obj.GetNamespace())
		live, err := into.Update(u.ctx, &obj, metav1.UpdateOptions{})
		require.NoError(u, err, "%s %s", plural, obj.GetName())
		if version["subresources"] != nil && live.Object["status"] != nil {
			live, err = into.UpdateStatus(u.ctx, live, metav1.UpdateOptions{})
			require.NoError(u, err, "%s %s", plural, obj.GetName())
		}
		for key, value := range was.Object {
			if key != "metadata" {
				require.Equal(u, value, live.Object[key], "%s %s", plural, obj.GetName())
			}
		}
	}
}
