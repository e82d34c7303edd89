package placement

import "time"

// Request is everything a decision depends on, beside the Fleet.
type Request struct {
	Subject Subject `json:"subject"`
	Policy  Policy  `json:"policy"`
	// Guards are the administrators' policies, in order.
	Guards []Guard `json:"guards,omitempty"`
	// Verdicts are answers from outside, and Await lists the sources whose answer is needed on every cluster: without it
	// the previous decision on the cluster stands.
	Verdicts []Verdict `json:"verdicts,omitempty"`
	Await    []string  `json:"await,omitempty"`
	// Filters are asked last.
	Filters []Filter `json:"-"`
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
	Group    string `json:"group,omitempty"`   // the group in use, if the cluster belongs to it
	// Total and Scores are set for clusters that were scored. Points are 0 to 100, a Total between -100 and 100.
	Total  float64 `json:"total,omitempty"`
	Scores []Score `json:"scores,omitempty"`
	// NoGrowth: the object may keep what it has in this cluster but should not grow there.
	NoGrowth bool `json:"noGrowth,omitempty"`
	// Held: the cluster left the Fleet while selected. If it comes back it counts as selected before. A program that
	// gives the cluster up for good drops the decision from Request.Previous.
	Held bool `json:"held,omitempty"`
	// Since is the moment from which Selected and Reason have stood without a break.
	Since time.Time `json:"since,omitzero"`
}

// Score is what one scorer gave a cluster.
type Score struct {
	Scorer string  `json:"scorer"`
	Points float64 `json:"points"` // 0 to 100
	// Missing: there was no data; Points is what Scorer.Missing makes of that.
	Missing bool `json:"missing,omitempty"`
}

// Reason is a closed list, part of the API.
type Reason string

// The reasons of selected clusters.
const (
	Named         Reason = "Named"         // listed in Policy.Clusters
	Matched       Reason = "Matched"       // the selector matches
	Chosen        Reason = "Chosen"        // picked by Policy.Limit
	KeptOnError   Reason = "KeptOnError"   // not decidable now, and selected before
	KeptWhileLost Reason = "KeptWhileLost" // silent for too long: keeps its copies while others are selected as well
	Returned      Reason = "Returned"      // was lost, and waits for its group to take over again
)

// The reasons of clusters that are not selected.
const (
	NoPolicy         Reason = "NoPolicy"         // the policy has neither names nor a selector
	NotNamed         Reason = "NotNamed"         // not listed in Policy.Clusters
	NotMatched       Reason = "NotMatched"       // the selector does not match
	UnknownCluster   Reason = "UnknownCluster"   // the Fleet has no cluster of this name
	OutsideNamespace Reason = "OutsideNamespace" // a policy in Policy.Within does not match
	PropertyMismatch Reason = "PropertyMismatch" // a condition of Policy.Properties is not met
	GuardDenied      Reason = "GuardDenied"      // a Guard denies it
	VerdictDenied    Reason = "VerdictDenied"    // a Verdict denies it
	Filtered         Reason = "Filtered"         // a Filter refuses it
	Tainted          Reason = "Tainted"          // a taint is not tolerated
	KindNotServed    Reason = "KindNotServed"    // the cluster does not serve the object's kind
	Unready          Reason = "NotReady"         // Policy.OnlyReady, and it is not
	Lost             Reason = "Lost"             // silent for too long, and not selected before
	Undecided        Reason = "Undecided"        // not decidable now, and not selected before
	OtherGroup       Reason = "OtherGroup"       // another group is in use
	StandBy          Reason = "StandBy"          // available, in a group before the one in use
	Outscored        Reason = "Outscored"        // Policy.Limit picked others
	Unscored         Reason = "Unscored"         // a score is missing, and its Scorer excludes such clusters
	Skewed           Reason = "Skewed"           // would break a Spread of Policy.Limit
	NoDomain         Reason = "NoDomain"         // lacks the fact that a Spread goes by
)

// Result is what Decide found. Decisions are sorted by cluster: one for every cluster of the Fleet, one for every
// named cluster that does not exist, and one for every cluster that left the Fleet while selected.
type Result struct {
	Decisions []Decision `json:"decisions"`
	Shortfall int        `json:"shortfall,omitempty"` // how many clusters are missing to satisfy the policy
	Next      time.Time  `json:"next,omitzero"`       // the moment to look again; zero: never
}
