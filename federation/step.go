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
)

// stepper decides the steps for one object, one cluster at a time.
type stepper struct {
	Planner
	*candidate
	cluster        placement.Cluster
	r              *renderer
	variants       map[variantKey]*variant
	undivided      error // why there is no division
	suspended      bool
	frozen         bool // lazy, and the template is what it was
	expired        bool
	unknownHolders bool
}

// wishes reports whether the object is wished in the cluster.
func (p *stepper) wishes() bool { return p.selected() && !p.expired }

// step fills a step in from what was observed. Every path sets Verb, Reason and Holds.
func (p *stepper) step(s *Step) *Step {
	o := &p.seen
	s.Ref, s.Manager, s.Share, s.Rank, s.live = p.r.ref(p.name), p.Manager, p.share, p.r.rank, o.Live
	// What cannot be seen may be there, unless we know that nothing was ever written.
	s.Holds = p.unknownHolders || p.holder
	switch {
	case !p.known:
		return s.hold(ReasonUnknownCluster, "no cluster of this name is in the fleet")
	case o.State == Present && o.Live == nil:
		return s.hold(ReasonUnobserved, "the observation has no object")
	case o.State == Present && !p.settled && !s.Ref.is(o.Live): // no other object has the version of one that was looked at
		return s.hold(ReasonUnobserved, "the observation is of another object")
	case o.State == Present || o.State == Absent:
	case meta.IsNoMatchError(o.Err):
		return p.notServed(s)
	case o.Err != nil:
		return s.hold(ReasonUnobserved, Refused(o.Err).words())
	default:
		return s.hold(ReasonUnobserved, "not looked at yet")
	}
	s.Holds = o.State == Present && (p.holder || label(o.Live, p.Owner.Key) == p.Owner.Value)
	s.held = s.Holds
	if !p.wishes() {
		return p.unwished(s, o)
	}
	return p.wished(s, o)
}

// notServed: a member without the kind holds nothing of it. But one that was written to may serve it in another version,
// and a copy with it, so only an explicit act forgets it.
func (p *stepper) notServed(s *Step) *Step {
	message := fmt.Sprintf("the member does not serve %s %s", p.r.gvk.GroupVersion(), p.r.gvk.Kind)
	s.Holds = p.holder && !slices.Contains(p.Forget, p.cluster.Name)
	if p.wishes() || s.Holds {
		return s.hold(ReasonKindNotServed, message)
	}
	return s.as(Keep, ReasonUnselected, message)
}

// partial reports an observation of which only apiVersion, kind and metadata are known, though the wish has more. What has
// no more than these may be whole and empty: then no manager holds anything of it.
func (r *renderer) partial(live *unstructured.Unstructured) bool {
	for _, part := range r.parts {
		if _, ok := live.Object[part]; ok {
			return false
		}
	}
	for key := range live.Object {
		if key != "apiVersion" && key != "kind" && key != "metadata" {
			return false
		}
	}
	entries := ownership.Of(live.Object)
	for key := range entries.All() {
		if key != "f:metadata" {
			return len(r.parts) > 0
		}
	}
	return len(r.parts) > 0 && len(entries) == 0
}

// owns reports that a live object bears our label or is the host's own.
func (p Planner) owns(r *renderer, live *unstructured.Unstructured) bool {
	return label(live, p.Owner.Key) == p.Owner.Value || r.hosts(live)
}

// hosts reports that a live object is the program's own, which is never deleted.
func (r *renderer) hosts(live *unstructured.Unstructured) bool {
	return r.obj.HostUID != "" && live.GetUID() == r.obj.HostUID
}

func (s *Step) as(verb Verb, reason Reason, message string) *Step {
	s.Verb, s.Reason, s.Message = verb, reason, message
	return s
}

func (s *Step) hold(reason Reason, message string) *Step {
	s.Manifest, s.Patch, s.Mend, s.Delete = nil, nil, nil, nil
	return s.as(Hold, reason, message)
}

