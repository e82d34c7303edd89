package ownership_test

import (
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/confed-project/confed/internal/ownership"
)

// doc decodes YAML as an API client would: whole numbers are int64.
func doc(t testing.TB, text string) map[string]any {
	t.Helper()
	var m map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(text), &m))
	return ints(m).(map[string]any)
}

func ints(v any) any {
	switch x := v.(type) {
	case map[string]any:
		for k := range x {
			x[k] = ints(x[k])
		}
	case []any:
		for i := range x {
			x[i] = ints(x[i])
		}
	case float64:
		if x == float64(int64(x)) {
			return int64(x)
		}
	}
	return v
}

const live = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {app: web, team: blue}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    spec:
      containers:
      - name: sidecar
        image: proxy:1
      - name: web
        image: nginx:1
        ports:
        - {containerPort: 80, protocol: TCP}
        - {containerPort: 53, protocol: UDP}
        - {containerPort: 53, protocol: TCP}
`

const fields = `
f:metadata: {f:labels: {f:app: {}}}
f:spec:
  f:replicas: {}
  f:selector: {}
  f:template:
    f:spec:
      f:containers:
        k:{"name":"web"}:
          .: {}
          f:name: {}
          f:image: {}
          f:ports:
            k:{"containerPort":80,"protocol":"TCP"}: {.: {}, f:containerPort: {}}
            k:{"containerPort":53,"protocol":"UDP"}: {.: {}, f:containerPort: {}, f:protocol: {}}
            k:{"containerPort":53,"protocol":"TCP"}: {.: {}, f:containerPort: {}, f:protocol: {}}
`

const wish = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    spec:
      containers:
      - name: web
        image: nginx:1
        ports:
        - {containerPort: 80}
        - {containerPort: 53, protocol: UDP}
        - {containerPort: 53, protocol: TCP}
`

func TestUncovered(t *testing.T) {
	tests := map[string]struct {
		edit func(wish, fields, live map[string]any)
		want []string
	}{
		"nothing changed": {func(_, _, _ map[string]any) {}, nil},
		"somebody took the replicas": {func(_, f, _ map[string]any) {
			delete(f["f:spec"].(map[string]any), "f:replicas")
		}, []string{"/spec/replicas"}},
		"somebody took our only label": {func(_, f, l map[string]any) {
			delete(f["f:metadata"].(map[string]any)["f:labels"].(map[string]any), "f:app")
			l["metadata"].(map[string]any)["labels"].(map[string]any)["app"] = "theirs"
		}, []string{"/metadata/labels"}},
		"somebody removed our only container": {func(_, f, l map[string]any) {
			delete(containers(f), `k:{"name":"web"}`)
			l["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)["containers"] = containerList(l)[:1]
		}, []string{"/spec/template/spec/containers"}},
		"somebody took the whole container": {func(_, f, _ map[string]any) {
			containers(f)[`k:{"name":"other"}`] = map[string]any{}
			delete(containers(f), `k:{"name":"web"}`)
		}, []string{"/spec/template/spec/containers/0"}},
		"somebody took an image": {func(_, f, _ map[string]any) {
			delete(containers(f)[`k:{"name":"web"}`].(map[string]any), "f:image")
		}, []string{"/spec/template/spec/containers[name=web]/image"}},
		"somebody took one of two equal ports": {func(_, f, _ map[string]any) {
			web := containers(f)[`k:{"name":"web"}`].(map[string]any)
			delete(web["f:ports"].(map[string]any), `k:{"containerPort":53,"protocol":"UDP"}`)
		}, []string{"/spec/template/spec/containers[name=web]/ports/1"}},
		"our entry is gone": {func(_, f, _ map[string]any) { clear(f) },
			[]string{"/metadata/labels", "/spec"}},
		"an atomic map lost what we wish": {func(_, _, l map[string]any) {
			l["spec"].(map[string]any)["selector"] = map[string]any{"matchLabels": map[string]any{"app": "other"}}
		}, []string{"/spec/selector"}},
		"an atomic map gained something": {func(_, _, l map[string]any) {
			sel := l["spec"].(map[string]any)["selector"].(map[string]any)
			sel["matchExpressions"] = []any{}
		}, nil},
		"values decide nothing": {func(_, _, l map[string]any) {
			l["spec"].(map[string]any)["replicas"] = int64(9)
		}, nil},
		"our ports were reordered": {func(_, _, l map[string]any) {
			ports := containerList(l)[1].(map[string]any)["ports"].([]any)
			ports[0], ports[1] = ports[1], ports[0]
		}, []string{"/spec/template/spec/containers[name=web]/ports[containerPort=53,protocol=UDP]"}},
		"live is metadata only": {func(_, _, l map[string]any) { delete(l, "spec") }, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w, f, l := doc(t, wish), doc(t, fields), doc(t, live)
			test.edit(w, f, l)
			require.Equal(t, test.want, paths(ownership.Uncovered(w, f, l)))
		})
	}
}

func paths(found []ownership.Difference) []string {
	var list []string
	for _, d := range found {
		list = append(list, d.Path)
	}
	return list
}

