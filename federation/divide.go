package federation

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/confed-project/confed/placement"
	"github.com/confed-project/confed/scheduling"
)

// countFields says where a kind keeps the numbers that are divided: its replicas, then what follows them, and what a
// template without them means. Nil when nobody said.
func countFields(gvk schema.GroupVersionKind, r *Replicas) (fields [][]string, missing int64) {
	if r != nil && r.Path != "" {
		path, err := parsePointer(r.Path)
		if err != nil {
			return nil, 0
		}
		return [][]string{path}, 1
	}
	switch gvk.GroupKind() {
	case schema.GroupKind{Group: "apps", Kind: "Deployment"},
		schema.GroupKind{Group: "apps", Kind: "ReplicaSet"},
		schema.GroupKind{Group: "apps", Kind: "StatefulSet"},
		schema.GroupKind{Kind: "ReplicationController"}:
		return [][]string{{"spec", "replicas"}}, 1
	case schema.GroupKind{Group: "batch", Kind: "Job"}:
		return [][]string{{"spec", "parallelism"}, {"spec", "completions"}}, 1
	case schema.GroupKind{Group: "autoscaling", Kind: "HorizontalPodAutoscaler"}:
		return [][]string{{"spec", "maxReplicas"}, {"spec", "minReplicas"}}, 1
	case schema.GroupKind{Group: "policy", Kind: "PodDisruptionBudget"}:
		return [][]string{{"spec", "minAvailable"}, {"spec", "maxUnavailable"}}, noTotal
	}
	return nil, 0
}

// present returns the one count that the template has, of a kind that may have only one; by default the first.
func (r *renderer) present(fields [][]string) [][]string {
	for i, field := range fields {
		if _, ok := get(r.doc, field); ok {
			return fields[i : i+1]
		}
	}
	return fields[:1]
}

// maxCounts is how many numbers of one object are divided.
const maxCounts = 2

// counts are the numbers of one cluster, in the order of the fields; -1: as the template says.
type counts [maxCounts]int64

// divide gives every selected candidate its share. Members that cannot be looked at keep their last share, as floor and
// ceiling, until they have been lost for LostAfter; one that never had a share gets none before it answers. When nothing
// can be divided the last shares stand, and undivided says why; the error is also about replicas that nobody could take.
func (p Planner) divide(r *renderer, clusters []candidate, snap Snapshot) (undivided, err error) {
	if r.obj.Replicas == nil {
		return nil, nil
	}
	last := byName(snap.Shares)
	selected := make([]*candidate, 0, len(clusters))
	for i := range clusters {
		if c := &clusters[i]; c.selected() && c.known {
			if last, c.share = find(last, c.name); c.share != nil && c.share.Replicas < 0 {
				c.share = nil
			}
			selected = append(selected, c)
		}
	}
	if len(selected) == 0 {
		return nil, nil
	}
	total, strategy, err := p.division(r)
	if err == nil && total == noTotal && r.obj.Replicas.Total == nil {
		for _, c := range selected {
			c.share = nil // what was divided once is no longer
		}
		return nil, nil
	}
	if err != nil {
		return err, err
	}
	targets, err := p.targets(r, selected, snap)
	if err != nil || len(targets) == 0 {
		return err, err
	}
	key := types.NamespacedName{Namespace: r.namespace, Name: r.objectName}.String()
	result, err := strategy(scheduling.Request{Replicas: total, Key: key, Rebalance: r.obj.Replicas.Rebalance}, targets)
	if err != nil {
		err = r.fail("", "replicas", err)
		return err, err
	}
	before := make([]*scheduling.Share, len(selected))
	for i, c := range selected {
		before[i] = c.share
	}
	if err := hand(result, total, len(targets), selected); err != nil {
		err = r.fail("", "replicas.strategy", fmt.Errorf("%q: %w", r.obj.Replicas.Strategy, err))
		return err, err
	}
	for i, c := range selected {
		// A silent member runs its last share, even where that is more than there is to divide.
		if last := before[i]; last != nil && last.Replicas > c.share.Replicas && c.seen.State == Unknown {
			c.share = last
		}
	}
	if err := r.follow(selected, key); err != nil {
		return err, err
	}
	if result.Unplaced > 0 {
		err = r.fail("", "replicas", fmt.Errorf("%w: %d of %d", errUnplaced, result.Unplaced, total))
	}
	return nil, err
}

