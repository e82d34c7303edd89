package override

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// dice makes documents and patches that hit each other often: few names, small lists, lists of named items.
type dice struct{ *rand.Rand }

func (d dice) name() string {
	return []string{"a", "b", "c", "name", "metadata", "0", "1", "a/b", "m~n", "-", "", "x[y=z]", "é"}[d.IntN(13)]
}

func (d dice) value(depth int) any {
	switch n := d.IntN(10); {
	case n < 3 && depth > 0:
		out := map[string]any{}
		for range d.IntN(4) {
			out[d.name()] = d.value(depth - 1)
		}
		return out
	case n < 5 && depth > 0:
		out := []any{}
		for i := range d.IntN(4) {
			item := d.value(depth - 1)
			if m, ok := item.(map[string]any); ok && d.IntN(2) == 0 {
				m["name"] = "n" + strconv.Itoa(i)
			}
			out = append(out, item)
		}
		return out
	case n == 5:
		return nil
	case n == 6:
		return d.IntN(2) == 0
	case n == 7:
		return []float64{0.5, 1, -2.25}[d.IntN(3)]
	case n == 8:
		return "s" + strconv.Itoa(d.IntN(3))
	}
	return int64(d.IntN(3))
}

func (d dice) object() map[string]any {
	for {
		if m, ok := d.value(4).(map[string]any); ok && len(m) > 0 {
			return m
		}
	}
}

// path mostly follows what is there.
func (d dice) path(doc any) string {
	var b strings.Builder
	for range d.IntN(5) {
		switch c := doc.(type) {
		case map[string]any:
			k := d.name()
			if keys := sortedKeys(c); len(keys) > 0 && d.IntN(5) > 0 {
				k = keys[d.IntN(len(keys))]
			}
			doc = c[k]
			b.WriteString("/" + escape(k))
		case []any:
			i := d.IntN(len(c) + 1)
			if d.IntN(6) == 0 {
				i -= len(c) + 1
			}
			switch n := d.IntN(8); {
			case n == 0:
				b.WriteString("/-")
				doc = nil
			case n == 1:
				fmt.Fprintf(&b, "[name=n%d]", d.IntN(3))
				doc = nil
			default:
				b.WriteString("/" + strconv.Itoa(i))
				if i < 0 {
					i += len(c)
				}
				if doc = nil; i >= 0 && i < len(c) {
					doc = c[i]
				}
			}
		default:
			b.WriteString("/" + escape(d.name()))
		}
	}
	return b.String()
}

func (d dice) patches(doc any, n int) []Patch {
	var out []Patch
	for range n {
		p := Patch{Op: []string{"", "add", "add", "remove", "replace", "test", "move", "copy"}[d.IntN(8)], Path: d.path(doc)}
		switch p.Op {
		case "move", "copy":
			p.From = d.path(doc)
		case "test":
			p.Value = d.value(1)
			if v, ok, _ := mustPointer(p.Path).lookup(doc); ok && d.IntN(3) > 0 {
				p.Value = v
			}
		case "remove":
		default:
			p.Value = d.value(2)
		}
		p.Lenient = p.Op != "test" && d.IntN(6) == 0
		out = append(out, p)
		if next, err := applyAny(doc, []Patch{p}); err == nil {
			doc = next
		} else if d.IntN(4) > 0 {
			out = out[:len(out)-1]
		}
	}
	return out
}

func mustPointer(text string) pointer {
	p, err := parsePointer(text)
	if err != nil {
		panic(err)
	}
	return p
}

func clone(t testing.TB, v any) any {
	nodes := maxNodes
	out, err := normalise(v, 0, &nodes)
	require.NoError(t, err)
	return out
}

