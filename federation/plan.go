package federation

import (
	"errors"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/override"
	"github.com/confed-project/confed/placement"
	"github.com/confed-project/confed/scheduling"
)

// Plan is exactly what will be done where, and why; nothing is done yet. It is a value: it can be printed, compared,
// cut down, kept, and run later or elsewhere. What it prints masks the values of Secrets; a plan that was read back from
// a masked form is refused by Dispatch (ErrRedacted).
type Plan struct {
	// Steps are sorted by cluster, then by rank, kind and name. Each targets another object.
	Steps []Step

	// Decisions holds one verdict for every cluster of the Fleet and for every name that no cluster bears.
	Decisions []placement.Decision

	// Shortfall is how many clusters are missing to satisfy the policy.
	Shortfall int

	// Next is the moment to plan again though nothing changed; zero: never.
	Next time.Time

	// Finished is when the last copy finished, for Snapshot.Finished; zero: not yet. See Object.TTLAfterFinished.
	Finished time.Time

	// Errs says what could not be evaluated, so that what stood before was kept. The steps are valid beside it.
	Errs []error

	// Redacted is true when values were masked on the way.
	Redacted bool

	planned bool // a planner made it: the zero Plan says nothing
	made    int  // how many steps it had then
}

// Step is one action on one object in one cluster, with all that Dispatch needs to carry it out.
type Step struct {
	Ref    Ref
	Verb   Verb
	Reason Reason
	// Message says why in words.
	Message string

	// Manifest is what create and apply send. It shares structure with the template and with other steps: read-only.
	Manifest *unstructured.Unstructured
	// Patch is a JSON patch: all of a release; in an apply, the move of managed fields that goes before it.
	Patch []byte
	// Mend is a JSON patch that an apply needs only when the member no longer knows a version in the managed fields.
	Mend []byte

	Manager      string // field manager
	Force        bool   // an apply takes over fields of others
	Precondition metav1.Preconditions
	// Delete are the options of a delete, without preconditions. In an apply they allow deleting the copy where the member
	// refuses to change a field that cannot be changed, so that the next plan creates it again; see Object.Recreate.
	Delete *metav1.DeleteOptions
	Rank   int // order within the cluster; deletes run from high to low, before the rest

	// Holds says that the cluster may hold a copy once the step was carried out.
	Holds bool

	// Digest is the digest of the wish, empty where nothing is wished.
	Digest string
	// Changes lists what an apply is about: for Drifted the paths of the wish that our managed-fields entry no longer
	// covers, else what it would change, as far as that can be told without the member. Values of Secrets are masked.
	Changes []Change
	// Trace tells which override layer set which path; its values are those of the manifest.
	Trace []override.Change
	// Share is what the division gave this cluster; nil when replicas are not divided.
	Share *scheduling.Share

	live    *unstructured.Unstructured
	ignored string // what of the wish others may have; empty: nothing
	held    bool   // Holds, if nothing is done
}

// Change is one path where a live object is not as wished.
type Change struct {
	Path    string   `json:"path"`              // /spec/template/spec/containers[name=web]/image
	Have    any      `json:"have,omitempty"`    // what is there; nil: nothing, or not known
	Want    any      `json:"want,omitempty"`    // what is wished; nil: nothing
	Holders []string `json:"holders,omitempty"` // other field managers that hold it now
}

// Verb is what a step does.
type Verb string

// The six verbs.
const (
	Create  Verb = "create"  // POST: the object is absent
	Apply   Verb = "apply"   // server-side apply
	Release Verb = "release" // stop owning it; it stays
	Delete  Verb = "delete"
	Keep    Verb = "keep" // it is right as it is, or rightly not there
	Hold    Verb = "hold" // do nothing, for the reason given
)

// Reason says why a step does what it does. The list is closed and part of the API.
type Reason string

// The reasons.
const (
	ReasonAbsent Reason = "Absent" // create: not there yet

	ReasonChanged Reason = "Changed" // apply: the wish changed
	ReasonDrifted Reason = "Drifted" // apply: somebody took a field that is ours
	ReasonAdopted Reason = "Adopted" // apply: an object that was not ours is taken over

	ReasonUnselected Reason = "Unselected" // delete, release, keep: nothing is wished here
	ReasonSettled    Reason = "Settled"    // keep: it is as wished
	ReasonExpired    Reason = "Expired"    // delete, release, keep: its time after finishing is over
	ReasonOptedOut   Reason = "OptedOut"   // release, hold: the copy in the member says so

	ReasonUnobserved      Reason = "Unobserved"      // hold: could not look
	ReasonUndecided       Reason = "Undecided"       // hold: whether it is wished cannot be told now
	ReasonUnknownCluster  Reason = "UnknownCluster"  // hold: no cluster of that name is in the Fleet
	ReasonInvalidManifest Reason = "InvalidManifest" // hold: it cannot be rendered, or the member refused it as invalid
	ReasonNotOwned        Reason = "NotOwned"        // hold: somebody else's object has the name
	ReasonDeleting        Reason = "Deleting"        // hold: it is going away
	ReasonKindNotServed   Reason = "KindNotServed"   // hold: the member does not serve the kind
	ReasonConflict        Reason = "Conflict"        // hold: other field managers hold it, or it changed meanwhile
	ReasonImmutable       Reason = "Immutable"       // hold, delete: a field that would have to change cannot
	ReasonGuarded         Reason = "Guarded"         // hold: deleting it would delete what is not ours
	ReasonWaiting         Reason = "Waiting"         // hold: something else must be there first
	ReasonSuspended       Reason = "Suspended"       // hold: by wish
)

// Holders returns the clusters that may hold a copy once the plan was carried out, sorted. A program writes this list
// down before it dispatches the plan, and hands it back in Snapshot.Holders. The list is nil, which is unknown, for a Plan
// that was cut down, or that no Planner made, such as one that came with an error.
func (p Plan) Holders() []string {
	if !p.whole() {
		return nil
	}
	holders := []string{}
	for _, s := range p.Steps {
		if s.Holds {
			holders = append(holders, s.Ref.Cluster)
		}
	}
	slices.Sort(holders)
	return slices.Compact(holders)
}

// Shares returns the division that the plan carries out, sorted by cluster, for Snapshot.Shares. Bound is part of the memory:
// Lost marks the last share of a member whose replicas others took, until it is seen again.
func (p Plan) Shares() []scheduling.Share {
	var shares []scheduling.Share
	for _, s := range p.Steps {
		if s.Share != nil {
			shares = append(shares, *s.Share)
		}
	}
	return shares
}

// whole reports that the plan has all the steps that a planner made.
func (p Plan) whole() bool { return p.planned && p.made == len(p.Steps) }

// Gone reports that nothing is wished and nothing is left anywhere: the moment to drop a finalizer. It is false while
// something could not be evaluated, and for a Plan that was cut down or that no Planner made.
func (p Plan) Gone() bool {
	return p.whole() && len(p.Errs) == 0 && !slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Verb != Keep || s.Holds })
}

// Err joins what could not be evaluated; nil when all could.
func (p Plan) Err() error { return errors.Join(p.Errs...) }
