package ownership

import (
	"slices"
	"strings"
)

// Changes returns what an apply of the wish would change in the live object: values that live does not have, and what
// the manager's fields hold that is no longer wished, which the apply removes. Sorted. It is for people: quantities that
// are equal are no change, and what the server will default is not foreseen.
func Changes(wish, fields, live map[string]any) []Difference {
	c := changer{}
	root := place{live: live}
	all := Of(live).All()
	for key, v := range wish {
		switch key {
		case "apiVersion", "kind":
		case "metadata":
			meta, _ := v.(map[string]any)
			at := root.field(key)
			for k, mv := range meta {
				if !identity(k) {
					one := at.field(k)
					c.value(mv, child(child(all, "f:metadata"), "f:"+k), &one, false)
				}
			}
		default:
			at := root.field(key)
			c.value(v, child(all, "f:"+key), &at, false)
		}
	}
	c.removed(wish, fields, &root)
	return sorted(c.found)
}

type changer struct{ found []Difference }

func (c *changer) value(wish any, node map[string]any, at *place, quantity bool) {
	switch w := wish.(type) {
	case map[string]any:
		if _, ok := at.live.(map[string]any); ok {
			for key, v := range w {
				one := at.field(key)
				c.value(v, child(node, "f:"+key), &one, quantity || quantities(key))
			}
			return
		}
	case []any:
		if live, ok := at.live.([]any); ok && listKind(node) == "k:" {
			c.keyed(w, live, node, at)
			return
		}
	}
	live := at.live
	if live == (gone{}) {
		live = nil
	}
	if !within(wish, live, node, quantity) {
		c.found = append(c.found, at.difference(wish))
	}
}

func (c *changer) keyed(wish, live []any, node map[string]any, at *place) {
	for i, key := range match(wish, keysOf(node)) {
		if key.raw == "" {
			one := place{parent: at, index: i + 1}
			c.found = append(c.found, one.difference(wish[i]))
			continue
		}
		here := place{parent: at, key: key, raw: key.raw, live: itemOf(live, key)}
		c.value(wish[i], child(node, key.raw), &here, false)
	}
}

// removed finds what the manager holds and no longer wishes.
func (c *changer) removed(wish any, fields map[string]any, at *place) {
	if listKind(fields) == "k:" {
		c.removedItems(wish, fields, at)
		return
	}
	have, ok := wish.(map[string]any)
	if !ok {
		return
	}
	for raw, v := range fields {
		name, isField := strings.CutPrefix(raw, "f:")
		if !isField {
			continue
		}
		next, _ := v.(map[string]any)
		one := at.field(name)
		if want, wished := have[name]; wished {
			c.removed(want, next, &one)
		} else if one.live != nil && one.live != (gone{}) && !defaulted(name) {
			c.found = append(c.found, one.difference(nil))
		}
	}
}

// defaulted names fields that servers fill in. An entry of a create holds them without any wish, and an apply that leaves
// them out gets them back.
func defaulted(field string) bool {
	switch field {
	case "protocol", "imagePullPolicy", "terminationMessagePath", "terminationMessagePolicy", "dnsPolicy", "restartPolicy",
		"schedulerName", "securityContext", "terminationGracePeriodSeconds", "progressDeadlineSeconds", "revisionHistoryLimit",
		"strategy", "type", "sessionAffinity", "internalTrafficPolicy", "resources", "apiVersion", "defaultMode", ".":
		return true
	}
	return false
}

// removedItems does the same for the items of a keyed list.
func (c *changer) removedItems(wish any, fields map[string]any, at *place) {
	items, _ := wish.([]any)
	keys := keysOf(fields)
	wished := match(items, keys)
	for _, key := range keys {
		here := place{parent: at, key: key, raw: key.raw, live: itemOf(at.live, key)}
		i := slices.IndexFunc(wished, func(k itemKey) bool { return k.raw == key.raw })
		switch {
		case i >= 0:
			c.removed(items[i], child(fields, key.raw), &here)
		case here.live != (gone{}):
			c.found = append(c.found, here.difference(nil))
		}
	}
}

func itemOf(live any, key itemKey) any {
	list, _ := live.([]any)
	for _, l := range list {
		if key.is(l) {
			return l
		}
	}
	return gone{}
}
