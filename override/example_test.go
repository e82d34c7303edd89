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

func show(doc map[string]any, err error) {
	text, _ := json.Marshal(doc)
	fmt.Println(string(text), err)
}

func apply(doc map[string]any, edits ...override.Edit) (map[string]any, error) {
	out, _, err := override.ApplyLayers(doc, []override.Layer{{Edits: edits}}, nil)
	return out, err
}

func ExampleMerge() {
	doc := map[string]any{"spec": map[string]any{"type": "ClusterIP", "clusterIP": "10.0.0.1"}}
	show(apply(doc, override.Merge{"spec": map[string]any{"type": "LoadBalancer", "clusterIP": nil}}))
	// Output: {"spec":{"type":"LoadBalancer"}} <nil>
}

func ExampleContainer() {
	pod := map[string]any{"apiVersion": "v1", "kind": "Pod", "spec": map[string]any{"containers": []any{
		map[string]any{"name": "web", "image": "docker.io/shop/web:1", "args": []any{"--quiet"}},
	}}}
	out, err := apply(pod, override.Container{
		Names: []string{"web"},
		Image: override.Image{Registry: "mirror.eu"},
		Args:  override.List{Append: []string{"--region=eu"}},
		Env:   []override.EnvVar{{Name: "REGION", Value: "eu"}},
	})
	show(out["spec"].(map[string]any), err)

	_, err = apply(pod, override.Container{Names: []string{"wbe"}})
	fmt.Println(err)
	// Output:
	// {"containers":[{"args":["--quiet","--region=eu"],"env":[{"name":"REGION","value":"eu"}],"image":"mirror.eu/shop/web:1","name":"web"}]} <nil>
	// patch 0: not found: no container is named wbe
}

func ExampleMetadata() {
	doc := map[string]any{"metadata": map[string]any{"name": "web", "labels": map[string]any{"app": "web", "old": "x"}}}
	show(apply(doc, override.Metadata{Labels: map[string]any{"region": "eu", "old": nil}}))
	// Output: {"metadata":{"labels":{"app":"web","region":"eu"},"name":"web"}} <nil>
}

func ExampleReplicas() {
	doc := map[string]any{"apiVersion": "apps/v1", "kind": "Deployment"}
	show(apply(doc, override.Replicas(3)))
	// Output: {"apiVersion":"apps/v1","kind":"Deployment","spec":{"replicas":3}} <nil>
}

func ExampleDocument() {
	doc := map[string]any{"data": map[string]any{"app.yaml": "# the shop\nport: 8080 # behind the mesh\nversion: 1.10\n"}}
	out, err := apply(doc, override.Document{Path: "/data/app.yaml", Edits: []override.Edit{override.Patch{Path: "/port", Value: 9090}}})
	fmt.Print(out["data"].(map[string]any)["app.yaml"], err)
	// Output:
	// # the shop
	// port: 9090 # behind the mesh
	// version: 1.10
	// <nil>
}

func ExampleConflicts() {
	doc := map[string]any{"spec": map[string]any{"replicas": int64(1)}}
	_, trace, _ := override.ApplyLayers(doc, []override.Layer{
		{Name: "base", Edits: []override.Edit{override.Patch{Path: "/spec/replicas", Value: 2}}},
		{Name: "eu", Edits: []override.Edit{override.Merge{"spec": map[string]any{"replicas": 5, "paused": true}}}},
	}, nil)
	for _, c := range override.Conflicts(trace) {
		fmt.Println(c.Later.Layer, "changed", c.Later.Path, "from", c.Earlier.New, "of", c.Earlier.Layer, "to", c.Later.New)
	}
	// Output: eu changed /spec/replicas from 2 of base to 5
}

func ExampleExpand() {
	vars := func(name string) (any, bool) {
		v, ok := map[string]any{"cluster.name": "eu-1", "cluster.labels[size]": "3"}[name]
		return v, ok
	}
	for _, s := range []string{"${cluster.name}.example.com", "${cluster.labels[size]|int}", "${cluster.region:-none}", "$${HOME}", "${nope}"} {
		v, err := override.Expand(s, vars)
		fmt.Printf("%#v %v\n", v, err)
	}
	// Output:
	// "eu-1.example.com" <nil>
	// 3 <nil>
	// "none" <nil>
	// "${HOME}" <nil>
	// <nil> variable "nope": not found
}

func ExampleGuarded() {
	role := map[string]any{"kind": "ClusterRole", "rules": []any{}}
	_, err := override.Compile([]override.Patch{{Op: "add", Path: "/rules/-", Value: "x"}}, override.Guarded()...)
	fmt.Println(err, role["rules"])
	// Output: patch 0 at "/rules/-": protected: /rules []
}

func ExampleLayer_Compile() {
	layer, err := override.Layer{Name: "eu", Edits: []override.Edit{override.Patch{Path: "/data/region", Value: "${cluster.name}"}}}.Compile()
	if err != nil {
		fmt.Println(err)
		return
	}
	doc := map[string]any{"data": map[string]any{}}
	for _, cluster := range []string{"eu-1", "eu-2"} {
		out, _, err := override.ApplyLayers(doc, []override.Layer{layer}, func(string) (any, bool) { return cluster, true })
		show(out, err)
	}
	// Output:
	// {"data":{"region":"eu-1"}} <nil>
	// {"data":{"region":"eu-2"}} <nil>
}
