package federation

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/confed-project/confed/placement"
	"github.com/confed-project/confed/scheduling"
)

// Owner is the label that marks a copy as ours.
type Owner struct {
	Key   string // default confed.dev/owner
	Value string // stable id of the program, a valid label value; required
}

// DigestAnnotation carries the digest of the wish on every copy.
const DigestAnnotation = "confed.dev/digest"

// Planner turns objects into plans. It is plain configuration: the zero value but for Owner.Value is complete, it holds
// no state, and it is safe for concurrent use as long as nobody changes it.
type Planner struct {
	// Owner marks what is ours. We change only what bears this label, and delete only what also carries a managed-fields
	// entry of Manager or of a former manager, since Kubernetes copies labels to children.
	Owner Owner

	// Manager is the field manager of all writes: at most 128 printable characters, and stable for ever. Default:
	// confed.dev/ and Owner.Value.
	Manager string

	// FormerManagers are field managers whose entries are ours to take over: earlier names of this program, or the tool
	// that wrote an adopted object. before-first-apply always counts.
	FormerManagers []string

	// LostAfter is how long a member may be not ready before others take its replicas; 0: never.
	LostAfter time.Duration

	// Forget names clusters that left the Fleet for good: their copies are no longer waited for.
	Forget []string

	// Strategies adds divisions by name to Weighted and Packed.
	Strategies map[string]scheduling.Strategy
}

// Targets returns what has to be observed to plan the object: it in every cluster that the placement selects or that may
// hold a copy, and in the whole Fleet when the holders are unknown. Sorted by cluster. Nothing can be said of an object
// without apiVersion, kind or name: the list is then empty, and Plan has the error.
func (p Planner) Targets(obj Object, snap Snapshot) []Ref {
	r, err := newRenderer(obj)
	if err != nil {
		return nil
	}
	decided, _ := p.decide(r, snap)
	var refs []Ref
	for _, name := range p.clusters(decided, snap) {
		if _, ok := snap.Fleet.Get(name); ok {
			refs = append(refs, r.ref(name))
		}
	}
	return refs
}

// Plan says what is to be done in each cluster, and why. It is a pure function: it changes nothing, and equal input gives
// an equal plan.
//
// Laws: unknown is not absent (a cluster without observation gets hold, never a write); an error never shrinks a
// placement (the previous decisions stand, and Plan.Errs has the error); one cluster's error holds that cluster alone; a
// selected cluster that is not ready stays selected. The error is not nil only when nothing can be said at all, and is
// then an *Error that names the field.
func (p Planner) Plan(obj Object, snap Snapshot) (Plan, error) {
	r, err := newRenderer(obj)
	if err != nil {
		return Plan{}, err
	}
	if p, err = p.withDefaults(); err != nil {
		return Plan{}, err
	}
	decided, err := p.decide(r, snap)
	plan := Plan{Decisions: decided}
	if err != nil {
		plan.Errs = append(plan.Errs, r.fail("", "placement", err))
	}
	suspend, err := placement.Compile(obj.Suspend)
	if err != nil {
		return Plan{}, r.fail("", "suspend", err)
	}
	var selected []placement.Cluster
	verdict := make(map[string]placement.Decision, len(decided))
	for _, d := range decided {
		verdict[d.Cluster] = d
		if c, ok := snap.Fleet.Get(d.Cluster); ok && d.Selected {
			selected = append(selected, c)
		}
	}
	shares, err := p.divide(r, selected, snap)
	undivided := err
	if errors.Is(err, errUnplaced) {
		undivided = nil
	}
	if err != nil {
		plan.Errs = append(plan.Errs, err)
	}
	for _, name := range p.clusters(decided, snap) {
		c, known := snap.Fleet.Get(name)
		one := stepper{Planner: p, r: r, cluster: c, decision: verdict[name], undivided: undivided, holders: snap.Holders}
		one.cluster.Name, one.known = name, known
		one.suspended = suspend.Matches(one.cluster)
		if share, ok := shares[name]; ok && one.decision.Selected {
			one.share = &share
		}
		plan.Steps = append(plan.Steps, one.step(snap.Observed[r.ref(name).Key()]))
	}
	return plan, nil
}

func (p Planner) withDefaults() (Planner, error) {
	if p.Owner.Value == "" {
		return p, &Error{Field: "planner.owner.value", Err: fmt.Errorf("%w: missing", ErrInvalid)}
	}
	if p.Owner.Key == "" {
		p.Owner.Key = "confed.dev/owner"
	}
	if p.Manager == "" {
		p.Manager = "confed.dev/" + p.Owner.Value
	}
	if len(p.Manager) > 128 {
		return p, &Error{Field: "planner.manager", Err: fmt.Errorf("%w: longer than 128 characters", ErrInvalid)}
	}
	return p, nil
}

func (p Planner) decide(r *renderer, snap Snapshot) ([]placement.Decision, error) {
	t := r.obj.Template
	result, err := placement.Decide(placement.Request{
		Subject: placement.Subject{
			Group: r.gvk.Group, Kind: r.gvk.Kind, Namespace: t.GetNamespace(), Name: t.GetName(), Labels: t.GetLabels(),
		},
		Policy: r.obj.Placement, Previous: snap.Previous, Now: snap.Now,
	}, snap.Fleet)
	return result.Decisions, err
}

// clusters names where the plan looks, sorted: what is selected, names that no cluster bears, and what may hold a copy.
func (p Planner) clusters(decided []placement.Decision, snap Snapshot) []string {
	names := map[string]bool{}
	for _, d := range decided {
		_, known := snap.Fleet.Get(d.Cluster)
		if d.Selected || !known || snap.Holders == nil {
			names[d.Cluster] = true
		}
	}
	for _, name := range snap.Holders {
		names[name] = true
	}
	for _, name := range p.Forget {
		if _, known := snap.Fleet.Get(name); !known {
			delete(names, name)
		}
	}
	return slices.SortedFunc(maps.Keys(names), strings.Compare)
}

func (r *renderer) ref(cluster string) Ref {
	return Ref{Cluster: cluster, GVK: r.gvk, Namespace: r.obj.Template.GetNamespace(), Name: r.obj.Template.GetName()}
}
