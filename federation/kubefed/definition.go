package kubefed

import (
	"regexp"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// definition makes the CustomResourceDefinition of a federated kind.
func definition(t Type, target metav1.APIResource, replicas bool) *unstructured.Unstructured {
	c := crd{Resource: t.Federated, status: true}
	if len(target.ShortNames) > 0 {
		c.shortNames = []string{"f" + target.ShortNames[0]}
	}
	spec := map[string]any{
		"template":  templateSchema(t.Target.GVK),
		"placement": placementSchema(),
		"overrides": overridesSchema(),
	}
	if replicas {
		spec["retainReplicas"] = nullable(map[string]any{"type": "boolean"})
	}
	var required []string
	if needsSpec(t.Target.GVK.GroupKind()) {
		required = append(required, "template")
	} else {
		spec["template"] = nullable(templateSchema(t.Target.GVK))
	}
	c.schema = objectOf(map[string]any{
		"apiVersion": textOf(""), "kind": textOf(""), "metadata": objectOf(nil),
		"spec":   objectOf(spec, required...),
		"status": statusSchema(),
	}, "spec")
	condition := ".status.conditions[?(@.type=='Propagation')]."
	c.columns = [][3]string{
		{"Propagation", "string", condition + "status"},
		{"Reason", "string", condition + "reason"},
		{"Age", "date", ".metadata.creationTimestamp"},
	}
	return c.object()
}

// templateSchema lets everything pass that the member is to judge, but no other kind.
func templateSchema(target schema.GroupVersionKind) map[string]any {
	groups := []string{regexp.QuoteMeta(target.Group)}
	for _, group := range relatives(target.GroupKind()) {
		groups = append(groups, regexp.QuoteMeta(group))
	}
	version := "^(" + strings.Join(groups, "|") + ")/[^/]+$"
	if target.Group == "" {
		version = "^[^/]+$"
	}
	out := and(anyObject(), map[string]any{"properties": map[string]any{
		"apiVersion": and(textOf(""), map[string]any{"pattern": version}),
		"kind":       and(textOf(""), map[string]any{"enum": list(target.Kind)}),
		"metadata":   nullable(anyObject()),
	}})
	if needsSpec(target.GroupKind()) {
		out["properties"].(map[string]any)["spec"] = anyObject()
		out["required"] = list("spec")
	}
	return out
}

// relatives are the other groups in which the objects of a kind were served.
func relatives(gk schema.GroupKind) []string {
	var out []string
	for _, group := range families()[plural(gk.Kind)] {
		if group != gk.Group && slices.Contains(families()[plural(gk.Kind)], gk.Group) {
			out = append(out, group)
		}
	}
	return out
}

// needsSpec reports kinds that no API server takes without a spec. Of others an empty template may be meant.
func needsSpec(gk schema.GroupKind) bool {
	switch gk.Group {
	case "":
		return slices.Contains([]string{"PersistentVolume", "PersistentVolumeClaim", "Pod", "ReplicationController", "Service"}, gk.Kind)
	case "apps":
		return slices.Contains([]string{"DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"}, gk.Kind)
	case "batch":
		return slices.Contains([]string{"CronJob", "Job"}, gk.Kind)
	case "networking.k8s.io":
		return gk.Kind == "Ingress"
	case "autoscaling":
		return gk.Kind == "HorizontalPodAutoscaler"
	}
	return false
}

func placementSchema() map[string]any {
	name := and(textOf(""), map[string]any{"minLength": int64(1)})
	expression := objectOf(map[string]any{
		"key": name, "operator": name, "values": nullable(listOf(textOf(""))),
	}, "key", "operator")
	selector := nullable(objectOf(map[string]any{
		"matchLabels":      nullable(mapOf(textOf(""))),
		"matchExpressions": nullable(listOf(expression)),
	}))
	// A selector beside names is not read, so what is wrong in it does no harm.
	unread := "has(self.clusters) || !has(self.clusterSelector) || !has(self.clusterSelector.matchExpressions) || " +
		"self.clusterSelector.matchExpressions.all(e, "
	return nullable(ruled(objectOf(map[string]any{
		"clusters":        nullable(listOf(objectOf(map[string]any{"name": name}, "name"))),
		"clusterSelector": selector,
	}),
		[2]string{unread + "e.operator in ['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt'])",
			"an operator of clusterSelector is none of In, NotIn, Exists, DoesNotExist, Gt, Lt"},
		[2]string{unread + "e.operator in ['In', 'NotIn'] ? has(e.values) && size(e.values) > 0 : " +
			"e.operator in ['Gt', 'Lt'] ? has(e.values) && size(e.values) == 1 : !has(e.values) || size(e.values) == 0)",
			"in clusterSelector, In and NotIn take values, Gt and Lt one, Exists and DoesNotExist none"},
	))
}

// overridesSchema makes lists of maps, in which API servers refuse to see one key twice. Each guarded path has a rule of its
// own, as API servers bound the cost of a rule; so the lists need no bound.
func overridesSchema() map[string]any {
	var guards [][2]string
	for _, guard := range [][2]string{
		{"/kind", "an override cannot change the kind"},
		{"/metadata/name", "an override cannot rename the object"},
		{"/metadata/namespace", "an override cannot move the object"},
		{"/metadata/generateName", "an override cannot rename the object"},
	} {
		guards = append(guards, [2]string{"self != '" + guard[0] + "' && !self.startsWith('" + guard[0] + "/')", guard[1]})
	}
	patch := objectOf(map[string]any{
		"op":    nullable(and(textOf(""), map[string]any{"pattern": "^(add|remove|replace)?$"})),
		"path":  ruled(textOf(""), guards...),
		"value": nullable(map[string]any{"x-kubernetes-preserve-unknown-fields": true}),
	}, "path")
	cluster := objectOf(map[string]any{
		"clusterName":      and(textOf(""), map[string]any{"minLength": int64(1)}),
		"clusterOverrides": nullable(keyed(patch, "path", 0)),
	}, "clusterName")
	return nullable(keyed(cluster, "clusterName", 0))
}

// keyed is a list of objects that differ in a field; most of 0 is no bound.
func keyed(item map[string]any, key string, most int64) map[string]any {
	out := and(listOf(item), map[string]any{"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(key)})
	if most > 0 {
		out["maxItems"] = most
	}
	return out
}

// statusSchema is KubeFed's with a message and a time for each cluster; a program may add to it.
func statusSchema() map[string]any {
	condition := objectOf(map[string]any{
		"type": textOf(""), "status": textOf(""), "reason": textOf(""), "message": textOf(""),
		"lastUpdateTime": textOf("date-time"), "lastTransitionTime": textOf("date-time"),
	}, "type", "status")
	cluster := objectOf(map[string]any{
		"name": textOf(""), "status": textOf(""), "message": textOf(""), "lastUpdateTime": textOf("date-time"),
		"remoteStatus": anyObject(),
	}, "name")
	return and(anyObject(), map[string]any{"properties": map[string]any{
		"observedGeneration": map[string]any{"type": "integer", "format": "int64"},
		"conditions":         listOf(condition),
		"clusters":           listOf(cluster),
	}})
}
