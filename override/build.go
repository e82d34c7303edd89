package override

import (
	"fmt"
	"strconv"
)

// build wraps v in the parents that rest names, below a member or item t that does not exist.
func build(t token, rest []token, v any) (any, error) {
	for i := len(rest) - 1; i >= 0; i-- {
		switch rest[i].kind {
		case tokName:
			v = map[string]any{rest[i].key: v}
		case tokEnd:
			v = []any{v}
		case tokItem:
			item, err := rest[i].complete(v)
			if err != nil {
				return nil, err
			}
			v = []any{item}
		default:
			return nil, fmt.Errorf("%w: whether %s is a member or an index cannot be told where nothing is", ErrNotFound, rest[i])
		}
	}
	if t.kind == tokItem {
		return t.complete(v)
	}
	return v, nil
}

// complete gives a new item the members by which t would find it.
func (t token) complete(v any) (any, error) {
	item, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%w: an item that matches %s is an object", ErrInvalid, t)
	}
	item = cloneObject(item)
	for _, m := range t.match {
		if _, ok := item[m.key]; ok {
			continue
		}
		if _, err := strconv.ParseFloat(m.value, 64); err == nil || m.value == "true" || m.value == "false" {
			return nil, fmt.Errorf("%w: whether %q is a text in a new item that matches %s cannot be told", ErrInvalid, m.value, t)
		}
		item[m.key] = m.value
	}
	if !t.selects(item) {
		return nil, fmt.Errorf("%w: the value would not match %s", ErrInvalid, t)
	}
	return item, nil
}

func cloneObject(m map[string]any) map[string]any {
	out := make(map[string]any, len(m)+1)
	for k, v := range m {
		out[k] = v
	}
	return out
}
