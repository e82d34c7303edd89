package override

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// theirs applies one patch with json-patch/v5.
func theirs(t testing.TB, doc any, p Patch) (any, bool) {
	t.Helper()
	op := map[string]any{"op": p.Op, "path": p.Path}
	switch p.Op {
	case "add", "replace", "test":
		op["value"] = p.Value
	case "move", "copy":
		op["from"] = p.From
	}
	text, err := json.Marshal([]any{op})
	require.NoError(t, err)
	patch, err := jsonpatch.DecodePatch(text)
	if err != nil {
		return nil, false
	}
	before, err := json.Marshal(doc)
	require.NoError(t, err)
	out, err := patch.Apply(before)
	if err != nil {
		return nil, false
	}
	return decode(t, string(out)), true
}

// differs says why an operation is none to compare, for every difference from json-patch/v5 that is on purpose. doc is
// what it is applied to.
func differs(doc any, p *Patch) string {
	if p.Op == "" {
		p.Op = "replace" // json-patch knows no default
	}
	if p.Lenient {
		return "lenient operations are ours alone"
	}
	path, err := parsePointer(p.Path)
	from, err2 := parsePointer(p.From)
	switch {
	case err != nil || err2 != nil:
		return "it takes ~ before anything, and drops text before the first slash"
	case strings.ContainsAny(p.Path+p.From, "[]"):
		return "selectors are ours alone"
	case strings.Contains(p.Path, "~2") || strings.Contains(p.Path, "~3"):
		return "so are the escapes of their brackets"
	case p.Path == "" || (p.Op == "move" || p.Op == "copy") && p.From == "":
		return "it refuses some operations on the whole document"
	case p.Op == "move" && (p.Path == p.From || strings.HasPrefix(p.Path, p.From+"/")):
		return "it moves a value into itself"
	case p.Op == "test" && strings.Contains(text(nil, p.Value), "null"):
		return "it panics when it compares a null in a list"
	case hasEmptyName(path) || hasEmptyName(from):
		return "it takes the empty name for the object itself"
	case oddIndex(doc, path) || oddIndex(doc, from):
		return "it takes 01, +1 and -0 for indices of lists"
	}
	last := path.tokens[len(path.tokens)-1]
	parent, _, _ := pointer{tokens: path.tokens[:len(path.tokens)-1]}.lookup(doc)
	if m, ok := parent.(map[string]any); ok && p.Op == "replace" {
		if _, there := m[last.key]; !there {
			p.Op = "add" // as KubeFed has it
		}
	}
	if v, ok, _ := path.lookup(doc); p.Op == "test" && !ok && p.Value == nil {
		return "it takes what is absent for null"
	} else if p.Op == "test" && equalButSpelled(v, p.Value) {
		return "it tells 1 from 1.0"
	}
	return ""
}

func hasEmptyName(p pointer) bool {
	return slices.ContainsFunc(p.tokens, func(t token) bool { return t.key == "" })
}

// oddIndex reports whether a name that json-patch reads as a number goes into a list.
func oddIndex(doc any, p pointer) bool {
	for i, t := range p.tokens {
		at, _, _ := pointer{tokens: p.tokens[:i]}.lookup(doc)
		if _, ok := at.([]any); ok && t.kind == tokName && strings.Trim(t.key, "+-0123456789_") == "" {
			return true
		}
	}
	return false
}

func equalButSpelled(a, b any) bool { return same(a, b) && !cmp.Equal(a, b) }

func compareWithOracle(t testing.TB, doc any, patches []Patch) (compared int) {
	t.Helper()
	for _, p := range patches {
		if differs(doc, &p) != "" {
			continue
		}
		ours, err := applyAny(doc, []Patch{p})
		want, ok := theirs(t, doc, p)
		require.Equal(t, ok, err == nil, "%s\n onto %s\n %v", text(t, p), text(t, doc), err)
		if !ok {
			continue
		}
		require.Empty(t, cmp.Diff(want, decode(t, text(t, ours))), "%s\n onto %s", text(t, p), text(t, doc))
		doc = decode(t, text(t, ours))
		compared++
	}
	return compared
}

func TestAgainstTheOracle(t *testing.T) {
	compared := 0
	for seed := range uint64(2000) {
		d := dice{rand.New(rand.NewPCG(6, seed))}
		doc := any(d.object())
		compared += compareWithOracle(t, decode(t, text(t, doc)), d.patches(doc, 6))
	}
	require.Greater(t, compared, 1200)
}

func FuzzApply(f *testing.F) {
	f.Add(`{"a":{"b":[1,2]}}`, `[{"op":"add","path":"/a/b/1","value":null},{"op":"move","from":"/a","path":"/c"}]`)
	f.Add(`[[],{}]`, `[{"op":"copy","from":"/0","path":"/1/x"},{"op":"test","path":"/0","value":[]}]`)
	f.Add(`{"a":[{"name":"x"}]}`, `[{"path":"/a[name=x]/y","value":1},{"op":"remove","path":"/b/c","lenient":true}]`)
	f.Fuzz(func(t *testing.T, docText, patchText string) {
		doc, err := decodeJSON([]byte(docText))
		if err != nil || len(docText)+len(patchText) > 4096 {
			return
		}
		nodes := maxNodes
		if doc, err = normalise(doc, 0, &nodes); err != nil {
			return
		}
		var patches []Patch
		if json.Unmarshal([]byte(patchText), &patches) != nil {
			return
		}
		before := text(t, doc)
		out, err := applyAny(doc, patches)
		require.Equal(t, before, text(t, doc))
		if err == nil {
			again, err := applyAny(doc, patches)
			require.NoError(t, err)
			require.Equal(t, text(t, out), text(t, again))
		}
		for _, p := range patches {
			if _, err := parsePointer(p.Path); err != nil {
				return
			}
		}
		if utf8JSON(docText) && utf8JSON(patchText) {
			compareWithOracle(t, doc, patches)
		}
	})
}

// utf8JSON leaves out what the two decoders replace in their own ways.
func utf8JSON(s string) bool {
	return !strings.Contains(s, "\ufffd") && !strings.Contains(s, `\u`) && strings.ToValidUTF8(s, "\ufffd") == s
}

// A pointer that parses is spelled back to one that means the same.
func FuzzPointer(f *testing.F) {
	for _, s := range []string{"", "/", "/a/b", "/a~1b/~0", "/a[b=c]/d", "/-1/-", "/[a=b][c=d]", "/x~2y=z]", "a", "/~"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parsePointer(s)
		if err != nil {
			require.ErrorIs(t, err, ErrInvalid)
			return
		}
		var b strings.Builder
		for _, tok := range p.tokens {
			if tok.kind == tokItem {
				return
			}
			b.WriteString("/" + escape(tok.key))
		}
		again, err := parsePointer(b.String())
		require.NoError(t, err, b.String())
		require.Equal(t, p.tokens, again.tokens, b.String())
	})
}

func FuzzExpand(f *testing.F) {
	for _, s := range []string{"", "${a}", "x${a}y", "$${a}", "${b:-1}", "${b|int:-x}", "${", "${a|string}${n}", "$$${a}"} {
		f.Add(s)
	}
	vars := func(name string) (any, bool) {
		v, ok := map[string]any{"a": "A", "n": 7, "o": map[string]any{"x": 1}}[name]
		return v, ok
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := Expand(s, vars)
		if err != nil {
			return
		}
		if !strings.Contains(s, "${") {
			require.Equal(t, s, v)
		}
		again, err := Expand(s, vars)
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(v, again))
	})
}
