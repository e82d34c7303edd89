package kubefed

import (
	"cmp"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// ClusterHealth is what the status of a KubeFedCluster should tell. Fields that are empty are not known.
type ClusterHealth struct {
	// Outcome is ClusterReady, ClusterNotReady, ClusterNotReachable or ClusterConfigMalformed. Another word is the reason of a
	// cluster that answers without being ready; HubSuspected (it is silent, but so are too many) is neither. Empty: nobody looked.
	Outcome string
	Message string // for people; empty: as KubeFed says it
	// ProbedAt is when it was looked at last, Since since when the outcome stands.
	ProbedAt, Since time.Time
	Version, Region string
	Zones           []string
	// Refresh is how old the probe time in the object may become while nothing else changes; 0: it moves with every probe, and
	// so the object is written for every probe, as KubeFed did.
	Refresh time.Duration
}

// condition is a row of the table below.
type condition struct{ kind, status, reason, message string }

// conditions are those that KubeFed writes, and no others: a cluster that cannot be reached has no Ready.
func (h ClusterHealth) conditions() []condition {
	switch h.Outcome {
	case "":
		return nil
	case "ClusterReady":
		return []condition{{"Ready", "True", h.Outcome, cmp.Or(h.Message, "/healthz responded with ok")}}
	case "ClusterNotReachable":
		return []condition{{"Offline", "True", h.Outcome, cmp.Or(h.Message, "cluster is not reachable")}}
	case "ClusterConfigMalformed":
		return []condition{{"ConfigMalformed", "True", h.Outcome, cmp.Or(h.Message, "there is nothing to connect with")}}
	case "HubSuspected":
		return []condition{{"Ready", "Unknown", h.Outcome, h.Message}}
	}
	return []condition{
		{"Ready", "False", h.Outcome, cmp.Or(h.Message, "/healthz responded without ok")},
		{"Offline", "False", "ClusterReachable", "cluster is reachable"},
	}
}

func clusterKind() schema.GroupKind {
	return schema.GroupKind{Group: coreGroup, Kind: "KubeFedCluster"}
}

// EncodeClusterStatus returns the KubeFedCluster with the status that says so, or nil when it need not be written. Obj is the
// object as it was read last.
//
// The conditions are all that KubeFed writes: Ready=True; Ready=False with Offline=False; Offline=True alone; or
// ConfigMalformed=True alone. A condition that stays as it is keeps its transition time, whatever Since says, so nothing is
// lost when a program starts anew. The version is blank unless the cluster is ready; region and zones stay when a probe finds
// none, since an administrator may have set them. Times are to the second.
func EncodeClusterStatus(obj *unstructured.Unstructured, h ClusterHealth) *unstructured.Unstructured {
	wanted := h.conditions()
	if obj == nil || wanted == nil {
		return nil
	}
	d := draftOf(obj, clusterKind(), "v1beta1", "")
	status := d.at("status")
	last, _ := status["conditions"].([]any)
	var now []any
	for _, c := range wanted {
		now = append(now, c.encode(last, h))
	}
	if h.Refresh > 0 {
		keepProbeTimes(last, now, h)
	}
	status["conditions"] = now
	version := h.Version
	if h.Outcome != "ClusterReady" {
		version = ""
	}
	set(status, "kubernetesVersion", version)
	if h.Region != "" {
		status["region"] = h.Region
	}
	if len(h.Zones) > 0 {
		zones := slices.Compact(slices.Sorted(slices.Values(h.Zones)))
		status["zones"] = list(zones...)
	}
	return d.changed()
}

func (c condition) encode(last []any, h ClusterHealth) map[string]any {
	out := map[string]any{"type": c.kind, "status": c.status, "lastProbeTime": stamp(h.ProbedAt)}
	set(out, "reason", c.reason)
	set(out, "message", c.message)
	before := ofType(last, c.kind)
	switch since, _ := before["lastTransitionTime"].(string); {
	case since != "" && before["status"] == c.status:
		out["lastTransitionTime"] = since
	case h.Since.IsZero():
		out["lastTransitionTime"] = stamp(h.ProbedAt)
	default:
		out["lastTransitionTime"] = stamp(h.Since)
	}
	return out
}

// keepProbeTimes leaves the conditions as they were if only the probe time is new, and the old one not too old.
func keepProbeTimes(last, list []any, h ClusterHealth) {
	if len(last) != len(list) {
		return
	}
	for i := range list {
		was, _ := last[i].(map[string]any)
		is, _ := list[i].(map[string]any)
		text, _ := was["lastProbeTime"].(string)
		probed, err := time.Parse(time.RFC3339, text)
		if err != nil || h.ProbedAt.Sub(probed) >= h.Refresh || probed.After(h.ProbedAt) {
			return
		}
		for _, key := range []string{"type", "status", "reason", "message"} {
			if was[key] != is[key] {
				return
			}
		}
	}
	copy(list, last)
}

// ofType finds a condition; nil when there is none.
func ofType(conditions []any, kind string) map[string]any {
	for _, item := range conditions {
		if c, _ := item.(map[string]any); c["type"] == kind {
			return c
		}
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
