package ownership

import (
	"slices"
	"strings"
)

// Changes returns what an apply of the wish would change in the live object: values that live does not have, and what
// the manager's fields hold that is no longer wished, which the apply removes. Sorted. It is for people: quantities that
// are equal are no change, and what the server will default is not foreseen.
func Changes(wish, fields, live map[string]any) []Difference {
	c := changer{newTrail(live)}
	all := Of(live).All()
	for key, v := range wish {
		switch key {
		case "apiVersion", "kind":
		case "metadata":
			meta, _ := v.(map[string]any)
			c.field(key)
			for k, mv := range meta {
				if !identity(k) {
					c.below(k, mv, child(all, "f:metadata"), false)
				}
			}
			c.pop()
		default:
			c.below(key, v, all, false)
		}
	}
	c.removed(wish, fields)
	return sorted(c.found)
}

type changer struct{ trail }

func (c *changer) below(key string, wish any, node map[string]any, quantity bool) {
	c.field(key)
	c.value(wish, child(node, "f:"+key), quantity)
	c.pop()
}

func (c *changer) value(wish any, node map[string]any, quantity bool) {
	switch w := wish.(type) {
	case map[string]any:
		if _, ok := c.live().(map[string]any); ok {
			for key, v := range w {
				c.below(key, v, node, quantity || quantities(key))
			}
			return
		}
	case []any:
		if live, ok := c.live().([]any); ok && listKind(node) == "k:" {
			c.keyed(w, live, node)
			return
		}
	}
	live := c.live()
	if live == (gone{}) {
		live = nil
	}
	if !within(wish, live, node, quantity) {
		c.note(wish)
	}
}

func (c *changer) keyed(wish, live []any, node map[string]any) {
	for i, key := range match(wish, node) {
		if key.raw == "" {
			c.push(step{index: i + 1})
			c.note(wish[i])
		} else {
			c.push(step{key: key, raw: key.raw, live: itemOf(live, key)})
			c.value(wish[i], child(node, key.raw), false)
		}
		c.pop()
	}
}

// removed finds what the manager holds and no longer wishes.
func (c *changer) removed(wish any, fields map[string]any) {
	if listKind(fields) == "k:" {
		c.removedItems(wish, fields)
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
		c.field(name)
		if want, wished := have[name]; wished {
			c.removed(want, next)
		} else if c.live() != nil && c.live() != (gone{}) && !defaulted(name) {
			c.note(nil)
		}
		c.pop()
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
func (c *changer) removedItems(wish any, fields map[string]any) {
	items, _ := wish.([]any)
	wished := match(items, fields)
	for _, key := range keysOf(fields) {
		c.push(step{key: key, raw: key.raw, live: itemOf(c.live(), key)})
		i := slices.IndexFunc(wished, func(k itemKey) bool { return k.raw == key.raw })
		switch {
		case i >= 0:
			c.removed(items[i], child(fields, key.raw))
		case c.live() != (gone{}):
			c.note(nil)
		}
		c.pop()
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
