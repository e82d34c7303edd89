package e2e_test

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/dynamic"

	"github.com/confed-project/confed/federation/kubefed"
	"github.com/confed-project/confed/internal/e2e/cluster"
)

// validation is the table that federation/kubefed holds its functions to.
type validation struct {
	Bases map[string]map[string]any `json:"bases"`
	Cases []struct {
		Kind  string         `json:"kind"`
		Set   map[string]any `json:"set"`
		Old   bool           `json:"old,omitempty"` // an update of the base
		Valid bool           `json:"valid"`
	} `json:"cases"`
}

// TestKubeFedCRDs: a real API server takes the definition of every core kind, and refuses exactly the objects that
// kubefed.Validate refuses, so no webhook is needed.
func TestKubeFedCRDs(t *testing.T) {
	server := cluster.Shared(t).Members[2]
	client, err := dynamic.NewForConfig(server.Config())
	require.NoError(t, err)
	resources := installKubeFed(t, client)

	data, err := os.ReadFile("../../federation/kubefed/testdata/validation.json")
	require.NoError(t, err)
	var table validation
	require.NoError(t, utiljson.Unmarshal(data, &table))
	require.Greater(t, len(table.Cases), 500)
	ctx, dry := t.Context(), []string{metav1.DryRunAll}
	stored := map[string]*unstructured.Unstructured{}
	for kind, base := range table.Bases {
		obj := &unstructured.Unstructured{Object: base}
		stored[kind], err = client.Resource(resources[kind]).Namespace(obj.GetNamespace()).Create(ctx, obj, metav1.CreateOptions{})
		require.NoError(t, err, kind)
		t.Cleanup(func() {
			require.NoError(t, client.Resource(resources[kind]).Namespace(obj.GetNamespace()).Delete(context.WithoutCancel(t.Context()), obj.GetName(), metav1.DeleteOptions{}))
		})
	}
	for _, row := range table.Cases {
		obj := (&unstructured.Unstructured{Object: table.Bases[row.Kind]}).DeepCopy()
		var status bool
		for path, value := range row.Set {
			require.NoError(t, unstructured.SetNestedField(obj.Object, value, strings.Split(path, ".")...))
			status = status || strings.HasPrefix(path, "status")
		}
		text, err := json.Marshal(row)
		require.NoError(t, err)
		api := client.Resource(resources[row.Kind]).Namespace(obj.GetNamespace())
		var old *unstructured.Unstructured
		switch {
		case status:
			obj.SetResourceVersion(stored[row.Kind].GetResourceVersion())
			_, err = api.UpdateStatus(ctx, obj, metav1.UpdateOptions{DryRun: dry})
		case row.Old:
			old = stored[row.Kind]
			obj.SetResourceVersion(old.GetResourceVersion())
			_, err = api.Update(ctx, obj, metav1.UpdateOptions{DryRun: dry})
		default:
			_, err = api.Create(ctx, obj, metav1.CreateOptions{DryRun: dry})
			if apierrors.IsAlreadyExists(err) {
				err = nil // everything else was checked before
			}
		}
		refused := err != nil
		require.True(t, !refused || apierrors.IsInvalid(err) || apierrors.IsBadRequest(err), "%s: %v", text, err)
		if refused != (kubefed.Validate(obj, old) != nil) || refused == row.Valid {
			t.Errorf("%s: the server says %v, the function %v", text, err, kubefed.Validate(obj, old))
		}
	}
}

// coreDefinition returns the definition with that name.
func coreDefinition(t *testing.T, name string) *unstructured.Unstructured {
	t.Helper()
	all := kubefed.CRDs()
	i := slices.IndexFunc(all, func(crd *unstructured.Unstructured) bool { return crd.GetName() == name })
	require.GreaterOrEqual(t, i, 0, name)
	return all[i]
}

// installKubeFed creates the definitions, waits until they are served, and returns their resources by kind.
func installKubeFed(t *testing.T, client dynamic.Interface) map[string]schema.GroupVersionResource {
	t.Helper()
	definitions := client.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	out := map[string]schema.GroupVersionResource{}
	for _, crd := range kubefed.CRDs() {
		_, err := definitions.Create(t.Context(), crd, metav1.CreateOptions{})
		require.NoError(t, err, crd.GetName())
		t.Cleanup(func() {
			require.NoError(t, definitions.Delete(context.WithoutCancel(t.Context()), crd.GetName(), metav1.DeleteOptions{}))
		})
		spec := crd.Object["spec"].(map[string]any)
		names := spec["names"].(map[string]any)
		version := spec["versions"].([]any)[0].(map[string]any)["name"].(string)
		out[names["kind"].(string)] = schema.GroupVersionResource{
			Group: spec["group"].(string), Version: version, Resource: names["plural"].(string),
		}
	}
	for _, crd := range kubefed.CRDs() {
		require.Eventually(t, func() bool {
			live, err := definitions.Get(t.Context(), crd.GetName(), metav1.GetOptions{})
			if err != nil {
				return false
			}
			conditions, _, _ := unstructured.NestedSlice(live.Object, "status", "conditions")
			return slices.ContainsFunc(conditions, func(item any) bool {
				c := item.(map[string]any)
				require.False(t, c["type"] == "NonStructuralSchema", "%v", c)
				return c["type"] == "Established" && c["status"] == "True"
			})
		}, time.Minute, 100*time.Millisecond, crd.GetName())
	}
	return out
}
