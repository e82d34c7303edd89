package placement

import "time"

// Request is everything a decision depends on, beside the Fleet.
type Request struct {
	Subject Subject `json:"subject"`
	Policy  Policy  `json:"policy"`
	// Previous are the last decisions. They stand wherever nothing can be decided now. Any order will do; the order of
	// Result.Decisions is the fastest.
	Previous []Decision `json:"previous,omitempty"`
	// Now is the moment of the decision. Zero: no time passes, nothing expires.
	Now time.Time `json:"now,omitzero"`
}

// Subject is the object that is placed.
type Subject struct {
	Group     string            `json:"group,omitempty"`
	Kind      string            `json:"kind,omitempty"`
	Namespace string            `json:"namespace,omitempty"`
	Name      string            `json:"name,omitempty"`
	Labels    map[string]string `json:"labels,omitempty"`
}

// Decision is the verdict on one cluster, with its reason.
type Decision struct {
	Cluster  string `json:"cluster"`
	Selected bool   `json:"selected"`
	Reason   Reason `json:"reason"`
	By       string `json:"by,omitempty"`      // what decided: a taint, a property, a guard, …, by name
	Message  string `json:"message,omitempty"` // for people
	// NoGrowth: the object may keep what it has in this cluster but should not grow there (a NoSchedule taint).
	NoGrowth bool `json:"noGrowth,omitempty"`
	// Held: the cluster left the Fleet while selected. If it comes back it counts as selected before. A program that
	// gives the cluster up for good drops the decision from Request.Previous.
	Held bool `json:"held,omitempty"`
	// Since is the moment from which Selected, and while refused also Reason, have stood without a break.
	Since time.Time `json:"since,omitzero"`
}

// Reason is a closed list, part of the API.
type Reason string

// The reasons of selected clusters.
const (
	Named       Reason = "Named"       // listed in Policy.Clusters
	Matched     Reason = "Matched"     // the selector matches
	KeptOnError Reason = "KeptOnError" // not decidable now, and selected before
)

// The reasons of clusters that are not selected.
const (
	NoPolicy         Reason = "NoPolicy"         // the policy has neither names nor a selector
	NotNamed         Reason = "NotNamed"         // not listed in Policy.Clusters
	NotMatched       Reason = "NotMatched"       // the selector does not match
	UnknownCluster   Reason = "UnknownCluster"   // the Fleet has no cluster of this name
	OutsideNamespace Reason = "OutsideNamespace" // a policy in Policy.Within does not match
	Tainted          Reason = "Tainted"          // a taint is not tolerated
	Undecided        Reason = "Undecided"        // not decidable now, and not selected before
)

// Result is what Decide found. Decisions are sorted by cluster: one for every cluster of the Fleet, one for every
// named cluster that does not exist, and one for every cluster that left the Fleet while selected.
type Result struct {
	Decisions []Decision `json:"decisions"`
	Shortfall int        `json:"shortfall,omitempty"` // how many clusters are missing to satisfy the policy
	Next      time.Time  `json:"next,omitzero"`       // the moment to look again; zero: never
}
