package kubefed_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/kubefed"
	"github.com/confed-project/confed/placement"
	"github.com/confed-project/confed/scheduling"
)

// A division that is written and taken back leaves what was there; written twice it changes nothing.
func TestSharesLaws(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 2))
		obj := randomFederated(r)
		before := obj.DeepCopy()
		var list []scheduling.Share
		for range 1 + r.IntN(3) {
			list = nil
			for _, name := range []string{"a", "b", "c", "d"} {
				if r.IntN(2) == 0 {
					list = append(list, scheduling.Share{Name: name, Replicas: r.Int64N(3)})
				}
			}
			if out := kubefed.WriteShares(obj, list); out != nil {
				obj = out
			}
		}
		again := slices.Clone(list)
		slices.Reverse(again)
		require.Nil(t, kubefed.WriteShares(obj, again))
		require.Equal(t, list, kubefed.ReadShares(obj))
		wish, err := kubefed.Decode(obj, deployment())
		require.NoError(t, err)
		names := []string{}
		for _, s := range list {
			names = append(names, s.Name)
			rendered, err := federation.Render(wish, placement.Cluster{Name: s.Name}, nil)
			require.NoError(t, err)
			got, _, err := unstructured.NestedInt64(rendered.Manifest.Object, "spec", "replicas")
			require.NoError(t, err)
			require.Equal(t, s.Replicas, got)
		}
		slices.Sort(wish.Placement.Clusters)
		require.Equal(t, names, wish.Placement.Clusters)
		if obj.GetAnnotations()[kubefed.UnscheduledAnnotation] == "" {
			continue // the division was there already
		}
		require.Equal(t, meaning(before), meaning(kubefed.UndoShares(obj)), "seed %d", seed)
	}
}

func randomFederated(r *rand.Rand) *unstructured.Unstructured {
	spec := map[string]any{"template": map[string]any{"spec": map[string]any{}}}
	policy := map[string]any{}
	if r.IntN(2) == 0 {
		policy["clusterSelector"] = map[string]any{}
	}
	if r.IntN(2) == 0 {
		policy["clusters"] = []any{map[string]any{"name": "b"}, map[string]any{"name": "a"}}
	}
	if len(policy) > 0 {
		spec["placement"] = policy
	}
	var list []any
	for _, name := range []string{"c", "a", "x"} {
		if r.IntN(2) == 0 {
			continue
		}
		patches := []any{map[string]any{"path": "/metadata/labels", "value": map[string]any{"x": "y"}}}
		if r.IntN(2) == 0 {
			patches = append(patches, map[string]any{"op": "add", "path": "/spec/replicas", "value": r.Int64N(3)})
		}
		r.Shuffle(len(patches), func(i, j int) { patches[i], patches[j] = patches[j], patches[i] })
		list = append(list, map[string]any{"clusterName": name, "clusterOverrides": patches[r.IntN(len(patches)):]})
	}
	if list != nil {
		spec["overrides"] = list
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "types.kubefed.io/v1beta1", "kind": "FederatedDeployment",
		"metadata": map[string]any{"name": "web", "namespace": "shop"}, "spec": spec,
	}}
}

// meaning is the object with its overrides by cluster and path, since their order means nothing while paths differ.
func meaning(obj *unstructured.Unstructured) map[string]any {
	out := maps.Clone(obj.Object)
	spec := maps.Clone(out["spec"].(map[string]any))
	list, _ := spec["overrides"].([]any)
	byPath := map[string]any{}
	for _, entry := range list {
		e := entry.(map[string]any)
		for _, p := range e["clusterOverrides"].([]any) {
			m := p.(map[string]any)
			byPath[fmt.Sprint(e["clusterName"], m["path"])] = m
		}
	}
	spec["overrides"] = byPath
	out["spec"] = spec
	return out
}

// What KubeFed wrote has no note.
func TestUndoWithoutNote(t *testing.T) {
	const text = `
apiVersion: types.kubefed.io/v1beta1
kind: FederatedDeployment
metadata: {name: web, namespace: shop}
spec:
  placement: {clusters: [{name: a}, {name: b}]}
  overrides:
  - {clusterName: a, clusterOverrides: [{path: /spec/replicas, value: 1}]}
  - {clusterName: b, clusterOverrides: [{path: /spec/replicas, value: 1}, {path: /spec/paused, value: true}]}
  - {clusterName: gone, clusterOverrides: [{path: /spec/replicas, value: 7}]}
`
	got := kubefed.UndoShares(object(t, text))
	require.Equal(t, object(t, `
apiVersion: types.kubefed.io/v1beta1
kind: FederatedDeployment
metadata: {name: web, namespace: shop}
spec:
  placement: {clusters: [{name: a}, {name: b}]}
  overrides:
  - {clusterName: b, clusterOverrides: [{path: /spec/paused, value: true}]}
  - {clusterName: gone, clusterOverrides: [{path: /spec/replicas, value: 7}]}
`), got, "without a selector the names stay: nothing else says where it is")
	require.Nil(t, kubefed.UndoShares(got))
	for _, note := range []string{"{}", "null", "7", `{"clusters": `} {
		spoilt := object(t, text)
		spoilt.SetAnnotations(map[string]string{kubefed.UnscheduledAnnotation: note})
		require.Equal(t, got, kubefed.UndoShares(spoilt), "a note that says nothing is none: %s", note)
	}
	selected := object(t, text)
	require.NoError(t, unstructured.SetNestedMap(selected.Object, map[string]any{}, "spec", "placement", "clusterSelector"))
	got = kubefed.UndoShares(selected)
	require.Equal(t, map[string]any{"clusterSelector": map[string]any{}}, got.Object["spec"].(map[string]any)["placement"])
}

func TestWriteSharesCases(t *testing.T) {
	var table struct {
		Updates []struct {
			ID            string
			Before, After map[string][]map[string]any
			Scheduled     map[string]int64
		} `json:"rsp_update"`
	}
	load(t, "testdata/overrides.json", &table)
	require.Len(t, table.Updates, 5)
	for _, row := range table.Updates {
		t.Run(row.ID, func(t *testing.T) {
			encode := func(m map[string][]map[string]any) (out []any) {
				for _, name := range slices.Sorted(maps.Keys(m)) {
					patches := []any{}
					for _, p := range m[name] {
						patches = append(patches, map[string]any{"path": p["path"], "value": int64(p["value"].(float64))})
					}
					out = append(out, map[string]any{"clusterName": name, "clusterOverrides": patches})
				}
				return out
			}
			obj := object(t, web)
			obj.Object["spec"] = map[string]any{"overrides": encode(row.Before)}
			var list []scheduling.Share
			for name, n := range row.Scheduled {
				list = append(list, scheduling.Share{Name: name, Replicas: n})
			}
			before := obj.DeepCopy()
			got := kubefed.WriteShares(obj, list)
			require.Equal(t, before, obj)
			spec := got.Object["spec"].(map[string]any)
			require.Equal(t, encode(row.After), spec["overrides"])
			require.Len(t, spec["placement"].(map[string]any)["clusters"], len(list))
		})
	}
}
