package federation

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/internal/ownership"
	"github.com/confed-project/confed/placement"
	"github.com/confed-project/confed/scheduling"
)

// stepper decides the step for one object in one cluster.
type stepper struct {
	Planner
	r         *renderer
	cluster   placement.Cluster
	known     bool // the cluster is in the Fleet
	decision  placement.Decision
	share     *scheduling.Share
	undivided error // why there are no shares
	suspended bool
	holders   []string
}

// step turns an observation into a step. Every path sets Verb, Reason and Holds.
func (p stepper) step(o Observation) Step {
	s := Step{Ref: p.r.ref(p.cluster.Name), Manager: p.Manager, Share: p.share, Rank: rank(p.r.gvk.GroupKind()), live: o.Live}
	// What cannot be seen may be there, unless we know that nothing was ever written.
	s.Holds = p.holders == nil || slices.Contains(p.holders, p.cluster.Name)
	switch {
	case !p.known:
		return s.hold(ReasonUnknownCluster, "no cluster of this name is in the fleet")
	case o.State == Present && o.Live == nil:
		return s.hold(ReasonUnobserved, "the observation has no object")
	case o.State == Present && !p.is(o.Live):
		return s.hold(ReasonUnobserved, "the observation is of another object")
	case o.State == Present || o.State == Absent:
	case meta.IsNoMatchError(o.Err):
		return p.notServed(s)
	case o.Err != nil:
		return s.hold(ReasonUnobserved, classify(o.Err).message)
	default:
		return s.hold(ReasonUnobserved, "not looked at yet")
	}
	s.Holds = o.State == Present
	if !p.decision.Selected {
		return p.unwished(s, o)
	}
	return p.wished(s, o)
}

// notServed: a member without the kind holds nothing of it.
func (p stepper) notServed(s Step) Step {
	s.Holds = false
	if !p.decision.Selected {
		return s.as(Keep, ReasonUnselected, "the member does not serve the kind")
	}
	return s.hold(ReasonKindNotServed, fmt.Sprintf("the member does not serve %s %s", p.r.gvk.GroupVersion(), p.r.gvk.Kind))
}

func (p stepper) is(live *unstructured.Unstructured) bool {
	t := p.r.obj.Template
	gk := live.GroupVersionKind().GroupKind()
	return live.GetName() == t.GetName() && live.GetNamespace() == t.GetNamespace() &&
		(gk == p.r.gvk.GroupKind() || gk.Kind == "PartialObjectMetadata")
}

// owns reports that a live object bears our label or is the host's own.
func (p Planner) owns(r *renderer, live *unstructured.Unstructured) bool {
	return live.GetLabels()[p.Owner.Key] == p.Owner.Value || r.obj.HostUID != "" && live.GetUID() == r.obj.HostUID
}

func (s Step) as(verb Verb, reason Reason, message string) Step {
	s.Verb, s.Reason, s.Message = verb, reason, message
	return s
}

func (s Step) hold(reason Reason, message string) Step {
	s.Manifest, s.Patch = nil, nil
	return s.as(Hold, reason, message)
}

// unwished plans for a cluster in which nothing is wished.
func (p stepper) unwished(s Step, o Observation) Step {
	live := o.Live
	switch {
	case o.State == Absent:
		return s.as(Keep, ReasonUnselected, "nothing here, and nothing wished")
	case live.GetLabels()[p.Owner.Key] != p.Owner.Value:
		s.Holds = false
		return s.as(Keep, ReasonUnselected, "what is here is not ours")
	case p.suspended:
		return s.hold(ReasonSuspended, "suspended; a copy stays")
	}
	host := p.r.obj.HostUID != "" && live.GetUID() == p.r.obj.HostUID
	if host || p.r.obj.Orphan {
		return p.release(s, live)
	}
	gk := p.r.gvk.GroupKind()
	switch {
	case live.GetDeletionTimestamp() != nil:
		return s.hold(ReasonDeleting, "is being deleted")
	case !ownership.Of(live.Object).Has(p.ours()...):
		return s.hold(ReasonNotOwned, fmt.Sprintf("has our label but no managed fields of %s: a copy of a label is not ours to delete", p.Manager))
	case container(gk) && !p.r.obj.Cascade:
		return s.hold(ReasonGuarded, "deleting a "+gk.Kind+" deletes all that is inside; set Cascade to allow it")
	}
	s.Precondition = metav1.Preconditions{UID: ptr(live.GetUID())}
	s.Delete = p.r.obj.DeleteOptions
	s.Delete.Preconditions = nil
	if s.Delete.PropagationPolicy == nil {
		s.Delete.PropagationPolicy = ptr(metav1.DeletePropagationBackground)
	}
	return s.as(Delete, ReasonUnselected, why(p.decision))
}

func why(d placement.Decision) string {
	if d.Message != "" {
		return d.Message
	}
	return strings.TrimSpace("not selected " + string(d.Reason))
}

// ours are the managers whose entries are ours.
func (p Planner) ours() []string { return append([]string{p.Manager}, p.FormerManagers...) }

// wished plans for a selected cluster.
func (p stepper) wished(s Step, o Observation) Step {
	if p.undivided != nil && p.share == nil {
		return s.hold(ReasonInvalidManifest, p.undivided.Error())
	}
	var replicas *int64
	if p.share != nil {
		replicas = &p.share.Replicas
	}
	rendered, err := p.r.render(p.cluster, replicas)
	if err != nil {
		return s.hold(ReasonInvalidManifest, err.Error())
	}
	manifest, err := p.stamp(rendered)
	if err != nil {
		return s.hold(ReasonInvalidManifest, p.r.fail(p.cluster.Name, "metadata", err).Error())
	}
	s.Digest, s.Trace = rendered.Digest, rendered.Trace
	s.Manifest = &unstructured.Unstructured{Object: manifest}
	if o.State == Absent {
		if p.suspended {
			return s.hold(ReasonSuspended, "suspended; would be created")
		}
		s.Holds = true
		return s.as(Create, ReasonAbsent, "")
	}
	return p.compare(s, o)
}

