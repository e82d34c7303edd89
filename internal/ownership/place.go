package ownership

import (
	"strconv"
	"strings"
)

// place is where a walk stands: one step of the path, and the live value there. Its text is made only when it is asked
// for, since most walks find nothing.
type place struct {
	parent *place
	name   string  // a map key
	key    itemKey // an item of a keyed list
	index  int     // an item of a list, plus one
	label  string  // another spelling
	raw    string  // the key in a fieldsV1 map; empty: f: and name
	live   any     // nil: not known
}

// gone is a live value that is known to be missing.
type gone struct{}

func (p *place) field(key string) place {
	at := place{parent: p, name: key}
	switch live := p.live.(type) {
	case map[string]any:
		if v, ok := live[key]; ok {
			at.live = v
		} else {
			at.live = gone{}
		}
	case gone:
		at.live = gone{}
	}
	return at
}

func (p *place) difference(want any) Difference {
	d := Difference{Want: want, Have: p.live}
	if d.Have == (gone{}) {
		d.Have = nil
	}
	var steps []*place
	for at := p; at.parent != nil; at = at.parent {
		steps = append(steps, at)
	}
	var b strings.Builder
	known := true
	for i := len(steps) - 1; i >= 0; i-- {
		s := steps[i]
		b.WriteString(s.text())
		switch {
		case !known:
		case s.raw != "":
			d.Fields = append(d.Fields, s.raw)
		case s.index > 0:
			known = false
		default:
			d.Fields = append(d.Fields, "f:"+s.name)
		}
	}
	d.Path = b.String()
	return d
}

func (p *place) text() string {
	switch {
	case p.key.raw != "":
		return p.key.label()
	case p.index > 0:
		return "/" + strconv.Itoa(p.index-1)
	case p.label != "":
		return p.label
	}
	return "/" + escape(p.name)
}
