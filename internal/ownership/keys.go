package ownership

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// itemKey is the key of one item of an associative list. The zero value is no key.
type itemKey struct {
	raw    string // as a fieldsV1 map spells it: k:{"name":"web"}
	fields []keyField
}

type keyField struct {
	name  string
	value any
}

func (k itemKey) has(name string) bool {
	return slices.ContainsFunc(k.fields, func(f keyField) bool { return f.name == name })
}

// keysOf returns the item keys of a list's node, sorted by their spelling.
func keysOf(node map[string]any) []itemKey {
	keys := make([]itemKey, 0, len(node))
	for raw := range node {
		if fields := parseKey(raw); len(fields) > 0 {
			keys = append(keys, itemKey{raw, fields})
		}
	}
	slices.SortFunc(keys, func(a, b itemKey) int { return strings.Compare(a.raw, b.raw) })
	return keys
}

// parseKey reads k:{"containerPort":80,"protocol":"TCP"}; nil when it is no such key.
func parseKey(raw string) []keyField {
	if !strings.HasPrefix(raw, "k:{") {
		return nil
	}
	if fields := plainKey(raw[len("k:{"):]); fields != nil {
		return fields
	}
	var m map[string]any
	if utiljson.Unmarshal([]byte(raw[len("k:"):]), &m) != nil {
		return nil
	}
	var fields []keyField
	for _, name := range slices.Sorted(maps.Keys(m)) {
		fields = append(fields, keyField{name, m[name]})
	}
	return fields
}

// plainKey reads what servers write for nearly all keys: strings without escapes, whole numbers and truth values. Nil: it
// is something else.
func plainKey(rest string) []keyField {
	fields := make([]keyField, 0, 2)
	for {
		name, after, ok := plainString(rest)
		if !ok || !strings.HasPrefix(after, ":") {
			return nil
		}
		rest = after[1:]
		var value any
		if text, after, ok := plainString(rest); ok {
			value, rest = text, after
		} else {
			end := strings.IndexAny(rest, ",}")
			if end < 0 {
				return nil
			}
			n, err := strconv.ParseInt(rest[:end], 10, 64)
			switch {
			case err == nil && rest[0] != '+':
				value = n
			case rest[:end] == "true" || rest[:end] == "false":
				value = rest[:end] == "true"
			default:
				return nil
			}
			rest = rest[end:]
		}
		fields = append(fields, keyField{name, value})
		if rest == "}" {
			return fields
		}
		if rest, ok = strings.CutPrefix(rest, ","); !ok {
			return nil
		}
	}
}

// plainString cuts a JSON string without escapes off the front.
func plainString(text string) (value, rest string, ok bool) {
	if text, ok = strings.CutPrefix(text, `"`); !ok {
		return "", "", false
	}
	value, rest, ok = strings.Cut(text, `"`)
	return value, rest, ok && !strings.Contains(value, `\`)
}

// match finds the key of each item in a list's node: first keys that the item spells out whole, then keys whose missing
// part the item leaves to a default. An item without a key gets the zero itemKey. Every key is taken once.
func match(items []any, node map[string]any) []itemKey {
	if found := spelled(items, node); found != nil {
		return found
	}
	keys := keysOf(node)
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

// spelled is the fast way of match, for items that all spell out their keys: it writes each key as a server does and looks
// it up, instead of reading all keys. It gives up with nil.
func spelled(items []any, node map[string]any) []itemKey {
	var names []keyField
	for raw := range node {
		if names = parseKey(raw); names != nil {
			break
		}
	}
	if len(names) == 0 {
		return nil
	}
	found := make([]itemKey, len(items))
	fields := make([]keyField, 0, len(items)*len(names))
	for i, item := range items {
		m, _ := item.(map[string]any)
		var buf [96]byte
		raw := append(buf[:0], "k:{"...)
		for n := range names {
			name := names[n].name
			if n > 0 {
				raw = append(raw, ',')
			}
			raw = strconv.AppendQuote(raw, name)
			raw = append(raw, ':')
			v, ok := m[name]
			if !ok {
				return nil
			}
			if raw, ok = appendScalar(raw, v); !ok {
				return nil
			}
			fields = append(fields, keyField{name, v})
		}
		raw = append(raw, '}')
		if _, ok := node[string(raw)]; !ok {
			return nil
		}
		found[i] = itemKey{string(raw), fields[len(fields)-len(names):]}
		for _, before := range found[:i] {
			if before.raw == found[i].raw {
				return nil
			}
		}
	}
	return found
}

func appendScalar(raw []byte, v any) ([]byte, bool) {
	switch t := v.(type) {
	case string:
		return strconv.AppendQuote(raw, t), true
	case int64:
		return strconv.AppendInt(raw, t, 10), true
	case bool:
		return strconv.AppendBool(raw, t), true
	}
	return raw, false
}

// fits reports whether the item can be the one with this key. Unless exact, a key field that the item omits fits, as
// long as one is spelled out.
func (k itemKey) fits(item map[string]any, exact bool) bool {
	spelled := 0
	for _, f := range k.fields {
		have, ok := item[f.name]
		switch {
		case ok && scalarEqual(have, f.value):
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
	for _, f := range k.fields {
		parts = append(parts, fmt.Sprintf("%s=%v", f.name, f.value))
	}
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
