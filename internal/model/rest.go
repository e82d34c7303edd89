package model

import (
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/federation"
)

// converge ends all faults and requires that the program brings everything in order in a few passes, and then rests.
func (w *world) converge() {
	w.tell("all faults end")
	for _, m := range w.members {
		m.brighten()
		m.away = false
	}
	for n := range w.passes {
		plans := w.pass(w.things, death{})
		if !w.busy(plans) {
			break
		}
		if n == w.passes-1 {
			w.broke("not in order after %d passes", w.passes)
		}
		w.wait()
	}
	w.judge()
	for range 2 {
		plans := w.pass(w.things, death{})
		for _, m := range w.members {
			for x, plan := range plans {
				m.checkRest(x, plan)
			}
		}
		for x, plan := range plans {
			w.checkTotal(x, plan)
		}
		w.judge()
	}
}

func (w *world) wait() {
	if w.pause != nil {
		w.pause()
	}
}

// busy reports whether a plan writes something. What others hold may be refused for ever where the wish says so.
func (w *world) busy(plans map[*thing]federation.Plan) bool {
	for x, plan := range plans {
		if slices.ContainsFunc(plan.Steps, func(s federation.Step) bool {
			return s.Verb != federation.Keep && s.Verb != federation.Hold && !(x.wish.give && s.Verb == federation.Apply)
		}) {
			return true
		}
	}
	return false
}

// checkRest holds one member to the wish, when all has come to rest.
func (m *member) checkRest(x *thing, plan federation.Plan) {
	w := m.world
	live, ok := m.live(x)
	if !ok {
		w.broke("%s does not answer", m.Name)
		return
	}
	i := slices.IndexFunc(plan.Steps, func(s federation.Step) bool { return s.Ref.Cluster == m.Name })
	var step federation.Step
	if i >= 0 {
		step = plan.Steps[i]
	}
	wrong := func(what string) {
		w.broke("at rest: %s in %s: %s\nstep %s\nlive %s", x, m.Name, what, step, text(live))
	}
	if c := m.copies[x]; c.sent && !x.wish.give || c.sent && c.failed == nil {
		wrong("something was written")
	}
	want := m.resting(x, live)
	if i < 0 {
		if x.selected(m) || m.owned(x, live) {
			wrong("no step")
		}
		return
	}
	have := string(step.Verb) + " " + string(step.Reason)
	if !slices.Contains(want, have) {
		wrong("it should say one of " + strconv.Quote(strings.Join(want, ", ")))
	}
	if step.Verb == federation.Keep && x.selected(m) {
		m.checkWords(x, live, wrong)
	}
}

// resting are the steps that may stand at rest, with what is there.
func (m *member) resting(x *thing, live *unstructured.Unstructured) []string {
	suspended := has(x.wish.suspended, m.index)
	_, renders := x.expected(m)
	ours := live != nil && label(live) == ownerValue
	opted := live != nil && live.GetAnnotations()[federation.OptOutAnnotation] == "true"
	switch {
	case !x.selected(m) && !ours:
		return []string{"keep Unselected"}
	case !x.selected(m) && suspended:
		return []string{"hold Suspended"}
	case !x.selected(m) && x.wish.protected:
		return []string{"hold Guarded"}
	case !x.selected(m) && x.wish.where == broken && !opted:
		return []string{"hold Undecided"}
	case !x.selected(m) && live.GetDeletionTimestamp() != nil:
		return []string{"hold Deleting"}
	case !x.selected(m) && !entry(live) && !opted && !x.wish.orphan:
		return []string{"hold NotOwned"}
	case !x.selected(m):
		return nil
	case !renders:
		return []string{"hold InvalidManifest"}
	case live == nil && suspended:
		return []string{"hold Suspended"}
	case live == nil:
		return nil
	case opted && !ours:
		return []string{"hold OptedOut"}
	case opted && suspended:
		return []string{"hold Suspended"}
	case opted:
		return nil
	case live.GetDeletionTimestamp() != nil:
		return []string{"hold Deleting"}
	case !ours && !x.adoptable(m, live):
		return []string{"hold NotOwned"}
	case suspended:
		return []string{"hold Suspended", "keep Settled"}
	case !ours && x.wish.divided && x.wish.adopt == federation.AdoptIfIdentical:
		return []string{"hold NotOwned"} // it has another number than the division gives
	case !ours && x.wish.give:
		return []string{"apply Adopted"}
	case !ours:
		return nil
	case len(managed(live)) == 0 && len(live.Object) == 3 && x.wish.soft != "" && x.wish.retain:
		return []string{"hold Unobserved"} // nothing tells it from metadata alone
	case x.wish.give:
		return []string{"keep Settled", "apply Drifted", "apply Changed"}
	}
	return []string{"keep Settled"}
}

