package fedtest

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// These are the few things that a server does to a built-in kind in code: what it computes while it reads an object,
// and what it fills in when it stores one, after it knows who owns what.

// compute does what a server does while it reads an object, and what a table cannot say.
func compute(obj *unstructured.Unstructured) {
	text := func(fields ...string) string {
		value, _, _ := unstructured.NestedString(obj.Object, fields...)
		return value
	}
	switch obj.GroupVersionKind().GroupKind() {
	case namespaces():
		obj.SetLabels(with(obj.GetLabels(), "kubernetes.io/metadata.name", obj.GetName()))
	case schema.GroupKind{Kind: "ReplicationController"}:
		labels, _, _ := unstructured.NestedMap(obj.Object, "spec", "template", "metadata", "labels")
		if len(labels) > 0 {
			setDefault(obj, labels, "spec", "selector")
			setDefault(obj, labels, "metadata", "labels")
		}
	case schema.GroupKind{Group: "apps", Kind: "DaemonSet"}:
		if obj.GetAnnotations()[templateGeneration] == "" {
			obj.SetAnnotations(with(obj.GetAnnotations(), templateGeneration, "0"))
		}
	case definition():
		setDefault(obj, strings.ToLower(text("spec", "names", "kind")), "spec", "names", "singular")
		setDefault(obj, text("spec", "names", "kind")+"List", "spec", "names", "listKind")
	}
	if written, ok := obj.Object["stringData"].(map[string]any); ok && obj.GetKind() == "Secret" && obj.GetAPIVersion() == "v1" {
		for name, value := range written {
			plain, _ := value.(string)
			_ = unstructured.SetNestedField(obj.Object, base64.StdEncoding.EncodeToString([]byte(plain)), "data", name)
		}
		delete(obj.Object, "stringData")
	}
}

// prepare fills in what a server picks when it stores an object. It belongs to nobody. live is nil for a new object.
func (m *Member) prepare(obj, live *unstructured.Unstructured) {
	switch obj.GroupVersionKind().GroupKind().String() {
	case "Namespace":
		setDefault(obj, []any{"kubernetes"}, "spec", "finalizers")
	case "PersistentVolume":
		protect(obj, live, "kubernetes.io/pv-protection")
	case "PersistentVolumeClaim":
		protect(obj, live, "kubernetes.io/pvc-protection")
	case "Pod":
		preparePod(obj, live)
	case "Service":
		m.prepareService(obj)
	case definition().String():
		prepareDefinition(obj, live)
	case "DaemonSet.apps":
		prepareDaemonSet(obj, live)
	case "Job.batch":
		prepareJob(obj, live)
	}
}

// protect adds the finalizer of a controller that is always satisfied here: what bears no other is deleted at once.
func protect(obj, live *unstructured.Unstructured, finalizer string) {
	if live == nil && !slices.Contains(obj.GetFinalizers(), finalizer) {
		obj.SetFinalizers(append(obj.GetFinalizers(), finalizer))
	}
}

// prepareService gives a service its addresses and ports.
func (m *Member) prepareService(obj *unstructured.Unstructured) {
	kind, _, _ := unstructured.NestedString(obj.Object, "spec", "type")
	if kind == "ExternalName" {
		return
	}
	number := m.version + 1
	setDefault(obj, fmt.Sprintf("10.0.%d.%d", number/250%250, number%250+1), "spec", "clusterIP")
	ip, _, _ := unstructured.NestedString(obj.Object, "spec", "clusterIP")
	setDefault(obj, []any{ip}, "spec", "clusterIPs")
	setDefault(obj, []any{"IPv4"}, "spec", "ipFamilies")
	setDefault(obj, "SingleStack", "spec", "ipFamilyPolicy")
	ports, _, _ := unstructured.NestedSlice(obj.Object, "spec", "ports")
	for i, p := range ports {
		if port, ok := p.(map[string]any); ok && kind != "ClusterIP" && port["nodePort"] == nil {
			port["nodePort"] = 30000 + (number*16+int64(i))%2768
			_ = unstructured.SetNestedSlice(obj.Object, ports, "spec", "ports")
		}
	}
}

