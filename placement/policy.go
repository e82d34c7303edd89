package placement

// Policy says where an object goes. It is plain data; the zero value selects nothing.
type Policy struct {
	// Clusters lists names. A list that is present, even an empty one, wins over Selector.
	Clusters []string `json:"clusters,omitzero"`
	// Selector selects by labels. Nil selects nothing, the zero value everything.
	Selector *Selector `json:"clusterSelector,omitempty"`
	// Properties are conditions that a cluster must meet beside that.
	Properties []Property `json:"properties,omitempty"`
	// AnyOf lists policies of which at least one must match a cluster too, if there are any. Only what Compile looks at
	// counts there.
	AnyOf []Policy `json:"anyOf,omitempty"`
	// Within lists policies that must match a cluster too, normally one: that of the object's namespace. Only what
	// Compile looks at counts there. See Intersect.
	Within      []Policy     `json:"within,omitempty"`
	Tolerations []Toleration `json:"tolerations,omitempty"`
	// OnlyReady refuses clusters that are not ready. Beware: when a cluster goes down it loses the object for good, and
	// its copies are deleted as soon as it is back. Groups and Limit fail over without that. Unknown readiness changes nothing.
	OnlyReady bool `json:"onlyReady,omitempty"`
	// LostAfterSeconds is how long a cluster may be silent or not ready before Groups and Limit count it as lost: it
	// stays selected with its copies, and another is selected as well. 0: never.
	LostAfterSeconds int64 `json:"lostAfterSeconds,omitempty"`
	// Groups are tried in order; only clusters of the one in use are selected.
	Groups []Group `json:"groups,omitempty"`
	// FailBackSeconds says when an earlier group takes over again: after its clusters were available without a break
	// for so long, 0 at once, nil never.
	FailBackSeconds *int64 `json:"failBackSeconds,omitempty"`
	// Limit picks the best. It cannot be combined with Clusters.
	Limit *Limit `json:"limit,omitempty"`
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

// Toleration tolerates taints, as on a pod, with two differences that keep an object where it is: of several
// tolerations for one taint the longest counts, and one with an end lets an object stay but does not bring it.
type Toleration struct {
	Key               string `json:"key,omitempty"`      // empty with Exists: every key
	Operator          string `json:"operator,omitempty"` // Equal (default) or Exists
	Value             string `json:"value,omitempty"`
	Effect            string `json:"effect,omitempty"` // empty: every effect
	TolerationSeconds *int64 `json:"tolerationSeconds,omitempty"`
}

// Intersect is the object's policy narrowed to the clusters that the namespace's policy matches. The zero Policy as
// namespace leaves nothing. Only what Compile looks at counts of the namespace: one with a Limit or Groups is decided
// first, and its selected names are passed as Policy.Clusters. Laws: a cluster is matched exactly if both match it;
// the arguments are not changed.
func Intersect(object, namespace Policy) Policy {
	within := make([]Policy, 0, len(object.Within)+1)
	object.Within = append(append(within, object.Within...), namespace)
	return object
}
