package controller_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/confed-project/confed/examples/controller/manager"
)

const (
	preferencePlural = "replicaschedulingpreferences"
	typeConfigPlural = "federatedtypeconfigs"
)

// explains waits until a condition of an object has a reason, and its message all words; an event says the same where it is False.
func (w *world) explains(plural string, like *unstructured.Unstructured, condition, reason string, words ...string) {
	w.Helper()
	w.eventually(fmt.Sprintf("%s %s says %s", plural, like.GetName(), reason), func() (bool, any) {
		live := w.get(hostName, plural, like)
		c := conditionIn(live, condition)
		ok := c["reason"] == reason
		message, _ := c["message"].(string)
		for _, word := range words {
			ok = ok && strings.Contains(message, word)
		}
		if ok && c["status"] == "False" {
			ok = w.warned(live, reason, words...)
		}
		return ok, map[string]any{"status": live.Object["status"], "events": w.events(live)}
	})
}

func conditionIn(live *unstructured.Unstructured, kind string) map[string]any {
	conditions, _, _ := unstructured.NestedSlice(live.Object, "status", "conditions")
	for _, item := range conditions {
		if c := item.(map[string]any); c["type"] == kind {
			return c
		}
	}
	return map[string]any{}
}

// allEvents are the events of the host that the controller wrote.
func (w *world) allEvents() []unstructured.Unstructured {
	list, err := w.direct[hostName].Resource(schema.GroupVersionResource{Version: "v1", Resource: "events"}).List(w.ctx, metav1.ListOptions{})
	require.NoError(w, err)
	return slices.DeleteFunc(list.Items, func(e unstructured.Unstructured) bool {
		component, _, _ := unstructured.NestedString(e.Object, "source", "component")
		return !strings.HasPrefix(component, "federated") && !strings.HasPrefix(component, "kubefed") &&
			!slices.Contains([]string{"replicaschedulingpreference-controller", "servicednsrecord-controller"}, component)
	})
}

// events are those about an object, as "Type Reason: message".
func (w *world) events(about *unstructured.Unstructured) []string {
	var out []string
	for _, e := range w.allEvents() {
		if uid, _, _ := unstructured.NestedString(e.Object, "involvedObject", "uid"); uid == string(about.GetUID()) {
			out = append(out, fmt.Sprintf("%s %s: %s", e.Object["type"], e.Object["reason"], e.Object["message"]))
		}
	}
	return out
}

func (w *world) warned(about *unstructured.Unstructured, reason string, words ...string) bool {
	return slices.ContainsFunc(w.events(about), func(text string) bool {
		ok := strings.HasPrefix(text, "Warning "+reason+": ")
		for _, word := range words {
			ok = ok && strings.Contains(text, word)
		}
		return ok
	})
}

// rsp is a preference; spec is YAML less its braces.
func (w *world) rsp(namespace, name, spec string) *unstructured.Unstructured {
	w.Helper()
	return w.decode(`{apiVersion: scheduling.kubefed.io/v1alpha1, kind: ReplicaSchedulingPreference, metadata: {name: ` + name + `, namespace: ` + namespace + `}, spec: {` + spec + `}}`)
}

// TestBadInputSaysSo gives the controller all that can be wrong. Each says so in its condition and in an event, the rest is
// propagated, and once all is said nothing more is written, by a restart neither.
func TestBadInputSaysSo(t *testing.T) {
	w := newWorld(t)
	w.lenient = true
	secret, ingress := defaultTypes()[3], defaultTypes()[11]
	for _, k := range []kind{namespaces, configMaps, deployment, secret, ingress} {
		w.enable(k)
	}
	stop := w.run()
	w.federateNamespace("words")
	var all []said
	for _, story := range []func(*world) []said{(*world).badTemplates, (*world).badOverrides, (*world).badTypes, (*world).badPreferences, (*world).badNamespace} {
		all = append(all, story(w)...)
	}
	time.Sleep(3 * time.Second)
	before := w.versions(all)
	time.Sleep(8 * time.Second)
	require.Equal(t, before, w.versions(all), "at rest")
	require.NoError(t, stop())
	w.run(func(o *manager.Options) { o.Identity = "second" })
	w.ensure(hostName, configMaps.federated(), w.fed(configMaps, "words", "last", `{template: {data: {k: v}}, placement: {clusters: [{name: member-1}]}}`))
	w.propagated(configMaps, w.fed(configMaps, "words", "last", "{}"), "member-1")
	time.Sleep(8 * time.Second)
	require.Equal(t, before, w.versions(all), "after a restart")
	for _, s := range all {
		w.delete(hostName, s.plural, s.obj)
	}
	w.delete(hostName, configMaps.federated(), w.fed(configMaps, "words", "last", "{}"))
	for _, s := range all {
		w.gone(hostName, s.plural, s.obj)
	}
}

