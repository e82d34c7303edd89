package fedtest_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/federation/fedtest"
)

// wish makes a ConfigMap or a Service with a few random fields.
func wish(t *testing.T, random *rand.Rand, service bool) *unstructured.Unstructured {
	t.Helper()
	var parts []string
	for i := range 4 {
		switch {
		case random.IntN(2) == 0:
		case service:
			parts = append(parts, fmt.Sprintf(`{name: p%d, port: %d, targetPort: %d}`, i, 80+i, 8080+random.IntN(3)))
		default:
			parts = append(parts, fmt.Sprintf(`k%d: "%d"`, i, random.IntN(3)))
		}
	}
	if service {
		return object(t, `{apiVersion: v1, kind: Service, metadata: {namespace: default, name: x}, spec: {selector: {a: b}, ports: [{name: q, port: 1}, `+strings.Join(parts, ", ")+`]}}`)
	}
	return object(t, `{apiVersion: v1, kind: ConfigMap, metadata: {namespace: default, name: x, labels: {by: "1"}}, data: {`+strings.Join(parts, ", ")+`}}`)
}

// leaves lists the scalars of an object, items of lists by their name.
func leaves(into map[string]any, path string, value any) {
	switch value := value.(type) {
	case map[string]any:
		for name, content := range value {
			leaves(into, path+"."+name, content)
		}
	case []any:
		for i, content := range value {
			at := fmt.Sprint(i)
			if item, ok := content.(map[string]any); ok && item["name"] != nil {
				at = fmt.Sprint(item["name"])
			}
			leaves(into, path+"["+at+"]", content)
		}
	default:
		into[path] = value
	}
}

// TestLawsOfApply lets three managers write at random, and checks what server-side apply promises.
func TestLawsOfApply(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 1))
		member, service := &fedtest.Member{}, seed%2 == 0
		for range 12 {
			by, force := []string{"us", "them", "others"}[random.IntN(3)], random.IntN(2) == 0
			config := wish(t, random, service)
			given := config.DeepCopy()
			before := member.Objects()
			got, err := member.Patch(t.Context(), config, nil, apply(by, force))
			require.Equal(t, given, config)
			if err != nil {
				require.True(t, apierrors.IsConflict(err) && !force, "seed %d: %v", seed, err)
				require.Equal(t, before, member.Objects(), "a conflict changes nothing")
				continue
			}
			wanted, live := map[string]any{}, map[string]any{}
			leaves(wanted, "", config.Object)
			leaves(live, "", got.Object)
			for path, value := range wanted {
				require.Equal(t, value, live[path], "seed %d: %s", seed, path)
			}
			again, err := member.Patch(t.Context(), config, nil, apply(by, false))
			require.NoError(t, err)
			require.Equal(t, got.GetResourceVersion(), again.GetResourceVersion(), "seed %d: an apply that says the same writes nothing", seed)
		}
	}
}

// FuzzPatch sends any JSON patch: the member answers, and the object keeps its identity.
func FuzzPatch(f *testing.F) {
	for _, seed := range []string{
		`[{"op":"remove","path":"/metadata"}]`, `[{"op":"replace","path":"","value":{}}]`,
		`[{"op":"replace","path":"/metadata/managedFields","value":[{"manager":"a","operation":"Update","fieldsV1":{}}]}]`,
		`[{"op":"add","path":"/spec/template","value":[null,{"a":[]}]}]`, `[{"op":"replace","path":"/spec","value":"x"}]`,
		`[{"op":"add","path":"/metadata/ownerReferences","value":{"uid":1}}]`, `[{"op":"add","path":"/status","value":3}]`,
		`[{"op":"add","path":"/metadata/finalizers","value":"x"},{"op":"copy","from":"/spec","path":"/metadata/labels"}]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, patch []byte) {
		member := &fedtest.Member{}
		obj := object(t, deployment)
		made := create(t, member, obj)
		if patch == nil {
			patch = []byte{}
		}
		_, _ = member.Patch(t.Context(), obj, patch, metav1.PatchOptions{FieldManager: "them"})
		got, err := member.Get(t.Context(), obj.GroupVersionKind(), nameOf(obj))
		require.NoError(t, err)
		require.Equal(t, []any{made.GetUID(), made.GetName(), made.GetKind()}, []any{got.GetUID(), got.GetName(), got.GetKind()})
	})
}

// FuzzWrite sends any object in every way: the member answers.
func FuzzWrite(f *testing.F) {
	for _, seed := range []string{
		`{"apiVersion":"v1","kind":"Service","metadata":{"namespace":"default","name":"a"},"spec":{"ports":[{"port":80}]}}`,
		`{"apiVersion":"v1","kind":"Namespace","metadata":"x"}`, `{"apiVersion":"batch/v1","kind":"Job","metadata":{"namespace":"default","name":"a"},"spec":[]}`,
		`{"apiVersion":"v1","kind":"Pod","metadata":{"namespace":"default","name":"a"},"spec":{"containers":{"a":[{}]},"tolerations":[1]}}`,
		`{"apiVersion":"v1","kind":"Secret","metadata":{"namespace":"default","name":"a"},"stringData":{"a":1},"data":"x"}`,
		strings.ReplaceAll(`{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"a.b"},"spec":{"group":"b","scope":"Cluster","names":{"kind":"A","plural":"a"},"versions":[{"name":"v1","served":true,"schema":{"openAPIV3Schema":{"properties":{"x":S,"*":S}}}}]}}`, "S", `{"items":{"x-kubernetes-map-type":"atomic"},"x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["a",1]}`),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var content map[string]any
		if json.Unmarshal(data, &content) != nil {
			return
		}
		obj, member := &unstructured.Unstructured{Object: content}, &fedtest.Member{}
		_, _ = member.Patch(t.Context(), obj, nil, apply("us", true))
		_, _ = member.Create(t.Context(), obj, metav1.CreateOptions{})
		_, _ = member.Update(t.Context(), obj, "them")
		_, _ = member.Status(t.Context(), obj, "them")
		_, _ = member.Scale(t.Context(), obj, "them")
		if gvk := obj.GroupVersionKind(); gvk.Kind == "CustomResourceDefinition" {
			names, _, _ := unstructured.NestedString(content, "spec", "names", "kind")
			instance := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "b/v1", "kind": names, "x": []any{map[string]any{"a": "b"}}}}
			instance.SetName("x")
			_, _ = member.Patch(t.Context(), instance, nil, apply("us", true))
		}
		_ = member.Delete(t.Context(), obj.GroupVersionKind(), nameOf(obj), metav1.DeleteOptions{})
	})
}
