package federation

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/confed-project/confed/override"
	"github.com/confed-project/confed/placement"
)

// Object is the wish: what should exist, where, how many of it, and what differs from cluster to cluster. It is plain
// data, made by the program from its own API type. Nothing in this package changes an Object or what it points to.
type Object struct {
	// Template is the object to propagate. It needs apiVersion, kind and metadata.name. Nulls, empty lists, status and
	// server-set metadata are left out of what is sent, and a Secret's stringData becomes data.
	Template *unstructured.Unstructured

	// Placement says where. The zero value selects nothing, so planning with it removes every copy.
	Placement placement.Policy

	// Replicas divides the replicas among the selected clusters. Nil: every cluster gets the template's own number.
	Replicas *Replicas

	// Overrides differ by cluster. Layers are applied by Layer.Priority, then in the order given.
	Overrides []Override

	// Retain lists fields that belong to the member once it has them, such as /spec/replicas under an autoscaler or
	// /spec/ports[*]/nodePort. A field that nobody else holds is sent as it is. See DefaultRetain.
	Retain []string

	// Ignore lists fields that others may take: what another manager holds there is left to it and is no drift. Until then
	// they are ours.
	Ignore []string

	// Adopt says what to do with an object of the same name that is not ours.
	Adopt Adopt

	// HoldConflicts makes an apply give way to other field managers: a conflict becomes hold / Conflict with their
	// names. By default what we send is ours, and an apply is forced.
	HoldConflicts bool

	// Cascade allows deleting a Namespace or a CustomResourceDefinition, which deletes what is inside it.
	Cascade bool

	// Recreate lets a copy be deleted and created again where a field that cannot be changed would have to, whether the plan
	// knows that or the member says so: never one of a kind that bears data (claims, volumes, secrets, config maps, stateful
	// sets, namespaces, definitions).
	Recreate bool

	// Orphan releases copies where they would be deleted: the owner label, the digest and our managed-fields entries go,
	// everything else stays.
	Orphan bool

	// Suspend selects clusters in which nothing is written: hold / Suspended. The zero value suspends nothing.
	Suspend placement.Policy

	// Protect keeps every copy: where one would be deleted or released, the step is hold / Guarded.
	Protect bool

	// Lazy takes changes of policy (placement, replicas, overrides) up only together with the next change of the template:
	// until then they are hold / Waiting. Drift is mended all the same, and planning for nowhere is not delayed.
	Lazy bool

	// TTLAfterFinished removes all copies some time after the last of them finished, as a Job does; nil: never. The program
	// keeps Plan.Finished and hands it back in the Snapshot, so that what is gone is not made again.
	TTLAfterFinished *time.Duration

	// HostUID is the UID of the program's own object of this name (the namespace that a federated namespace lives in).
	// A member object with this UID is that very object: it is labelled, never deleted, and released when its cluster
	// leaves the placement.
	HostUID types.UID

	// DeleteOptions are used for every delete; the UID of what was observed is added as a precondition. The default
	// propagation policy is Background.
	DeleteOptions metav1.DeleteOptions
}

// Override is a layer of edits for some clusters. Edits may use variables of the cluster: cluster.name, cluster.region,
// cluster.provider, cluster.zones, cluster.labels[KEY] and cluster.properties[KEY].
type Override struct {
	Clusters placement.Policy
	Layer    override.Layer
}

// Replicas says how the replicas of an object are divided among the selected clusters.
type Replicas struct {
	// Total is the number to divide; nil: what the template says.
	Total *int64

	// Path is the JSON pointer to the number of replicas. Empty: by kind, from the table of known kinds (Deployment,
	// ReplicaSet, StatefulSet, ReplicationController: /spec/replicas; Job: /spec/parallelism, and /spec/completions in its
	// proportion; HorizontalPodAutoscaler: /spec/maxReplicas, and /spec/minReplicas; PodDisruptionBudget: its count, while
	// a percentage is right everywhere). Another kind without a path is an error, never a silent copy.
	Path string

	// Strategy names the division: "" or Weighted, Packed, or a name in Planner.Strategies.
	Strategy string

	// Preferences give clusters their weights and bounds; the first that matches a cluster counts. Without any, all
	// weights are 1. A cluster that no preference matches gets weight 0.
	Preferences []Preference

	// Rebalance allows moving replicas that already run.
	Rebalance bool
}

// Preference is the weight and the bounds of some clusters in a division; see scheduling.Target.
type Preference struct {
	Clusters placement.Policy
	Weight   int64
	Min      int64
	Max      *int64
	Tier     int
}

// Adopt says what to do with an object that has our name but not our label.
type Adopt string

// The adoption policies.
const (
	AdoptNever       Adopt = ""            // hold / NotOwned
	AdoptIfIdentical Adopt = "IfIdentical" // take it over when it already is what we wish and nobody else's, else hold
	AdoptAlways      Adopt = "Always"      // take it over
)
