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
	name  string  // a map key
	key   itemKey // an item of a keyed list
	index int     // an item of a list, plus one
	label string  // another spelling, with raw
	raw   string  // the key in a fieldsV1 map; empty: f: and name
	live  any     // nil: not known
}

// gone is a live value that is known to be missing.
type gone struct{}

func newTrail(live map[string]any) trail {
	return trail{steps: append(make([]step, 0, 24), step{live: live})}
}

func (t *trail) live() any { return t.steps[len(t.steps)-1].live }

func (t *trail) push(s step) { t.steps = append(t.steps, s) }

func (t *trail) pop() { t.steps = t.steps[:len(t.steps)-1] }

// field steps into a map.
func (t *trail) field(name string) {
	next := step{name: name}
	switch live := t.live().(type) {
	case map[string]any:
		if v, ok := live[name]; ok {
			next.live = v
		} else {
			next.live = gone{}
		}
	case gone:
		next.live = gone{}
	}
	t.push(next)
}

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
