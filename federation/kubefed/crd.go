package kubefed

import (
	"maps"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// crd is what a CustomResourceDefinition with one version says.
type crd struct {
	Resource
	shortNames []string
	schema     map[string]any // of the whole object
	columns    [][3]string    // name, type, JSON path
	status     bool           // the subresource
}

func (c crd) object() *unstructured.Unstructured {
	scope := "Cluster"
	if c.Namespaced {
		scope = "Namespaced"
	}
	names := map[string]any{
		"kind": c.GVK.Kind, "listKind": c.GVK.Kind + "List", "plural": c.Plural, "singular": strings.ToLower(c.GVK.Kind),
	}
	if len(c.shortNames) > 0 {
		names["shortNames"] = list(c.shortNames...)
	}
	version := map[string]any{
		"name": c.GVK.Version, "served": true, "storage": true, "schema": map[string]any{"openAPIV3Schema": c.schema},
	}
	if c.status {
		version["subresources"] = map[string]any{"status": map[string]any{}}
	}
	var columns []any
	for _, column := range c.columns {
		columns = append(columns, map[string]any{"name": column[0], "type": column[1], "jsonPath": column[2]})
	}
	if columns != nil {
		version["additionalPrinterColumns"] = columns
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1",
		"kind":       "CustomResourceDefinition",
		"metadata":   map[string]any{"name": c.groupResource().String()},
		"spec": map[string]any{
			"group": c.GVK.Group, "names": names, "scope": scope, "versions": []any{version},
		},
	}}
}

// list is a list of JSON.
func list[T any](items ...T) []any {
	out := make([]any, len(items))
	for i, item := range items {
		out[i] = item
	}
	return out
}

// The schemas below are nodes of openAPIV3Schema. Optional ones are nullable, since what is null is absent to readers.

func objectOf(properties map[string]any, required ...string) map[string]any {
	out := map[string]any{"type": "object"}
	if len(properties) > 0 {
		out["properties"] = properties
	}
	if len(required) > 0 {
		out["required"] = list(required...)
	}
	return out
}

func listOf(item map[string]any) map[string]any {
	return map[string]any{"type": "array", "items": item}
}

func textOf(format string) map[string]any {
	if format == "" {
		return map[string]any{"type": "string"}
	}
	return map[string]any{"type": "string", "format": format}
}

// mapOf is an object whose keys are free.
func mapOf(value map[string]any) map[string]any {
	return map[string]any{"type": "object", "additionalProperties": value}
}

// anyObject is an object of which nothing is known.
func anyObject() map[string]any {
	return map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}
}

// and adds keywords to a schema.
func and(schema, more map[string]any) map[string]any {
	out := maps.Clone(schema)
	maps.Copy(out, more)
	return out
}

func nullable(schema map[string]any) map[string]any {
	out := and(schema, map[string]any{"nullable": true})
	if values, ok := out["enum"].([]any); ok { // in which API servers find no null, not even one that is listed
		texts := make([]string, len(values))
		for i, v := range values {
			text, _ := v.(string)
			texts[i] = regexp.QuoteMeta(text)
		}
		delete(out, "enum")
		out["pattern"] = "^(" + strings.Join(texts, "|") + ")$"
	}
	return out
}

// ruled adds rules in CEL, each with what it says to those who break it.
func ruled(schema map[string]any, rules ...[2]string) map[string]any {
	var all []any
	for _, r := range rules {
		all = append(all, map[string]any{"rule": r[0], "message": r[1]})
	}
	return and(schema, map[string]any{"x-kubernetes-validations": all})
}
