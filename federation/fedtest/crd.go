package fedtest

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func definition() schema.GroupKind {
	return schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}
}

// definedKinds returns the kinds that a CustomResourceDefinition serves.
func definedKinds(crd *unstructured.Unstructured) []*served {
	text := func(fields ...string) string {
		value, _, _ := unstructured.NestedString(crd.Object, fields...)
		return value
	}
	versions, _, _ := unstructured.NestedSlice(crd.Object, "spec", "versions")
	var names []string
	for _, v := range versions {
		version, _ := v.(map[string]any)
		name, _ := version["name"].(string)
		names = append(names, name)
	}
	var kinds []*served
	for i, v := range versions {
		version, _ := v.(map[string]any)
		if !isTrue(version, "served") {
			continue
		}
		_, hasStatus, _ := unstructured.NestedMap(version, "subresources", "status")
		kind := &served{versions: names, Kind: Kind{
			GroupVersionKind: schema.GroupVersionKind{Group: text("spec", "group"), Version: names[i], Kind: text("spec", "names", "kind")},
			Resource:         text("spec", "names", "plural"),
			Cluster:          text("spec", "scope") == "Cluster",
			Merge:            map[string]string{},
			NoStatus:         !hasStatus,
		}}
		if root, _, _ := unstructured.NestedMap(version, "schema", "openAPIV3Schema"); len(root) > 0 {
			kind.readSchema(root, nil)
		} else {
			kind.Merge[""] = "any"
		}
		kinds = append(kinds, kind)
	}
	return kinds
}

// establish says that a definition's kinds are served, as its controller does just after it was stored.
func (m *Member) establish(crd *unstructured.Unstructured) {
	if _, found, _ := unstructured.NestedSlice(crd.Object, "status", "conditions"); found {
		return
	}
	m.version++
	crd.SetResourceVersion(strconv.FormatInt(m.version, 10))
	names, _, _ := unstructured.NestedFieldCopy(crd.Object, "spec", "names")
	_ = unstructured.SetNestedField(crd.Object, names, "status", "acceptedNames")
	condition := func(name, reason, message string) any {
		return map[string]any{
			"type": name, "status": "True", "reason": reason, "message": message,
			"lastTransitionTime": m.now().UTC().Format(time.RFC3339),
		}
	}
	conditions := []any{
		condition("NamesAccepted", "NoConflicts", "no conflicts found"),
		condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
	}
	_ = unstructured.SetNestedSlice(crd.Object, conditions, "status", "conditions")
}

func isTrue(object map[string]any, field string) bool {
	is, _ := object[field].(bool)
	return is
}

// readSchema notes how the values of a structural schema merge, which fields there are, and their defaults.
func (s *served) readSchema(node map[string]any, path []string) {
	if value, ok := node["default"]; ok && len(path) > 0 {
		s.defaults = append(s.defaults, defaultRule{path: path, value: value})
	}
	dotted := strings.Join(path, ".")
	s.Merge[dotted] = mergeOf(node)
	if len(path) == 0 && s.Merge[""] == "field" {
		s.Merge[""] = "object" // it has metadata
	}
	switch s.Merge[dotted] {
	case "atomic", "set", "field":
		return
	case "map":
		if each, _ := node["additionalProperties"].(map[string]any); each["properties"] != nil {
			s.readSchema(each, append(slices.Clone(path), "*"))
		}
		return
	}
	properties, _ := node["properties"].(map[string]any)
	if items, _ := node["items"].(map[string]any); items != nil {
		properties, _ = items["properties"].(map[string]any)
		switch how := mergeOf(items); how {
		case "object":
			s.Merge[dotted+".*"] = how
		case "atomic":
			s.Merge[dotted+".*"] = how
			return
		}
	}
	if slices.ContainsFunc(slices.Collect(maps.Keys(properties)), func(name string) bool { return name == "*" || strings.Contains(name, ".") }) {
		s.Merge[dotted] = "any" // no path can name these fields
		return
	}
	keys := strings.Fields(s.Merge[dotted])
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		isKey := slices.ContainsFunc(keys, func(k string) bool { return strings.HasPrefix(k+"=", name+"=") })
		isMeta := len(path) == 0 && (name == "apiVersion" || name == "kind" || name == "metadata")
		if property, ok := properties[name].(map[string]any); ok && !isKey && !isMeta {
			s.readSchema(property, append(slices.Clone(path), name))
		}
	}
}

// mergeOf returns the rule that a schema stands for.
func mergeOf(node map[string]any) string {
	switch {
	case node["x-kubernetes-list-type"] == "set":
		return "set"
	case node["x-kubernetes-list-type"] == "map":
		return keysOf(node)
	case node["x-kubernetes-map-type"] == "atomic":
		return "atomic"
	case isTrue(node, "x-kubernetes-preserve-unknown-fields"):
		return "any"
	case node["additionalProperties"] != nil:
		return "map"
	case node["properties"] != nil:
		return "object"
	}
	return "field"
}

func keysOf(list map[string]any) string {
	items, _ := list["items"].(map[string]any)
	properties, _ := items["properties"].(map[string]any)
	keys, _ := list["x-kubernetes-list-map-keys"].([]any)
	how := "keys"
	for _, k := range keys {
		key, _ := k.(string)
		how += " " + key
		property, _ := properties[key].(map[string]any)
		if value, ok := property["default"]; ok {
			how += "=" + strings.Trim(encode(value), `"`)
		}
	}
	return how
}