// said is an object that was given.
type said struct {
	plural string
	obj    *unstructured.Unstructured
}

// versions are those of the objects and of the controller's events about them.
func (w *world) versions(all []said) map[string]string {
	out := map[string]string{}
	ours := map[string]bool{}
	for _, s := range all {
		live := w.get(hostName, s.plural, s.obj)
		out[s.plural+" "+s.obj.GetName()] = live.GetResourceVersion()
		ours[string(live.GetUID())] = true
	}
	for _, e := range w.allEvents() {
		if uid, _, _ := unstructured.NestedString(e.Object, "involvedObject", "uid"); ours[uid] {
			out["event "+e.GetName()] = e.GetResourceVersion() + fmt.Sprint(e.Object["count"], e.Object["message"])
		}
	}
	return out
}

func (w *world) badTemplates() []said {
	none := w.fed(deployment, "words", "none", `{placement: {clusterSelector: {}}}`)
	w.ensure(hostName, deployment.federated(), none)
	w.explains(deployment.federated(), none, "Propagation", "ComputePlacementFailed", "Deployment", "spec")
	other := w.fed(configMaps, "words", "other", `{template: {apiVersion: v1, kind: Secret, data: {k: v}}, placement: {clusterSelector: {}}}`)
	w.ensure(hostName, configMaps.federated(), other)
	w.explains(configMaps.federated(), other, "Propagation", "ComputePlacementFailed", "spec.template.kind", "Secret", "ConfigMap")
	for _, c := range w.everywhere() {
		require.Nil(w, w.get(c, "secrets", w.decode("{apiVersion: v1, kind: Secret, metadata: {name: other, namespace: words}}")))
		require.Nil(w, w.get(c, "configmaps", w.copied(configMaps, other)))
	}
	return []said{{deployment.federated(), none}, {configMaps.federated(), other}}
}

// badOverrides are wrong for one cluster, and say nothing of what a Secret holds.
func (w *world) badOverrides() []said {
	var out []said
	for _, k := range []kind{configMaps, defaultTypes()[3]} {
		fed := w.fed(k, "words", "override", `{template: {`+k.template+`}, placement: {clusterSelector: {}},
		  overrides: [{clusterName: member-2, clusterOverrides: [{path: /data/k/deeper, value: dG9wc2VjcmV0}, {path: /metadata/name, value: dG9wc2VjcmV0}]}]}`)
		w.ensure(hostName, k.federated(), fed)
		w.eventually("the override is told", func() (bool, any) {
			live := w.get(hostName, k.federated(), fed)
			return w.line(k, fed, "member-2")["status"] == "ApplyOverridesFailed" && w.warned(live, "ApplyOverridesFailed", "member-2"),
				map[string]any{"status": live.Object["status"], "events": w.events(live)}
		})
		live := w.get(hostName, k.federated(), fed)
		require.NotContains(w, fmt.Sprint(live.Object["status"], w.events(live)), "dG9wc2VjcmV0")
		for _, c := range w.everywhere() {
			require.Equal(w, c == "member-2", w.get(c, k.plural, w.copied(k, fed)) == nil, "in %s", c)
		}
		out = append(out, said{k.federated(), fed})
	}
	return out
}

