package override

import (
	"errors"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func editDocument(t testing.TB, d Document, in string) (string, error) {
	t.Helper()
	d.Path = "/data/x"
	out, _, err := ApplyLayers(map[string]any{"data": map[string]any{"x": in}}, []Layer{{Edits: []Edit{d}}}, nil)
	if err != nil {
		return "", err
	}
	return out["data"].(map[string]any)["x"].(string), nil
}

func TestDocument(t *testing.T) {
	for _, row := range []struct {
		name, format, in string
		edits            []Edit
		want             string
	}{
		{"nothing changes, nothing moves", "", "a:   1 # one\n\n\nb:    {x:   1}", []Edit{Patch{Path: "/a", Value: 1}}, "a:   1 # one\n\n\nb:    {x:   1}"},
		{"comments, order and spelling stay", "", "# top\nz: 0x1F # hex\ny: 010\n# about a\na: 1\non: yes\nd: 2024-01-01\n", []Edit{Patch{Path: "/a", Value: 2}}, "# top\nz: 0x1F # hex\ny: 010\n# about a\na: 2\non: yes\nd: 2024-01-01\n"},
		{"no newline at the end", "", "a: 1", []Edit{Patch{Path: "/a", Value: 2}}, "a: 2"},
		{"document start", "", "---\na: 1\n", []Edit{Patch{Path: "/a", Value: 2}}, "---\na: 2\n"},
		{"indentation of four", "", "a:\n    b:\n        c: 1\n        d:\n            - 1\n", []Edit{Patch{Path: "/a/b/c", Value: 2}}, "a:\n    b:\n        c: 2\n        d:\n            - 1\n"},
		{"lists that are not indented", "", "a:\n- b: 1\n  c: 2\n- b: 2\n", []Edit{Patch{Path: "/a[b=2]/b", Value: 3}}, "a:\n- b: 1\n  c: 2\n- b: 3\n"},
		{"insert and remove", "", "a:\n- 1 # one\n- 2 # two\n- 3 # three\n- x: 0 # x\n  y: 1.10\n- 4 # four\n- 5 # five\n", []Edit{Patch{Op: "add", Path: "/a/1", Value: 9}, Patch{Op: "remove", Path: "/a/3"}, Patch{Path: "/a/3/x", Value: 1}, Patch{Op: "remove", Path: "/a/4"}}, "a:\n- 1 # one\n- 9\n- 2 # two\n- x: 1 # x\n  y: 1.10\n- 5 # five\n"},
		{"aliases are written out", "", "base: &b\n  x: 1\n  y: 2\nuse:\n  <<: *b\n  y: 3\nalso: *b\n", []Edit{Patch{Path: "/base/x", Value: 5}}, "base:\n  x: 5\n  y: 2\nuse:\n  x: 1\n  y: 3\nalso:\n  x: 1\n  y: 2\n"},
		{"old bools are quoted", "", "a: x\n", []Edit{Patch{Path: "/a", Value: "yes"}, Patch{Op: "add", Path: "/b", Value: "010"}, Patch{Op: "add", Path: "/c", Value: "1:30"}}, "a: \"yes\"\nb: \"010\"\nc: \"1:30\"\n"},
		{"text of many lines", "", "a: x\n", []Edit{Patch{Path: "/a", Value: "one\ntwo\n"}}, "a: |\n  one\n  two\n"},
		{"a list at the root", "", "- a\n- b\n", []Edit{Patch{Op: "add", Path: "/-", Value: "c"}}, "- a\n- b\n- c\n"},
		{"empty text", "yaml", "", []Edit{Patch{Path: "", Value: map[string]any{"a": 1}}}, "a: 1"},
		{"tags stay", "", "a: !secret x\nb: 1\n", []Edit{Patch{Path: "/b", Value: 2}}, "a: !secret x\nb: 2\n"},
		{"JSON on one line", "", `{"b":1.0,"a":"<&>\u00e9"}`, []Edit{Patch{Op: "add", Path: "/c", Value: map[string]any{}}}, `{"b":1.0,"a":"<&>é","c":{}}`},
		{"JSON with tabs", "", "{\n\t\"b\": 1e2,\n\t\"a\": []\n}\n", []Edit{Patch{Op: "add", Path: "/a/-", Value: nil}}, "{\n\t\"b\": 1e2,\n\t\"a\": [\n\t\tnull\n\t]\n}\n"},
		{"JSON of a big integer", "", `{"a":123456789012345678901234567890,"b":1}`, []Edit{Patch{Path: "/b", Value: 2}}, `{"a":123456789012345678901234567890,"b":2}`},
		{"JSON text in YAML manner", "yaml", `{a: 1, "b": 2}`, []Edit{Patch{Path: "/a", Value: 2}}, `{a: 2, "b": 2}`},
		{"a document in a document", "", "inner: |\n  x: 1\n", []Edit{Document{Path: "/inner", Edits: []Edit{Patch{Path: "/x", Value: 2}}}}, "inner: |\n  x: 2\n"},
		{"identity is not protected inside", "", "kind: A\nmetadata: {name: x}\n", []Edit{Patch{Path: "/metadata/name", Value: "z"}, Merge{"kind": "B"}}, "kind: B\nmetadata: {name: z}\n"},
		{"infinite stays", "", "a: .inf\nb: 1\n", []Edit{Patch{Path: "/b", Value: 2}}, "a: .inf\nb: 2\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := editDocument(t, Document{Format: row.format, Edits: row.edits}, row.in)
			require.NoError(t, err)
			require.Equal(t, row.want, got)
		})
	}
}