// byName sorts shares; those that are sorted, as nearly always, come back as they are.
func byName(shares []scheduling.Share) []scheduling.Share {
	order := func(a, b scheduling.Share) int {
		// Of two with one name the larger counts: a silent member may run as many.
		return cmp.Or(strings.Compare(a.Name, b.Name), cmp.Compare(b.Replicas, a.Replicas), cmp.Compare(a.Bound, b.Bound))
	}
	if slices.IsSortedFunc(shares, order) {
		return shares
	}
	return slices.SortedStableFunc(slices.Values(shares), order)
}

// find returns the share with the name, or nil, and the shares that may have a later name.
func find(shares []scheduling.Share, name string) ([]scheduling.Share, *scheduling.Share) {
	for len(shares) > 0 && shares[0].Name < name {
		shares = shares[1:]
	}
	if len(shares) > 0 && shares[0].Name == name {
		return shares, &shares[0]
	}
	return shares, nil
}

// hand gives every target its share, and finds what a strategy must not return. The targets are some of the selected.
func hand(result scheduling.Result, total int64, targets int, selected []*candidate) error {
	shares := byName(result.Shares)
	sum, found := result.Unplaced, 0
	for _, s := range shares {
		if s.Replicas < 0 || sum > math.MaxInt64-s.Replicas {
			return fmt.Errorf("%w: %d replicas for %q", ErrInvalid, s.Replicas, s.Name)
		}
		sum += s.Replicas
	}
	given, rest := make([]*scheduling.Share, len(selected)), shares
	for i, c := range selected {
		if rest, given[i] = find(rest, c.name); given[i] != nil {
			found++
		}
	}
	if found != targets || len(shares) != targets || sum != total || result.Unplaced < 0 {
		return fmt.Errorf("%w: %d shares for %d targets, which with %d unplaced make %d of %d",
			ErrInvalid, len(shares), targets, result.Unplaced, sum, total)
	}
	for i, share := range given {
		if share != nil {
			selected[i].share = share
		}
	}
	return nil
}

var errUnplaced = errors.New("no cluster has room for all replicas")

func (p Planner) division(r *renderer) (int64, scheduling.Strategy, error) {
	want := r.obj.Replicas
	if r.counts == nil {
		return 0, nil, r.fail("", "replicas.path", fmt.Errorf("%w: %s", ErrNoReplicasPath, r.gvk.GroupKind()))
	}
	strategy := p.Strategies[want.Strategy]
	if strategy == nil {
		switch want.Strategy {
		case "", "Weighted":
			strategy = scheduling.Weighted
		case "Packed":
			strategy = scheduling.Packed
		default:
			return 0, nil, r.fail("", "replicas.strategy", fmt.Errorf("%w: no strategy %q", ErrInvalid, want.Strategy))
		}
	}
	if want.Total != nil {
		return *want.Total, strategy, nil
	}
	v, ok := get(r.doc, r.counts[0])
	if !ok {
		return r.missing, strategy, nil // as the API server defaults it
	}
	total, ok := v.(int64)
	if text, isText := v.(string); isText && strings.HasSuffix(text, "%") {
		return noTotal, strategy, nil // a share of what runs in each cluster is right everywhere
	}
	if !ok {
		return 0, nil, r.fail("", "template", fmt.Errorf("%w: number of replicas is a %T", ErrInvalid, v))
	}
	if total < 0 {
		return 0, nil, r.fail("", "template", fmt.Errorf("%w: %d replicas", ErrInvalid, total))
	}
	return total, strategy, nil
}

// noTotal: there is nothing to divide.
const noTotal = -1

