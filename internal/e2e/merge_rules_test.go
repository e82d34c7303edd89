package e2e_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	machinery "k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/confed-project/confed/federation/fedtest"
	"github.com/confed-project/confed/internal/e2e/cluster"
	"github.com/confed-project/confed/internal/smd/types"
)

// openAPI is a document of schemas, and how lists and maps in them merge.
type openAPI struct {
	Components struct{ Schemas map[string]map[string]any }
}

// TestTheTableIsTheServers compares the merge rules of every built-in kind with those in an API server's OpenAPI.
func TestTheTableIsTheServers(t *testing.T) {
	config := cluster.Shared(t).Members[0].Config()
	member, kinds := &fedtest.Member{}, 0
	for _, document := range documents(t, config) {
		for name, component := range document.Components.Schemas {
			for _, gvk := range kindsOf(t, component) {
				_, err := member.Get(t.Context(), gvk, machinery.NamespacedName{Namespace: "default", Name: "x"})
				if _, isObject := component["properties"].(map[string]any)["metadata"]; !isObject || strings.HasSuffix(gvk.Kind, "List") || meta.IsNoMatchError(err) {
					continue
				}
				kinds++
				want := types.Merge{}
				document.rules(want, component, "")
				assert.Empty(t, cmp.Diff(want, types.Builtin(gvk.GroupKind())), name)
			}
		}
	}
	require.GreaterOrEqual(t, kinds, 35)
}

func documents(t *testing.T, config *rest.Config) []openAPI {
	t.Helper()
	client, err := rest.HTTPClientFor(config)
	require.NoError(t, err)
	get := func(path string, into any) {
		response, err := client.Get(config.Host + path)
		require.NoError(t, err)
		defer response.Body.Close()
		require.NoError(t, json.NewDecoder(response.Body).Decode(into))
	}
	var index struct {
		Paths map[string]struct{ ServerRelativeURL string }
	}
	get("/openapi/v3", &index)
	var all []openAPI
	for path, at := range index.Paths {
		if strings.HasPrefix(path, "api") && strings.Contains(path, "v") {
			var document openAPI
			get(at.ServerRelativeURL, &document)
			all = append(all, document)
		}
	}
	return all
}

func kindsOf(t *testing.T, component map[string]any) (kinds []schema.GroupVersionKind) {
	t.Helper()
	data, err := json.Marshal(component["x-kubernetes-group-version-kind"])
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &kinds))
	return kinds
}

// resolve follows references. What stands beside a reference wins over what it leads to.
func (d openAPI) resolve(node map[string]any) map[string]any {
	merged := map[string]any{}
	refs := []any{node}
	if all, ok := node["allOf"].([]any); ok {
		refs = append(refs, all...)
	}
	for _, r := range refs {
		ref, _ := r.(map[string]any)["$ref"].(string)
		for k, v := range d.Components.Schemas[strings.TrimPrefix(ref, "#/components/schemas/")] {
			merged[k] = v
		}
	}
	for k, v := range node {
		merged[k] = v
	}
	return merged
}

func (d openAPI) rules(into types.Merge, node map[string]any, path string) {
	node = d.resolve(node)
	properties, _ := node["properties"].(map[string]any)
	items, isList := node["items"].(map[string]any)
	switch {
	case isList && node["x-kubernetes-list-type"] == "set":
		into[path] = "set"
		return
	case isList && node["x-kubernetes-list-type"] == "map":
		item := d.resolve(items)
		properties, _ = item["properties"].(map[string]any)
		into[path] = "keys"
		for _, key := range node["x-kubernetes-list-map-keys"].([]any) {
			into[path] += " " + key.(string)
			if value, ok := properties[key.(string)].(map[string]any)["default"]; ok {
				into[path] += "=" + fmt.Sprint(value)
			}
		}
		if item["x-kubernetes-map-type"] == "atomic" {
			into[path+".*"] = "atomic"
			return
		}
	case isList:
		return
	case node["x-kubernetes-map-type"] == "atomic":
		into[path] = "atomic"
		return
	case node["additionalProperties"] != nil:
		into[path] = "map"
		return
	case node["type"] == "object" && properties == nil && path != "":
		into[path] = "any"
		return
	}
	for name, property := range properties {
		if below := strings.TrimPrefix(path+"."+name, "."); below != "metadata.managedFields" && !slices.Contains([]string{"apiVersion", "kind"}, below) {
			d.rules(into, property.(map[string]any), below)
		}
	}
}