func TestDocumentRefusals(t *testing.T) {
	set := []Edit{Patch{Op: "add", Path: "/zz", Value: 2}}
	for _, row := range []struct {
		name, format, in string
		edits            []Edit
		err              error
	}{
		{"two documents", "", "a: 1\n---\nb: 2\n", set, ErrInvalid},
		{"a key twice", "", "a: 1\na: 2\n", set, ErrInvalid},
		{"a key twice, below", "", "x:\n  a: 1\n  a: 2\n", set, ErrInvalid},
		{"a JSON key twice", "", `{"a":1,"a":2}`, set, ErrInvalid},
		{"a JSON key twice in other letters", "", `{"a":1,"\u0061":2}`, set, ErrInvalid},
		{"an object for a key", "", "{a: 1}: 2\n", set, ErrInvalid},
		{"an alias for a key", "", "a: &x y\n*x : 2\n", set, ErrInvalid},
		{"JSON with a tail", "", `{"a":1} x`, set, ErrInvalid},
		{"half of JSON", "", `{"a":`, set, ErrInvalid},
		{"no YAML", "", "a: [", set, ErrInvalid},
		{"JSON wanted, YAML found", "json", "a: 1\n", set, ErrInvalid},
		{"unknown format", "toml", "a = 1", set, ErrInvalid},
		{"merge of a text", "", "a:\n  <<: x\n", set, ErrInvalid},
		{"an alias of itself", "", "a: &x [*x]\n", set, ErrInvalid},
		{"merge of itself", "", "a: &x\n  <<: *x\n", set, ErrInvalid},
		{"the edit misses", "", "a: 1\n", []Edit{Patch{Op: "remove", Path: "/b"}}, ErrNotFound},
		{"the test fails", "", "a: 1\n", []Edit{Patch{Op: "test", Path: "/a", Value: 2}}, ErrTest},
		{"no edit", "", "a: 1\n", []Edit{nil}, ErrInvalid},
		{"own error", "", "a: 1\n", []Edit{failing{errors.New("boom")}}, ErrInvalid},
		{"not base64", "", "%", nil, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := editDocument(t, Document{Format: row.format, Base64: row.err == nil, Edits: row.edits}, row.in)
			if row.err == nil {
				row.err = ErrInvalid
			}
			require.ErrorIs(t, err, row.err)
			require.Empty(t, got)
		})
	}
	_, err := editDocument(t, Document{Edits: []Edit{Patch{Op: "remove", Path: "/b"}}}, "a: 1\n")
	require.EqualError(t, err, `patch 0 at "/data/x": edit 0: patch 0 at "/b": not found: there is no b`)
}

