package status

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPath(t *testing.T) {
	doc := decode(t, `{"a":{"b.c/d":1,"list":[{"type":"x","n":2},{"type":"y.z","n":3}],"t":true},"é":4}`)
	for path, want := range map[string]any{
		"a['b.c/d']": 1.0, `a["b.c/d"]`: 1.0, ".a.list[0].n": 2.0, "$.a.list[1].n": 3.0, "{.a.list[type=x].n}": 2.0,
		"a.list[type='y.z'].n": 3.0, "a.list[type=y.z].n": 3.0, "a.list[9].n": nil, "a.list[type=q].n": nil, "a.none.deep": nil, "é": 4.0, "a.t": true,
		"a.list[n=3].type": "y.z",
	} {
		segments, err := parsePath(path)
		require.NoError(t, err, path)
		got, err := find(doc, segments)
		require.NoError(t, err, path)
		require.Equal(t, want, got, path)
	}
	for _, path := range []string{"", ".", "$", "{}", "a.", "a..b", "a[", "a[]", "a[x]", "a[-1]", "a['x]", "a['x'y]", "a]b", "a[0]b", "a{b"} {
		_, err := parsePath(path)
		require.ErrorIs(t, err, errPath, path)
	}
	for _, path := range []string{"a.t.x", "a.list.x", "a[0]", "a.t[x=y]"} {
		segments, err := parsePath(path)
		require.NoError(t, err, path)
		_, err = find(doc, segments)
		require.Error(t, err, path)
	}
}

func FuzzPath(f *testing.F) {
	for _, seed := range []string{"a.b", "a['b.c'][type=Ready].x[3]", "{.a}", "$['']", "a[b=']']", "a.*.b"} {
		f.Add(seed)
	}
	doc := map[string]any{"a": map[string]any{"b": []any{map[string]any{"type": "Ready"}}}}
	f.Fuzz(func(t *testing.T, path string) {
		segments, err := parsePath(path)
		if err != nil {
			require.ErrorIs(t, err, errPath)
			return
		}
		require.NotEmpty(t, segments)
		_, _ = find(doc, segments)
	})
}
