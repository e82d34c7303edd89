package kubefed

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// The conditions that KubeFed did not have.
const (
	ConditionRunning   = "Running"   // of a FederatedTypeConfig: its objects are propagated
	ConditionScheduled = "Scheduled" // of a ReplicaSchedulingPreference: all replicas are divided
)

// Verdict is what a condition says, in Kubernetes' convention.
type Verdict struct {
	True    bool
	Reason  string // one word, such as Refused
	Message string // the reason in words; may be empty, and is cut when it is long
	Now     time.Time
}

// condition is what becomes of the one that was there before. Its time moves with True alone.
func (v Verdict) condition(kind string, before map[string]any, generation int64) map[string]any {
	out := map[string]any{
		"type": kind, "status": map[bool]string{true: "True", false: "False"}[v.True], "reason": v.Reason, "message": brief(v.Message),
		"observedGeneration": generation, "lastTransitionTime": before["lastTransitionTime"],
	}
	if before["status"] != out["status"] || before["lastTransitionTime"] == nil {
		out["lastTransitionTime"] = stamp(v.Now)
	}
	return out
}

// into puts the condition into a status, in its place; the others stay.
func (v Verdict) into(status map[string]any, kind string, generation int64) {
	conditions, _ := status["conditions"].([]any)
	now := v.condition(kind, ofType(conditions, kind), generation)
	is := func(item any) bool { c, _ := item.(map[string]any); return c["type"] == kind }
	if i := slices.IndexFunc(conditions, is); i >= 0 {
		conditions = slices.Clone(conditions)
		conditions[i] = now
	} else {
		conditions = append(slices.Clip(conditions), now)
	}
	status["conditions"] = conditions
}

// EncodePreferenceStatus returns the ReplicaSchedulingPreference with a status that says how dividing its present generation
// went, in ConditionScheduled, and how many replicas found no place; nil when it says so already.
//
// KubeFed wrote no such status, and its definition keeps none: there the API server does not know the subresource, or drops
// what is written. Then the answer is never nil, so callers remember what they have tried to write.
func EncodePreferenceStatus(obj *unstructured.Unstructured, v Verdict, unplaced int64) *unstructured.Unstructured {
	if obj == nil {
		return nil
	}
	d := draftOf(obj, preferenceKind(), "v1alpha1", "")
	status := d.at("status")
	status["observedGeneration"] = obj.GetGeneration()
	delete(status, "unplaced")
	if unplaced > 0 {
		status["unplaced"] = unplaced
	}
	v.into(status, ConditionScheduled, obj.GetGeneration())
	return d.changed()
}

// conditionsSchema is that of conditions in Kubernetes' convention.
func conditionsSchema() map[string]any {
	return keyed(objectOf(map[string]any{
		"type": textOf(""), "status": choice("True", "False", "Unknown"), "reason": textOf(""), "message": textOf(""),
		"observedGeneration": number(0), "lastTransitionTime": textOf("date-time"),
	}, "type", "status"), "type", 0)
}
