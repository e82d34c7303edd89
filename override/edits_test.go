package override

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestImage(t *testing.T) {
	for _, row := range []struct {
		in   string
		edit Image
		want string
	}{
		{"nginx", Image{}, "nginx"},
		{"nginx", Image{Tag: "1"}, "nginx:1"},
		{"nginx", Image{Registry: "r.io"}, "r.io/nginx"},
		{"library/nginx:1", Image{Registry: "r.io:5000"}, "r.io:5000/library/nginx:1"},
		{"a.b/c/d:1@" + digest, Image{Registry: "-"}, "c/d:1@" + digest},
		{"a.b/c/d:1@" + digest, Image{Repository: "x/y"}, "a.b/x/y:1@" + digest},
		{"a.b/c/d:1@" + digest, Image{Tag: "2"}, "a.b/c/d:2"},
		{"a.b/c/d:1@" + digest, Image{Tag: "-"}, "a.b/c/d"},
		{"a.b/c/d:1", Image{Digest: digest}, "a.b/c/d@" + digest},
		{"a.b/c/d:1", Image{Tag: "2", Digest: digest}, "a.b/c/d:2@" + digest},
		{"a.b/c/d:1@" + digest, Image{Digest: "-"}, "a.b/c/d:1"},
		{"localhost/d", Image{Tag: "2"}, "localhost/d:2"},
		{"localhost/d", Image{Registry: "localhost:5000"}, "localhost:5000/d"},
		{"localhost:5000/d", Image{Tag: "2"}, "localhost:5000/d:2"},
		{"Host/d:1", Image{Registry: "r.io"}, "r.io/d:1"},
		{"[::1]:5000/d:1", Image{Tag: "2"}, "[::1]:5000/d:2"},
		{"", Image{Repository: "x"}, "x"},
	} {
		got, err := row.edit.edit(row.in)
		require.NoError(t, err)
		require.NoError(t, row.edit.validate())
		require.Equal(t, row.want, got, "%s %+v", row.in, row.edit)
	}
	_, err := Image{Tag: "1"}.edit("")
	require.ErrorIs(t, err, ErrNotFound)
	for _, bad := range []Image{
		{Registry: "r"}, {Registry: "r.io/x"}, {Registry: "r .io"}, {Repository: "-"}, {Repository: "A"}, {Repository: "a//b"},
		{Repository: "r.io/a"}, {Repository: "a:b"}, {Repository: "_a"}, {Tag: "a b"}, {Tag: ".a"}, {Tag: strings.Repeat("a", 129)}, {Tag: "a/b"},
		{Digest: "sha256"}, {Digest: "sha256:xyz"}, {Digest: "0123456789abcdef0123456789abcdef"},
	} {
		require.ErrorIs(t, bad.validate(), ErrInvalid, "%+v", bad)
	}
}