// badTypes are two of one kind in different groups, one that nobody defined, and a member that serves an older version.
func (w *world) badTypes() []said {
	old := kind{"Ingress", "ingresses", "extensions", "v1beta1", true, ""}
	w.enable(old)
	w.explains(typeConfigPlural, w.typeConfig(old), "Running", "Refused", "ingresses.networking.k8s.io")
	require.Equal(w, "True", conditionIn(w.get(hostName, typeConfigPlural, w.typeConfig(defaultTypes()[11])), "Running")["status"])

	bad := w.get(hostName, typeConfigPlural, w.typeConfig(configMaps)).DeepCopy()
	undefined := w.typeConfig(kind{"Nothing", "nothings", "e2e.example", "v1", true, ""})
	undefined.Object["spec"] = bad.Object["spec"]
	for path, value := range map[string]string{"targetType group": "e2e.example", "targetType kind": "Nothing", "targetType pluralName": "nothings",
		"federatedType kind": "FederatedNothing", "federatedType pluralName": "federatednothings"} {
		field := strings.Fields(path)
		require.NoError(w, unstructured.SetNestedField(undefined.Object, value, "spec", field[0], field[1]))
	}
	w.ensure(hostName, typeConfigPlural, undefined)
	w.explains(typeConfigPlural, undefined, "Running", "NotServed", "FederatedNothing")

	widget := kind{"Widget", "widgets", "e2e.example", "v2", true, `spec: {size: 1}`}
	for _, name := range w.everywhere() {
		version := map[bool]string{true: "v1", false: widget.version}[name == "member-2"]
		w.define(name, widget.group, widget.plural, version, widget.name, widget.scope())
	}
	w.enable(widget)
	fed := w.fed(widget, "words", "w", `{template: {`+widget.template+`}, placement: {clusterSelector: {}}}`)
	w.ensure(hostName, widget.federated(), fed)
	w.eventually("an older member is told", func() (bool, any) {
		live, l := w.get(hostName, widget.federated(), fed), w.line(widget, fed, "member-2")
		return l["status"] == "CachedRetrievalFailed" && strings.Contains(fmt.Sprint(l["message"]), "v2") && w.get("member-3", widget.plural, w.copied(widget, fed)) != nil &&
			w.warned(live, "CachedRetrievalFailed", "member-2"), map[string]any{"status": live.Object["status"], "events": w.events(live)}
	})
	return []said{{typeConfigPlural, w.typeConfig(old)}, {typeConfigPlural, undefined}, {widget.federated(), fed}}
}

func (w *world) badPreferences() []said {
	w.create(hostName, "namespaces", "{apiVersion: v1, kind: Namespace, metadata: {name: words-alone}}")
	nowhere := w.fed(namespaces, "words-alone", "words-alone", `{placement: {clusters: []}}`)
	w.ensure(hostName, namespaces.federated(), nowhere)
	template := `{template: {` + deployment.template + `}, placement: {clusters: [{name: member-1}]}}`
	out := []said{{namespaces.federated(), nowhere}}
	for _, each := range []struct {
		namespace, name, spec, reason string
		words                         []string
	}{
		{"words", "ghost", `targetKind: FederatedDeployment, totalReplicas: 9, clusters: {ghost: {weight: 1}}`, "NoClusters", []string{"member-1", "stays"}},
		{"words", "full", `targetKind: FederatedDeployment, totalReplicas: 9, clusters: {member-1: {maxReplicas: 2, weight: 1}, ghost: {weight: 1}}`, "Unplaced", []string{"7 of 9", "ghost"}},
		{"words", "lost", `targetKind: FederatedDeployment, totalReplicas: 9`, "NotFound", []string{"FederatedDeployment words/lost"}},
		{"words", "untyped", `targetKind: FederatedReplicaSet, totalReplicas: 9`, "TypeNotRunning", []string{"replicasets.apps"}},
		{"words-alone", "alone", `targetKind: FederatedDeployment, totalReplicas: 9`, "NoClusters", []string{"namespace"}},
	} {
		if each.name != "lost" {
			fed := w.fed(deployment, each.namespace, each.name, template)
			w.ensure(hostName, deployment.federated(), fed)
			out = append(out, said{deployment.federated(), fed})
		}
		rsp := w.rsp(each.namespace, each.name, each.spec)
		w.ensure(hostName, preferencePlural, rsp)
		w.explains(preferencePlural, rsp, "Scheduled", each.reason, each.words...)
		out = append(out, said{preferencePlural, rsp})
	}
	unplaced, _, _ := unstructured.NestedInt64(w.get(hostName, preferencePlural, w.rsp("words", "full", "")).Object, "status", "unplaced")
	require.Equal(w, int64(7), unplaced)
	ghost := w.fed(deployment, "words", "ghost", "{}")
	w.becomes(deployment, ghost, map[string]int64{"member-1": 2})
	require.Empty(w, w.get(hostName, deployment.federated(), ghost).GetAnnotations()["confed.dev/unscheduled"], "nothing was divided")

	// It is mended, and says that too.
	w.patch(hostName, preferencePlural, w.rsp("words", "ghost", ""), `{spec: {clusters: {member-2: {weight: 1}}}}`)
	w.explains(preferencePlural, w.rsp("words", "ghost", ""), "Scheduled", "Scheduled", "no cluster ghost")
	w.becomes(deployment, ghost, map[string]int64{"host": 0, "member-1": 0, "member-2": 9, "member-3": 0})
	return out
}

