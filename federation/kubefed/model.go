package kubefed

import (
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// hasReplicas reports whether the objects of a kind have a number in spec.replicas.
func hasReplicas(doc map[string]any, gvk schema.GroupVersionKind) bool {
	if doc == nil {
		switch gvk.GroupKind() {
		case schema.GroupKind{Group: "apps", Kind: "Deployment"}, schema.GroupKind{Group: "apps", Kind: "ReplicaSet"},
			schema.GroupKind{Group: "apps", Kind: "StatefulSet"}, schema.GroupKind{Kind: "ReplicationController"}:
			return true
		}
		return false
	}
	m := model{definitions: definitions(doc)}
	root := doc
	switch {
	case doc["kind"] == "CustomResourceDefinition":
		root = versionSchema(doc, gvk.Version)
	case m.definitions != nil:
		root = m.find(gvk)
	}
	return m.property(m.property(root, "spec"), "replicas")["type"] == "integer"
}

// model finds its way in a document of OpenAPI, v2 or v3.
type model struct{ definitions map[string]any }

func definitions(doc map[string]any) map[string]any {
	if all, ok := doc["definitions"].(map[string]any); ok {
		return all
	}
	components, _ := doc["components"].(map[string]any)
	all, _ := components["schemas"].(map[string]any)
	return all
}

// find returns the definition of a kind. A kind that several definitions are said to be of, as DeleteOptions is, has none.
func (m model) find(gvk schema.GroupVersionKind) map[string]any {
	var found map[string]any
	for _, item := range m.definitions {
		definition, _ := item.(map[string]any)
		kinds, _ := definition["x-kubernetes-group-version-kind"].([]any)
		for _, item := range kinds {
			kind, _ := item.(map[string]any)
			if kind["group"] != gvk.Group || kind["version"] != gvk.Version || kind["kind"] != gvk.Kind {
				continue
			}
			if found != nil {
				return nil
			}
			found = definition
		}
	}
	return found
}

// property returns the schema of a property, itself and not a reference to it.
func (m model) property(schema map[string]any, name string) map[string]any {
	properties, _ := schema["properties"].(map[string]any)
	p, _ := properties[name].(map[string]any)
	for range 8 { // no document has longer chains, but one may have a circle
		if all, ok := p["allOf"].([]any); ok && len(all) == 1 { // how v3 gives a reference a default or a description
			p, _ = all[0].(map[string]any)
		}
		ref, ok := p["$ref"].(string)
		if !ok {
			return p
		}
		p, _ = m.definitions[ref[strings.LastIndex(ref, "/")+1:]].(map[string]any)
	}
	return nil
}

// versionSchema returns the schema that a CustomResourceDefinition has for a version.
func versionSchema(crd map[string]any, name string) map[string]any {
	spec, _ := crd["spec"].(map[string]any)
	versions, _ := spec["versions"].([]any)
	for _, item := range versions {
		version, _ := item.(map[string]any)
		if version["name"] == name {
			validation, _ := version["schema"].(map[string]any)
			root, _ := validation["openAPIV3Schema"].(map[string]any)
			return root
		}
	}
	return nil
}