// bombs are texts that are small to hold and, for a careless reader, large to read.
func bombs() map[string]string {
	laughs := "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
	merges := "b0: &b0 {x: 1}\n"
	for i := range 30 {
		from, to := string(rune('a'+i%26))+strings.Repeat("_", i/26), string(rune('a'+(i+1)%26))+strings.Repeat("_", (i+1)/26)
		if i == 0 {
			from = "a0"
		}
		laughs += to + ": &" + to + " [" + strings.Repeat("*"+from+",", 9) + "]\n"
	}
	return map[string]string{
		"laughs":          laughs,
		"merges":          merges + "c: &c {<<: [" + strings.Repeat("*b0,", 200000) + "]}\n",
		"deep flow":       strings.Repeat("[", 500000),
		"deep flow maps":  strings.Repeat("{a: ", 200000),
		"deep blocks":     strings.Repeat("- ", 500000),
		"deep JSON":       `{"a":` + strings.Repeat("[", 500000),
		"deep JSON whole": strings.Repeat("[", 500000) + strings.Repeat("]", 500000),
		"wide":            "[" + strings.Repeat("1,", 500000) + "1]",
		"wide YAML":       strings.Repeat("- 1\n", 262000),
		"large":           strings.Repeat("x", 1<<20+1),
		"anchors":         strings.Repeat("- &a x\n- *a\n", 90000) + "- *b\n",
		"comments":        strings.Repeat("# x\n", 262000) + "a",
		"question marks":  strings.Repeat("? ", 500000),
		"quotes":          strings.Repeat("'", 1000001),
		"spaces":          "a:" + strings.Repeat(" ", 1000000) + "[",
		"nested indent":   deepIndent(1400),
	}
}

func deepIndent(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", min(i, 700)) + "a:\n")
	}
	return b.String()
}

// Whatever the text, reading it ends, in memory that is a bounded multiple of what a text may have.
func TestDocumentBombs(t *testing.T) {
	for name, in := range bombs() {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := editDocument(t, Document{Edits: []Edit{Patch{Op: "add", Path: "/zz", Value: 1}}}, in)
			runtime.ReadMemStats(&after)
			require.Error(t, err)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<30))
			t.Logf("%d MiB: %v", (after.TotalAlloc-before.TotalAlloc)>>20, err)
		})
	}
}

// Writing a random document, editing it and reading it back gives the edited value, in both formats.
func TestDocumentRoundTrip(t *testing.T) {
	edited := 0
	for seed := range uint64(1500) {
		d := dice{rand.New(rand.NewPCG(7, seed))}
		doc := d.object()
		patches := d.patches(doc, 3)
		want, err := any(doc), error(nil)
		for _, p := range patches {
			if want, err = applyAny(want, []Patch{p}); err != nil {
				break
			}
		}
		for _, format := range []string{"json", "yaml"} {
			var b string
			if format == "json" {
				b, _ = printJSON(grow(doc), "")
			} else {
				b, _ = printYAML(grow(doc), "\n")
			}
			got, err2 := editDocument(t, Document{Format: format, Edits: edits(patches)}, b)
			if err != nil {
				require.Error(t, err2)
				continue
			}
			require.NoError(t, err2, "seed %d %s: %s", seed, format, text(t, patches))
			parse := parseJSON
			if format == "yaml" {
				parse = parseYAML
			}
			_, back, err := read(parse, got)
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(decode(t, text(t, want)), decode(t, text(t, back))), "seed %d %s: %s", seed, format, got)
			edited++
		}
	}
	require.Greater(t, edited, 700)
}

func edits(patches []Patch) []Edit {
	out := make([]Edit, len(patches))
	for i, p := range patches {
		out[i] = p
	}
	return out
}

func FuzzDocument(f *testing.F) {
	for _, s := range []string{"a: 1 # x\nb: [1, 2]\n", `{"a":{"b":[1,2.50]}}`, "a: &x {b: 1}\nc: {<<: *x}\n", "- a\n- |\n  text\n", "? a\n: b\n", "a: !!binary aGk=\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, format := range []string{"json", "yaml"} {
			d := Document{Format: format, Edits: []Edit{Patch{Op: "add", Path: "/zz", Value: map[string]any{"n": 1, "s": "yes"}}}}
			got, err := editDocument(t, d, s)
			if err != nil {
				require.True(t, errors.Is(err, ErrInvalid) || errors.Is(err, ErrNotFound), "%v", err)
				continue
			}
			again, err := editDocument(t, d, got)
			require.NoError(t, err)
			require.Equal(t, got, again)
			back, err := editDocument(t, Document{Format: format, Edits: []Edit{Patch{Op: "test", Path: "/zz/s", Value: "yes"}}}, got)
			require.NoError(t, err)
			require.Equal(t, got, back)
		}
	})
}
