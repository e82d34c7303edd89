package status

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Reducer names the way in which one field of many members becomes one value.
type Reducer string

// The reducers, a closed set. An absent field is no value: it is not zero, and no reducer makes one up. A result is
// written only when it follows from what was heard; see Aggregate for what gaps do.
const (
	// Sum adds counters, Min and Max take one.
	Sum Reducer = "sum"
	Min Reducer = "min"
	Max Reducer = "max"
	// Quantity adds quantities such as 1500m and 2Gi.
	Quantity Reducer = "quantity"
	// Earliest and Latest take an RFC 3339 time, Longest a duration such as 3m2s.
	Earliest Reducer = "earliest"
	Latest   Reducer = "latest"
	Longest  Reducer = "longest"
	// All is true when every member says true, Any when one does.
	All Reducer = "all"
	Any Reducer = "any"
	// First takes the first value, by name of cluster, that is not empty.
	First Reducer = "first"
	// Worst takes the value that comes first in Order.
	Worst Reducer = "worst"
	// Behind takes Path and the one field of With from the first member in which both are set and differ, else from the first.
	Behind Reducer = "behind"
	// Concat joins lists of objects, sorted by Key; entries with the same Key become one, and their own lists one as well.
	Concat Reducer = "concat"
	// Merge unites maps; of equal keys the first value stays, by name of cluster.
	Merge Reducer = "merge"
	// Conditions makes one condition per type: False when one member says so, True when all do. The time is the moment
	// since when the members agree, or since when the first of them dissents.
	Conditions Reducer = "conditions"
	// Observed is observedGeneration: the least Member.Generation, once every member's controller has seen its latest copy.
	// Until then it is not said. A program keeps the last that was: tools take an absent one for a kind that has none.
	Observed Reducer = "observed"
	// Only copies the whole status of a sole member, before all other rows; its Path is not used.
	Only Reducer = "only"
)

// Field is one row of an aggregation: a field of the status and how it is reduced. It is plain data and marshals to JSON.
type Field struct {
	Path    string   `json:"path"` // below status; * is every key of a map: replicaStatuses.*.active
	Reduce  Reducer  `json:"reduce"`
	Key     []string `json:"key,omitempty"`     // Concat: fields that tell entries apart
	Mark    string   `json:"mark,omitempty"`    // Concat: the field that gets " (cluster)" appended; Merge: keys become cluster, Mark, key
	Order   []string `json:"order,omitempty"`   // Worst: values, or the one key of objects, worst first; Conditions: reasons to show last
	Missing string   `json:"missing,omitempty"` // Worst: what a member counts for that says nothing; empty: nothing is then said
	With    []string `json:"with,omitempty"`    // Worst: fields beside Path to take from the same member; Behind: the other revision
	Any     []string `json:"any,omitempty"`     // Conditions: types that are True when one member says so
	Every   bool     `json:"every,omitempty"`   // only when every member says it; Conditions: no Unknown is made up, and those of Any appear only when True
}

// Fields is the table for a kind: its built-in rows, which the caller may extend. An unknown kind gets its conditions
// and observedGeneration; a kind without a status nothing.
func Fields(kind metav1.GroupKind) []Field {
	if statusless(kind.Group, kind.Kind) && kind.Kind != "CronJob" {
		return nil
	}
	var rows []Field
	switch kind.Group {
	case "":
		rows = coreFields(kind.Kind)
	case "apps", "extensions":
		rows = appsFields(kind.Kind)
	case "batch":
		rows = jobFields(kind.Kind)
	case "networking.k8s.io", "policy", "autoscaling":
		rows = otherFields(kind.Kind)
	default:
		rows = customFields(kind)
	}
	if rows == nil {
		rows = with(nil, observed(), conditionRow("Failed", "Stalled", "Reconciling", "Degraded", "ReplicaFailure", "Conflict", "Dangling", "Terminating", "NonStructuralSchema"))
	}
	return rows
}

func with(rows []Field, more ...Field) []Field { return append(rows, more...) }

func reduce(r Reducer, paths ...string) []Field {
	rows := make([]Field, 0, len(paths)+4)
	for _, path := range paths {
		rows = append(rows, Field{Path: path, Reduce: r})
	}
	return rows
}

func observed() Field { return Field{Path: "observedGeneration", Reduce: Observed} }

// conditionRow takes the types that are bad news when True.
func conditionRow(bad ...string) Field {
	return Field{Path: "conditions", Reduce: Conditions, Any: bad}
}

