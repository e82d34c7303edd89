package model

import (
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/placement"
)

// death says whether there is trouble in a pass, and where the program dies: after it has written down some of its objects,
// and then after as many writes of each object to each member as its copy says. All these are written side by side, so
// every such cut can happen.
type death struct {
	trouble, dies bool
	written       int
}

// pass is one round of the program: look, plan, write down, carry out. It returns the plans by object.
func (w *world) pass(things []*thing, d death) map[*thing]federation.Plan {
	w.now = w.now.Add(3 * time.Minute)
	plans := map[*thing]federation.Plan{}
	var all []federation.Plan
	for n, x := range things {
		if x.over {
			continue
		}
		plan := w.plan(x)
		if d.dies && n >= d.written {
			continue
		}
		x.remember(plan)
		plans[x] = plan
		all = append(all, plan)
	}
	w.judge()
	if !d.dies || d.written >= len(things) {
		plan := federation.Join(all...)
		if d.trouble {
			w.trouble(plan, d.dies)
		}
		results := w.dispatcher.Dispatch(w.ctx, plan)
		w.checkResults(results, d.dies)
	}
	if d.dies {
		w.tell("the program dies, with %d objects written down", d.written)
		w.settled = map[federation.Key]federation.Settled{}
	}
	for _, m := range w.members {
		for _, c := range m.copies {
			c.spend, c.writes, c.events = -1, 0, nil
		}
	}
	for _, x := range things {
		w.checkHolders(x)
	}
	w.judge()
	return plans
}

// plan looks and plans.
func (w *world) plan(x *thing) federation.Plan {
	for _, m := range w.members {
		c := m.copies[x]
		c.looked, c.seen, c.sent, c.failed = false, nil, false, nil
		if x.memory.holders == nil && m.away {
			c.ours = "" // what was written down is lost, and the fleet does not lead there either
		}
	}
	obj := x.object()
	snap := federation.Snapshot{Now: w.now, Fleet: w.fleet(), Holders: x.memory.holders, Previous: x.memory.previous, Shares: x.memory.shares}
	observed := federation.Observe(w.ctx, w.connect, w.planner.Targets(obj, snap))
	for key, o := range observed {
		o.Settled = w.settled[key]
		observed[key] = o
	}
	plan, err := w.planner.Plan(obj, snap.With(observed))
	if err != nil {
		w.broke("%s: %v", x, err)
	}
	w.tell("%s: planned\n%s", x, plan)
	w.checkPlan(x, plan)
	return plan
}

// remember writes down what a program writes down.
func (x *thing) remember(plan federation.Plan) {
	x.memory = memory{plan.Holders(), plan.Decisions, plan.Shares()}
	if x.wish.where != broken {
		for _, m := range x.world.members {
			if !m.away {
				x.decided[m.Name] = x.selected(m)
			}
		}
	}
	for _, s := range plan.Steps {
		if s.Verb == federation.Create || s.Verb == federation.Apply {
			x.world.member(s.Ref.Cluster).copies[x].never = false
		}
	}
	if x.deleting && plan.Gone() {
		x.over = true
		x.world.tell("%s is over", x)
	}
}

func (w *world) member(name string) *member {
	return w.members[slices.IndexFunc(w.members, func(m *member) bool { return m.Name == name })]
}

