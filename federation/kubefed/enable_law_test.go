package kubefed_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/kubefed"
	"github.com/confed-project/confed/placement"
)

// What Enable makes is written and read back as it is.
func TestEnableEncodes(t *testing.T) {
	for _, r := range defaults() {
		typ := typeOf(t, r.Name)
		config := typ.Encode(nil)
		require.Equal(t, schema.GroupResource{Group: r.Group, Resource: r.Name}.String(), config.GetName())
		config.SetNamespace("kube-federation-system")
		require.NoError(t, kubefed.Validate(config, nil))
		got, err := kubefed.DecodeType(config)
		require.NoError(t, err)
		require.Equal(t, typ, got)
	}
}

// Whatever path the rules of a definition refuse, an override cannot have.
func TestGuardedPaths(t *testing.T) {
	_, crd, err := kubefed.Enable(defaults()[3], nil, kubefed.Directive{})
	require.NoError(t, err)
	versions := field(t, crd, "spec", "versions").([]any)
	overrides, _, err := unstructured.NestedMap(versions[0].(map[string]any),
		"schema", "openAPIV3Schema", "properties", "spec", "properties", "overrides", "items", "properties", "clusterOverrides", "items", "properties", "path")
	require.NoError(t, err)
	rules := overrides["x-kubernetes-validations"].([]any)
	require.Len(t, rules, 4)
	refused := func(path string) bool {
		for _, r := range rules {
			guarded := strings.Split(r.(map[string]any)["rule"].(string), "'")[1]
			if path == guarded || strings.HasPrefix(path, guarded+"/") {
				return true
			}
		}
		return false
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	words := []string{"kind", "metadata", "name", "namespace", "generateName", "names", "labels", "spec", "a", "0", "-"}
	hits := 0
	for range 5000 {
		path := ""
		for range 1 + rnd.IntN(3) {
			path += "/" + words[rnd.IntN(len(words))]
		}
		in := object(t, web)
		in.Object["spec"].(map[string]any)["overrides"] = []any{map[string]any{"clusterName": "rome", "clusterOverrides": []any{
			map[string]any{"op": []string{"", "add", "remove", "replace"}[rnd.IntN(4)], "path": path, "value": "x"},
		}}}
		wish, err := kubefed.Decode(in, deployment())
		require.NoError(t, err)
		if _, err = federation.Render(wish, placement.Cluster{Name: "rome"}, nil); refused(path) {
			hits++
			require.Error(t, err, path)
		}
	}
	require.Greater(t, hits, 100)
}
