package ownership

import (
	"strconv"
	"strings"
)

// trail is where a walk stands: the steps of the path, each with the live value there, and what was found so far. Its text
// is made only when something is found, and its steps lie in one slice, since most walks find nothing.
type trail struct {
	steps []step
	found []Difference
}

type step struct {
	name   string  // a map key
	key    itemKey // an item of a keyed list
	index  int     // an item of a list, plus one
	label  string  // another spelling, with raw
	raw    string  // the key in a fieldsV1 map; empty: f: and name
	live   any     // nil: not known
	unread bool    // live is not looked up yet; only a map key can be
}

// gone is a live value that is known to be missing.
type gone struct{}

func newTrail(live map[string]any) trail {
	return trail{steps: append(make([]step, 0, 16), step{live: live})}
}

// live is the live value of the last step. It is looked up when somebody asks: most walks never do, and the maps of a live
// object are seldom in the processor's cache.
func (t *trail) live() any {
	last := len(t.steps) - 1
	known := last
	for t.steps[known].unread {
		known--
	}
	for ; known < last; known++ {
		next := &t.steps[known+1]
		next.live, next.unread = field(t.steps[known].live, next.name), false
	}
	return t.steps[last].live
}

func field(live any, name string) any {
	switch live := live.(type) {
	case map[string]any:
		if v, ok := live[name]; ok {
			return v
		}
		return gone{}
	case gone:
		return gone{}
	}
	return nil
}

func (t *trail) push(s step) { t.steps = append(t.steps, s) }

func (t *trail) pop() { t.steps = t.steps[:len(t.steps)-1] }

// field steps into a map.
func (t *trail) field(name string) { t.push(step{name: name, unread: true}) }

// note writes down a difference at the last step.
func (t *trail) note(want any) {
	d := Difference{Want: want, Have: t.live()}
	if d.Have == (gone{}) {
		d.Have = nil
	}
	var b strings.Builder
	known := true
	for _, s := range t.steps[1:] {
		b.WriteString(s.text())
		switch {
		case s.index > 0:
			known = false
		case !known:
		case s.raw != "":
			d.Fields = append(d.Fields, s.raw)
		default:
			d.Fields = append(d.Fields, "f:"+s.name)
		}
	}
	d.Path = b.String()
	t.found = append(t.found, d)
}

func (s *step) text() string {
	switch {
	case s.key.raw != "":
		return s.key.label()
	case s.index > 0:
		return "/" + strconv.Itoa(s.index-1)
	case s.label != "":
		return s.label
	}
	return "/" + escape(s.name)
}
