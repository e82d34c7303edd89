package override

import (
	"reflect"
	"strconv"
	"strings"
)

// owned is the set of containers that a run made itself and may edit in place. It keeps them alive, so an address cannot
// come to mean another container.
type owned struct {
	n     int
	first [12]holding
	more  []holding
	index map[uintptr]struct{} // of more, once it is long
}

type holding struct {
	address uintptr
	held    any
}

func (o *owned) object(m map[string]any) bool { return o.has(identity(m)) }

func (o *owned) list(s []any) bool {
	return cap(s) > 0 && o.has(reflect.ValueOf(&s[:1][0]).Pointer())
}

func (o *owned) has(address uintptr) bool {
	for i := range o.n {
		if o.first[i].address == address {
			return true
		}
	}
	if o.index != nil {
		_, ok := o.index[address]
		return ok
	}
	return false
}

// hold adds a container that was just made.
func (o *owned) hold(c any) {
	h := holding{address: reflect.ValueOf(c).Pointer(), held: c}
	if o.n < len(o.first) {
		o.first[o.n] = h
		o.n++
		return
	}
	if o.index == nil {
		o.index = map[uintptr]struct{}{}
	}
	o.index[h.address] = struct{}{}
	o.more = append(o.more, h)
}

// forget gives everything up: from here on all containers may be in use elsewhere.
func (o *owned) forget() { *o = owned{} }

// note traces a change. The last token of path was resolved to item, or names a member when item is negative.
func (r *run) note(c Change, path []token, item int) {
	if !r.tracing || c.Op == "replace" && reflect.DeepEqual(c.Old, c.New) {
		return
	}
	c.Layer, c.Path = r.layer, r.spell(path, item)
	r.trace = append(r.trace, c)
}

// spell writes the way that was just walked as a plain pointer.
func (r *run) spell(path []token, item int) string {
	if r.way.exact && len(path) == len(r.way.tokens) {
		return r.way.text
	}
	var b strings.Builder
	for i, t := range path {
		b.WriteByte('/')
		n := item
		if i < len(path)-1 {
			n = -1 // an exact way spells its own indices
			if !r.way.exact {
				n = r.steps[i]
			}
		}
		if n >= 0 {
			b.WriteString(strconv.Itoa(n))
		} else {
			b.WriteString(escape(t.key))
		}
	}
	return b.String()
}