// checkWords compares what is there with the wish.
func (m *member) checkWords(x *thing, live *unstructured.Unstructured, wrong func(string)) {
	words, _ := x.expected(m)
	for i := range x.slots {
		s := &x.slots[i]
		have, want := s.get(live.Object), words[s.name]
		ours, others := holders(live, s)
		switch {
		case want == anything, have == want:
		case x.isSoft(s):
			if !x.wish.retain && have != "" && !others {
				wrong(s.name + " is " + strconv.Quote(have) + ", and nobody else holds it")
			}
		case want != "":
			wrong(s.name + " is " + strconv.Quote(have) + ", wished " + strconv.Quote(want))
		case ours && !s.theirs:
			wrong(s.name + " is not wished any more and still ours")
		}
	}
}

// checkTotal: the replicas add up. What stands in the way and may not be adopted gets none.
func (w *world) checkTotal(x *thing, plan federation.Plan) {
	if !x.wish.divided || x.wish.soft == "replicas" || plan.Err() != nil {
		return
	}
	sum, any := int64(0), false
	for _, m := range w.members {
		if !x.selected(m) {
			continue
		}
		live, _ := m.live(x)
		switch says := m.resting(x, live); {
		case slices.Equal(says, []string{"keep Settled"}):
			n, _ := strconv.ParseInt(x.slot("replicas").get(live.Object), 10, 64)
			sum, any = sum+n, true
		case slices.Equal(says, []string{"hold NotOwned"}) && x.wish.adopt == federation.AdoptNever:
		default:
			return
		}
	}
	if any && sum != x.wish.total {
		w.broke("at rest: %s: the replicas add up to %d, not %d", x, sum, x.wish.total)
	}
}

// end takes everything away while some members are dark or away: those that never held a copy delay nothing. Then all
// come back, and everything goes but what may not.
func (w *world) end() {
	for _, m := range w.members {
		switch m.index % 3 {
		case 1:
			m.dark, m.since = refused, w.now
		case 2:
			m.away = true
		}
	}
	for _, x := range w.things {
		x.deleting, x.wish.where = true, nowhere
	}
	w.tell("everything is taken away, and some members are dark or away")
	w.leave(func(m *member, x *thing) bool { return !m.copies[x].never && (m.dark != bright || m.away) })
	for _, m := range w.members {
		m.brighten()
		m.away = false
	}
	w.tell("all members are back")
	w.leave(func(m *member, x *thing) bool { return false })
}

// leave requires that every object is over but where a member may delay it.
func (w *world) leave(delays func(*member, *thing) bool) {
	for range w.passes {
		if slices.ContainsFunc(w.things, func(x *thing) bool { return !x.over }) {
			w.pass(w.things, death{})
			w.wait()
		}
	}
	for _, x := range w.things {
		delayed := slices.ContainsFunc(w.members, func(m *member) bool {
			live, _ := m.live(x)
			stays := live != nil && label(live) == ownerValue
			return delays(m, x) || stays && len(m.resting(x, live)) > 0
		})
		if !x.over && !delayed {
			w.broke("%s should be over", x)
		}
	}
	w.judge()
}
