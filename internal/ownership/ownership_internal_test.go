package ownership

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func TestParseKey(t *testing.T) {
	for raw, want := range map[string][]keyField{
		`k:{"name":"web"}`:                             {{"name", "web"}},
		`k:{"containerPort":80,"protocol":"TCP"}`:      {{"containerPort", int64(80)}, {"protocol", "TCP"}},
		`k:{"a":"x\"},:y","b":true,"c":-1.5,"d":null}`: {{"a", `x"},:y`}, {"b", true}, {"c", -1.5}, {"d", nil}},
		`k:{"a":"x\u0026y","b":"\\"}`:                  {{"a", "x&y"}, {"b", `\`}},
		`k:{"a":+1}`:                                   nil,
		`k:{}`:                                         nil,
		`k:{"a"}`:                                      nil,
		`k:{"a":1`:                                     nil,
		`k:{"a":"1`:                                    nil,
		`k:{"a":1}x`:                                   nil,
		`k:`:                                           nil,
		`f:a`:                                          nil,
	} {
		require.Equal(t, want, parseKey(raw), raw)
	}
}

// TestSpelledIsMatch: the fast way finds what the slow way finds, or gives up.
func TestSpelledIsMatch(t *testing.T) {
	node := map[string]any{
		`k:{"containerPort":80,"protocol":"TCP"}`: nil, `k:{"containerPort":53,"protocol":"UDP"}`: nil,
		`k:{"containerPort":53,"protocol":"TCP"}`: nil, ".": nil,
	}
	port := func(n int64, protocol string) any {
		m := map[string]any{"containerPort": n, "name": "x"}
		if protocol != "" {
			m["protocol"] = protocol
		}
		return m
	}
	slow := func(items []any) []string {
		var raws []string
		keys := keysOf(node)
		taken := map[string]bool{}
		for range items {
			raws = append(raws, "")
		}
		for _, exact := range []bool{true, false} {
			for i, item := range items {
				for _, k := range keys {
					if m, ok := item.(map[string]any); ok && raws[i] == "" && !taken[k.raw] && k.fits(m, exact) {
						raws[i], taken[k.raw] = k.raw, true
					}
				}
			}
		}
		return raws
	}
	for _, items := range [][]any{
		{port(80, "TCP"), port(53, "TCP"), port(53, "UDP")},
		{port(53, ""), port(53, "TCP")},
		{port(53, "TCP"), port(53, "TCP")},
		{port(1, "TCP")},
		{"x", nil},
		{},
	} {
		var got []string
		for _, k := range match(items, node) {
			got = append(got, k.raw)
		}
		require.Empty(t, cmp.Diff(slow(items), got))
	}
}