// checkPlan holds a plan to what no plan may say.
func (w *world) checkPlan(x *thing, plan federation.Plan) {
	wrong := func(format string, args ...any) { w.broke("%s: %s\n%s", x, fmt.Sprintf(format, args...), plan) }
	steps := map[string]federation.Step{}
	for _, s := range plan.Steps {
		if _, twice := steps[s.Ref.Cluster]; twice {
			wrong("two steps for %s", s.Ref.Cluster)
		}
		steps[s.Ref.Cluster] = s
	}
	for _, m := range w.members {
		i := slices.IndexFunc(plan.Decisions, func(d placement.Decision) bool { return d.Cluster == m.Name })
		if !m.away && (i < 0 || plan.Decisions[i].Selected != x.selected(m)) {
			wrong("%s should be selected: %v", m.Name, x.selected(m))
		}
		s, planned := steps[m.Name]
		if !planned {
			if !m.away && x.selected(m) {
				wrong("%s is selected and has no step", m.Name)
			}
			continue
		}
		writes := s.Verb != federation.Keep && s.Verb != federation.Hold
		if writes && !m.copies[x].looked {
			wrong("%s was not looked at and should be written to", m.Name)
		}
		if s.Verb == federation.Create && !slices.Contains(plan.Holders(), m.Name) {
			wrong("%s should get a copy and is not among the holders", m.Name)
		}
	}
	if plan.Gone() {
		for _, m := range w.members {
			if live, _ := m.live(x); m.owned(x, live) {
				wrong("nothing is left, says the plan; in %s there is %s", m.Name, text(live))
			}
			if x.selected(m) && !m.away {
				wrong("nothing is wished, says the plan; in %s it is", m.Name)
			}
		}
	}
	if x.wish.divided && plan.Err() == nil {
		w.checkShares(x, plan, wrong)
	}
}

// checkShares: a division without an error hands out all replicas; a silent member keeps its share until it is lost.
func (w *world) checkShares(x *thing, plan federation.Plan, wrong func(string, ...any)) {
	before := map[string]int64{}
	for _, s := range x.memory.shares {
		before[s.Name] = s.Replicas
	}
	var sum, silent int64
	divided := false
	for _, s := range plan.Shares() {
		m := w.member(s.Name)
		if w.planner.LostAfter > 0 && m.dark != bright && w.now.Sub(m.since) >= w.planner.LostAfter {
			continue // others have its replicas
		}
		sum, divided = sum+s.Replicas, true
		was, ok := before[s.Name]
		if m.dark == bright || !ok {
			continue
		}
		if silent += was; was != s.Replicas {
			wrong("%s is silent and has %d replicas, not %d", s.Name, was, s.Replicas)
		}
	}
	if divided && sum != max(x.wish.total, silent) {
		wrong("the shares add up to %d, not %d", sum, x.wish.total)
	}
}

// owned reports whether a live object is one of ours.
func (m *member) owned(x *thing, live *unstructured.Unstructured) bool {
	return live != nil && label(live) == ownerValue && live.GetUID() == m.copies[x].ours
}

func gone(err error) bool { return err != nil && apierrors.IsNotFound(err) }

// checkHolders: every copy of ours is in a cluster that was written down.
func (w *world) checkHolders(x *thing) {
	for _, m := range w.members {
		if live, _ := m.live(x); m.owned(x, live) && (x.over || !x.memory.holds(m.Name)) {
			w.broke("%s: a copy in %s is forgotten; the holders are %v, over %v", x, m.Name, x.memory.holders, x.over)
		}
	}
}

// checkResults holds the results to what became of the requests.
func (w *world) checkResults(results []federation.Result, died bool) {
	for _, r := range results {
		w.tell("  %s", r)
		x, m := w.find(r.Step.Ref.GVK, r.Step.Ref.Name), w.member(r.Step.Ref.Cluster)
		c := m.copies[x]
		writes := r.Step.Verb != federation.Keep && r.Step.Verb != federation.Hold
		done := r.Outcome == federation.Done
		switch {
		case !writes && c.sent:
			w.broke("%s: a request for a step that says %s", m.Name, r.Step)
		case writes && done != (c.sent && c.failed == nil || r.Step.Verb == federation.Delete && gone(c.failed)):
			w.broke("%s: the request came to %v, the result is %s", m.Name, c.failed, r)
		case writes && !done && r.Err == nil:
			w.broke("%s: no error in %s", m.Name, r)
		}
		if !died && r.Settled.Digest != "" {
			w.settled[r.Step.Ref.Key()] = r.Settled
		}
	}
}
