package ownership

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Identical reports whether the live object already is what the wish says: every map of the wish is contained in live,
// items of keyed lists are matched by the keys that any manager's entry shows, quantities are compared as quantities,
// and a zero value equals an absent one. Identity and server-set metadata do not count.
func Identical(wish, live map[string]any) bool {
	return within(wish, live, Of(live).All(), false)
}

// quantities names the fields whose scalars, at any depth below, are resource quantities.
func quantities(field string) bool {
	switch field {
	case "limits", "requests", "capacity", "hard", "overhead", "sizeLimit", "divisor", "storage":
		return true
	}
	return false
}

// within reports whether the live value contains the wish. The node, which may be nil, tells how lists are keyed.
func within(wish, live any, node map[string]any, quantity bool) bool {
	switch w := wish.(type) {
	case map[string]any:
		l, ok := live.(map[string]any)
		if !ok && live != nil {
			return false
		}
		for key, v := range w {
			if !within(v, l[key], child(node, "f:"+key), quantity || quantities(key)) {
				return false
			}
		}
		return true
	case []any:
		l, ok := live.([]any)
		return (ok || live == nil) && listWithin(w, l, node, quantity)
	}
	if live == nil {
		return zero(wish)
	}
	return scalarEqual(wish, live) || quantity && quantityEqual(wish, live)
}

func listWithin(wish, live []any, node map[string]any, quantity bool) bool {
	keys := make([]itemKey, 0)
	if listKind(node) == "k:" {
		keys = match(wish, node)
	} else if len(wish) != len(live) {
		return false
	}
	for i := range wish {
		pos, below := i, map[string]any(nil)
		if len(keys) > 0 {
			if keys[i].raw == "" {
				return false
			}
			pos, below = slices.IndexFunc(live, keys[i].is), child(node, keys[i].raw)
		}
		if pos < 0 || !within(wish[i], live[pos], below, quantity) {
			return false
		}
	}
	return true
}

func child(node map[string]any, key string) map[string]any {
	c, _ := node[key].(map[string]any)
	return c
}

func zero(v any) bool {
	if n, ok := number(v); ok {
		return n == 0
	}
	return v == nil || v == "" || v == false
}

func quantityEqual(a, b any) bool {
	x, errX := resource.ParseQuantity(fmt.Sprint(a))
	y, errY := resource.ParseQuantity(fmt.Sprint(b))
	return errX == nil && errY == nil && x.Cmp(y) == 0
}
