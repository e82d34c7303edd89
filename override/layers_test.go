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
