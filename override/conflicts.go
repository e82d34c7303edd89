package override

import (
	"reflect"
	"slices"
	"strconv"
)

// Conflict is a fight of two layers: Later changed what Earlier had set.
type Conflict struct {
	Earlier Change `json:"earlier"`
	Later   Change `json:"later"`
}

// Conflicts finds in a trace of ApplyLayers every change that undid what another layer had set, at the same path, above it
// or below it: after it, a value is no longer there, an object lacks or changes one of the members that were set, or what
// was removed is back. Filling in is no conflict: more members in an object, or a new item in a list, that an earlier
// layer set. Nor is setting what is there already, which leaves no trace. Items are followed while others are inserted
// and removed before them, so the two paths of a conflict may differ.
//
// Conflicts are in the order of their later change, then of the earlier one.
func Conflicts(trace []Change) []Conflict {
	var out []Conflict
	var standing []claim
	for _, c := range trace {
		p, err := parsePointer(c.Path)
		if err != nil {
			continue // not a trace of ours
		}
		now := claim{change: c, path: keys(p)}
		kept := standing[:0]
		for _, k := range standing {
			undone := now.undoes(k)
			if undone && k.change.Layer != c.Layer {
				out = append(out, Conflict{Earlier: k.change, Later: c})
			}
			if !undone || len(k.path) < len(now.path) {
				kept = append(kept, k)
			}
		}
		standing = kept
		for i := range standing {
			standing[i].path = now.shift(standing[i].path)
		}
		if !c.Item || c.Op != "remove" {
			standing = append(standing, now)
		}
	}
	return out
}

// claim is a change that nobody undid yet, and where its value is by now.
type claim struct {
	change Change
	path   []string
}

func keys(p pointer) []string {
	out := make([]string, len(p.tokens))
	for i, t := range p.tokens {
		out[i] = t.key
	}
	return out
}

// undoes reports whether c changes what k set.
func (c claim) undoes(k claim) bool {
	n := min(len(c.path), len(k.path))
	if !slices.Equal(c.path[:n], k.path[:n]) {
		return false
	}
	inserts := c.change.Item && c.change.Op == "add"
	switch {
	case len(c.path) > len(k.path): // below: only where k's own value was still there
		was, ok := below(k.change.New, c.path[n:])
		if !ok || c.change.Op == "add" || !contains(c.change.Old, was) {
			return false
		}
		return c.change.Op == "remove" || !contains(c.change.New, was)
	case inserts: // a new item changes nothing, it only moves others
		return false
	case c.change.Op == "remove":
		return k.change.Op != "remove"
	}
	is, ok := below(c.change.New, k.path[n:])
	if k.change.Op == "remove" {
		return ok
	}
	return !ok || !contains(is, k.change.New)
}

// contains reports whether v has all that was set, however much more an object may have by now.
func contains(v, set any) bool {
	want, ok := set.(map[string]any)
	if !ok {
		return reflect.DeepEqual(v, set)
	}
	have, ok := v.(map[string]any)
	for k, member := range want {
		if is, there := have[k]; !there || !contains(is, member) {
			return false
		}
	}
	return ok
}

// shift returns where path is after c inserted or removed an item of a list.
func (c claim) shift(path []string) []string {
	last := len(c.path) - 1
	if !c.change.Item || len(path) <= last || !slices.Equal(c.path[:last], path[:last]) {
		return path
	}
	at, err := strconv.Atoi(c.path[last])
	i, err2 := strconv.Atoi(path[last])
	if err != nil || err2 != nil || i < at {
		return path
	}
	by := 1
	if c.change.Op == "remove" {
		by = -1
	}
	path = slices.Clone(path)
	path[last] = strconv.Itoa(i + by)
	return path
}

func below(v any, path []string) (any, bool) {
	for _, key := range path {
		switch c := v.(type) {
		case map[string]any:
			member, ok := c[key]
			if !ok {
				return nil, false
			}
			v = member
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(c) {
				return nil, false
			}
			v = c[i]
		default:
			return nil, false
		}
	}
	return v, true
}
