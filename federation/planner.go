package federation

import (
	"fmt"
	"iter"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

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

// OptOutAnnotation with the value true on a copy in a member, set by whoever rules there, makes us release it and leave it
// alone.
const OptOutAnnotation = "confed.dev/opt-out"

// Planner turns objects into plans. It is plain configuration: the zero value but for Owner.Value is complete, it holds
// no state, and it is safe for concurrent use as long as nobody changes it.
type Planner struct {
	// Owner marks what is ours. We change only what bears this label, and delete only what also carries a managed-fields
	// entry of Manager or of a former manager, since Kubernetes copies labels to children.
	Owner Owner

	// Manager is the field manager of all writes: at most 128 printable characters, and stable for ever. Default:
	// confed.dev/ and Owner.Value.
	Manager string

	// FormerManagers are field managers whose entries are ours to take over, when an object is adopted or Manager has no entry
	// on it yet: earlier names of this program, or the tool that wrote an adopted object. before-first-apply always counts.
	FormerManagers []string

	// LostAfter is how long a member may be not ready before others take its replicas; 0: never.
	LostAfter time.Duration

	// Forget names clusters that left the Fleet for good, or that once held a copy and no longer serve the kind: their
	// copies are no longer waited for.
	Forget []string

	// Strategies adds divisions by name to Weighted and Packed. A strategy must return one share of at least 0 for every
	// target, by name, which with Unplaced add up to the request; anything else is an error, and nothing is divided.
	Strategies map[string]scheduling.Strategy

	// Guards are the administrators' policies, Filters rules of the program's own, and Await lists the sources whose
	// Snapshot.Verdicts are needed on every cluster; see placement.Request.
	Guards  []placement.Guard
	Filters []placement.Filter
	Await   []string
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
	for _, c := range p.candidates(r, decided.Decisions, snap) {
		if c.known {
			refs = append(refs, r.ref(c.name))
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
	if snap.Fleet == nil {
		return Plan{}, r.fail("", "snapshot.fleet", fmt.Errorf("%w: missing; a fleet without clusters is an empty one", ErrInvalid))
	}
	suspend, err := placement.Compile(obj.Suspend)
	if err != nil {
		return Plan{}, r.fail("", "suspend", err)
	}
	decided, err := p.decide(r, snap)
	plan := Plan{planned: true, Decisions: decided.Decisions, Shortfall: decided.Shortfall, Next: decided.Next}
	if err != nil {
		plan.Errs = append(plan.Errs, r.fail("", "placement", err))
	}
	if snap.Holders == nil && snap.Fleet.Len() == 0 {
		plan.Errs = append(plan.Errs, r.fail("", "snapshot", fmt.Errorf("%w: neither holders nor any cluster are known", ErrInvalid)))
	}
	clusters := p.candidates(r, decided.Decisions, snap)
	stepper := stepper{Planner: p, r: r, variants: map[variantKey]*variant{}, unknownHolders: snap.Holders == nil}
	stepper.frozen = r.frozen(clusters)
	stepper.expired = plan.expire(obj.TTLAfterFinished, clusters, snap)
	if stepper.undivided, err = p.divide(r, clusters, snap); err != nil {
		plan.Errs = append(plan.Errs, err)
	}
	if len(clusters) > 0 {
		plan.Steps, plan.made = make([]Step, len(clusters)), len(clusters)
	}
	steps := plan.Steps
	for c, cluster := range walk(clusters, snap.Fleet) {
		stepper.candidate, stepper.cluster = c, cluster
		stepper.suspended = suspend.Matches(cluster)
		stepper.step(&steps[0])
		steps = steps[1:]
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
	if problems := validation.IsQualifiedName(p.Owner.Key); len(problems) > 0 {
		return p, &Error{Field: "planner.owner.key", Err: fmt.Errorf("%w: %q: %s", ErrInvalid, p.Owner.Key, problems[0])}
	}
	if problems := validation.IsValidLabelValue(p.Owner.Value); len(problems) > 0 {
		return p, &Error{Field: "planner.owner.value", Err: fmt.Errorf("%w: %q: %s", ErrInvalid, p.Owner.Value, problems[0])}
	}
	if len(p.Manager) > 128 {
		return p, &Error{Field: "planner.manager", Err: fmt.Errorf("%w: longer than 128 characters", ErrInvalid)}
	}
	return p, nil
}

func (p Planner) decide(r *renderer, snap Snapshot) (placement.Result, error) {
	previous := snap.Previous
	if len(p.Forget) > 0 {
		previous = slices.DeleteFunc(slices.Clone(previous), func(d placement.Decision) bool { return p.forgets(d.Cluster, snap.Fleet) })
	}
	return placement.Decide(placement.Request{
		Subject: placement.Subject{
			Group: r.gvk.Group, Kind: r.gvk.Kind, Namespace: r.namespace, Name: r.objectName, Labels: r.labels,
		},
		Policy: r.obj.Placement, Guards: p.Guards, Verdicts: snap.Verdicts, Await: p.Await, Filters: p.Filters,
		Previous: previous, Now: snap.Now,
	}, snap.Fleet)
}

// forgets: only a cluster that is not in the Fleet can be forgotten.
func (p Planner) forgets(name string, fleet *placement.Fleet) bool {
	if !slices.Contains(p.Forget, name) {
		return false
	}
	_, known := fleet.Get(name)
	return !known
}

// candidate is a cluster at which the plan looks.
type candidate struct {
	name     string
	seen     Observation
	settled  bool                // seen is what a remembered comparison was about
	known    bool                // it is in the Fleet
	holder   bool                // it is among the known holders
	decision *placement.Decision // not nil, but for a holder that left the Fleet
	share    *scheduling.Share
	// following are the numbers that go with the share; those not divided are -1.
	following counts
}

func (c *candidate) selected() bool { return c.decision != nil && c.decision.Selected }

// candidates are the clusters that are selected, the names that no cluster bears, and what may hold a copy, sorted.
func (p Planner) candidates(r *renderer, decided []placement.Decision, snap Snapshot) []candidate {
	holders := snap.Holders
	if !ascending(holders) {
		holders = slices.Compact(slices.Sorted(slices.Values(holders)))
		holders = slices.DeleteFunc(holders, func(name string) bool { return name == "" })
	}
	selected := 0
	for i := range decided {
		if decided[i].Selected || snap.Holders == nil {
			selected++
		}
	}
	l := candidates{planner: p, r: r, snap: snap, holders: holders, list: make([]candidate, 0, max(selected, len(holders)))}
	for c := range snap.Fleet.All() {
		for len(decided) > 0 && decided[0].Cluster < c.Name {
			l.decided(&decided[0])
			decided = decided[1:]
		}
		if len(decided) > 0 && decided[0].Cluster == c.Name {
			if added := l.decided(&decided[0]); added != nil {
				added.known = true
			}
			decided = decided[1:]
		}
	}
	for i := range decided {
		l.decided(&decided[i])
	}
	for _, name := range l.holders {
		l.add(name, nil, true)
	}
	return l.list
}

// ascending reports that names are sorted, and that none is empty or there twice.
func ascending(names []string) bool {
	previous := ""
	for _, name := range names {
		if name <= previous {
			return false
		}
		previous = name
	}
	return true
}

type candidates struct {
	planner Planner
	r       *renderer
	snap    Snapshot
	holders []string // that are not in the list yet
	list    []candidate
}

// decided adds a cluster if the plan looks at it, and the holders before it.
func (l *candidates) decided(d *placement.Decision) *candidate {
	for len(l.holders) > 0 && l.holders[0] < d.Cluster {
		l.add(l.holders[0], nil, true)
		l.holders = l.holders[1:]
	}
	holder := len(l.holders) > 0 && l.holders[0] == d.Cluster
	if holder {
		l.holders = l.holders[1:]
	}
	// Of a cluster that is neither selected nor a holder only this counts: is it a wished name that nobody bears?
	wished := d.Reason == placement.UnknownCluster && (!d.Held || slices.Contains(l.r.obj.Placement.Clusters, d.Cluster))
	if d.Selected || holder || l.snap.Holders == nil || wished {
		return l.add(d.Cluster, d, holder)
	}
	return nil
}

// add returns the new candidate, or nil when the cluster is forgotten.
func (l *candidates) add(name string, d *placement.Decision, holder bool) *candidate {
	if l.planner.forgets(name, l.snap.Fleet) {
		return nil
	}
	l.list = append(l.list, candidate{name: name, decision: d, holder: holder, following: counts{-1, -1}})
	c := &l.list[len(l.list)-1]
	c.seen = l.snap.Observed[l.r.ref(name).Key()]
	c.settled = c.seen.settled()
	return c
}

// walk yields the candidates with the facts of their clusters, which are only names where the Fleet does not have them. A
// walk is cheaper than keeping or looking up the facts of each.
func walk(list []candidate, fleet *placement.Fleet) iter.Seq2[*candidate, placement.Cluster] {
	return func(yield func(*candidate, placement.Cluster) bool) {
		for cluster := range fleet.All() {
			for ; len(list) > 0 && list[0].name < cluster.Name; list = list[1:] {
				if !yield(&list[0], placement.Cluster{Name: list[0].name}) {
					return
				}
			}
			if len(list) > 0 && list[0].name == cluster.Name {
				if !yield(&list[0], cluster) {
					return
				}
				list = list[1:]
			}
		}
		for i := range list {
			if !yield(&list[i], placement.Cluster{Name: list[i].name}) {
				return
			}
		}
	}
}

func (r *renderer) ref(cluster string) Ref {
	return Ref{Cluster: cluster, GVK: r.gvk, Namespace: r.namespace, Name: r.objectName}
}
