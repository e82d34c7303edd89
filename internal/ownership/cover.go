package ownership

import (
	"cmp"
	"slices"

	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// Difference is one path where a live object is not as wished.
type Difference struct {
	Path   string   // for people: /spec/template/spec/containers[name=web]/image
	Fields []string // the same as keys of fieldsV1 maps, as far as they are known
	Want   any      // nil: nothing is wished here
	Have   any      // nil: nothing is there, or it is not known
}

// Uncovered returns the paths of the wish that the fields do not hold, sorted; none means that no drift can be seen.
//
// Laws: values decide nothing, since servers normalise them, with two exceptions that ownership cannot show. A non-empty
// map or list under a path that is held as a leaf must be contained in the live one: an atomic one is held so, and so is
// one of which others took or removed every item. And the items of a keyed list must stand in live in the order of the
// wish. A key that the wish omits (protocol) matches any item not yet taken, exact matches first. Where live is metadata
// only, the exceptions are not looked at.
func Uncovered(wish, fields, live map[string]any) []Difference {
	w := coverer{newTrail(live)}
	for key, v := range wish {
		switch key {
		case "apiVersion", "kind":
		case "metadata":
			meta, _ := v.(map[string]any)
			node := child(fields, "f:metadata")
			w.field(key)
			for k, mv := range meta {
				if !identity(k) {
					w.below(k, mv, node)
				}
			}
			w.pop()
		default:
			if _, ok := live[key]; !ok {
				w.steps[0].live = nil // metadata only, as far as we can tell
			}
			w.below(key, v, fields)
			w.steps[0].live = live
		}
	}
	return sorted(w.found)
}

func identity(key string) bool { return key == "name" || key == "namespace" || key == "generateName" }

func sorted(found []Difference) []Difference {
	slices.SortFunc(found, func(a, b Difference) int { return cmp.Compare(a.Path, b.Path) })
	return found
}

type coverer struct{ trail }

// below steps into a field of a map.
func (w *coverer) below(key string, wish any, node map[string]any) {
	w.field(key)
	if next, ok := node["f:"+key].(map[string]any); ok {
		w.value(wish, next)
	} else {
		w.note(wish)
	}
	w.pop()
}

func (w *coverer) value(wish any, node map[string]any) {
	switch v := wish.(type) {
	case map[string]any:
		switch {
		case len(v) == 0:
		case leaf(node):
			w.held(v)
		default:
			for key, x := range v {
				w.below(key, x, node)
			}
		}
	case []any:
		switch listKind(node) {
		case "k:":
			w.keyed(v, node)
		case "v:":
			w.valued(v, node)
		default:
			if len(v) > 0 {
				w.held(v)
			}
		}
	}
}

// valued looks up the items of a set.
func (w *coverer) valued(wish []any, node map[string]any) {
	for _, item := range wish {
		b, err := utiljson.Marshal(item)
		if _, ok := node["v:"+string(b)]; err == nil && !ok {
			w.push(step{label: "[" + string(b) + "]", raw: "v:" + string(b)})
			w.note(item)
			w.pop()
		}
	}
}

// held compares what is held as a leaf with the live value, where that is known.
func (w *coverer) held(wish any) {
	if w.live() == nil {
		return
	}
	list, isList := wish.([]any)
	if !isList {
		if !within(wish, w.live(), nil, true) {
			w.note(wish)
		}
		return
	}
	live, _ := w.live().([]any)
	for _, item := range list {
		if !slices.ContainsFunc(live, func(l any) bool { return within(item, l, nil, true) }) {
			w.note(wish)
			return
		}
	}
}

// keyed walks the items of an associative list.
func (w *coverer) keyed(wish []any, node map[string]any) {
	live, _ := w.live().([]any)
	last := -1
	for i, key := range match(wish, node) {
		item, _ := wish[i].(map[string]any)
		here := step{key: key, raw: key.raw}
		if key.raw == "" || item == nil {
			here = step{index: i + 1}
		}
		pos := i // where it nearly always is
		if i >= len(live) || !key.is(live[i]) {
			pos = slices.IndexFunc(live, key.is)
		}
		if pos >= 0 {
			here.live = live[pos]
		}
		w.push(here)
		switch {
		case here.index > 0:
			w.note(wish[i])
		case pos >= 0 && pos < last:
			w.note(item)
			w.pop()
			return
		default:
			last = max(last, pos)
			next := child(node, key.raw)
			for k, v := range item {
				if !key.has(k) {
					w.below(k, v, next)
				}
			}
		}
		w.pop()
	}
}