func text(t testing.TB, v any) string {
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// Applying changes nothing that went in, gives the same bytes again, shares no container with what may change, and either
// succeeds whole or not at all.
func TestApplyLaws(t *testing.T) {
	applied := 0
	for seed := range uint64(2000) {
		d := dice{rand.New(rand.NewPCG(1, seed))}
		doc := d.object()
		patches := d.patches(doc, 1+d.IntN(6))
		before, patchesBefore := text(t, doc), text(t, patches)
		prog, err := Compile(patches)
		if err != nil {
			continue
		}
		first, err := prog.Apply(doc)
		again, err2 := prog.Apply(doc)
		oneByOne, err3 := any(doc), error(nil)
		for _, p := range patches {
			if oneByOne, err3 = applyAny(clone(t, oneByOne), []Patch{p}); err3 != nil {
				break
			}
		}
		require.Equal(t, before, text(t, doc), "seed %d", seed)
		require.Equal(t, patchesBefore, text(t, patches), "seed %d", seed)
		require.Equal(t, fmt.Sprint(err), fmt.Sprint(err2))
		if err != nil {
			require.Nil(t, first)
			continue
		}
		applied++
		require.NoError(t, err3)
		require.Equal(t, text(t, first), text(t, again), "seed %d", seed)
		require.Empty(t, cmp.Diff(oneByOne, any(first)), "seed %d: %s", seed, text(t, patches))
	}
	require.Greater(t, applied, 1000)
}

// The trace, read as patches, leads from the document to the result, and backwards it undoes every change.
func TestTraceIsComplete(t *testing.T) {
	traced := 0
	for seed := range uint64(2000) {
		d := dice{rand.New(rand.NewPCG(2, seed))}
		doc := d.object()
		var layers []Layer
		next := doc
		for i := range 1 + d.IntN(3) {
			l := Layer{Name: fmt.Sprint("layer", i)}
			for _, p := range d.patches(next, 1+d.IntN(4)) {
				if after, err := Apply(next, []Patch{p}); err == nil {
					l.Edits, next = append(l.Edits, p), after
				}
			}
			if m := (Merge{d.name(): d.value(2)}); d.IntN(4) == 0 {
				if after, _, err := ApplyLayers(next, []Layer{{Edits: []Edit{m}}}, nil); err == nil {
					l.Edits, next = append(l.Edits, m), after
				}
			}
			layers = append(layers, l)
		}
		out, trace, err := ApplyLayers(doc, layers, nil)
		require.NoError(t, err, "seed %d", seed)
		require.Empty(t, cmp.Diff(next, out), "seed %d", seed)
		traced += len(trace)
		forward, backward := any(doc), any(out)
		for _, c := range trace {
			forward, err = applyAny(forward, []Patch{{Op: c.Op, Path: c.Path, Value: c.New}})
			require.NoError(t, err, "seed %d: %+v", seed, c)
		}
		require.Empty(t, cmp.Diff(any(out), forward), "seed %d", seed)
		for _, c := range slices.Backward(trace) {
			undo := Patch{Op: map[string]string{"add": "remove", "remove": "add", "replace": "replace"}[c.Op], Path: c.Path, Value: c.Old}
			backward, err = applyAny(backward, []Patch{undo})
			require.NoError(t, err, "seed %d: %+v", seed, c)
		}
		require.Empty(t, cmp.Diff(any(doc), backward), "seed %d", seed)
	}
	require.Greater(t, traced, 2000)
}

// Whatever is patched, an object keeps its identity.
func TestIdentityLaw(t *testing.T) {
	refused := 0
	for seed := range uint64(2000) {
		d := dice{rand.New(rand.NewPCG(3, seed))}
		doc := d.object()
		doc["kind"], doc["apiVersion"] = "K", "g/v1"
		doc["metadata"] = map[string]any{"name": "n", "a": d.value(2)}
		if d.IntN(2) == 0 {
			doc["metadata"].(map[string]any)["namespace"] = "ns"
		}
		var patches []Patch
		for _, p := range d.patches(doc, 1+d.IntN(4)) {
			if d.IntN(2) == 0 {
				p.Path = []string{"", "/metadata", "/metadata/name", "/metadata/a", "/kind", "/apiVersion", "/metadata/-", "/metadata/0"}[d.IntN(8)]
			}
			if p.From != "" && d.IntN(2) == 0 {
				p.From = []string{"/metadata", "/metadata/name", "/metadata/a", "/kind"}[d.IntN(4)]
			}
			patches = append(patches, p)
		}
		out, err := Apply(doc, patches)
		if err != nil {
			refused++
			continue
		}
		for _, path := range []string{"/kind", "/metadata/name", "/metadata/namespace", "/metadata/generateName"} {
			was, had, _ := mustPointer(path).lookup(doc)
			is, has, _ := mustPointer(path).lookup(out)
			require.Equal(t, had, has, "seed %d: %s", seed, text(t, patches))
			require.Equal(t, was, is, "seed %d: %s", seed, text(t, patches))
		}
		require.Equal(t, "g", group(out["apiVersion"].(string)), "seed %d", seed)
	}
	require.Greater(t, refused, 500)
}

// Whatever is patched, what is protected comes out as it went in, however it is spelled.
func TestProtectionLaw(t *testing.T) {
	applied, refused := 0, 0
	for seed := range uint64(3000) {
		d := dice{rand.New(rand.NewPCG(8, seed))}
		doc := d.object()
		protected := d.path(doc)
		was, had, errWas := mustPointer(protected).lookup(doc)
		if protected == "" || errWas != nil {
			continue
		}
		patches := d.patches(doc, 1+d.IntN(5))
		prog, err := compile(patches, []guard{{pointer: mustPointer(protected)}})
		if err == nil {
			r := run{before: doc, root: doc}
			if err = r.do(prog); err == nil {
				is, has, errIs := mustPointer(protected).lookup(r.root)
				require.NoError(t, errIs)
				require.Equal(t, had, has, "seed %d: %s %s", seed, protected, text(t, patches))
				require.Empty(t, cmp.Diff(decode(t, text(t, was)), decode(t, text(t, is))), "seed %d: %s %s", seed, protected, text(t, patches))
				applied++
			}
		}
		if errors.Is(err, ErrProtected) {
			refused++
		}
	}
	require.Greater(t, applied, 250)
	require.Greater(t, refused, 250)
}

// difference is the plainest way from one document to another.
func difference(path string, from, to any) []Patch {
	if cmp.Equal(from, to) {
		return nil
	}
	a, ok := from.(map[string]any)
	b, ok2 := to.(map[string]any)
	if !ok || !ok2 {
		return []Patch{{Op: "replace", Path: path, Value: to}}
	}
	var out []Patch
	for _, k := range sortedKeys(a) {
		if _, stays := b[k]; !stays {
			out = append(out, Patch{Op: "remove", Path: path + "/" + escape(k)})
		}
	}
	for _, k := range sortedKeys(b) {
		if was, there := a[k]; there {
			out = append(out, difference(path+"/"+escape(k), was, b[k])...)
		} else {
			out = append(out, Patch{Op: "add", Path: path + "/" + escape(k), Value: b[k]})
		}
	}
	return out
}

func TestDifferenceRoundTrip(t *testing.T) {
	for seed := range uint64(1000) {
		d := dice{rand.New(rand.NewPCG(4, seed))}
		from, to := d.object(), d.object()
		withoutDeepNulls(to, true)
		for _, same := range []string{"metadata", "kind", "apiVersion"} { // identity is not what this is about
			delete(from, same)
			delete(to, same)
		}
		got, err := Apply(from, difference("", from, to))
		require.NoError(t, err, "seed %d", seed)
		require.Empty(t, cmp.Diff(to, got), "seed %d", seed)

		merge, err := jsonpatch.CreateMergePatch([]byte(text(t, from)), []byte(text(t, to)))
		require.NoError(t, err)
		theirs, err := jsonpatch.MergePatch([]byte(text(t, from)), merge)
		require.NoError(t, err)
		ours, _, err := ApplyLayers(from, []Layer{{Edits: []Edit{Merge(object(t, string(merge)))}}}, nil)
		require.NoError(t, err, "seed %d", seed)
		require.Empty(t, cmp.Diff(decode(t, string(theirs)), decode(t, text(t, ours))), "seed %d", seed)
	}
}

// withoutDeepNulls drops null members of objects in lists, where json-patch drops them and RFC 7386 does not: a list is a
// value that is taken as it stands.
func withoutDeepNulls(v any, inList bool) any {
	switch v := v.(type) {
	case map[string]any:
		for k, member := range v {
			if member == nil && inList {
				delete(v, k)
			} else {
				withoutDeepNulls(member, inList)
			}
		}
	case []any:
		for _, item := range v {
			withoutDeepNulls(item, true)
		}
	}
	return v
}

func TestMergeAgainstTheOracle(t *testing.T) {
	for seed := range uint64(1500) {
		d := dice{rand.New(rand.NewPCG(5, seed))}
		doc, merge := d.object(), d.object()
		delete(doc, "metadata")
		delete(merge, "metadata")
		withoutDeepNulls(merge, false)
		theirs, err := jsonpatch.MergePatch([]byte(text(t, doc)), []byte(text(t, merge)))
		require.NoError(t, err)
		ours, _, err := ApplyLayers(doc, []Layer{{Edits: []Edit{Merge(merge)}}}, nil)
		require.NoError(t, err, "seed %d", seed)
		require.Empty(t, cmp.Diff(decode(t, string(theirs)), decode(t, text(t, ours))), "seed %d: %s onto %s", seed, text(t, merge), text(t, doc))
	}
}

// tree is a value without lists.
func (d dice) tree(depth int) any {
	if depth == 0 || d.IntN(3) == 0 {
		return int64(d.IntN(3))
	}
	out := map[string]any{}
	for range d.IntN(4) {
		out[string(rune('a'+d.IntN(4)))] = d.tree(depth - 1)
	}
	return out
}

// holds reports whether a value still has all that was set, more members allowed.
func holds(is, set any) bool {
	want, ok := set.(map[string]any)
	if !ok {
		return cmp.Equal(is, set)
	}
	have, ok := is.(map[string]any)
	if !ok {
		return false
	}
	for k, v := range want {
		if member, ok := have[k]; !ok || !holds(member, v) {
			return false
		}
	}
	return true
}

// A change that no conflict names as the earlier one holds in the end, unless its own layer took it back, and one that is
// named does not hold after the later one.
func TestConflictLaw(t *testing.T) {
	fights, peace := 0, 0
	for seed := range uint64(1500) {
		d := dice{rand.New(rand.NewPCG(9, seed))}
		doc := map[string]any{"a": d.tree(3), "b": d.tree(3)}
		next := doc
		var layers []Layer
		for i := range 5 {
			p := Patch{Op: []string{"add", "replace", "remove"}[d.IntN(3)], Path: d.path(next), Value: d.tree(2)}
			if after, err := Apply(next, []Patch{p}); err == nil && p.Path != "" {
				layers, next = append(layers, Layer{Name: fmt.Sprint(i), Edits: []Edit{p}}), after
			}
		}
		out, trace, err := ApplyLayers(doc, layers, nil)
		require.NoError(t, err)
		lost := map[string]bool{}
		for _, c := range Conflicts(trace) {
			lost[c.Earlier.Layer] = true
			fights++
			i := slices.IndexFunc(trace, func(x Change) bool { return x.Layer == c.Later.Layer })
			after := replay(t, doc, trace[:i+1])
			is, ok, _ := mustPointer(c.Earlier.Path).lookup(after)
			if c.Earlier.Op == "remove" {
				require.True(t, ok, "seed %d: %+v", seed, c)
			} else {
				require.False(t, ok && holds(is, c.Earlier.New), "seed %d: %+v", seed, c)
			}
		}
		for _, c := range trace {
			if lost[c.Layer] {
				continue
			}
			peace++
			is, ok, _ := mustPointer(c.Path).lookup(out)
			if c.Op == "remove" {
				require.False(t, ok, "seed %d: %+v", seed, c)
			} else {
				require.True(t, ok && holds(is, c.New), "seed %d: %+v in %s", seed, c, text(t, trace))
			}
		}
	}
	require.Greater(t, fights, 150)
	require.Greater(t, peace, 500)
}

func replay(t testing.TB, doc any, trace []Change) any {
	for _, c := range trace {
		var err error
		doc, err = applyAny(doc, []Patch{{Op: c.Op, Path: c.Path, Value: c.New}})
		require.NoError(t, err)
	}
	return doc
}
