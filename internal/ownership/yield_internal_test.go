package ownership

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// leaves are the paths of a random tree of maps: all its keys but the last of each path have more below them.
func leaves(rnd *rand.Rand) [][]string {
	var all [][]string
	var grow func(path []string)
	grow = func(path []string) {
		for i := range 1 + rnd.IntN(3) {
			next := append(slices.Clone(path), string(rune('a'+i)))
			if len(next) < 4 && rnd.IntN(2) == 0 {
				grow(next)
			} else {
				all = append(all, next)
			}
		}
	}
	grow([]string{"spec"})
	return all
}

func some(rnd *rand.Rand, paths [][]string) [][]string {
	return slices.DeleteFunc(slices.Clone(paths), func([]string) bool { return rnd.IntN(3) > 0 })
}

// tree makes a map of paths; the prefix goes before each key.
func tree(paths [][]string, prefix string, leaf func(path []string) any) map[string]any {
	root := map[string]any{}
	for _, path := range paths {
		at := root
		for _, key := range path[:len(path)-1] {
			next, ok := at[prefix+key].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[prefix+key] = next
			}
			at = next
		}
		at[prefix+path[len(path)-1]] = leaf(path)
	}
	return root
}

func fieldsTree(paths [][]string) map[string]any {
	return tree(paths, "f:", func([]string) any { return map[string]any{} })
}

func valueTree(paths [][]string) map[string]any {
	return tree(paths, "", func(path []string) any { return strings.Join(path, "/") })
}

func below(paths [][]string, prefix []string) bool {
	return slices.ContainsFunc(paths, func(p []string) bool { return len(p) >= len(prefix) && slices.Equal(p[:len(prefix)], prefix) })
}

// TestYieldParts compares what is sent of a map that two managers share with the rule, leaf by leaf: to the member goes the live
// value of the largest part of which we hold something and others nothing; to others is left what they hold.
func TestYieldParts(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 9))
	path := Path{{key: "spec"}}
	for range 3000 {
		all := leaves(rnd)
		ours, theirs := some(rnd, all), some(rnd, all)
		live := valueTree(all)
		live["metadata"] = map[string]any{"managedFields": []any{
			map[string]any{"manager": "us", "operation": "Apply", "fieldsV1": fieldsTree(ours)},
			map[string]any{"manager": "they", "operation": "Update", "fieldsV1": fieldsTree(theirs)},
		}}
		before := fmt.Sprint(live)
		sent := slices.DeleteFunc(slices.Clone(all), func(leaf []string) bool {
			for n := range leaf {
				if prefix := leaf[:n+1]; below(ours, prefix) && !below(theirs, prefix) {
					return false
				}
			}
			return true
		})
		got, adopted := ToMember.Apply(path, map[string]any{"kind": "X", "spec": "wished"}, live, "us")
		want := valueTree(sent)
		want["kind"] = "X"
		require.Equal(t, want, got)
		require.Equal(t, len(sent) > 0, adopted)

		wish := valueTree(all)
		left := slices.DeleteFunc(slices.Clone(all), func(leaf []string) bool { return below(theirs, leaf) })
		got, adopted = ToOthers.Apply(path, wish, live, "us")
		require.Equal(t, valueTree(left), got)
		require.False(t, adopted)
		require.Equal(t, valueTree(all), wish)
		require.Equal(t, before, fmt.Sprint(live))
	}
}

// TestYieldItems: the key of an item that is shared goes with what is ours of it.
func TestYieldItems(t *testing.T) {
	fields := func(names ...string) map[string]any {
		item := map[string]any{".": map[string]any{}}
		for _, name := range names {
			item["f:"+name] = map[string]any{}
		}
		return item
	}
	item := func(name string) map[string]any { return map[string]any{"name": name, "x": int64(1), "y": int64(2)} }
	live := map[string]any{"list": []any{item("shared"), item("ours"), item("theirs")}, "set": []any{"a", "b"},
		"atom": map[string]any{"x": "1"}, "metadata": map[string]any{"managedFields": []any{
			map[string]any{"manager": "us", "fieldsV1": map[string]any{"f:atom": map[string]any{}, "f:set": map[string]any{`v:"a"`: map[string]any{}},
				"f:list": map[string]any{`k:{"name":"shared"}`: fields("name", "x"), `k:{"name":"ours"}`: fields("name", "x")}}},
			map[string]any{"manager": "they", "fieldsV1": map[string]any{"f:atom": map[string]any{}, "f:set": map[string]any{`v:"b"`: map[string]any{}},
				"f:list": map[string]any{`k:{"name":"shared"}`: fields("name", "y"), `k:{"name":"theirs"}`: fields("name", "y")}}},
		}}}
	for _, test := range []struct {
		yield      Yield
		key        string
		wish, want any
	}{
		{ToMember, "list", nil, []any{map[string]any{"name": "shared", "x": int64(1)}, item("ours")}},
		{ToMember, "set", nil, []any{"a"}},
		{ToMember, "atom", nil, nil},
		{ToOthers, "list", []any{item("shared"), item("theirs"), item("new")}, []any{map[string]any{"name": "shared", "x": int64(1)}, item("new")}},
		{ToOthers, "set", []any{"a", "b", "c"}, []any{"a", "c"}},
		{ToOthers, "atom", map[string]any{"x": "2"}, nil},
	} {
		wish := map[string]any{}
		if test.wish != nil {
			wish[test.key] = test.wish
		}
		got, _ := test.yield.Apply(Path{{key: test.key}}, wish, live, "us")
		require.Equal(t, test.want, got[test.key], "%v %s", test.yield, test.key)
	}
}

// TestMinus takes out leaf by leaf what both hold.
func TestMinus(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 10))
	for range 3000 {
		all := leaves(rnd)
		ours, theirs := some(rnd, all), some(rnd, all)
		both := func(p []string) bool { return below(ours, p) }
		entries := Entries{
			map[string]any{"manager": BeforeFirstApply, "apiVersion": "v1", "fieldsV1": fieldsTree(theirs)},
			map[string]any{"manager": "us", "apiVersion": "v1", "fieldsV1": fieldsTree(ours)}, "x",
		}
		before := fmt.Sprint(entries)
		got, changed := entries.Minus(BeforeFirstApply, "us", "v1")
		require.Equal(t, slices.ContainsFunc(theirs, both), changed)
		rest := fieldsTree(slices.DeleteFunc(slices.Clone(theirs), both))
		if len(rest) == 0 {
			require.False(t, changed && got.Has(BeforeFirstApply))
		} else {
			require.Equal(t, rest, got.Fields(BeforeFirstApply, "v1"))
		}
		require.Equal(t, fieldsTree(ours), entries.Fields("us", "v1"))
		require.Equal(t, before, fmt.Sprint(entries))
		_, changed = entries.Minus(BeforeFirstApply, "us", "v2")
		require.False(t, changed)
	}
	marked := Entries{map[string]any{"manager": "a", "apiVersion": "v1", "fieldsV1": map[string]any{"f:data": map[string]any{".": map[string]any{}, "f:x": map[string]any{}}}},
		map[string]any{"manager": "b", "apiVersion": "v1", "fieldsV1": map[string]any{"f:data": map[string]any{"f:x": map[string]any{}}}}}
	got, changed := marked.Minus("a", "b", "v1")
	require.True(t, changed)
	require.Len(t, got, 1)
}
