package model

import (
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/confed-project/confed/federation"
)

// live is one thing that happens.
func (w *world) live() {
	switch w.pick(12) {
	case 0, 1, 2:
		w.things[w.pick(len(w.things))].change()
	case 3, 4:
		d := w.members[w.pick(len(w.members))].deed(w.things[w.pick(len(w.things))])
		w.tell("%s", d.name)
		d.run()
	case 5:
		w.darken()
	case 6:
		m := w.members[w.pick(len(w.members))]
		m.away = !m.away
		w.tell("%s is away from the fleet: %v", m.Name, m.away)
	case 7:
		w.forget()
	default:
		w.reconcile()
	}
}

func (w *world) darken() {
	m := w.members[w.pick(len(w.members))]
	if m.dark != bright {
		m.brighten()
	} else {
		m.dark, m.since = dark(1+w.pick(int(darkest)-1)), w.now
		m.kill()
	}
	w.tell("%s is %s", m.Name, m.dark)
}

// kill ends a member that can be killed.
func (m *member) kill() {
	if m.Kill != nil && m.Kill() {
		m.dark = killed
	}
}

// brighten ends the darkness of a member.
func (m *member) brighten() {
	if m.dark == killed {
		if err := m.Start(); err != nil {
			m.world.broke("%s does not start: %v", m.Name, err)
		}
	}
	m.dark = bright
}

// forget is a restart of the program, or a loss of what it has written down.
func (w *world) forget() {
	w.settled = map[federation.Key]federation.Settled{}
	if w.pick(4) > 0 {
		w.tell("the program is started again")
		return
	}
	x := w.things[w.pick(len(w.things))]
	x.memory, x.decided = memory{}, map[string]bool{}
	for _, m := range w.members {
		m.copies[x].never = false
	}
	w.tell("all that was written down of %s is lost", x)
}

// change is a change of the wish.
func (x *thing) change() {
	w := x.world
	switch {
	case x.over:
		x.birth()
		return
	case x.deleting:
		return
	}
	all := len(w.members)
	what := w.pick(16)
	switch what {
	case 0, 1, 2, 3:
		list := x.ours()
		s := list[w.pick(len(list))]
		if x.wish.words[s.name] == "" || s.required || w.pick(2) == 0 {
			x.wish.words[s.name] = x.word(s)
		} else {
			delete(x.wish.words, s.name)
		}
		w.tell("%s: %s is wished to be %q", x, s.name, x.wish.words[s.name])
		return
	case 4, 5, 6:
		x.wish.where, x.wish.some = []where{everywhere, some, some, nowhere, broken}[w.pick(5)], w.mask(all)
		w.tell("%s is placed %s", x, x.placed())
		return
	case 7, 8:
		x.divide()
	case 9:
		x.wish.overrides ^= 1 << w.pick(all)
	case 10:
		x.wish.bad ^= 1 << w.pick(all)
	case 11:
		x.soften()
	case 12:
		x.wish.adopt = w.adopt()
	case 13:
		x.wish.orphan = !x.wish.orphan
	case 14:
		switch w.pick(4) {
		case 0:
			x.wish.give = !x.wish.give
		case 1:
			x.wish.protected = !x.wish.protected
		default:
			x.wish.suspended ^= 1 << w.pick(all)
		}
	default:
		x.deleting, x.wish.where = true, nowhere
	}
	w.tell("%s: change %d: deleting %v, %s", x, what, x.deleting, x.wish)
}

// soften leaves a slot to the member or to others, or takes it back.
func (x *thing) soften() {
	w := x.world
	x.wish.soft, x.wish.retain = x.kind.soft[w.pick(len(x.kind.soft))], w.pick(2) == 1
	if w.pick(3) == 0 {
		x.wish.soft = ""
	}
}

func (w *world) adopt() federation.Adopt {
	return []federation.Adopt{federation.AdoptNever, federation.AdoptIfIdentical, federation.AdoptAlways}[w.pick(3)]
}

func (x *thing) divide() {
	if x.kind.kind != "Deployment" {
		return
	}
	w := x.world
	x.wish.divided = w.pick(3) > 0
	x.wish.total = int64(w.pick(14))
	x.wish.uneven, x.wish.weights = w.pick(2) == 1, uint(w.pick(256))<<8|uint(w.pick(256))
	x.wish.rebalance, x.wish.packed = w.pick(2) == 1, w.pick(4) == 0
}

// reconcile is one pass of the program over one object or all, with some trouble on the way.
func (w *world) reconcile() {
	things := w.things
	if w.pick(3) > 0 {
		things = things[w.pick(len(things)):][:1]
	}
	d := death{trouble: true}
	if w.pick(4) == 1 {
		d.dies, d.written = true, w.pick(4*len(things))
	}
	w.pass(things, d)
}

// trouble chooses what happens while a plan is carried out. Zeros choose nothing.
func (w *world) trouble(plan federation.Plan, dies bool) {
	for _, s := range plan.Steps {
		if s.Verb == federation.Keep || s.Verb == federation.Hold {
			continue
		}
		m, x := w.member(s.Ref.Cluster), w.find(s.Ref.GVK, s.Ref.Name)
		c := m.copies[x]
		if dies {
			c.spend = w.pick(4)
		}
		if w.pick(3) != 1 {
			continue
		}
		e := event{at: w.pick(3) / 2}
		switch w.pick(6) {
		case 0, 1, 2:
			d := m.deed(x)
			e.name, e.run = d.name, d.run
		case 3:
			e.name, e.lose = "the answer will be lost", errLost
		case 4:
			e.name, e.fail = "a conflict", apierrors.NewConflict(schema.GroupResource{Resource: "things"}, "x", errors.New("the object has been modified"))
		default:
			e.name, e.fail = "a failure", fmt.Errorf("a failure: %w", apierrors.NewInternalError(errors.New("etcd")))
		}
		c.events = append(c.events, e)
	}
}
