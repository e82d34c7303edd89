package types

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestRulesThatSayNothingAreRefused(t *testing.T) {
	for path, how := range map[string]string{
		"spec.a":     "sorted",
		"spec..a":    "atomic",
		"spec.b":     "keys",
		"spec.c":     "atomic name",
		"spec.d":     "keys a a",
		"spec.e":     "keys a a=1",
		"spec.f":     "keys =1",
		"spec.g.*":   "atomic", // of what is neither a keyed list nor a map
		"metadata.x": "set x",
		"":           "list",
	} {
		_, err := New(Kind{Merge: Merge{path: how}})
		require.ErrorIs(t, err, ErrRule, "%s: %s", path, how)
	}
	_, err := New(Kind{Merge: Merge{"spec": "atomic", "spec.a": "set"}})
	require.ErrorIs(t, err, ErrRule)
	_, err = New(Kind{Merge: Merge{"spec": "keys a", "spec.a": "set"}})
	require.ErrorIs(t, err, ErrRule)
}

func TestEveryBuiltinRuleIsValid(t *testing.T) {
	for name := range strings.Lines(rules) {
		if strings.HasPrefix(name, "\t") || strings.TrimSpace(name) == "" {
			continue
		}
		name = strings.TrimSpace(name)
		merge := Merge{}
		include(merge, "", name)
		require.NotEmpty(t, merge, name)
		_, err := New(Kind{Merge: merge})
		require.NoError(t, err, name)
	}
}

// owned applies an object and returns the fields that the applier then owns.
func owned(t *testing.T, kind Kind, object map[string]any) string {
	t.Helper()
	manager, err := New(kind)
	require.NoError(t, err)
	config := &unstructured.Unstructured{Object: object}
	config.SetGroupVersionKind(kind.GroupVersionKind)
	applied, err := manager.Apply(nil, config, Write{Manager: "us"})
	require.NoError(t, err)
	return string(applied.GetManagedFields()[0].FieldsV1.Raw)
}

func TestFieldsKeysAndContentAreOwnedDifferently(t *testing.T) {
	gvk := schema.GroupVersionKind{Version: "v1", Kind: "Thing"}
	object := func() map[string]any {
		return map[string]any{
			"object": map[string]any{"field": "a"},
			"map":    map[string]any{"key": "a"},
			"one":    map[string]any{"key": "a"},
			"set":    []any{"a", int64(1)},
			"list":   []any{map[string]any{"name": "a", "value": "x"}},
			"plain":  []any{map[string]any{"name": "a"}},
		}
	}
	merge := Merge{"map": "map", "one": "atomic", "set": "set", "list": "keys name port=80 tls=true kind=A"}
	require.JSONEq(t, `{
		"f:object": {"f:field": {}},
		"f:map":    {"f:key": {}},
		"f:one":    {},
		"f:set":    {"v:\"a\"": {}, "v:1": {}},
		"f:list":   {"k:{\"kind\":\"A\",\"name\":\"a\",\"port\":80,\"tls\":true}": {".": {}, "f:name": {}, "f:value": {}}},
		"f:plain":  {}
	}`, owned(t, Kind{GroupVersionKind: gvk, Merge: merge}, object()))
	require.JSONEq(t, `{
		"f:object": {".": {}, "f:field": {}},
		"f:map":    {".": {}, "f:key": {}},
		"f:one":    {".": {}, "f:key": {}},
		"f:set":    {},
		"f:list":   {},
		"f:plain":  {}
	}`, owned(t, Kind{GroupVersionKind: gvk, Merge: Merge{"": "any"}}, object()))
}
