package ownership

import (
	"slices"
	"strconv"

	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// Uncovered returns the paths of the wish that the fields do not hold, sorted; none means that no drift can be seen.
//
// Laws: values decide nothing, since servers normalise them, with two exceptions that ownership cannot show. A non-empty
// map or list under a path that is held as a leaf must be contained in the live one: an atomic one is held so, and so is
// one of which others took or removed every item. And the items of a keyed list must stand in live in the order of the
// wish. A key that the wish omits (protocol) matches any item not yet taken, exact matches first. Where live is metadata
// only, the exceptions are not looked at.
func Uncovered(wish, fields, live map[string]any) []string {
	w := walker{}
	for key, v := range wish {
		switch key {
		case "apiVersion", "kind":
		case "metadata":
			meta, _ := v.(map[string]any)
			node, _ := fields["f:metadata"].(map[string]any)
			liveMeta, _ := live["metadata"].(map[string]any)
			for k, mv := range meta {
				if k != "name" && k != "namespace" && k != "generateName" {
					w.field(k, mv, node, place{"/metadata", liveMeta})
				}
			}
		default:
			if _, ok := live[key]; ok {
				w.field(key, v, fields, place{"", live})
			} else {
				w.field(key, v, fields, place{})
			}
		}
	}
	slices.Sort(w.paths)
	return w.paths
}

type walker struct{ paths []string }

// place is where the walk stands: the path so far and the live value there.
type place struct {
	path string
	live any
}

// gone is a live value that is known to be missing; nil is not known.
type gone struct{}

func (p place) field(key string) place {
	at := place{path: p.path + "/" + escape(key)}
	switch live := p.live.(type) {
	case map[string]any:
		if v, ok := live[key]; ok {
			at.live = v
		} else {
			at.live = gone{}
		}
	case gone:
		at.live = gone{}
	}
	return at
}

func (w *walker) miss(p place) { w.paths = append(w.paths, p.path) }

func (w *walker) field(key string, wish any, node map[string]any, parent place) {
	child, ok := node["f:"+key].(map[string]any)
	if !ok {
		w.miss(parent.field(key))
		return
	}
	w.value(wish, child, parent.field(key))
}

func (w *walker) value(wish any, node map[string]any, at place) {
	switch v := wish.(type) {
	case map[string]any:
		if len(v) == 0 {
			return
		}
		if leaf(node) {
			w.held(v, at)
			return
		}
		for key, x := range v {
			w.field(key, x, node, at)
		}
	case []any:
		switch listKind(node) {
		case "k:":
			w.keyed(v, node, at)
		case "v:":
			for _, item := range v {
				if b, err := utiljson.Marshal(item); err == nil {
					if _, ok := node["v:"+string(b)]; !ok {
						w.miss(place{at.path + "[" + string(b) + "]", nil})
					}
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
func (w *walker) held(wish any, at place) {
	if at.live == nil {
		return
	}
	if list, ok := wish.([]any); ok {
		live, _ := at.live.([]any)
		for _, item := range list {
			if !slices.ContainsFunc(live, func(l any) bool { return within(item, l, nil, true) }) {
				w.miss(at)
				return
			}
		}
		return
	}
	if !within(wish, at.live, nil, true) {
		w.miss(at)
	}
}

// keyed walks the items of an associative list.
func (w *walker) keyed(wish []any, node map[string]any, at place) {
	live, _ := at.live.([]any)
	last := -1
	for i, key := range match(wish, keysOf(node)) {
		here := place{at.path + "/" + strconv.Itoa(i), nil}
		item, _ := wish[i].(map[string]any)
		if key.raw == "" || item == nil {
			w.miss(here)
			continue
		}
		here.path = at.path + key.label()
		if pos := slices.IndexFunc(live, key.is); pos >= 0 {
			if pos < last {
				w.miss(here)
				return
			}
			last, here.live = pos, live[pos]
		}
		child, _ := node[key.raw].(map[string]any)
		for k, v := range item {
			if _, isKey := key.fields[k]; !isKey {
				w.field(k, v, child, here)
			}
		}
	}
}