// unwished plans for a cluster in which nothing is wished.
func (p *stepper) unwished(s *Step, o *Observation) *Step {
	live := o.Live
	switch {
	case o.State == Absent:
		return s.as(Keep, p.unwishedReason(), "nothing here, and nothing wished")
	case label(live, p.Owner.Key) != p.Owner.Value:
		s.Holds = false
		return s.as(Keep, ReasonUnselected, "what is here is not ours")
	case p.suspended:
		return s.hold(ReasonSuspended, "suspended; a copy stays")
	case p.r.obj.Protect:
		return s.hold(ReasonGuarded, protected)
	case p.frozen && !p.expired:
		return s.hold(ReasonWaiting, lazily)
	case optedOut(live):
		return p.release(s, live, ReasonOptedOut, "the copy says "+OptOutAnnotation)
	case p.decision != nil && p.decision.Reason == placement.Undecided && !p.expired:
		return s.hold(ReasonUndecided, p.why()+"; a copy stays")
	}
	if p.r.hosts(live) || p.r.obj.Orphan {
		return p.release(s, live, p.unwishedReason(), p.why())
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
	return p.delete(s, live, p.unwishedReason(), p.why())
}

func (p *stepper) delete(s *Step, live *unstructured.Unstructured, reason Reason, message string) *Step {
	s.Precondition = metav1.Preconditions{UID: ptr(live.GetUID())}
	s.Delete = p.deleteOptions()
	return s.as(Delete, reason, message)
}

func (p *stepper) deleteOptions() *metav1.DeleteOptions {
	opts := p.r.obj.DeleteOptions
	opts.Preconditions = nil
	if opts.PropagationPolicy == nil {
		opts.PropagationPolicy = ptr(metav1.DeletePropagationBackground)
	}
	return &opts
}

func (p *stepper) unwishedReason() Reason {
	if p.expired && p.selected() {
		return ReasonExpired
	}
	return ReasonUnselected
}

const (
	lazily    = "waits for the next change of the template"
	protected = "protected; clear Protect to let the copy go"
)

func (p *stepper) why() string {
	switch {
	case p.unwishedReason() == ReasonExpired:
		return "finished long enough ago"
	case p.decision == nil:
		return "not selected"
	case p.decision.Message != "":
		return p.decision.Message
	}
	return "not selected: " + string(p.decision.Reason)
}

// ours are the managers whose entries are ours.
func (p Planner) ours() []string { return append([]string{p.Manager}, p.FormerManagers...) }

// wished plans for a selected cluster.
func (p *stepper) wished(s *Step, o *Observation) *Step {
	if p.undivided != nil && p.share == nil {
		return s.hold(ReasonInvalidManifest, p.undivided.Error())
	}
	v := p.variant()
	if v.err != nil {
		return s.hold(ReasonInvalidManifest, p.r.fail(p.cluster.Name, "", v.err).Error())
	}
	s.Digest, s.Trace, s.Manifest = v.Digest, v.Trace, v.Manifest
	if o.State == Absent {
		switch {
		case p.suspended:
			return s.hold(ReasonSuspended, "suspended; would be created")
		case p.frozen && !p.holder:
			return s.hold(ReasonWaiting, lazily)
		}
		s.Holds = true
		return s.as(Create, ReasonAbsent, "")
	}
	return p.compare(s, o, v)
}

// stamp adds the owner label, the digest annotation and, unless it is empty, the digest of the template.
func (p Planner) stamp(r Rendered, template string) (map[string]any, error) {
	meta, _ := r.Manifest.Object["metadata"].(map[string]any)
	marks := []struct{ field, key, value string }{
		{"labels", p.Owner.Key, p.Owner.Value}, {"annotations", DigestAnnotation, r.Digest}, {"annotations", templateAnnotation, template},
	}
	for _, mark := range marks {
		m, ok := meta[mark.field].(map[string]any)
		if !ok && meta[mark.field] != nil {
			return nil, fmt.Errorf("%w: /metadata/%s is a %T", ErrInvalid, mark.field, meta[mark.field])
		}
		if mark.value != "" {
			meta = with(meta, mark.field, with(m, mark.key, mark.value))
		}
	}
	return with(r.Manifest.Object, "metadata", meta), nil
}

// compare plans for a copy that is there: is it ours, did the wish change, did it drift?
func (p *stepper) compare(s *Step, o *Observation, v *variant) *Step {
	live := o.Live
	s.ignored = strings.Join(p.r.obj.Ignore, " ")
	if p.settled && o.Settled.Digest == s.compared() {
		return s.settled()
	}
	if optedOut(live) {
		return p.optOut(s, live)
	}
	if live.GetDeletionTimestamp() != nil {
		return s.hold(ReasonDeleting, "is being deleted; will be created again when it is gone")
	}
	entries := ownership.Of(live.Object)
	fields := entries.Fields(p.Manager, p.r.gvk.GroupVersion().String())
	var found []ownership.Difference
	reason, message := ReasonChanged, "the wish changed"
	switch {
	case label(live, p.Owner.Key) != p.Owner.Value:
		if refused := p.refuse(v, live); refused != "" {
			return s.hold(ReasonNotOwned, refused)
		}
		reason, message = ReasonAdopted, "was not ours"
		s.Precondition.ResourceVersion = ptr(live.GetResourceVersion())
	case metadata(live, "annotations", DigestAnnotation) == s.Digest:
		if found = ownership.Uncovered(v.wish, fields, live.Object); len(found) == 0 {
			return s.settled()
		}
		reason, message = ReasonDrifted, "no longer ours"
	}
	if len(p.r.retain) > 0 && p.r.partial(live) {
		return s.hold(ReasonUnobserved, "retained fields need the whole object, not its metadata alone")
	}
	moved := p.move(live, entries)
	p.yield(s, live, moved)
	if reason != ReasonDrifted {
		found = ownership.Changes(s.Manifest.Object, fields, live.Object)
	}
	s.Changes = p.changes(found, entries)
	message = join(": ", message, shorten(s.Changes))
	if p.frozen && reason == ReasonChanged && !p.suspended {
		return s.hold(ReasonWaiting, lazily)
	}
	if field := frozenField(p.r.gvk.GroupKind(), s.Manifest.Object, live); field != "" {
		return p.immutable(s, live, field)
	}
	if p.suspended {
		return s.hold(ReasonSuspended, "suspended; would be applied: "+message)
	}
	if reason == ReasonChanged && p.mayRecreate(live, entries) {
		s.Delete = p.deleteOptions()
	}
	return p.apply(s, live, moved).as(Apply, reason, message)
}

func optedOut(live *unstructured.Unstructured) bool {
	return metadata(live, "annotations", OptOutAnnotation) == "true"
}

// optOut leaves a copy to the member that asked for it.
func (p *stepper) optOut(s *Step, live *unstructured.Unstructured) *Step {
	switch {
	case label(live, p.Owner.Key) != p.Owner.Value:
		s.Holds = false
		return s.hold(ReasonOptedOut, "the copy says "+OptOutAnnotation)
	case p.suspended:
		return s.hold(ReasonSuspended, "suspended; would be released")
	case p.r.obj.Protect:
		return s.hold(ReasonGuarded, protected)
	}
	s.Manifest, s.Digest, s.Trace = nil, "", nil // nothing is wished of it any more
	return p.release(s, live, ReasonOptedOut, "the copy says "+OptOutAnnotation)
}

// compared is what a remembered comparison was about.
func (s *Step) compared() string { return s.Digest + s.ignored }

func (s *Step) settled() *Step {
	s.Manifest = nil
	return s.as(Keep, ReasonSettled, "")
}

// changes names who holds the paths now. The digest annotation says nothing to people.
func (p *stepper) changes(found []ownership.Difference, entries ownership.Entries) []Change {
	var list []Change
	for _, d := range found {
		if len(d.Fields) == 3 && (d.Fields[2] == "f:"+DigestAnnotation || d.Fields[2] == "f:"+templateAnnotation) {
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
func (p *stepper) refuse(v *variant, live *unstructured.Unstructured) string {
	owner := label(live, p.Owner.Key)
	switch {
	case p.owns(p.r, live), p.r.obj.Adopt == AdoptAlways:
		return ""
	case owner != "": // two programs that wish the same would take it from each other for ever
		return fmt.Sprintf("belongs to %s=%s", p.Owner.Key, owner)
	case p.r.obj.Adopt == AdoptIfIdentical:
		if ownership.Identical(v.plain, live.Object) {
			return ""
		}
		return "an object of this name is there, is not ours and differs from the wish"
	}
	return "an object of this name is there and is not ours; set Adopt to take it over"
}

func label(live *unstructured.Unstructured, key string) string { return metadata(live, "labels", key) }

// metadata reads one label or annotation without copying the map.
func metadata(live *unstructured.Unstructured, field, key string) string {
	meta, _ := live.Object["metadata"].(map[string]any)
	m, _ := meta[field].(map[string]any)
	text, _ := m[key].(string)
	return text
}

func ptr[T any](v T) *T { return &v }
