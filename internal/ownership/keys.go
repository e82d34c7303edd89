package ownership

import (
	"fmt"
	"slices"
	"strings"

	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// itemKey is the key of one item of an associative list, as a fieldsV1 map spells it.
type itemKey struct {
	raw    string // k:{"name":"web"}
	fields map[string]any
}

// keysOf returns the item keys of a list's node, sorted by their spelling.
func keysOf(node map[string]any) []itemKey {
	keys := make([]itemKey, 0, len(node))
	for raw := range node {
		text, ok := strings.CutPrefix(raw, "k:")
		if !ok {
			continue
		}
		var fields map[string]any
		if err := utiljson.Unmarshal([]byte(text), &fields); err == nil && len(fields) > 0 {
			keys = append(keys, itemKey{raw, fields})
		}
	}
	slices.SortFunc(keys, func(a, b itemKey) int { return strings.Compare(a.raw, b.raw) })
	return keys
}

// match finds the key of each item: first keys that the item spells out whole, then keys whose missing part the item
// leaves to a default. An item without a key gets the zero itemKey. Every key is taken once.
func match(items []any, keys []itemKey) []itemKey {
	found := make([]itemKey, len(items))
	taken := make([]bool, len(keys))
	for _, exact := range []bool{true, false} {
		for i, item := range items {
			if found[i].raw != "" {
				continue
			}
			m, _ := item.(map[string]any)
			for k := range keys {
				if !taken[k] && keys[k].fits(m, exact) {
					found[i], taken[k] = keys[k], true
					break
				}
			}
		}
	}
	return found
}

// fits reports whether the item can be the one with this key. Unless exact, a key field that the item omits fits, as
// long as one is spelled out.
func (k itemKey) fits(item map[string]any, exact bool) bool {
	spelled := 0
	for name, want := range k.fields {
		have, ok := item[name]
		switch {
		case ok && scalarEqual(have, want):
			spelled++
		case ok || exact:
			return false
		}
	}
	return spelled > 0
}

// is reports whether a live item has this key. A server spells out the defaults of keys; where one does not, they fit.
func (k itemKey) is(item any) bool {
	m, _ := item.(map[string]any)
	return k.fits(m, false)
}

// label spells the key in a path: [name=web] or [containerPort=80,protocol=TCP].
func (k itemKey) label() string {
	parts := make([]string, 0, len(k.fields))
	for name, v := range k.fields {
		parts = append(parts, fmt.Sprintf("%s=%v", name, v))
	}
	slices.Sort(parts)
	return "[" + strings.Join(parts, ",") + "]"
}

func escape(key string) string {
	return strings.ReplaceAll(strings.ReplaceAll(key, "~", "~0"), "/", "~1")
}

// scalarEqual compares two decoded JSON scalars; numbers by value, whatever their Go type.
func scalarEqual(a, b any) bool {
	if x, ok := number(a); ok {
		y, ok := number(b)
		return ok && x == y
	}
	switch a.(type) {
	case string, bool, nil:
		return a == b
	}
	return false
}

func number(v any) (float64, bool) {
	switch n := v.(type) {
	case int64:
		return float64(n), true
	case int:
		return float64(n), true
	case float64:
		return n, true
	}
	return 0, false
}