// preparePod gives a new pod what the default admission plugins give one.
func preparePod(obj, live *unstructured.Unstructured) {
	if live != nil {
		return
	}
	setDefault(obj, int64(0), "spec", "priority")
	setDefault(obj, "PreemptLowerPriority", "spec", "preemptionPolicy")
	tolerations, _, _ := unstructured.NestedSlice(obj.Object, "spec", "tolerations")
	for _, taint := range []string{"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"} {
		if !slices.ContainsFunc(tolerations, func(t any) bool { return tolerates(t, taint) }) {
			tolerations = append(tolerations, map[string]any{
				"key": taint, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": int64(300),
			})
		}
	}
	_ = unstructured.SetNestedSlice(obj.Object, tolerations, "spec", "tolerations")
}

func tolerates(toleration any, taint string) bool {
	t, _ := toleration.(map[string]any)
	key, effect := t["key"], t["effect"]
	return (key == taint || key == nil || key == "") && (effect == "NoExecute" || effect == nil || effect == "")
}

// prepareDefinition notes the version that a new definition's objects are stored in.
func prepareDefinition(obj, live *unstructured.Unstructured) {
	if live != nil {
		return
	}
	versions, _, _ := unstructured.NestedSlice(obj.Object, "spec", "versions")
	for _, v := range versions {
		if version, ok := v.(map[string]any); ok && isTrue(version, "storage") {
			_ = unstructured.SetNestedSlice(obj.Object, []any{version["name"]}, "status", "storedVersions")
		}
	}
}

// templateGeneration is the annotation that counts the changes of a daemon set's pod template.
const templateGeneration = "deprecated.daemonset.template.generation"

// prepareDaemonSet counts changes of the pod template.
func prepareDaemonSet(obj, live *unstructured.Unstructured) {
	count := int64(0)
	if live != nil {
		count, _ = strconv.ParseInt(live.GetAnnotations()[templateGeneration], 10, 64)
		before, _, _ := unstructured.NestedFieldNoCopy(live.Object, "spec", "template")
		after, _, _ := unstructured.NestedFieldNoCopy(obj.Object, "spec", "template")
		if apiequality.Semantic.DeepEqual(before, after) {
			count--
		}
	}
	obj.SetAnnotations(with(obj.GetAnnotations(), templateGeneration, strconv.FormatInt(count+1, 10)))
}

// prepareJob makes the selector of a new job, and the labels that it selects.
func prepareJob(obj, live *unstructured.Unstructured) {
	if manual, _, _ := unstructured.NestedBool(obj.Object, "spec", "manualSelector"); live != nil || manual {
		return
	}
	template := []string{"spec", "template", "metadata", "labels"}
	labels, _, _ := unstructured.NestedStringMap(obj.Object, template...)
	for _, prefix := range []string{"", "batch.kubernetes.io/"} {
		labels = with(labels, prefix+"controller-uid", string(obj.GetUID()))
		labels = with(labels, prefix+"job-name", obj.GetName())
	}
	_ = unstructured.SetNestedStringMap(obj.Object, labels, template...)
	selector := map[string]string{"batch.kubernetes.io/controller-uid": string(obj.GetUID())}
	_ = unstructured.SetNestedStringMap(obj.Object, selector, "spec", "selector", "matchLabels")
	if len(obj.GetLabels()) == 0 {
		obj.SetLabels(labels)
	}
}

func with(labels map[string]string, name, value string) map[string]string {
	if labels == nil {
		labels = map[string]string{}
	}
	labels[name] = value
	return labels
}

// setDefault sets a field that is missing. A parent that is not an object leaves it missing.
func setDefault(obj *unstructured.Unstructured, value any, fields ...string) {
	if _, found, err := unstructured.NestedFieldNoCopy(obj.Object, fields...); !found && err == nil {
		_ = unstructured.SetNestedField(obj.Object, value, fields...)
	}
}
