package federation

import (
	"maps"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/confed-project/confed/placement"
	"github.com/confed-project/confed/scheduling"
)

// Snapshot holds every fact that a plan depends on, at one moment. The program makes it and may keep it; nothing in
// this package changes one.
type Snapshot struct {
	Now   time.Time
	Fleet *placement.Fleet

	// Observed says what the members hold. A key that is missing is unknown, which is not absent.
	Observed map[Key]Observation

	// Holders names every cluster that may hold a copy, written down before the first create there; Plan.Holders
	// returns the list to write. Nil is unknown: then every cluster of the Fleet is looked at. An empty list means none.
	Holders []string

	Previous []placement.Decision // the last decisions, which stand when a policy cannot be evaluated
	Shares   []scheduling.Share   // the last division, which stands for members that went silent

	// Capacity is how many replicas a cluster could run; a cluster that is missing is unknown, which is not zero.
	Capacity map[string]int64

	// Finished is Plan.Finished of an earlier plan; see Object.TTLAfterFinished.
	Finished time.Time

	// Verdicts are what others have to say about the clusters; see Planner.Await.
	Verdicts []placement.Verdict
}

// With returns the snapshot with these observations added to (and winning over) those that it has.
func (s Snapshot) With(observed map[Key]Observation) Snapshot {
	merged := make(map[Key]Observation, len(s.Observed)+len(observed))
	maps.Copy(merged, s.Observed)
	maps.Copy(merged, observed)
	s.Observed = merged
	return s
}

// Key identifies one object in one cluster, whatever the API version.
type Key struct {
	Cluster         string
	GroupKind       schema.GroupKind
	Namespace, Name string
}

// Ref is where a step acts: one object in one cluster, in one API version.
type Ref struct {
	Cluster         string
	GVK             schema.GroupVersionKind
	Namespace, Name string
}

// Key returns the reference without its version.
func (r Ref) Key() Key {
	return Key{Cluster: r.Cluster, GroupKind: r.GVK.GroupKind(), Namespace: r.Namespace, Name: r.Name}
}

func (r Ref) name() types.NamespacedName {
	return types.NamespacedName{Namespace: r.Namespace, Name: r.Name}
}

// String names the object for people: Deployment.apps shop/web.
func (r Ref) String() string {
	name := r.Name
	if r.Namespace != "" {
		name = r.Namespace + "/" + r.Name
	}
	return r.GVK.GroupKind().String() + " " + name
}

// is reports whether an object, maybe its metadata alone, is the one that the reference names.
func (r Ref) is(live *unstructured.Unstructured) bool {
	meta, _ := live.Object["metadata"].(map[string]any)
	name, _ := meta["name"].(string)
	namespace, _ := meta["namespace"].(string)
	if name != r.Name || namespace != r.Namespace {
		return false
	}
	if live.Object["kind"] == "PartialObjectMetadata" {
		return true
	}
	version, _ := live.Object["apiVersion"].(string)
	group, _, found := strings.Cut(version, "/")
	if !found {
		group = ""
	}
	return live.Object["kind"] == r.GVK.Kind && group == r.GVK.Group
}

// State says whether an object is there. The zero value is unknown.
type State string

// The states of an observation.
const (
	Unknown State = ""
	Absent  State = "Absent"
	Present State = "Present"
)

// Observation is what one cluster holds now, or why we could not look.
type Observation struct {
	State State

	// Live is the object as the member returned it, when State is Present; it may be metadata only. It is read-only.
	Live *unstructured.Unstructured

	// Err says why State is Unknown.
	Err error

	// Settled remembers that a live object was found right, so that it need not be compared again. It may be lost at
	// any time. Result.Settled is the value to keep.
	Settled Settled
}

// settled reports that the remembered comparison is about this very version: an object of ours, then.
func (o Observation) settled() bool {
	if o.Settled.Digest == "" || o.Live == nil {
		return false
	}
	meta, _ := o.Live.Object["metadata"].(map[string]any)
	return meta["resourceVersion"] == o.Settled.ResourceVersion
}

// Settled is the memory of a comparison: the object at this resource version fulfilled the wish with this digest, to which
// the paths are added that others may take.
type Settled struct {
	Digest          string
	ResourceVersion string
}