func appsFields(kind string) []Field {
	switch kind {
	case "Deployment":
		rows := []Field{observed(), {Path: "conditions", Reduce: Conditions, Any: []string{"ReplicaFailure"}, Order: []string{"NewReplicaSetAvailable"}}}
		return append(rows, reduce(Sum, "replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas", "terminatingReplicas")...)
	case "ReplicaSet":
		return replicaFields()
	case "StatefulSet":
		return with(reduce(Sum, "replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"),
			Field{Path: "currentRevision", Reduce: Behind, With: []string{"updateRevision"}}, observed(), conditionRow())
	case "DaemonSet":
		return with(reduce(Sum, "desiredNumberScheduled", "currentNumberScheduled", "updatedNumberScheduled", "numberReady", "numberAvailable", "numberUnavailable", "numberMisscheduled"),
			observed(), conditionRow())
	}
	return nil
}

func replicaFields() []Field {
	return with(reduce(Sum, "replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "terminatingReplicas"), observed(), conditionRow("ReplicaFailure"))
}

func jobFields(kind string) []Field {
	switch kind {
	case "Job":
		return with(reduce(Sum, "active", "ready", "succeeded", "failed", "terminating"),
			Field{Path: "startTime", Reduce: Earliest},
			Field{Path: "completionTime", Reduce: Latest, Every: true},
			Field{Path: "conditions", Reduce: Conditions, Any: []string{"Failed", "FailureTarget"}, Every: true})
	case "CronJob":
		return with(reduce(Latest, "lastScheduleTime", "lastSuccessfulTime"), Field{Path: "active", Reduce: Concat, Key: []string{"namespace", "name", "uid"}})
	}
	return nil
}

func coreFields(kind string) []Field {
	switch kind {
	case "Pod":
		rows := []Field{
			{Path: "phase", Reduce: Worst, Order: []string{"Failed", "Unknown", "Pending", "Running", "Succeeded"}, Missing: "Unknown", With: []string{"reason", "message"}},
			{Path: "startTime", Reduce: Earliest}, conditionRow("DisruptionTarget", "PodResizePending", "PodResizeInProgress"),
		}
		for _, path := range []string{"initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"} {
			rows = append(rows, Field{Path: path, Reduce: Concat, Key: []string{"name"}, Mark: "name"})
		}
		return rows
	case "Service":
		return []Field{{Path: "loadBalancer.ingress", Reduce: Concat, Key: []string{"ip", "hostname", "ipMode"}}, conditionRow("LoadBalancerPortsError")}
	case "PersistentVolumeClaim":
		return []Field{{Path: "phase", Reduce: Worst, Order: []string{"Lost", "Pending", "Bound"}, Missing: "Pending"}, conditionRow(
			"Resizing", "FileSystemResizePending", "ControllerResizeError", "NodeResizeError", "ModifyingVolume", "ModifyVolumeError")}
	case "PersistentVolume":
		return []Field{{Path: "phase", Reduce: Worst, Order: []string{"Failed", "Pending", "Available", "Bound", "Released"}, Missing: "Pending", With: []string{"reason", "message"}}}
	case "Namespace":
		return []Field{{Path: "phase", Reduce: Worst, Order: []string{"Terminating", "Active"}}, conditionRow(
			"NamespaceDeletionDiscoveryFailure", "NamespaceDeletionContentFailure", "NamespaceDeletionGroupVersionParsingFailure", "NamespaceContentRemaining", "NamespaceFinalizersRemaining")}
	case "ReplicationController":
		return replicaFields()
	case "ResourceQuota":
		return reduce(Quantity, "hard.*", "used.*")
	}
	return nil
}

func otherFields(kind string) []Field {
	switch kind {
	case "Ingress":
		return []Field{{Path: "loadBalancer.ingress", Reduce: Concat, Key: []string{"ip", "hostname"}}}
	case "PodDisruptionBudget":
		return with(reduce(Sum, "currentHealthy", "desiredHealthy", "expectedPods", "disruptionsAllowed"),
			Field{Path: "disruptedPods", Reduce: Merge, Mark: "/"}, observed(), conditionRow("DisruptionAllowed"))
	case "HorizontalPodAutoscaler":
		return with(reduce(Sum, "currentReplicas", "desiredReplicas"), Field{Path: "lastScaleTime", Reduce: Latest}, observed(), conditionRow("ScalingLimited"))
	}
	return nil
}