func TestTypedEditRefusals(t *testing.T) {
	bare := `{"kind":"Pod","apiVersion":"v1","metadata":{"name":"x","labels":3},"spec":{"containers":[{"name":"a","args":"x","env":{}},"odd",{"name":"b"}]}}`
	for _, row := range []struct {
		name string
		doc  string
		edit Edit
		err  error
		says string
	}{
		{"unknown kind", `{"kind":"Thing","apiVersion":"g.io/v1"}`, Container{}, ErrNotFound, `"Thing.g.io"`},
		{"a kind of another group", `{"kind":"Deployment","apiVersion":"g.io/v1","spec":{"template":{}}}`, Container{}, ErrNotFound, `"Deployment.g.io"`},
		{"no template there", `{"kind":"Deployment","apiVersion":"apps/v1"}`, Container{}, ErrNotFound, "/spec/template"},
		{"a table that does not parse", web, Container{Templates: map[string][]string{"Deployment.apps": {"spec"}}}, ErrInvalid, "spec"},
		{"unknown container", web, Container{Names: []string{"web", "nope", "neither"}}, ErrNotFound, "nope, neither"},
		{"bad image", web, Container{Image: Image{Tag: "a b"}}, ErrInvalid, "tag"},
		{"no image to edit", bare, Container{Names: []string{"b"}, Image: Image{Tag: "1"}}, ErrNotFound, `container "b"`},
		{"arguments that are no list", bare, Container{Args: List{Append: []string{"x"}}}, ErrNotFound, "is a string"},
		{"an environment that is no list", bare, Container{Env: []EnvVar{{Name: "A", Value: "x"}}}, ErrNotFound, "is an object"},
		{"a variable twice", web, Container{Env: []EnvVar{{Name: "A", Value: "x"}, {Name: "A"}}}, ErrInvalid, `"A" is set twice`},
		{"a variable without a name", web, Container{Env: []EnvVar{{Value: "x"}}}, ErrInvalid, "no name"},
		{"a variable that is a list", web, Container{Env: []EnvVar{{Name: "A", Value: []any{1}}}}, ErrInvalid, "cannot be a list"},
		{"a resource that JSON cannot carry", web, Container{Resources: map[string]any{"limits": func() {}}}, ErrInvalid, "func()"},
		{"labels that are no object", bare, Metadata{Labels: map[string]any{"a": "b"}}, ErrNotFound, "/metadata/labels is a number"},
		{"a label that is an object", web, Metadata{Labels: map[string]any{"a": map[string]any{}}}, ErrInvalid, "is no text"},
		{"no pod template to label", `{"kind":"Service","apiVersion":"v1"}`, Metadata{PodLabels: map[string]any{"a": "b"}}, ErrNotFound, "Service"},
		{"negative replicas", web, Replicas(-1), ErrInvalid, "-1"},
		{"merge of a function", web, Merge{"a": func() {}}, ErrInvalid, "func()"},
		{"merge that renames", web, Merge{"metadata": map[string]any{"name": "x"}}, ErrProtected, "/metadata/name"},
		{"no such string", web, Document{Path: "/nope"}, ErrNotFound, "no string"},
		{"a path that does not parse", web, Document{Path: "nope"}, ErrInvalid, "slash"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, _, err := ApplyLayers(object(t, row.doc), []Layer{{Name: "l", Edits: []Edit{row.edit}}}, nil)
			require.ErrorIs(t, err, row.err)
			require.ErrorContains(t, err, row.says)
		})
	}
}

// What an edit takes over from the document is text, whatever it looks like; only its own values hold variables.
func TestVariablesOfTheTemplateAreText(t *testing.T) {
	doc := object(t, `{"kind":"Pod","apiVersion":"v1","metadata":{"name":"x","annotations":{"a":"${no}"}},"data":"a: ${no}\n",
		"spec":{"containers":[{"name":"a","image":"${no}:1","args":["${no}","b"],"env":[{"name":"A","value":"${no}"}]}]}}`)
	edits := []Edit{
		Container{Image: Image{Tag: "${v}"}, Args: List{Remove: []string{"b"}, Append: []string{"${v}", "$${v}"}}, Env: []EnvVar{{Name: "B", Value: "${v}"}}},
		Metadata{Annotations: map[string]any{"b": "${v}"}},
		Document{Path: "/data", Edits: []Edit{Patch{Op: "add", Path: "/b", Value: "${v}"}, Merge{"c": "${v}"}}},
	}
	vars := func(name string) (any, bool) { return 7, name == "v" }
	out, _, err := ApplyLayers(doc, []Layer{{Edits: edits}}, vars)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(object(t, `{"kind":"Pod","apiVersion":"v1","metadata":{"name":"x","annotations":{"a":"${no}","b":"7"}},"data":"a: ${no}\nb: 7\nc: 7\n",
		"spec":{"containers":[{"name":"a","image":"${no}:7","args":["${no}","7","${v}"],"env":[{"name":"A","value":"${no}"},{"name":"B","value":"7"}]}]}}`), out))

	out, _, err = ApplyLayers(doc, []Layer{{Literal: true, Edits: []Edit{Patch{Path: "/x", Value: "${v}"}}}}, vars)
	require.NoError(t, err)
	require.Equal(t, "${v}", out["x"])
	out, _, err = ApplyLayers(doc, []Layer{{Edits: []Edit{Patch{Path: "/x", Value: "${v}"}}}}, nil)
	require.NoError(t, err)
	require.Equal(t, "${v}", out["x"])
}

