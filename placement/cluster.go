package placement

import "time"

// Cluster holds the facts about one member cluster. There is no connection in it.
type Cluster struct {
	Name       string            `json:"name"` // opaque and unique in a Fleet
	Labels     map[string]string `json:"labels,omitempty"`
	Taints     []Taint           `json:"taints,omitempty"`
	Properties map[string]string `json:"properties,omitempty"` // free facts; values need not be label-safe
	Provider   string            `json:"provider,omitempty"`
	Region     string            `json:"region,omitempty"`
	Zones      []string          `json:"zones,omitempty"` // a set
	Ready      Readiness         `json:"ready,omitzero"`
	// Kinds are the API kinds that it serves, such as Deployment.apps or ConfigMap: a set, which a Fleet keeps sorted.
	// Nil: unknown. A known set without the kind of the object closes the cluster to it, and withdraws nothing.
	Kinds []string `json:"kinds,omitzero"`
}

// Taint keeps objects away unless they tolerate it. The fields mean what they mean on a node.
type Taint struct {
	Key    string `json:"key"`
	Value  string `json:"value,omitempty"`
	Effect string `json:"effect"` // NoSchedule, PreferNoSchedule or NoExecute
	// Since starts the clock of a toleration that has an end. Zero: the clock never starts.
	Since time.Time `json:"since,omitzero"`
}

// Readiness says whether a cluster answers, and since when. The zero value is unknown.
// Readiness is not placement: a selected cluster that is not ready stays selected.
type Readiness struct {
	State  ReadyState `json:"state,omitempty"`
	Since  time.Time  `json:"since,omitzero"`
	Reason string     `json:"reason,omitempty"`
}

// ReadyState is a tri-state; the zero value is unknown.
type ReadyState string

// The ready states.
const (
	ReadyUnknown ReadyState = ""
	Ready        ReadyState = "True"
	NotReady     ReadyState = "False"
)
