package override

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func TestLayersInOrder(t *testing.T) {
	layers := []Layer{
		{Name: "late", Priority: 5, Edits: []Edit{Patch{Path: "/spec/replicas", Value: 9}}},
		{Name: "base", Edits: []Edit{Patch{Path: "/spec/replicas", Value: 4}, Patch{Op: "add", Path: "/metadata/labels/tier", Value: "front"}}},
		{Name: "eu", Edits: []Edit{Patch{Path: "/spec/replicas", Value: "${n}"}, Patch{Path: "/metadata/labels/app", Value: "web"}}},
	}
	doc := object(t, web)
	out, trace, err := ApplyLayers(doc, layers, func(name string) (any, bool) { return 6, name == "n" })
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(object(t, web), doc))
	require.Empty(t, cmp.Diff([]Change{
		{Layer: "base", Op: "replace", Path: "/spec/replicas", Old: int64(3), New: int64(4)},
		{Layer: "base", Op: "add", Path: "/metadata/labels/tier", New: "front"},
		{Layer: "eu", Op: "replace", Path: "/spec/replicas", Old: int64(4), New: int64(6)},
		{Layer: "late", Op: "replace", Path: "/spec/replicas", Old: int64(6), New: int64(9)},
	}, trace))
	require.Equal(t, int64(9), out["spec"].(map[string]any)["replicas"])
	require.Equal(t, "late", layers[0].Name)
}

type failing struct{ err error }

func (f failing) Patches(map[string]any) ([]Patch, error) { return nil, f.err }

func TestLayerErrors(t *testing.T) {
	for _, row := range []struct {
		edit Edit
		vars Vars
		is   error
		want string
	}{
		{Patch{Path: "/nope/x"}, nil, ErrNotFound, `layer "l": edit 1 at "/nope/x": not found: there is no "nope" to go into`},
		{nil, nil, ErrInvalid, `layer "l": edit 1: invalid: no edit`},
		{failing{errors.New("boom")}, nil, ErrInvalid, `layer "l": edit 1: invalid: boom`},
		{failing{ErrTest}, nil, ErrTest, `layer "l": edit 1: test failed`},
		{Patch{Path: "/metadata/name", Value: "x"}, nil, ErrProtected, `layer "l": edit 1 at "/metadata/name": protected: /metadata/name`},
		{Patch{Path: "/spec/x", Value: "${a}"}, func(string) (any, bool) { return nil, false }, ErrNotFound, `layer "l": edit 1 at "/spec/x": variable "a": not found`},
	} {
		out, trace, err := ApplyLayers(object(t, web), []Layer{{Name: "l", Edits: []Edit{Patch{Path: "/spec/replicas", Value: 1}, row.edit}}}, row.vars)
		require.ErrorIs(t, err, row.is)
		require.EqualError(t, err, row.want)
		require.Nil(t, out)
		require.Nil(t, trace)
	}
}

// widened is an edit from outside that embeds one of ours and must not be mistaken for it.
type widened struct{ Patch }

func (w widened) Patches(map[string]any) ([]Patch, error) {
	return []Patch{w.Patch, {Op: "add", Path: "/spec/wide", Value: "${v}"}}, nil
}

func TestEditsByAnyName(t *testing.T) {
	vars := func(string) (any, bool) { return 7, true }
	prog, err := Compile([]Patch{{Path: "/spec/d", Value: "${v}"}})
	require.NoError(t, err)
	replicas := Replicas(9)
	out, _, err := ApplyLayers(object(t, web), []Layer{{Edits: []Edit{
		&Patch{Path: "/spec/a", Value: "${v}"}, &Merge{"spec": map[string]any{"b": "${v}"}}, &prog, &replicas,
		&Metadata{Labels: map[string]any{"c": "${v}"}}, &Container{Names: []string{"web"}, Image: Image{Tag: "${v}"}},
		widened{Patch{Path: "/spec/e", Value: "${v}"}},
	}}}, vars)
	require.NoError(t, err)
	spec := out["spec"].(map[string]any)
	require.Equal(t, []any{int64(7), int64(7), int64(7), "${v}", "${v}", int64(9)}, []any{spec["a"], spec["b"], spec["d"], spec["e"], spec["wide"], spec["replicas"]})

	for _, none := range []Edit{(*Patch)(nil), (*Merge)(nil), (*Program)(nil), (*Replicas)(nil), (*Metadata)(nil), (*Container)(nil), (*Document)(nil)} {
		_, _, err := ApplyLayers(object(t, web), []Layer{{Edits: []Edit{none}}}, vars)
		require.ErrorIs(t, err, ErrInvalid)
		_, _, err = ApplyLayers(map[string]any{"x": "a: 1"}, []Layer{{Edits: []Edit{Document{Path: "/x", Edits: []Edit{none}}}}}, vars)
		require.ErrorIs(t, err, ErrInvalid)
	}
}

func TestCompiledLayersAreTheSame(t *testing.T) {
	layer := Layer{Name: "l", Priority: 3, Edits: []Edit{
		Patch{Path: "/spec/replicas", Value: "${v}"}, Replicas(4), &Patch{Op: "add", Path: "/spec/x", Value: 1}, Merge{"spec": map[string]any{"x": 2}},
	}}
	compiled, err := layer.Compile()
	require.NoError(t, err)
	require.IsType(t, Patch{}, layer.Edits[0])
	require.IsType(t, Program{}, compiled.Edits[0])
	vars := func(string) (any, bool) { return 7, true }
	want, wantTrace, err := ApplyLayers(object(t, web), []Layer{layer}, vars)
	require.NoError(t, err)
	got, trace, err := ApplyLayers(object(t, web), []Layer{compiled}, vars)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(want, got))
	require.Empty(t, cmp.Diff(wantTrace, trace))

	_, err = Layer{Name: "l", Edits: []Edit{Replicas(1), Patch{Path: "/kind", Value: "x"}}}.Compile()
	require.ErrorIs(t, err, ErrProtected)
	require.EqualError(t, err, `layer "l": edit 1 at "/kind": protected: /kind`)
}

// One input has one error, although maps have no order.
func TestErrorsDoNotDependOnTheOrderOfMaps(t *testing.T) {
	many := map[string]any{}
	for _, k := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i"} {
		many[k] = "${" + k + "}"
	}
	none := func(string) (any, bool) { return nil, false }
	for range 50 {
		for _, edit := range []Edit{Patch{Path: "/x", Value: many}, Merge(many), Metadata{Labels: many}} {
			_, _, err := ApplyLayers(object(t, web), []Layer{{Edits: []Edit{edit}}}, none)
			require.ErrorContains(t, err, `variable "a"`)
		}
		_, err := Apply(map[string]any{}, []Patch{{Path: "/x", Value: map[string]any{"b": make(chan int), "a": func() {}, "c": "\xff"}}})
		require.ErrorContains(t, err, "func()")
	}
}