func TestExpand(t *testing.T) {
	vars := func(name string) (any, bool) {
		v, ok := map[string]any{
			"cluster.name": "eu-1", "cluster.labels[size]": "3", "cluster.zones": []string{"a", "b"}, "n": 7, "f": 1.5, "yes": true, "null": nil,
			"bad": func() {}, "loop": "${n}",
		}[name]
		return v, ok
	}
	for _, row := range []struct {
		in, want any
		err      error
	}{
		{"plain", "plain", nil}, {7, int64(7), nil}, {"", "", nil}, {"$", "$", nil}, {"$n", "$n", nil}, {"{n}", "{n}", nil},
		{"${n}", int64(7), nil}, {"${f}", 1.5, nil}, {"${yes}", true, nil}, {"${null}", nil, nil}, {"${cluster.zones}", []any{"a", "b"}, nil},
		{"x${n}y${f}z${yes}", "x7y1.5ztrue", nil}, {" ${n}", " 7", nil}, {"${n}${n}", "77", nil}, {"${loop}", "${n}", nil}, {"a${loop}", "a${n}", nil},
		{"${cluster.name}.example.com", "eu-1.example.com", nil}, {"${cluster.labels[size]}", "3", nil}, {"${cluster.labels[size]|int}", int64(3), nil},
		{"${cluster.labels[size]|number}", int64(3), nil}, {"${n|string}", "7", nil}, {"${yes|string}", "true", nil}, {"${cluster.name|int}", nil, ErrInvalid},
		{"${n|bool}", nil, ErrInvalid}, {"${f|int}", nil, ErrInvalid}, {"${n|odd}", nil, ErrInvalid}, {"${cluster.zones|string}", nil, ErrInvalid},
		{"${x}", nil, ErrNotFound}, {"a${x}", nil, ErrNotFound}, {"${}", nil, ErrNotFound}, {"${n", nil, ErrInvalid}, {"a${n", nil, ErrInvalid},
		{"${x:-}", "", nil}, {"${x:-d}", "d", nil}, {"${x:-3}", int64(3), nil}, {"${x:-1.10}", "1.10", nil}, {"${x:-1.5}", 1.5, nil}, {"${x:-007}", "007", nil},
		{"${x:-true}", true, nil}, {"${x:-null}", nil, nil}, {`${x:-"3"}`, "3", nil}, {`a${x:-"3"}`, "a3", nil}, {"a${x:-3.0}", "a3.0", nil}, {"${x:-[1]}", "[1]", nil},
		{"${x|int:-3}", int64(3), nil}, {"${x|string:-3}", "3", nil}, {"${x|int:-z}", nil, ErrInvalid}, {"${n:-3}", int64(7), nil}, {"${x:-a:-b}", "a:-b", nil},
		{"$${n}", "${n}", nil}, {"a$${n}b${n}", "a${n}b7", nil}, {"$$${n}", "$${n}", nil}, {"$${", "${", nil},
		{"${bad}", nil, ErrInvalid}, {"x${null}", nil, ErrInvalid}, {"x${cluster.zones}", nil, ErrInvalid},
		{map[string]any{"${n}": []any{"${n}", map[string]string{"k": "v${n}"}}}, map[string]any{"${n}": []any{int64(7), map[string]any{"k": "v7"}}}, nil},
	} {
		got, err := Expand(row.in, vars)
		if row.err != nil {
			require.ErrorIs(t, err, row.err, "%v", row.in)
			continue
		}
		require.NoError(t, err, "%v", row.in)
		require.Equal(t, row.want, got, "%v", row.in)
	}
	in := map[string]any{"a": []any{"${n}"}}
	_, err := Expand(in, vars)
	require.NoError(t, err)
	require.Equal(t, map[string]any{"a": []any{"${n}"}}, in)

	long := strings.Repeat("x", 1<<16)
	_, err = Expand(strings.Repeat("a${v}", 1000), func(string) (any, bool) { return long, true })
	require.ErrorIs(t, err, ErrInvalid)
}