func containers(f map[string]any) map[string]any {
	spec := f["f:spec"].(map[string]any)["f:template"].(map[string]any)["f:spec"].(map[string]any)
	return spec["f:containers"].(map[string]any)
}

func containerList(l map[string]any) []any {
	spec := l["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)
	return spec["containers"].([]any)
}

const entries = `
metadata:
  managedFields:
  - {manager: confed, operation: Update, apiVersion: v1, fieldsV1: {f:data: {f:a: {}}}}
  - {manager: confed, operation: Apply, apiVersion: v1, fieldsV1: {f:data: {f:b: {}}}}
  - {manager: confed, operation: Update, apiVersion: v1, subresource: status, fieldsV1: {f:status: {}}}
  - {manager: old, operation: Update, apiVersion: v1, fieldsV1: {f:data: {f:c: {}}}}
  - {manager: kubectl, operation: Update, apiVersion: v1, fieldsV1: {f:data: {f:d: {}}}}
`

func TestMove(t *testing.T) {
	before := ownership.Of(doc(t, entries))
	after, moved := before.Move("confed", []string{"old"})
	require.True(t, moved)
	require.Empty(t, cmp.Diff(ownership.Of(doc(t, entries)), before), "the argument is left as it was")
	want := ownership.Of(doc(t, `
metadata:
  managedFields:
  - {manager: confed, operation: Update, apiVersion: v1, subresource: status, fieldsV1: {f:status: {}}}
  - {manager: kubectl, operation: Update, apiVersion: v1, fieldsV1: {f:data: {f:d: {}}}}
  - {manager: confed, operation: Apply, apiVersion: v1, fieldsV1: {f:data: {f:a: {}, f:b: {}, f:c: {}}}}
`))
	require.Empty(t, cmp.Diff(want, after))

	again, moved := after.Move("confed", []string{"old"})
	require.False(t, moved, "moving twice changes nothing")
	require.Empty(t, cmp.Diff(after, again))
	_, moved = before.Move("somebody", nil)
	require.False(t, moved)
}

func TestEntries(t *testing.T) {
	e := ownership.Of(doc(t, entries))
	require.True(t, e.Has("confed"))
	require.True(t, e.Has("nobody", "old"))
	require.False(t, e.Has("nobody"))
	require.Equal(t, doc(t, `{f:data: {f:a: {}, f:b: {}}}`), e.Fields("confed", "v1"))
	require.Nil(t, e.Fields("confed", "v2"))
	require.Equal(t, []string{"kubectl"}, e.Holders([]string{"f:data", "f:d"}, "confed"))
	require.Equal(t, []string{"old", "kubectl"}, e.Holders([]string{"f:data"}, "confed"))
	require.Empty(t, e.Holders([]string{"f:data", "f:a"}, "confed"))
	require.Len(t, e.Without("confed", "old"), 2)
	require.Equal(t, ownership.Entries{map[string]any{}}, e[:1].Without("confed"), "an empty list would mean unchanged")
	require.Empty(t, ownership.Of(map[string]any{"metadata": "garbage"}))
	require.False(t, ownership.Entries{"garbage", nil, int64(3)}.Has("confed"))
}

func TestIdentical(t *testing.T) {
	l := doc(t, live)
	l["metadata"].(map[string]any)["managedFields"] = []any{map[string]any{"manager": "m", "fieldsV1": doc(t, fields)}}
	limits := func(v string) map[string]any {
		return map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"containers": []any{
			map[string]any{"name": "web", "resources": map[string]any{"limits": map[string]any{"cpu": v}}}}}}}}
	}
	containerList(l)[1].(map[string]any)["resources"] = map[string]any{"limits": map[string]any{"cpu": "1"}}
	tests := map[string]struct {
		wish map[string]any
		want bool
	}{
		"all of it":         {doc(t, wish), true},
		"a missing label":   {doc(t, `{metadata: {labels: {app: web, x: y}}}`), false},
		"zero is absent":    {doc(t, `{spec: {paused: false, minReadySeconds: 0}}`), true},
		"not zero":          {doc(t, `{spec: {paused: true}}`), false},
		"quantities":        {limits("1000m"), true},
		"other quantities":  {limits("1001m"), false},
		"other number":      {doc(t, `{spec: {replicas: 4}}`), false},
		"no such container": {doc(t, `{spec: {template: {spec: {containers: [{name: nope}]}}}}`), false},
		"another type":      {doc(t, `{spec: {replicas: {a: b}}}`), false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.want, ownership.Identical(test.wish, l)) })
	}
	require.False(t, ownership.Identical(doc(t, `{data: {a: "1"}}`), doc(t, `{data: {a: "1.0"}}`)), "data is text")
}

