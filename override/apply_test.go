package override

import (
	"fmt"
	"math"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

const web = `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","namespace":"shop","labels":{"app":"web"}},
"spec":{"replicas":3,"template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[
{"name":"web","image":"web:1","args":["a","b"],"ports":[{"containerPort":80,"protocol":"TCP"},{"containerPort":80,"protocol":"UDP"}]},
{"name":"log","image":"log:1"}]}}}}`

func TestApplyStory(t *testing.T) {
	for _, row := range []struct {
		name    string
		patches []Patch
		path    string
		want    any
		err     error
	}{
		{"by key", []Patch{{Path: "/spec/template/spec/containers[name=log]/image", Value: "log:2"}}, "/spec/template/spec/containers/1/image", "log:2", nil},
		{"by two keys", []Patch{{Path: "/spec/template/spec/containers[name=web]/ports[containerPort=80][protocol=UDP]/name", Value: "dns"}}, "/spec/template/spec/containers/0/ports/1/name", "dns", nil},
		{"ambiguous key", []Patch{{Path: "/spec/template/spec/containers[name=web]/ports[containerPort=80]/name", Value: "dns"}}, "", nil, ErrInvalid},
		{"no such item", []Patch{{Path: "/spec/template/spec/containers[name=nope]/image", Value: "x"}}, "", nil, ErrNotFound},
		{"replace no such item", []Patch{{Path: "/spec/template/spec/containers[name=nope]", Value: map[string]any{"name": "nope"}}}, "", nil, ErrNotFound},
		{"add item by key", []Patch{{Op: "add", Path: "/spec/template/spec/containers[name=new]", Value: map[string]any{"name": "new"}}}, "/spec/template/spec/containers/2/name", "new", nil},
		{"add item by key replaces", []Patch{{Op: "add", Path: "/spec/template/spec/containers[name=log]", Value: map[string]any{"name": "log"}}}, "/spec/template/spec/containers/1", map[string]any{"name": "log"}, nil},
		{"add item of another key", []Patch{{Op: "add", Path: "/spec/template/spec/containers[name=new]", Value: map[string]any{"name": "other"}}}, "", nil, ErrInvalid},
		{"remove item by key", []Patch{{Op: "remove", Path: "/spec/template/spec/containers[name=web]"}}, "/spec/template/spec/containers/0/name", "log", nil},
		{"selector on an object", []Patch{{Path: "/spec[name=x]/y", Value: 1}}, "", nil, ErrNotFound},
		{"literal bracket", []Patch{{Op: "add", Path: "/metadata/labels/a~2b=c]", Value: "x"}}, "/metadata/labels/a[b=c]", "x", nil},
		{"several appends", []Patch{{Op: "add", Path: "/spec/template/spec/containers/0/args/-", Value: "c"}, {Op: "add", Path: "/spec/template/spec/containers/0/args/-", Value: "d"}}, "/spec/template/spec/containers/0/args", []any{"a", "b", "c", "d"}, nil},
		{"lenient remove", []Patch{{Op: "remove", Path: "/spec/nope/deep", Lenient: true}}, "/spec/replicas", int64(3), nil},
		{"lenient add", []Patch{{Op: "add", Path: "/metadata/annotations/a~1b", Value: "x", Lenient: true}}, "/metadata/annotations", map[string]any{"a/b": "x"}, nil},
		{"lenient append", []Patch{{Op: "add", Path: "/spec/list/-", Value: "x", Lenient: true}}, "/spec/list", []any{"x"}, nil},
		{"lenient item", []Patch{{Path: "/spec/template/spec/containers[name=web]/env[name=A]/value", Value: "x", Lenient: true}}, "/spec/template/spec/containers/0/env", []any{map[string]any{"name": "A", "value": "x"}}, nil},
		{"lenient item of a number", []Patch{{Op: "add", Path: "/spec/ports[port=80]/name", Value: "x", Lenient: true}}, "", nil, ErrInvalid},
		{"lenient index", []Patch{{Op: "add", Path: "/spec/list/0", Value: "x", Lenient: true}}, "", nil, ErrNotFound},
		{"lenient move of nothing", []Patch{{Op: "move", From: "/spec/nope", Path: "/spec/x", Lenient: true}}, "/spec/replicas", int64(3), nil},
		{"lenient test", []Patch{{Op: "test", Path: "/spec/nope", Lenient: true}}, "", nil, ErrInvalid},
		{"null parent", []Patch{{Path: "/spec/x", Value: nil}, {Path: "/spec/x/y", Value: 1}}, "", nil, ErrNotFound},
		{"null parent, lenient", []Patch{{Path: "/spec/x", Value: nil}, {Path: "/spec/x/y", Value: 1, Lenient: true}}, "/spec/x/y", int64(1), nil},
		{"copy then change one", []Patch{{Op: "copy", From: "/metadata/labels", Path: "/metadata/annotations"}, {Path: "/metadata/annotations/app", Value: "x"}}, "/metadata/labels/app", "web", nil},
		{"copy into itself", []Patch{{Path: "/spec/replicas", Value: 1}, {Op: "copy", From: "/spec", Path: "/spec/spec"}, {Path: "/spec/spec/replicas", Value: 2}}, "/spec/replicas", int64(1), nil},
		{"move into itself", []Patch{{Op: "move", From: "/spec", Path: "/spec/spec"}}, "", nil, ErrInvalid},
		{"move to itself", []Patch{{Op: "move", From: "/spec", Path: "/spec"}}, "/spec/replicas", int64(3), nil},
		{"move within a list", []Patch{{Op: "move", From: "/spec/template/spec/containers/0", Path: "/spec/template/spec/containers/-"}}, "/spec/template/spec/containers/1/name", "web", nil},
		{"test of nothing", []Patch{{Op: "test", Path: "/spec/nope", Value: nil}}, "", nil, ErrTest},
		{"one number", []Patch{{Op: "test", Path: "/spec/replicas", Value: 3.0}}, "/spec/replicas", int64(3), nil},
		{"leading zero", []Patch{{Path: "/spec/template/spec/containers/00/image", Value: "x"}}, "", nil, ErrNotFound},
		{"plus", []Patch{{Path: "/spec/template/spec/containers/+0/image", Value: "x"}}, "", nil, ErrNotFound},
		{"minus zero", []Patch{{Path: "/spec/template/spec/containers/-0/image", Value: "x"}}, "", nil, ErrNotFound},
		{"dash in the middle", []Patch{{Path: "/spec/template/spec/containers/-/image", Value: "x"}}, "", nil, ErrNotFound},
		{"huge index", []Patch{{Path: "/spec/template/spec/containers/99999999999999999999/image", Value: "x"}}, "", nil, ErrNotFound},
		{"bad escape", []Patch{{Path: "/spec/a~4", Value: "x"}}, "", nil, ErrInvalid},
		{"escape at the end", []Patch{{Path: "/spec/a~", Value: "x"}}, "", nil, ErrInvalid},
		{"set twice", []Patch{{Path: "/spec/x", Value: 1}, {Op: "add", Path: "/spec/x", Value: 2}}, "", nil, ErrInvalid},
		{"set, test, set", []Patch{{Path: "/spec/x", Value: 1}, {Op: "test", Path: "/spec/x", Value: 1}, {Path: "/spec/x", Value: 2}}, "/spec/x", int64(2), nil},
		{"set, choose by it, set", []Patch{{Path: "/spec/template/spec/containers/0/name", Value: "z"}, {Path: "/spec/template/spec/containers[name=z]/image", Value: "z:1"}, {Path: "/spec/template/spec/containers/0/name", Value: "web"}}, "/spec/template/spec/containers[name=web]/image", "z:1", nil},
		{"below a scalar", []Patch{{Path: "/spec/replicas/x", Value: 1}}, "", nil, ErrNotFound},
		{"no object left", []Patch{{Path: "", Value: 1}}, "", nil, ErrProtected},
		{"remove all", []Patch{{Op: "remove", Path: ""}}, "", nil, ErrInvalid},
	} {
		t.Run(row.name, func(t *testing.T) {
			doc, before := object(t, web), object(t, web)
			got, err := Apply(doc, row.patches)
			require.Empty(t, cmp.Diff(before, doc))
			if row.err != nil {
				require.ErrorIs(t, err, row.err)
				require.Nil(t, got)
				return
			}
			require.NoError(t, err)
			p, err := parsePointer(row.path)
			require.NoError(t, err)
			at, ok, err := p.lookup(got)
			require.NoError(t, err)
			if !ok { // the literal bracket: a name that a pointer must escape
				at = got["metadata"].(map[string]any)["labels"].(map[string]any)["a[b=c]"]
			}
			require.Equal(t, row.want, at)
		})
	}
}

func TestIdentityIsProtectedThroughEverySpelling(t *testing.T) {
	for _, p := range []Patch{
		{Path: "/metadata/name", Value: "x"},
		{Path: "/metadata/name", Value: "web"}, // aimed at it, whatever the value
		{Op: "add", Path: "/metadata/namespace", Value: "x"},
		{Op: "remove", Path: "/metadata/namespace"},
		{Op: "remove", Path: "/metadata/namespace", Lenient: true},
		{Op: "add", Path: "/metadata/generateName", Value: "x"},
		{Op: "add", Path: "/metadata/name/x", Value: "x"},
		{Path: "/kind", Value: "x"},
		{Op: "remove", Path: "/apiVersion"},
		{Path: "/apiVersion", Value: "other/v1"},
		{Path: "/apiVersion", Value: "v1"},
		{Path: "/apiVersion", Value: ""},
		{Path: "/apiVersion", Value: "apps"},
		{Path: "/apiVersion", Value: "apps/"},
		{Path: "/apiVersion", Value: 1},
		{Path: "/metadata", Value: map[string]any{"name": "x", "namespace": "shop"}},
		{Path: "/metadata", Value: map[string]any{"name": "web"}},
		{Path: "/metadata", Value: nil},
		{Path: "/metadata", Value: []any{}},
		{Op: "remove", Path: "/metadata"},
		{Op: "move", From: "/metadata/name", Path: "/metadata/labels/name"},
		{Op: "move", From: "/metadata", Path: "/spec/metadata"},
		{Op: "move", From: "/spec", Path: "/metadata"},
		{Op: "copy", From: "/metadata/labels", Path: "/metadata"},
		{Op: "copy", From: "/spec/template/metadata", Path: "/metadata"},
		{Op: "copy", From: "/metadata/labels/app", Path: "/metadata/generateName"},
		{Path: "", Value: map[string]any{}},
		{Op: "move", From: "/spec", Path: ""},
		{Op: "copy", From: "/spec/template", Path: ""},
	} {
		t.Run(fmt.Sprintf("%s %s %s", p.Op, p.From, p.Path), func(t *testing.T) {
			_, err := Apply(object(t, web), []Patch{p})
			require.ErrorIs(t, err, ErrProtected)
		})
	}
	for _, p := range []Patch{
		{Path: "/apiVersion", Value: "apps/v1beta2"},
		{Path: "/metadata", Value: map[string]any{"name": "web", "namespace": "shop"}},
		{Op: "test", Path: "/metadata/name", Value: "web"},
		{Op: "copy", From: "/metadata/name", Path: "/metadata/labels/name"},
		{Op: "add", Path: "/spec/template/metadata/name", Value: "x"},
		{Path: "", Value: object(t, web)},
	} {
		_, err := Apply(object(t, web), []Patch{p})
		require.NoError(t, err)
	}
}

func TestProtectedPaths(t *testing.T) {
	doc := object(t, `{"kind":"ClusterRole","rules":[{"verbs":["get"]}],"a":{"b":[{"n":"x","v":1},{"n":"y","v":2}]}}`)
	for _, row := range []struct {
		protected string
		patch     Patch
	}{
		{"/rules", Patch{Op: "add", Path: "/rules/-", Value: map[string]any{}}},
		{"/rules", Patch{Path: "/rules/0/verbs/0", Value: "*"}},
		{"/rules", Patch{Op: "copy", From: "/a/b", Path: "/rules"}},
		{"/status", Patch{Op: "add", Path: "/status/x", Value: 1, Lenient: true}},
		{"/a/b[n=x]/v", Patch{Path: "/a/b/0/v", Value: 2}},
		{"/a/b[n=x]/v", Patch{Path: "/a/b/-2/v", Value: 2}},
		{"/a/b[n=x]/v", Patch{Path: "/a/b[v=1]/v", Value: 2}},
		{"/a/b[n=x]/v", Patch{Op: "add", Path: "/a/b/-", Value: map[string]any{"n": "x"}}},
		{"/a/b/1", Patch{Op: "remove", Path: "/a/b/0"}},
	} {
		_, err := Apply(doc, []Patch{row.patch}, row.protected)
		require.ErrorIs(t, err, ErrProtected, "%s against %v", row.protected, row.patch)
		_, err = Apply(doc, []Patch{row.patch})
		require.NoError(t, err)
		_, _, err = ApplyLayers(doc, []Layer{{Edits: []Edit{row.patch}}}, nil, row.protected)
		require.ErrorIs(t, err, ErrProtected)
		prog, err := Compile([]Patch{row.patch})
		require.NoError(t, err)
		_, _, err = ApplyLayers(doc, []Layer{{Edits: []Edit{prog}}}, nil, row.protected)
		require.ErrorIs(t, err, ErrProtected)
	}
	_, err := Compile(nil, "rules")
	require.ErrorIs(t, err, ErrInvalid)

	// Away from under the selector, and back again.
	_, err = Apply(doc, []Patch{
		{Path: "/a/b/0/n", Value: "z"}, {Op: "add", Path: "/a/b[n=z]/w", Value: 1}, {Path: "/a/b/0/n", Value: "x"},
	}, "/a/b[n=x]/w")
	require.ErrorIs(t, err, ErrProtected)
	// An item that a lenient patch adds.
	_, err = Apply(map[string]any{"a": []any{}}, []Patch{{Op: "add", Path: "/a[n=x]/v", Value: 1, Lenient: true}}, "/a/0/n")
	require.ErrorIs(t, err, ErrProtected)
	// A path that two items answer protects nothing that could be told, so nothing near it changes.
	twins := object(t, `{"a":[{"n":"x","v":1},{"n":"x","v":2}]}`)
	_, err = Apply(twins, []Patch{{Path: "/a/0/v", Value: 3}}, "/a[n=x]/v")
	require.ErrorIs(t, err, ErrProtected)
}

func TestSharing(t *testing.T) {
	doc := object(t, web)
	value := map[string]any{"x": map[string]any{"y": 1}}
	out, err := Apply(doc, []Patch{{Path: "/spec/replicas", Value: 5}, {Op: "add", Path: "/spec/extra", Value: value}})
	require.NoError(t, err)
	spec, was := out["spec"].(map[string]any), doc["spec"].(map[string]any)
	require.Equal(t, identity(was["template"].(map[string]any)), identity(spec["template"].(map[string]any)))
	require.Equal(t, identity(doc["metadata"].(map[string]any)), identity(out["metadata"].(map[string]any)))
	value["x"].(map[string]any)["y"] = "changed by the caller"
	require.Equal(t, map[string]any{"x": map[string]any{"y": int64(1)}}, spec["extra"])

	same, err := Program{}.Apply(doc)
	require.NoError(t, err)
	require.Equal(t, identity(doc), identity(same))
}

func TestConcurrentUse(t *testing.T) {
	doc := object(t, web)
	prog, err := Compile([]Patch{
		{Op: "add", Path: "/metadata/annotations", Value: map[string]any{"a": "b"}},
		{Op: "add", Path: "/metadata/annotations/c", Value: "d"},
		{Op: "copy", From: "/metadata/annotations", Path: "/spec/template/metadata/annotations"},
		{Op: "add", Path: "/spec/template/metadata/annotations/e", Value: "f"},
	})
	require.NoError(t, err)
	want, err := prog.Apply(doc)
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				got, err := prog.Apply(doc)
				if err != nil || !cmp.Equal(want, got) {
					t.Errorf("%v %v", got, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

type sealed struct {
	A int            `json:"a"`
	B map[string]any `json:"b,omitempty"`
}

func TestNormalisation(t *testing.T) {
	seven := 7
	cyclic := map[string]any{}
	cyclic["a"], cyclic["b"] = cyclic, []any{cyclic, cyclic}
	type ring struct{ Next *ring }
	round := &ring{}
	round.Next = round
	type name string
	for _, row := range []struct {
		in, want any
		ok       bool
	}{
		{7, int64(7), true}, {int8(7), int64(7), true}, {uint32(7), int64(7), true}, {uint64(math.MaxUint64), nil, false},
		{float32(0.1), 0.1, true}, {0.5, 0.5, true}, {math.NaN(), nil, false}, {math.Inf(1), nil, false}, {float32(math.Inf(1)), nil, false},
		{name("x"), "x", true}, {"\xff", nil, false}, {map[string]string{"a": "b"}, map[string]any{"a": "b"}, true},
		{map[name]int{"a": 1}, map[string]any{"a": int64(1)}, true}, {map[int]int{1: 1}, nil, false},
		{[]string{"a"}, []any{"a"}, true}, {[2]int{1, 2}, []any{int64(1), int64(2)}, true}, {[]string(nil), nil, true},
		{[]byte("ab"), "YWI=", true}, {&seven, int64(7), true}, {(*int)(nil), nil, true},
		{sealed{A: 1, B: map[string]any{"c": 2}}, map[string]any{"a": int64(1), "b": map[string]any{"c": int64(2)}}, true},
		{make(chan int), nil, false}, {func() {}, nil, false}, {complex(1, 1), nil, false}, {cyclic, nil, false}, {round, nil, false},
		{map[string]any{"\xff": 1}, nil, false}, {[]any(nil), nil, true},
	} {
		out, err := Apply(map[string]any{}, []Patch{{Op: "add", Path: "/v", Value: row.in}})
		if !row.ok {
			require.ErrorIs(t, err, ErrInvalid, "%T %v", row.in, err)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, map[string]any{"v": row.want}, out)
	}
}

func TestPatchDecodesIntegersExactly(t *testing.T) {
	var p Patch
	require.NoError(t, p.UnmarshalJSON([]byte(`{"op":"add","path":"/a","value":{"n":12345678901234567,"f":1.5}}`)))
	require.Equal(t, Patch{Op: "add", Path: "/a", Value: map[string]any{"n": int64(12345678901234567), "f": 1.5}}, p)
	require.Error(t, p.UnmarshalJSON([]byte(`{"path":"/a","value":99999999999999999999}`)))
	require.Error(t, p.UnmarshalJSON([]byte(`{"path":1}`)))
}

func TestErrorsSayWhere(t *testing.T) {
	_, err := Apply(object(t, web), []Patch{{Path: "/spec/replicas", Value: 1}, {Op: "remove", Path: "/spec/nope"}})
	var at *Error
	require.ErrorAs(t, err, &at)
	require.Equal(t, Error{Index: 1, Path: "/spec/nope", Err: at.Err}, *at)
	require.Equal(t, `patch 1 at "/spec/nope": not found: there is no nope`, err.Error())
}