func TestProgramsExpandToo(t *testing.T) {
	prog, err := Compile([]Patch{{Path: "/spec/replicas", Value: "${n}"}, {Op: "add", Path: "/spec/x", Value: []any{"a"}}})
	require.NoError(t, err)
	for n := range 3 {
		out, _, err := ApplyLayers(object(t, web), []Layer{{Edits: []Edit{prog}}}, func(string) (any, bool) { return n, true })
		require.NoError(t, err)
		require.Equal(t, int64(n), out["spec"].(map[string]any)["replicas"])
	}
	again, err := prog.Patches(nil)
	require.NoError(t, err)
	require.Equal(t, []Patch{{Op: "replace", Path: "/spec/replicas", Value: "${n}"}, {Op: "add", Path: "/spec/x", Value: []any{"a"}}}, again)
}

func TestConflicts(t *testing.T) {
	set := func(op, path string, value any) Edit { return Patch{Op: op, Path: path, Value: value} }
	for _, row := range []struct {
		name   string
		layers [][]Edit
		want   []string
	}{
		{"none", [][]Edit{{set("", "/spec/replicas", 1)}, {set("", "/spec/x", 2)}}, nil},
		{"same path", [][]Edit{{set("", "/spec/replicas", 1)}, {set("", "/spec/replicas", 2)}}, []string{"0 /spec/replicas 1 /spec/replicas"}},
		{"same value", [][]Edit{{set("", "/spec/replicas", 1)}, {set("", "/spec/replicas", 1)}}, nil},
		{"one layer with itself", [][]Edit{{set("", "/spec/replicas", 1), set("", "/spec/replicas", 2)}}, nil},
		{"three in a row", [][]Edit{{set("", "/spec/x", 1)}, {set("", "/spec/x", 2)}, {set("", "/spec/x", 3)}}, []string{"0 /spec/x 1 /spec/x", "1 /spec/x 2 /spec/x"}},
		{"from above", [][]Edit{{set("add", "/spec/x", 1)}, {set("", "/spec", map[string]any{})}}, []string{"0 /spec/x 1 /spec"}},
		{"from above, kept", [][]Edit{{set("add", "/spec/x", 1)}, {set("", "/spec", map[string]any{"x": 1})}}, nil},
		{"from below", [][]Edit{{set("", "/spec", map[string]any{"x": 1})}, {set("", "/spec/x", 2)}}, []string{"0 /spec 1 /spec/x"}},
		{"from below, filling in", [][]Edit{{set("", "/spec", map[string]any{"x": 1})}, {set("", "/spec/y", 2)}}, nil},
		{"from below, not one's own", [][]Edit{{set("", "/spec", map[string]any{"x": 1})}, {set("", "/spec/x", 2)}, {set("", "/spec/x", 3)}}, []string{"0 /spec 1 /spec/x", "1 /spec/x 2 /spec/x"}},
		{"removed", [][]Edit{{set("add", "/spec/x", 1)}, {set("remove", "/spec/x", nil)}}, []string{"0 /spec/x 1 /spec/x"}},
		{"put back", [][]Edit{{set("remove", "/spec/replicas", nil)}, {set("add", "/spec/replicas", 1)}}, []string{"0 /spec/replicas 1 /spec/replicas"}},
		{"put back from above", [][]Edit{{set("remove", "/spec/replicas", nil)}, {set("", "/spec", map[string]any{"replicas": 1})}}, []string{"0 /spec/replicas 1 /spec"}},
		{"items", [][]Edit{{set("add", "/spec/l", []any{"a"})}, {set("add", "/spec/l/0", "b")}, {set("add", "/spec/l/0", "c")}}, nil},
		{"an item that moved", [][]Edit{{set("", "/spec/template/spec/containers/0/image", "x")}, {set("add", "/spec/template/spec/containers/0", map[string]any{})}, {set("", "/spec/template/spec/containers/1/image", "y")}},
			[]string{"0 /spec/template/spec/containers/0/image 2 /spec/template/spec/containers/1/image"}},
		{"an item that moved back", [][]Edit{{set("", "/spec/template/spec/containers/1/image", "x")}, {set("remove", "/spec/template/spec/containers/0", nil)}, {set("", "/spec/template/spec/containers/0/image", "y")}},
			[]string{"0 /spec/template/spec/containers/1/image 2 /spec/template/spec/containers/0/image"}},
		{"another item in its place", [][]Edit{{set("", "/spec/template/spec/containers/1/image", "x")}, {set("remove", "/spec/template/spec/containers/1", nil)}, {set("add", "/spec/template/spec/containers/1", map[string]any{})}},
			[]string{"0 /spec/template/spec/containers/1/image 1 /spec/template/spec/containers/1"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			var layers []Layer
			for i, edits := range row.layers {
				layers = append(layers, Layer{Name: string(rune('0' + i)), Edits: edits})
			}
			_, trace, err := ApplyLayers(object(t, web), layers, nil)
			require.NoError(t, err)
			var got []string
			for _, c := range Conflicts(trace) {
				got = append(got, c.Earlier.Layer+" "+c.Earlier.Path+" "+c.Later.Layer+" "+c.Later.Path)
			}
			require.Equal(t, row.want, got)
		})
	}
}