func TestChanges(t *testing.T) {
	l := doc(t, live)
	ours := doc(t, fields)
	l["metadata"].(map[string]any)["managedFields"] = []any{map[string]any{"manager": "m", "fieldsV1": ours}}
	w := doc(t, `
metadata: {name: web, labels: {new: x}}
spec:
  replicas: 4
  selector: {matchLabels: {app: web}}
  template:
    spec:
      containers:
      - {name: web, image: "nginx:2", ports: [{containerPort: 53, protocol: UDP}, {containerPort: 81}]}
`)
	require.Empty(t, cmp.Diff([]ownership.Difference{
		{Path: "/metadata/labels/app", Fields: []string{"f:metadata", "f:labels", "f:app"}, Have: "web"},
		{Path: "/metadata/labels/new", Fields: []string{"f:metadata", "f:labels", "f:new"}, Want: "x"},
		{Path: "/spec/replicas", Fields: []string{"f:spec", "f:replicas"}, Want: int64(4), Have: int64(3)},
		{Path: "/spec/template/spec/containers[name=web]/image", Want: "nginx:2", Have: "nginx:1",
			Fields: []string{"f:spec", "f:template", "f:spec", "f:containers", `k:{"name":"web"}`, "f:image"}},
		{Path: "/spec/template/spec/containers[name=web]/ports/1", Want: map[string]any{"containerPort": int64(81)},
			Fields: []string{"f:spec", "f:template", "f:spec", "f:containers", `k:{"name":"web"}`, "f:ports"}},
		{Path: "/spec/template/spec/containers[name=web]/ports[containerPort=53,protocol=TCP]",
			Have:   map[string]any{"containerPort": int64(53), "protocol": "TCP"},
			Fields: []string{"f:spec", "f:template", "f:spec", "f:containers", `k:{"name":"web"}`, "f:ports", `k:{"containerPort":53,"protocol":"TCP"}`}},
		{Path: "/spec/template/spec/containers[name=web]/ports[containerPort=80,protocol=TCP]",
			Have:   map[string]any{"containerPort": int64(80), "protocol": "TCP"},
			Fields: []string{"f:spec", "f:template", "f:spec", "f:containers", `k:{"name":"web"}`, "f:ports", `k:{"containerPort":80,"protocol":"TCP"}`}},
	}, ownership.Changes(w, ours, l)))
	require.Empty(t, ownership.Changes(doc(t, wish), ours, l))
}

// TestUncoveredIsSetDifference holds the walk against a slow twin on random maps: what is covered is exactly what the
// fields spell.
func TestUncoveredIsSetDifference(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		w := randomMap(rnd, 3)
		f := map[string]any{}
		var dropped []string
		own(rnd, w, f, "", &dropped)
		got := ownership.Uncovered(map[string]any{"spec": w}, map[string]any{"f:spec": f}, nil)
		require.ElementsMatch(t, dropped, paths(got))
	}
}

func randomMap(rnd *rand.Rand, depth int) map[string]any {
	m := map[string]any{}
	for i := range 1 + rnd.IntN(3) {
		key := "k" + strconv.Itoa(i)
		if depth > 0 && rnd.IntN(2) == 0 {
			m[key] = randomMap(rnd, depth-1)
		} else {
			m[key] = "v"
		}
	}
	return m
}

// own writes the fieldsV1 form of m into f and leaves out some leaves, whose paths it collects.
func own(rnd *rand.Rand, m, f map[string]any, path string, dropped *[]string) {
	kept := 0
	for key, v := range m {
		child, isMap := v.(map[string]any)
		if !isMap && rnd.IntN(4) == 0 {
			*dropped = append(*dropped, "/spec"+path+"/"+key)
			continue
		}
		node := map[string]any{}
		if isMap {
			own(rnd, child, node, path+"/"+key, dropped)
		}
		f["f:"+key] = node
		kept++
	}
	if kept == 0 {
		f["f:other"] = map[string]any{}
	}
}

func FuzzUncovered(f *testing.F) {
	f.Add([]byte(`{"spec":{"a":[{"name":"x"}]}}`), []byte(`{"f:spec":{"f:a":{"k:{\"name\":\"x\"}":{}}}}`), []byte(`{"spec":{"a":[{"name":"x"}]}}`))
	f.Add([]byte(`{"metadata":{"finalizers":["a"]}}`), []byte(`{"f:metadata":{"f:finalizers":{"v:\"a\"":{}}}}`), []byte(`{}`))
	f.Fuzz(func(t *testing.T, w, fl, l []byte) {
		var wish, fields, live map[string]any
		if json.Unmarshal(w, &wish) != nil || json.Unmarshal(fl, &fields) != nil || json.Unmarshal(l, &live) != nil {
			return
		}
		before, _ := json.Marshal([]any{wish, fields, live})
		first := ownership.Uncovered(wish, fields, live)
		require.Equal(t, first, ownership.Uncovered(wish, fields, live))
		ownership.Identical(wish, live)
		require.Equal(t, ownership.Changes(wish, fields, live), ownership.Changes(wish, fields, live))
		after, _ := json.Marshal([]any{wish, fields, live})
		require.Equal(t, string(before), string(after))
	})
}

func BenchmarkUncovered(b *testing.B) {
	w, f, l := doc(b, wish), doc(b, fields), doc(b, live)
	b.ReportAllocs()
	for b.Loop() {
		if ownership.Uncovered(w, f, l) != nil {
			b.Fatal("drifted")
		}
	}
}