// badNamespace has a placement that nobody can read: what is in it says so and stays where it is.
func (w *world) badNamespace() []said {
	w.create(hostName, "namespaces", "{apiVersion: v1, kind: Namespace, metadata: {name: words-bad}}")
	ns := w.fed(namespaces, "words-bad", "words-bad", `{placement: {clusters: [{name: member-1}, {name: member-2}]}}`)
	w.ensure(hostName, namespaces.federated(), ns)
	fed := w.fed(configMaps, "words-bad", "a", `{template: {data: {k: v}}, placement: {clusterSelector: {}}}`)
	w.ensure(hostName, configMaps.federated(), fed)
	w.propagated(configMaps, fed, "member-1", "member-2")
	before := w.get("member-1", "configmaps", w.copied(configMaps, fed))
	w.patch(hostName, namespaces.federated(), ns, `{spec: {placement: {clusters: [{}]}}}`)
	w.patch(hostName, configMaps.federated(), fed, `{spec: {template: {data: {k: w}}}}`)
	named := []string{"FederatedNamespace words-bad", "spec.placement.clusters[0].name"}
	w.explains(configMaps.federated(), fed, "Propagation", "ComputePlacementFailed", named...)
	w.explains(namespaces.federated(), ns, "Propagation", "ComputePlacementFailed", named[1])
	for _, c := range []string{"member-1", "member-2"} {
		require.Equal(w, c, w.line(configMaps, fed, c)["name"])
	}
	// Nobody knows any more who holds copies, as when KubeFed left the object.
	w.patch(hostName, configMaps.federated(), fed, `{metadata: {annotations: {confed.dev/holders: null}}, spec: {template: {data: {k: x}}}}`)
	w.eventually("looked at", func() (bool, any) {
		live := w.get(hostName, configMaps.federated(), fed)
		seen, _, _ := unstructured.NestedInt64(live.Object, "status", "observedGeneration")
		return seen == live.GetGeneration(), live.Object
	})
	for _, c := range []string{"member-1", "member-2"} {
		require.Equal(w, c, w.line(configMaps, fed, c)["name"])
	}
	live := w.get("member-1", "configmaps", before)
	require.Equal(w, before.GetResourceVersion(), live.GetResourceVersion())
	w.patch(hostName, namespaces.federated(), ns, `{spec: {placement: {clusters: [{name: member-1}]}}}`)
	w.propagated(configMaps, fed, "member-1")
	w.propagated(namespaces, ns, "member-1")
	require.Equal(w, map[string]any{"k": "x"}, w.get("member-1", "configmaps", before).Object["data"])
	w.eventually("it says that it is right again", func() (bool, any) {
		said := w.events(w.get(hostName, configMaps.federated(), fed))
		return slices.ContainsFunc(said, func(text string) bool { return strings.HasPrefix(text, "Normal Propagation: ") }), said
	})
	return []said{{configMaps.federated(), fed}, {namespaces.federated(), ns}}
}

// puts counts the writes of statuses that a controller sends, answered or not.
type puts struct {
	http.RoundTripper
	mu   *sync.Mutex
	sent map[string]int
}

func (p puts) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/status") {
		p.mu.Lock()
		p.sent[r.URL.Path]++
		p.mu.Unlock()
	}
	return p.RoundTripper.RoundTrip(r)
}

