package placement

import "time"

// Cluster holds the facts about one member cluster. There is no connection in it.
type Cluster struct {
	Name       string            // opaque and unique in a Fleet
	Labels     map[string]string // selected by Selector
	Taints     []Taint
	Properties map[string]string // free facts; values need not be label-safe
	Provider   string
	Region     string
	Zones      []string // a set
	Ready      Readiness
}

// Taint keeps objects away unless they tolerate it. The fields mean what they mean on a node.
type Taint struct {
	Key    string
	Value  string
	Effect string // NoSchedule, PreferNoSchedule or NoExecute
	Since  time.Time
}

// Readiness says whether a cluster answers, and since when. The zero value is unknown.
// Readiness is not placement: a selected cluster that is not ready stays selected.
type Readiness struct {
	State  ReadyState
	Since  time.Time
	Reason string
}

// ReadyState is a tri-state; the zero value is unknown.
type ReadyState string

// The ready states.
const (
	ReadyUnknown ReadyState = ""
	Ready        ReadyState = "True"
	NotReady     ReadyState = "False"
)

// Policy says where an object goes. It is plain data; the zero value selects nothing.
type Policy struct {
	// Clusters lists names. A list that is present, even an empty one, wins over Selector.
	Clusters []string `json:"clusters,omitzero"`
	// Selector selects by labels. Nil selects nothing, the zero value everything.
	Selector    *Selector    `json:"clusterSelector,omitempty"`
	Tolerations []Toleration `json:"tolerations,omitempty"`
}

// Selector is a label selector with Kubernetes semantics.
type Selector struct {
	MatchLabels      map[string]string `json:"matchLabels,omitempty"`
	MatchExpressions []Expression      `json:"matchExpressions,omitempty"`
}

// Expression is one requirement of a Selector.
type Expression struct {
	Key      string   `json:"key"`
	Operator string   `json:"operator"` // In, NotIn, Exists, DoesNotExist, Gt, Lt
	Values   []string `json:"values,omitempty"`
}

// Toleration tolerates taints, as on a pod.
type Toleration struct {
	Key               string `json:"key,omitempty"`
	Operator          string `json:"operator,omitempty"` // Equal (default) or Exists
	Value             string `json:"value,omitempty"`
	Effect            string `json:"effect,omitempty"`
	TolerationSeconds *int64 `json:"tolerationSeconds,omitempty"`
}

// Subject is the object that is placed.
type Subject struct {
	Group, Kind     string
	Namespace, Name string
	Labels          map[string]string
}

// Decision is the verdict on one cluster, with its reason.
type Decision struct {
	Cluster  string `json:"cluster"`
	Selected bool   `json:"selected"`
	Reason   Reason `json:"reason"`
	Message  string `json:"message,omitempty"` // for people
}

// Reason is a closed list, part of the API.
type Reason string

// Request is everything a decision depends on.
type Request struct {
	Subject  Subject
	Policy   Policy
	Previous []Decision
	Now      time.Time
}

// Result is what Decide found. Decisions are sorted by cluster: one for every cluster of the Fleet and one for
// every named cluster that does not exist.
type Result struct {
	Decisions []Decision
	Shortfall int       // how many clusters are missing to satisfy the policy
	Next      time.Time // the moment to look again; zero: never
}
