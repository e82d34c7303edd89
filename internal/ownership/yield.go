package ownership

import (
	"maps"
	"slices"

	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// ours is the live value of a place less what others hold of it: what an apply must send, because leaving it out would
// remove it. False: nothing.
func (w *yielder) ours(at there) (any, bool) {
	if !w.entries.holds(at.raw, w.manager) {
		return nil, false
	}
	if len(w.entries.Holders(at.raw, w.manager)) == 0 {
		return at.live, true
	}
	return w.divided(at.live, at, w.ours)
}

// left is what of a wish is left where others may take what they hold. False: nothing.
func (w *yielder) left(wish any, at there) (any, bool) {
	if len(w.entries.Holders(at.raw, w.manager)) == 0 {
		return wish, true
	}
	return w.divided(wish, at, func(below there) (any, bool) { return w.left(below.wish, below) })
}

// divided goes through a value that several managers hold parts of, and keeps what the function returns for each part. A
// value that has no parts belongs to the others.
func (w *yielder) divided(v any, at there, keep func(below there) (any, bool)) (any, bool) {
	switch v := v.(type) {
	case map[string]any:
		if leaf(at.node) {
			return nil, false
		}
		out := w.fields(v, at, nil, keep)
		return out, len(out) > 0
	case []any:
		var out []any
		switch listKind(at.node) {
		case "k:":
			for i, key := range match(v, at.node) {
				item, _ := v[i].(map[string]any)
				if next, ok := w.item(item, at, key, keep); ok {
					out = append(out, next)
				}
			}
		case "v:":
			for _, x := range v {
				b, err := utiljson.Marshal(x)
				below := there{live: x, wish: x, raw: append(slices.Clip(at.raw), "v:"+string(b))}
				if next, ok := keep(below); err == nil && ok {
					out = append(out, next)
				}
			}
		}
		return out, len(out) > 0
	}
	return nil, false
}

func (w *yielder) item(item map[string]any, at there, key itemKey, keep func(below there) (any, bool)) (any, bool) {
	if key.raw == "" {
		return item, w.Yield == ToOthers // nobody has it yet
	}
	below := at.item(key)
	if below.wish = item; len(w.entries.Holders(below.raw, w.manager)) == 0 {
		return keep(below)
	}
	if !w.entries.holds(below.raw, w.manager) {
		return nil, false
	}
	return w.fields(item, below, &key, keep), true
}

// fields keeps parts of a map; of the item of a keyed list always its key.
func (w *yielder) fields(m map[string]any, at there, key *itemKey, keep func(below there) (any, bool)) map[string]any {
	out := maps.Clone(m)
	for name, v := range m {
		if key != nil && key.has(name) {
			continue
		}
		below, _ := at.field(name)
		below.wish = v
		if next, ok := keep(below); ok {
			out[name] = next
		} else {
			delete(out, name)
		}
	}
	return out
}

func without(m map[string]any, key string) map[string]any {
	out := maps.Clone(m)
	delete(out, key)
	return out
}

// Minus returns the entries with everything that the manager holds taken out of the other's entry on the main resource in
// the same API version, and false when nothing changes. It undoes what a server does once all managed fields were cleared:
// the first apply then leaves the whole object with BeforeFirstApply too.
func (e Entries) Minus(other, manager, apiVersion string) (Entries, bool) {
	ours := e.Fields(manager, apiVersion)
	out, changed := make(Entries, 0, len(e)), false
	for i := range e {
		m, name, main := e.entry(i)
		if main && name == other && m["apiVersion"] == apiVersion {
			if rest, less := minus(fieldsOf(m), ours); less {
				changed = true
				if len(rest) == 0 {
					continue
				}
				m = maps.Clone(m)
				m["fieldsV1"] = rest
				out = append(out, m)
				continue
			}
		}
		out = append(out, e[i])
	}
	return out, changed
}

func minus(a, b map[string]any) (map[string]any, bool) {
	out, changed := a, false
	for key, v := range a {
		node, _ := v.(map[string]any)
		taken, ok := b[key].(map[string]any)
		if !ok || key == "." {
			continue
		}
		rest, less := minus(node, taken)
		if !less && !(leaf(node) && leaf(taken)) {
			continue
		}
		if !changed {
			out, changed = maps.Clone(a), true
		}
		if leaf(rest) {
			delete(out, key)
		} else {
			out[key] = rest
		}
	}
	return out, changed
}
