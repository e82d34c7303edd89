package override

import (
	"fmt"
	"strings"
)

// guard is a path whose value must come out as it went in.
type guard struct {
	pointer
	group bool // only the group of the apiVersion counts
}

// Guarded returns paths that administrators commonly withhold, to be given to Compile or ApplyLayers as protected: status,
// which belongs to the member, and what grants rights in RBAC objects. It is a start to extend, not a security boundary.
func Guarded() []string {
	return []string{"/status", "/rules", "/aggregationRule", "/roleRef", "/subjects"}
}

// parseGuards returns the guards that callers add to those of identity.
func parseGuards(paths []string) ([]guard, error) {
	var guards []guard
	for i, path := range paths {
		p, err := parsePointer(path)
		if err != nil {
			return nil, &Error{Index: i, Path: path, Err: fmt.Errorf("protected path: %w", err)}
		}
		guards = append(guards, guard{pointer: p})
	}
	return guards, nil
}

func identityGuards() []guard {
	name := func(keys ...string) guard {
		p := pointer{text: "/" + strings.Join(keys, "/"), exact: true}
		for _, key := range keys {
			p.tokens = append(p.tokens, token{key: key})
		}
		return guard{pointer: p}
	}
	version := name("apiVersion")
	version.group = true
	return []guard{name("kind"), version, name("metadata", "name"), name("metadata", "namespace"), name("metadata", "generateName")}
}

// guarded returns the guards that o might touch, and refuses what is aimed straight at one.
func (o op) guarded(guards []guard) ([]int, error) {
	if o.kind == opTest {
		return nil, nil
	}
	var out []int
	for i, g := range guards {
		aimed := !g.group && (o.path.aims(g.pointer) || o.kind == opMove && o.from.aims(g.pointer))
		if aimed {
			return nil, fmt.Errorf("%w: %s", ErrProtected, g.text)
		}
		if g.near(o.path) || o.kind == opMove && g.near(o.from) {
			out = append(out, i)
		}
	}
	return out, nil
}

// aims reports whether p is g or below it, whatever the document.
func (p pointer) aims(g pointer) bool {
	if len(p.tokens) < len(g.tokens) {
		return false
	}
	for i, t := range g.tokens {
		if t.kind != tokName || p.tokens[i].kind != tokName || t.key != p.tokens[i].key {
			return false
		}
	}
	return true
}

// near reports whether a change at p may touch g: whether they may lie on one line from the root. From the first token on
// that may go into a list they are taken for near: items move, selectors answer otherwise, and lenient patches add items.
func (g guard) near(p pointer) bool {
	for i := range min(len(p.tokens), len(g.tokens)) {
		a, b := p.tokens[i], g.tokens[i]
		switch {
		case a.kind != tokName && b.kind != tokName:
			return true
		case a.kind != b.kind || a.key != b.key:
			return false
		}
	}
	return true
}

// check compares the guards that o might touch before and after.
func (r *run) check(o *op, guards []guard) error {
	for _, i := range o.guards {
		g := guards[i]
		was, had, err := g.lookup(r.before)
		is, has, err2 := g.lookup(r.root)
		if err != nil || err2 != nil || had != has || !g.unchanged(was, is) {
			return fmt.Errorf("%w: %s", ErrProtected, g.text)
		}
	}
	return nil
}

func (g guard) unchanged(was, is any) bool {
	if !g.group {
		return same(was, is)
	}
	a, isText := was.(string)
	b, ok := is.(string)
	return isText && ok && group(a) == group(b) && strings.TrimPrefix(b, group(b)+"/") != "" || same(was, is)
}

func group(apiVersion string) string {
	group, _, ok := strings.Cut(apiVersion, "/")
	if !ok {
		return ""
	}
	return group
}