// stamp adds the owner label and the digest annotation.
func (p Planner) stamp(r Rendered) (map[string]any, error) {
	meta, _ := r.Manifest.Object["metadata"].(map[string]any)
	for field, kv := range map[string][2]string{"labels": {p.Owner.Key, p.Owner.Value}, "annotations": {DigestAnnotation, r.Digest}} {
		m, ok := meta[field].(map[string]any)
		if !ok && meta[field] != nil {
			return nil, fmt.Errorf("%w: %s is a %T", ErrInvalid, field, meta[field])
		}
		meta = with(meta, field, with(m, kv[0], kv[1]))
	}
	return with(r.Manifest.Object, "metadata", meta), nil
}

// compare plans for a copy that is there: is it ours, did the wish change, did it drift?
func (p stepper) compare(s Step, o Observation) Step {
	live := o.Live
	entries := ownership.Of(live.Object)
	if live.GetDeletionTimestamp() != nil {
		return s.hold(ReasonDeleting, "is being deleted; will be created again when it is gone")
	}
	fields := entries.Fields(p.Manager, p.r.gvk.GroupVersion().String())
	var found []ownership.Difference
	reason, message := Reason(""), ""
	switch have := live.GetAnnotations()[DigestAnnotation]; {
	case live.GetLabels()[p.Owner.Key] != p.Owner.Value:
		if refused := p.refuse(s, live); refused != "" {
			s.Holds = slices.Contains(p.holders, p.cluster.Name)
			return s.hold(ReasonNotOwned, refused)
		}
		reason, message = ReasonAdopted, "was not ours"
		s.Precondition.ResourceVersion = ptr(live.GetResourceVersion())
	case have != s.Digest:
		reason, message = ReasonChanged, "the wish changed"
	case o.Settled.Digest == s.Digest && o.Settled.ResourceVersion == live.GetResourceVersion():
		return s.settled()
	default:
		if found = ownership.Uncovered(p.withoutRetained(s.Manifest.Object), fields, live.Object); len(found) == 0 {
			return s.settled()
		}
		reason, message = ReasonDrifted, "no longer ours: "
	}
	p.retain(&s, live)
	if reason != ReasonDrifted {
		found = ownership.Changes(s.Manifest.Object, fields, live.Object)
	}
	if s.Changes = p.changes(found, entries); len(s.Changes) > 0 {
		message = strings.TrimSuffix(message, ": ") + ": " + shorten(s.Changes)
	}
	if p.suspended {
		return s.hold(ReasonSuspended, "suspended; would be applied: "+message)
	}
	s.Precondition.UID = ptr(live.GetUID())
	s.Force = !p.r.obj.HoldConflicts
	var former []string
	if reason == ReasonAdopted {
		former = append(p.ours(), ownership.BeforeFirstApply)
	}
	if moved, ok := entries.Move(p.Manager, former); ok {
		s.Patch = managedFieldsPatch(moved, live, nil)
	}
	return s.as(Apply, reason, message)
}

func (s Step) settled() Step {
	s.Manifest = nil
	return s.as(Keep, ReasonSettled, "")
}

// changes names who holds the paths now. The digest annotation says nothing to people.
func (p stepper) changes(found []ownership.Difference, entries ownership.Entries) []Change {
	var list []Change
	for _, d := range found {
		if len(d.Fields) == 3 && d.Fields[2] == "f:"+DigestAnnotation {
			continue
		}
		c := Change{Path: d.Path, Have: d.Have, Want: d.Want, Holders: entries.Holders(d.Fields, p.Manager)}
		if secretKind(p.r.gvk.GroupKind()) {
			c.Have, c.Want = masked, masked
		}
		list = append(list, c)
	}
	return list
}

func shorten(changes []Change) string {
	const most = 3
	var parts []string
	for _, c := range changes[:min(most, len(changes))] {
		text := c.Path
		if len(c.Holders) > 0 {
			text += " (" + strings.Join(c.Holders, ", ") + ")"
		}
		parts = append(parts, text)
	}
	if more := len(changes) - most; more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(parts, ", ")
}

// refuse says why an object that is not ours is not taken over; empty when it is.
func (p stepper) refuse(s Step, live *unstructured.Unstructured) string {
	owner := live.GetLabels()[p.Owner.Key]
	switch {
	case p.owns(p.r, live), p.r.obj.Adopt == AdoptAlways:
		return ""
	case p.r.obj.Adopt == AdoptIfIdentical:
		if ownership.Identical(p.withoutStamp(s.Manifest.Object), live.Object) {
			return ""
		}
		return "an object of this name is there, is not ours and differs from the wish"
	case owner != "":
		return fmt.Sprintf("belongs to %s=%s", p.Owner.Key, owner)
	}
	return "an object of this name is there and is not ours; set Adopt to take it over"
}

func (p Planner) withoutStamp(doc map[string]any) map[string]any {
	doc = unset(doc, []string{"metadata", "labels", p.Owner.Key})
	return unset(doc, []string{"metadata", "annotations", DigestAnnotation})
}

func ptr[T any](v T) *T { return &v }
