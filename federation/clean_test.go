package federation

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

func parse(t testing.TB, text string) map[string]any {
	t.Helper()
	var m map[string]any
	require.NoError(t, utiljson.Unmarshal([]byte(text), &m))
	return m
}

func TestClean(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"nulls and empty lists go, empty maps stay": {
			`{"a":null,"b":[],"c":{},"d":{"e":null,"f":{"g":[]},"h":[{"i":null}]}}`,
			`{"c":{},"d":{"f":{},"h":[{}]}}`},
		"status and server metadata go": {
			`{"status":{"a":1},"metadata":{"name":"n","uid":"u","resourceVersion":"1","generation":2,"creationTimestamp":null,"managedFields":[{}],"labels":{"a":"b"},"finalizers":["x"],"ownerReferences":[{"name":"x"}]}}`,
			`{"metadata":{"name":"n","labels":{"a":"b"}}}`},
		"an empty namespace goes": {
			`{"metadata":{"name":"n","namespace":"","uid":"u"}}`, `{"metadata":{"name":"n"}}`},
		"stringData of a secret becomes data and wins": {
			`{"apiVersion":"v1","kind":"Secret","data":{"a":"QQ==","b":"Qg=="},"stringData":{"b":"x"}}`,
			`{"apiVersion":"v1","kind":"Secret","data":{"a":"QQ==","b":"eA=="}}`},
		"the empty spec of a namespace goes, as it is never in the managed fields": {
			`{"apiVersion":"v1","kind":"Namespace","spec":{"finalizers":[]}}`, `{"apiVersion":"v1","kind":"Namespace"}`},
		"another empty spec stays": {
			`{"apiVersion":"v2","kind":"Namespace","spec":{}}`, `{"apiVersion":"v2","kind":"Namespace","spec":{}}`},
		"stringData of another kind stays": {
			`{"apiVersion":"v2","kind":"Secret","stringData":{"b":"x"}}`,
			`{"apiVersion":"v2","kind":"Secret","stringData":{"b":"x"}}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			in := parse(t, test.in)
			got := clean(in)
			require.Empty(t, cmp.Diff(parse(t, test.want), got))
			require.Empty(t, cmp.Diff(parse(t, test.in), in), "the argument is left as it was")
			require.True(t, sameMap(got, clean(got)), "cleaning what is clean shares all of it")
		})
	}
}

func randomJSON(rnd *rand.Rand, depth int) any {
	switch n := rnd.IntN(9); {
	case n < 3 && depth > 0:
		m := map[string]any{}
		for range rnd.IntN(4) {
			m[string(rune('a'+rnd.IntN(4)))] = randomJSON(rnd, depth-1)
		}
		return m
	case n < 5 && depth > 0:
		list := []any{}
		for range rnd.IntN(3) {
			list = append(list, randomJSON(rnd, depth-1))
		}
		return list
	case n == 5:
		return nil
	case n == 6:
		return rnd.IntN(2) == 0
	case n == 7:
		return int64(rnd.IntN(3))
	}
	return string(rune('a' + rnd.IntN(3)))
}

// TestCleanAgainstTwin holds the sharing walk against one that copies everything.
func TestCleanAgainstTwin(t *testing.T) {
	var twin func(v any) any
	twin = func(v any) any {
		switch x := v.(type) {
		case map[string]any:
			out := map[string]any{}
			for k, y := range x {
				if list, ok := y.([]any); y != nil && (!ok || len(list) > 0) {
					out[k] = twin(y)
				}
			}
			return out
		case []any:
			out := []any{}
			for _, y := range x {
				out = append(out, twin(y))
			}
			return out
		}
		return v
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 5000 {
		in := map[string]any{"spec": randomJSON(rnd, 4)}
		before, err := json.Marshal(in)
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(twin(in), any(clean(in))), string(before))
		after, err := json.Marshal(in)
		require.NoError(t, err)
		require.Equal(t, string(before), string(after))
	}
}

// TestDigest: equal documents have equal digests, and no two documents that differ share one.
func TestDigest(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	seen := map[string]string{}
	for range 20000 {
		in := map[string]any{"spec": randomJSON(rnd, 3)}
		text, err := json.Marshal(in)
		require.NoError(t, err)
		d := digest(in)
		if other, ok := seen[d]; ok {
			require.Equal(t, other, string(text))
		}
		seen[d] = string(text)
		require.Equal(t, d, digest(parse(t, string(text))), string(text))
	}
	require.Equal(t, digest(map[string]any{"n": int64(3)}), digest(map[string]any{"n": 3.0}), "one number in JSON")
	require.NotEqual(t, digest(map[string]any{"n": int64(3)}), digest(map[string]any{"n": "3"}))
	require.Equal(t, "v1:85c323db8c2f5eaa4c1bea094730ad38", digest(parse(t, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"n"},"data":{"a":"b"}}`)),
		"the encoding is fixed: a change of it makes every copy look changed, and needs a new version")
}

func TestPaths(t *testing.T) {
	doc := parse(t, `{"a":{"b":{"c":1}},"x":{}}`)
	before := parse(t, `{"a":{"b":{"c":1}},"x":{}}`)
	require.Equal(t, parse(t, `{"a":{"b":{"c":2}},"x":{}}`), set(doc, []string{"a", "b", "c"}, int64(2)))
	require.Equal(t, parse(t, `{"a":{"b":{"c":1}},"x":{"y":{"z":2}}}`), set(doc, []string{"x", "y", "z"}, int64(2)))
	require.Equal(t, parse(t, `{"a":{"b":{}},"x":{}}`), unset(doc, []string{"a", "b", "c"}))
	require.True(t, sameMap(doc, unset(doc, []string{"q"})))
	require.Equal(t, before, doc, "the argument is left as it was")
	for _, bad := range []string{"", "/", "a/b"} {
		_, err := parsePointer(bad)
		require.ErrorIs(t, err, ErrInvalid, fmt.Sprintf("%q", bad))
	}
	path, err := parsePointer("/metadata/annotations/a.b~1c~0d")
	require.NoError(t, err)
	require.Equal(t, []string{"metadata", "annotations", "a.b/c~d"}, path)
}

func BenchmarkDigest(b *testing.B) {
	doc := parse(b, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"n","labels":{"a":"b"}},"data":{"a":"b","c":"d","e":"f"}}`)
	b.ReportAllocs()
	for b.Loop() {
		digest(doc)
	}
}
