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
	w := coverer{}
	root := place{live: live}
	for key, v := range wish {
		switch key {
		case "apiVersion", "kind":
		case "metadata":
			meta, _ := v.(map[string]any)
			node := child(fields, "f:metadata")
			at := root.field("metadata")
			for k, mv := range meta {
				if !identity(k) {
					w.field(k, mv, node, &at)
				}
			}
		default:
			at := root.field(key)
			if at.live == (gone{}) {
				at.live = nil // metadata only, as far as we can tell
			}
			w.below(v, fields, "f:"+key, &at)
		}
	}
	return sorted(w.found)
}

func identity(key string) bool { return key == "name" || key == "namespace" || key == "generateName" }

func sorted(found []Difference) []Difference {
	slices.SortFunc(found, func(a, b Difference) int { return cmp.Compare(a.Path, b.Path) })
	return found
}

type coverer struct{ found []Difference }

func (w *coverer) miss(at *place, want any) { w.found = append(w.found, at.difference(want)) }

func (w *coverer) field(key string, wish any, node map[string]any, parent *place) {
	at := parent.field(key)
	w.below(wish, node, "f:"+key, &at)
}

func (w *coverer) below(wish any, node map[string]any, key string, at *place) {
	next, ok := node[key].(map[string]any)
	if !ok {
		w.miss(at, wish)
		return
	}
	w.value(wish, next, at)
}

func (w *coverer) value(wish any, node map[string]any, at *place) {
	switch v := wish.(type) {
	case map[string]any:
		switch {
		case len(v) == 0:
		case leaf(node):
			w.held(v, at)
		default:
			for key, x := range v {
				w.field(key, x, node, at)
			}
		}
	case []any:
		switch listKind(node) {
		case "k:":
			w.keyed(v, node, at)
		case "v:":
			for _, item := range v {
				b, err := utiljson.Marshal(item)
				if _, ok := node["v:"+string(b)]; err == nil && !ok {
					one := place{parent: at, label: "[" + string(b) + "]", raw: "v:" + string(b)}
					w.miss(&one, item)
				}
			}
		default:
			if len(v) > 0 {
				w.held(v, at)
			}
		}
	}
}

// held compares what is held as a leaf with the live value, where that is known.
func (w *coverer) held(wish any, at *place) {
	if at.live == nil {
		return
	}
	list, isList := wish.([]any)
	if !isList {
		if !within(wish, at.live, nil, true) {
			w.miss(at, wish)
		}
		return
	}
	live, _ := at.live.([]any)
	for _, item := range list {
		if !slices.ContainsFunc(live, func(l any) bool { return within(item, l, nil, true) }) {
			w.miss(at, wish)
			return
		}
	}
}

// keyed walks the items of an associative list.
func (w *coverer) keyed(wish []any, node map[string]any, at *place) {
	live, _ := at.live.([]any)
	last := -1
	for i, key := range match(wish, keysOf(node)) {
		item, _ := wish[i].(map[string]any)
		if key.raw == "" || item == nil {
			one := place{parent: at, index: i + 1}
			w.miss(&one, wish[i])
			continue
		}
		here := place{parent: at, key: key, raw: key.raw}
		if pos := slices.IndexFunc(live, key.is); pos >= 0 {
			if pos < last {
				w.miss(&here, item)
				return
			}
			last, here.live = pos, live[pos]
		}
		next := child(node, key.raw)
		for k, v := range item {
			if _, isKey := key.fields[k]; !isKey {
				w.field(k, v, next, &here)
			}
		}
	}
}