func TestGuarded(t *testing.T) {
	role := object(t, `{"kind":"ClusterRole","apiVersion":"rbac.authorization.k8s.io/v1","metadata":{"name":"x"},"rules":[]}`)
	edit := []Patch{{Op: "add", Path: "/rules/-", Value: map[string]any{"verbs": []string{"*"}}}}
	_, err := Apply(role, edit)
	require.NoError(t, err)
	_, err = Apply(role, edit, Guarded()...)
	require.ErrorIs(t, err, ErrProtected)
}

func TestBadInputIsBounded(t *testing.T) {
	deep := any(map[string]any{})
	for range 1_000_000 {
		deep = map[string]any{"a": deep}
	}
	doc := deep.(map[string]any)
	out, err := Apply(doc, []Patch{{Path: strings.Repeat("/a", 1000), Value: 1}})
	require.NoError(t, err)
	require.NotNil(t, out)
	_, err = Apply(doc, []Patch{{Path: strings.Repeat("/a", 1001), Value: 1}})
	require.ErrorIs(t, err, ErrInvalid)
	_, err = Apply(map[string]any{}, []Patch{{Path: "/x", Value: deep}})
	require.ErrorIs(t, err, ErrInvalid)
	_, err = Apply(doc, []Patch{{Op: "copy", From: "/a", Path: "/b"}})
	require.ErrorIs(t, err, ErrInvalid)
	_, err = Apply(doc, []Patch{{Op: "test", Path: "/a", Value: map[string]any{"a": 1}}})
	require.ErrorIs(t, err, ErrTest)

	// Every copy would double the document.
	var doubling []Patch
	for range 64 {
		doubling = append(doubling, Patch{Op: "copy", From: "/a", Path: "/a/-"})
	}
	_, err = Apply(map[string]any{"a": []any{"x"}}, doubling)
	require.ErrorIs(t, err, ErrInvalid)

	// A cyclic document is not our making; what does not go round it works, and what would is refused.
	cyclic := map[string]any{"spec": map[string]any{}}
	cyclic["self"] = cyclic
	out, err = Apply(cyclic, []Patch{{Path: "/self/self/spec/x", Value: 1}})
	require.NoError(t, err)
	require.Equal(t, int64(1), out["self"].(map[string]any)["self"].(map[string]any)["spec"].(map[string]any)["x"])
	_, err = Apply(cyclic, []Patch{{Op: "copy", From: "/self", Path: "/copy"}})
	require.ErrorIs(t, err, ErrInvalid)
	_, err = Apply(cyclic, []Patch{{Op: "test", Path: "/self", Value: map[string]any{"spec": 1}}})
	require.ErrorIs(t, err, ErrTest)
	_, err = Compile([]Patch{{Path: "/x", Value: cyclic}})
	require.ErrorIs(t, err, ErrInvalid)
	_, _, err = ApplyLayers(map[string]any{}, []Layer{{Edits: []Edit{Merge(cyclic), Patch{Path: "/x", Value: cyclic}}}}, func(string) (any, bool) { return nil, false })
	require.ErrorIs(t, err, ErrInvalid)
}
