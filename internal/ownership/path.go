package ownership

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Path names a field of a wish, also in the items of keyed lists.
type Path []segment

// segment is a map key, then maybe the items of the list that is there.
type segment struct {
	key   string
	items bool        // the list's items, those that fit all of where
	where [][2]string // [name=web]; none: [*], all items
}

// ErrPath is in every error of ParsePath.
var ErrPath = errors.New("not a path: want /spec/replicas, /spec/ports[name=http]/nodePort or /spec/ports[*]/nodePort")

// ParsePath reads a JSON pointer of map keys, in which a key may be followed by [*] or by [field=value] for the items of a
// list; ~1 and ~0 stand for / and ~.
func ParsePath(text string) (Path, error) {
	rest, ok := strings.CutPrefix(text, "/")
	if !ok || rest == "" {
		return nil, fmt.Errorf("%w: %q", ErrPath, text)
	}
	var path Path
	for _, part := range strings.Split(rest, "/") {
		key, selectors, has := strings.Cut(part, "[")
		s := segment{key: strings.ReplaceAll(strings.ReplaceAll(key, "~1", "/"), "~0", "~"), items: has}
		if has {
			selectors, closed := strings.CutSuffix(selectors, "]")
			if !closed || key == "" {
				return nil, fmt.Errorf("%w: %q", ErrPath, text)
			}
			for _, one := range strings.Split(selectors, "][") {
				name, value, eq := strings.Cut(one, "=")
				switch {
				case one == "*":
				case eq && name != "":
					s.where = append(s.where, [2]string{name, value})
				default:
					return nil, fmt.Errorf("%w: %q", ErrPath, text)
				}
			}
		}
		path = append(path, s)
	}
	if path[len(path)-1].items {
		return nil, fmt.Errorf("%w: %q ends in items", ErrPath, text)
	}
	return path, nil
}

func (s segment) fits(item any) bool {
	m, _ := item.(map[string]any)
	for _, w := range s.where {
		v, ok := m[w[0]]
		if !ok || fmt.Sprint(v) != w[1] {
			return false
		}
	}
	return m != nil
}

// Without returns the document without what is at the path; it shares what it need not copy.
func (p Path) Without(doc map[string]any) map[string]any {
	return p.edit(doc, func(map[string]any, string) (any, bool) { return nil, false })
}

// edit replaces what is at the path, wherever it is: by the value that f returns, or with false by nothing.
func (p Path) edit(doc map[string]any, f func(parent map[string]any, key string) (any, bool)) map[string]any {
	s := p[0]
	have, ok := doc[s.key]
	if !ok {
		return doc
	}
	var next any
	switch {
	case len(p) == 1:
		v, keep := f(doc, s.key)
		out := maps.Clone(doc)
		if out[s.key] = v; !keep {
			delete(out, s.key)
		}
		return out
	case s.items:
		list, isList := have.([]any)
		if !isList {
			return doc
		}
		items := slices.Clone(list)
		for i, item := range items {
			if s.fits(item) {
				items[i] = p[1:].edit(item.(map[string]any), f)
			}
		}
		next = items
	default:
		child, isMap := have.(map[string]any)
		if !isMap {
			return doc
		}
		next = p[1:].edit(child, f)
	}
	out := maps.Clone(doc)
	out[s.key] = next
	return out
}

// Yield says what becomes of a field that members or others may have.
type Yield int

// The ways to yield.
const (
	// ToMember: the field is the member's once it has it, so it is left out of the wish. Only where nobody but us holds it
	// is it sent as it is, since leaving it out would reset it.
	ToMember Yield = iota
	// ToOthers: the field is left out of the wish where another manager holds it; else the wish stands.
	ToOthers
)

// Apply returns the wish with the field at the path yielded, and whether live values went into it, which must then be sent
// under the observed version. Items of lists are matched by the keys that any manager's entry shows.
func (y Yield) Apply(path Path, wish, live map[string]any, manager string) (out map[string]any, adopted bool) {
	e := Of(live)
	w := yielder{Yield: y, entries: e, manager: manager}
	out = w.walk(path, wish, there{live: live, node: e.All()})
	return out, w.adopted
}

type yielder struct {
	Yield
	entries Entries
	manager string
	adopted bool
}

// there is the live side of a walk: the value, what all managers hold below it, and the way to it in fieldsV1 keys.
type there struct {
	live any
	node map[string]any
	raw  []string
	wish any // the wish there, where it is looked at
}

func (t there) field(key string) (there, bool) {
	m, _ := t.live.(map[string]any)
	v, ok := m[key]
	return there{live: v, node: child(t.node, "f:"+key), raw: append(slices.Clip(t.raw), "f:"+key)}, ok
}

func (t there) item(key itemKey) there {
	return there{live: itemOf(t.live, key), node: child(t.node, key.raw), raw: append(slices.Clip(t.raw), key.raw)}
}

func (w *yielder) walk(p Path, wish map[string]any, at there) map[string]any {
	s := p[0]
	below, ok := at.field(s.key)
	if !ok {
		return wish // the member has none: the wish stands
	}
	if len(p) == 1 {
		return w.yield(wish, s.key, below)
	}
	have, wished := wish[s.key]
	var next any
	if s.items {
		list, ok := have.([]any)
		if !ok {
			return wish
		}
		next = w.items(p, list, below)
	} else {
		m, ok := have.(map[string]any)
		if wished && !ok {
			return wish
		}
		if m = w.walk(p[1:], m, below); len(m) == 0 && !wished {
			return wish
		}
		next = m
	}
	out := maps.Clone(wish)
	if out == nil {
		out = map[string]any{}
	}
	out[s.key] = next
	return out
}

func (w *yielder) items(p Path, list []any, at there) []any {
	items := slices.Clone(list)
	for i, key := range match(items, at.node) {
		item, _ := items[i].(map[string]any)
		if key.raw != "" && p[0].fits(item) {
			items[i] = w.walk(p[1:], item, at.item(key))
		}
	}
	return items
}

func (w *yielder) yield(wish map[string]any, key string, at there) map[string]any {
	v, wished := wish[key]
	if w.Yield == ToMember {
		v, wished = w.ours(at)
		w.adopted = w.adopted || wished
	} else if wished {
		v, wished = w.left(v, at)
	}
	if !wished {
		return without(wish, key)
	}
	out := maps.Clone(wish)
	if out == nil {
		out = map[string]any{}
	}
	out[key] = v
	return out
}
