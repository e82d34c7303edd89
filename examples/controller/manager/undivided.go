package manager

import (
	"context"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/kubefed"
	"github.com/confed-project/confed/placement"
)

// undivided says why what an object says about a cluster is not the last word of the object's preference; "": it is. A cluster
// that joins, or becomes ready for the first time, is news to whoever propagates as soon as to whoever divides. If the first
// came first, a copy from before would go, and the workload with it, just to be made anew.
func (s *schedules) undivided(ctx context.Context, d division) func(cluster string) string {
	nothing := func(string) string { return "" }
	kind := d.t.Federated.GVK.Kind
	if scheduled()[kind] != d.typeName() {
		return nothing
	}
	unknown := func(err error) func(string) string {
		return func(string) string { return "what its ReplicaSchedulingPreference says cannot be told: " + err.Error() }
	}
	obj, err := s.mirror.get(ctx, preferenceKind, d.key)
	if apierrors.IsNotFound(err) || meta.IsNoMatchError(err) {
		return nothing
	}
	if err != nil {
		return unknown(err)
	}
	if d.pref, err = kubefed.DecodePreference(obj); err != nil {
		return unknown(err)
	}
	if d.pref.TargetKind != kind {
		return nothing
	}
	eligible, err := d.eligible(ctx)
	if err != nil {
		return unknown(err)
	}
	shares := d.shares()
	return func(cluster string) string {
		if _, has := shares[cluster]; has || !slices.Contains(eligible, cluster) {
			return ""
		}
		return "its ReplicaSchedulingPreference has yet to give the cluster a share"
	}
}

// eligible are the clusters that a preference is about, ready or not: those where the namespace is, if it is federated, and with
// intersectWithClusterSelector those that the object's own selector selects. KubeFed divided among clusters too where a
// federated namespace is not, and lost what it gave them.
func (d division) eligible(ctx context.Context) ([]string, error) {
	policy := placement.Policy{Selector: &placement.Selector{}}
	if d.pref.Intersect {
		var err error
		if policy, err = kubefed.DecodeSelector(d.fed); err != nil {
			return nil, err
		}
	}
	if of := d.types.namespaces(); of != nil {
		namespace, federated, err := of.of(ctx, d.key.Namespace)
		if err != nil {
			return nil, err
		}
		if federated { // else nothing is propagated, whatever is written
			policy = placement.Intersect(policy, namespace)
		}
	}
	return placement.Select(placement.Request{Policy: policy}, d.members.Fleet())
}

// spared is the plan without the removals about which the preference has yet to speak. They wait, and are tried again soon.
func (p *pass) spared(ctx context.Context, plan federation.Plan) federation.Plan {
	removes := func(s federation.Step) bool { return s.Verb == federation.Delete || s.Verb == federation.Release }
	if p.types.undivided == nil || p.deleting || !slices.ContainsFunc(plan.Steps, removes) {
		return plan
	}
	why := p.types.undivided(ctx, division{syncer: p.syncer, fed: p.fed, key: p.key})
	plan.Steps = slices.Clone(plan.Steps)
	for i, s := range plan.Steps {
		text := why(s.Ref.Cluster)
		if text == "" || !removes(s) {
			continue
		}
		s.Verb, s.Reason, s.Message, s.Holds = federation.Hold, federation.ReasonWaiting, text, true
		s.Patch, s.Delete = nil, nil
		plan.Steps[i] = s
	}
	return plan
}