// TestDefinitionsOfKubeFedKeepNoWords runs on KubeFed's definitions, which keep no status of preferences and no conditions of
// types: everything works, and what cannot be kept is not written again and again.
func TestDefinitionsOfKubeFedKeepNoWords(t *testing.T) {
	w := newWorld(t)
	for plural, change := range map[string]func(version map[string]any){
		preferencePlural + ".scheduling.kubefed.io": func(version map[string]any) {
			delete(version, "subresources")
			require.NoError(t, unstructured.SetNestedMap(version, map[string]any{"type": "object"}, "schema", "openAPIV3Schema", "properties", "status"))
			require.NoError(t, unstructured.SetNestedMap(version, map[string]any{"type": "string"}, "schema", "openAPIV3Schema", "properties", "spec", "properties", "targetKind"))
		},
		typeConfigPlural + ".core.kubefed.io": func(version map[string]any) {
			unstructured.RemoveNestedField(version, "schema", "openAPIV3Schema", "properties", "status", "properties", "conditions")
		},
	} {
		w.redefine(plural, change)
	}
	for _, k := range []kind{namespaces, deployment, defaultTypes()[11]} {
		w.enable(k)
	}
	old := kind{"Ingress", "ingresses", "extensions", "v1beta1", true, ""}
	count := puts{mu: &sync.Mutex{}, sent: map[string]int{}}
	w.run(func(o *manager.Options) {
		o.Host.Wrap(func(next http.RoundTripper) http.RoundTripper { return puts{next, count.mu, count.sent} })
	})
	w.federateNamespace("wordless")
	fed := w.fed(deployment, "wordless", "web", `{template: {`+deployment.template+`}, placement: {clusterSelector: {}}}`)
	w.ensure(hostName, deployment.federated(), fed)
	rsp := w.rsp("wordless", "web", `targetKind: FederatedDeployment, totalReplicas: 9, clusters: {member-1: {maxReplicas: 2, weight: 1}}`)
	w.ensure(hostName, preferencePlural, rsp)
	w.becomes(deployment, fed, map[string]int64{"host": 0, "member-1": 2, "member-2": 0, "member-3": 0})
	w.enable(old)
	odd := w.rsp("wordless", "odd", `targetKind: FederatedJob, totalReplicas: 9`)
	w.ensure(hostName, preferencePlural, odd)
	for obj, plural := range map[*unstructured.Unstructured]string{rsp: preferencePlural, odd: preferencePlural, w.typeConfig(old): typeConfigPlural} {
		w.eventually(obj.GetName()+" warned", func() (bool, any) {
			live := w.get(hostName, plural, obj)
			return len(w.events(live)) == 1, map[string]any{"events": w.events(live)}
		})
	}
	live := w.get(hostName, typeConfigPlural, w.typeConfig(old))
	require.Equal(t, map[string]any{"observedGeneration": live.GetGeneration(), "propagationController": "NotRunning"}, live.Object["status"])
	require.Nil(t, w.get(hostName, preferencePlural, rsp).Object["status"])
	for range 5 { // looks again
		w.patch(hostName, preferencePlural, rsp, `{metadata: {labels: {look: "`+fmt.Sprint(time.Now().UnixNano())+`"}}}`)
		w.patch(hostName, typeConfigPlural, w.typeConfig(old), `{metadata: {labels: {look: "`+fmt.Sprint(time.Now().UnixNano())+`"}}}`)
		time.Sleep(time.Second)
	}
	count.mu.Lock()
	sent := maps.Clone(count.sent)
	count.mu.Unlock()
	for path, n := range sent {
		if strings.Contains(path, "/"+preferencePlural+"/") || strings.HasSuffix(path, "ingresses.extensions/status") {
			require.LessOrEqual(t, n, 2, path)
		}
	}
	require.Len(t, w.events(w.get(hostName, preferencePlural, rsp)), 1)
	require.True(t, w.warned(w.get(hostName, preferencePlural, odd), "Invalid", "FederatedJob"))
	w.delete(hostName, preferencePlural, odd)
	w.delete(hostName, preferencePlural, rsp)
	w.eventually("undone", func() (bool, any) {
		_, clusters, _ := unstructured.NestedSlice(w.get(hostName, deployment.federated(), fed).Object, "spec", "placement", "clusters")
		return !clusters, nil
	})
	w.delete(hostName, deployment.federated(), fed)
	w.gone(hostName, deployment.federated(), fed)
}

// redefine changes a definition of the host until the test ends.
func (w *world) redefine(name string, change func(version map[string]any)) {
	w.Helper()
	crd := w.decode("{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: " + name + "}}")
	update := func(spec any) {
		live := w.get(hostName, "customresourcedefinitions", crd)
		live.Object["spec"] = spec
		_, err := w.at(hostName, "customresourcedefinitions", crd).Update(w.ctx, live, metav1.UpdateOptions{})
		require.NoError(w, err)
		time.Sleep(2 * time.Second) // until it is served
	}
	was := w.get(hostName, "customresourcedefinitions", crd)
	is := was.DeepCopy()
	versions, _, _ := unstructured.NestedSlice(is.Object, "spec", "versions")
	change(versions[0].(map[string]any))
	require.NoError(w, unstructured.SetNestedSlice(is.Object, versions, "spec", "versions"))
	update(is.Object["spec"])
	w.Cleanup(func() { update(was.Object["spec"]) })
}
