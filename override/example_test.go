package override_test

import (
	"encoding/json"
	"fmt"

	"github.com/confed-project/confed/override"
)

func ExampleApply() {
	doc := map[string]any{
		"kind":     "Deployment",
		"metadata": map[string]any{"name": "web"},
		"spec": map[string]any{"replicas": int64(3), "containers": []any{
			map[string]any{"name": "web", "image": "web:1"},
		}},
	}
	out, err := override.Apply(doc, []override.Patch{
		{Path: "/spec/replicas", Value: 5},
		{Path: "/spec/containers[name=web]/image", Value: "web:2"},
	})
	text, _ := json.Marshal(out["spec"])
	fmt.Println(string(text), err)

	_, err = override.Apply(doc, []override.Patch{{Path: "/metadata", Value: map[string]any{"name": "other"}}})
	fmt.Println(err)
	// Output:
	// {"containers":[{"image":"web:2","name":"web"}],"replicas":5} <nil>
	// patch 0 at "/metadata": protected: /metadata/name
}

func ExampleCompile() {
	prog, err := override.Compile([]override.Patch{{Op: "add", Path: "/data/region", Value: "eu"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, doc := range []map[string]any{{"data": map[string]any{"a": "b"}}, {}} {
		out, err := prog.Apply(doc)
		fmt.Println(out, err)
	}
	// Output:
	// map[data:map[a:b region:eu]] <nil>
	// map[] patch 0 at "/data/region": not found: there is no "data" to go into
}

func ExampleApplyLayers() {
	doc := map[string]any{"spec": map[string]any{"replicas": int64(3)}}
	layers := []override.Layer{
		{Name: "small", Priority: 10, Edits: []override.Edit{override.Patch{Path: "/spec/replicas", Value: "${size|int:-1}"}}},
		{Name: "all", Edits: []override.Edit{override.Patch{Path: "/spec/zone", Value: "zone-${zone}"}}},
	}
	vars := func(name string) (any, bool) { return "a", name == "zone" }
	out, trace, err := override.ApplyLayers(doc, layers, vars)
	fmt.Println(out, err)
	for _, c := range trace {
		fmt.Println(c.Layer, c.Op, c.Path, c.Old, "->", c.New)
	}
	// Output:
	// map[spec:map[replicas:1 zone:zone-a]] <nil>
	// all add /spec/zone <nil> -> zone-a
	// small replace /spec/replicas 3 -> 1
}