// follow divides what follows the replicas, in their proportion: completions of a job, the lower bound of an autoscaler.
func (r *renderer) follow(selected []*candidate, key string) error {
	for n, field := range r.counts[1:] {
		v, _ := get(r.doc, field)
		total, ok := v.(int64)
		if !ok {
			continue
		}
		lead := make([]scheduling.Share, 0, len(selected))
		for _, c := range selected {
			if c.share != nil {
				lead = append(lead, *c.share)
			}
		}
		result, err := scheduling.Follow(scheduling.Request{Replicas: total, Key: key}, lead)
		if err != nil {
			return r.fail("", "replicas", err)
		}
		i := 0
		for _, c := range selected {
			if c.share != nil {
				c.following[n+1] = result.Shares[i].Replicas
				i++
			}
		}
	}
	return nil
}

// targets turns clusters into numbers. A cluster that has been lost for too long is not among them, so others take its
// share, while its last share stays remembered.
func (p Planner) targets(r *renderer, selected []*candidate, snap Snapshot) ([]scheduling.Target, error) {
	matchers := make([]placement.Matcher, len(r.obj.Replicas.Preferences))
	for i, pref := range r.obj.Replicas.Preferences {
		m, err := placement.Compile(pref.Clusters)
		if err != nil {
			return nil, r.fail("", fmt.Sprintf("replicas.preferences[%d].clusters", i), err)
		}
		matchers[i] = m
	}
	targets := make([]scheduling.Target, 0, len(selected))
	numbers := make([]int64, len(selected))
	for i, c := range selected {
		t := scheduling.Target{Name: c.name, NoGrowth: c.decision.NoGrowth}
		if len(matchers) == 0 {
			t.Weight = 1
		}
		var facts placement.Cluster
		if len(matchers) > 0 || p.LostAfter > 0 {
			facts, _ = snap.Fleet.Get(c.name)
		}
		for i := range matchers {
			if matchers[i].Matches(facts) {
				pref := r.obj.Replicas.Preferences[i]
				t.Weight, t.Min, t.Max, t.Tier = pref.Weight, pref.Min, pref.Max, pref.Tier
				break
			}
		}
		if n, ok := snap.Capacity[c.name]; ok {
			t.Capacity = &n
		}
		o := &c.seen
		running, seen := r.running(o)
		switch {
		case o.State == Unknown && p.lost(facts, c.share, snap):
			c.share = lostShare(c.share)
			continue
		case !seen && c.share == nil:
			fix(&t, 0)
		case !seen:
			fix(&t, c.share.Replicas)
		case o.Live != nil && r.obj.Adopt == AdoptNever && !c.settled && !p.owns(r, o.Live):
			fix(&t, 0) // what stands in the way runs nothing of ours
		default:
			numbers[i] = running
			t.Current = &numbers[i]
		}
		targets = append(targets, t)
	}
	return targets, nil
}

// fix leaves a target no choice.
func fix(t *scheduling.Target, n int64) {
	t.Min, t.Max, t.Current, t.Capacity = n, &n, &n, nil
}

// running is what an observed copy runs, if that can be seen; a live object without the field runs one, as its default says.
func (r *renderer) running(o *Observation) (replicas int64, seen bool) {
	if o.State != Present || o.Live == nil {
		return 0, o.State == Absent
	}
	if n, ok := get(o.Live.Object, r.counts[0]); ok {
		replicas, _ = n.(int64)
		return replicas, true
	}
	return 1, !r.partial(o.Live)
}

// boundLost marks the remembered share of a lost member.
const boundLost scheduling.Bound = "Lost"

// lost reports whether a member has been silent for so long that others take its replicas. One that was lost stays lost until
// it is seen, ready or not: what it runs must be known before the others shrink.
func (p Planner) lost(facts placement.Cluster, last *scheduling.Share, snap Snapshot) bool {
	silent := facts.Ready.State == placement.NotReady && snap.Now.Sub(facts.Ready.Since) >= p.LostAfter
	return p.LostAfter > 0 && (silent || last != nil && last.Bound == boundLost)
}

func lostShare(last *scheduling.Share) *scheduling.Share {
	if last == nil {
		return nil
	}
	return &scheduling.Share{Name: last.Name, Replicas: last.Replicas, Bound: boundLost}
}
