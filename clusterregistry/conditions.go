package clusterregistry

import (
	"time"

	"github.com/confed-project/confed/placement"
)

// Condition is a condition as KubeFed writes it into the status of a KubeFedCluster.
type Condition struct {
	Type               string    `json:"type"`
	Status             string    `json:"status"` // True, False or Unknown
	LastProbeTime      time.Time `json:"lastProbeTime"`
	LastTransitionTime time.Time `json:"lastTransitionTime,omitzero"`
	Reason             string    `json:"reason,omitempty"`
	Message            string    `json:"message,omitempty"`
}

// Conditions returns the verdict as conditions at the moment now: Ready always; Offline=True when the cluster cannot be
// reached, and Offline=False when it answers without being ready; ConfigMalformed=True when there is nothing to dial.
// It returns none for a cluster that was never probed.
//
// KubeFed drops Ready from a cluster that it cannot reach; here it is False, so that nobody must guess.
func (h Health) Conditions(now time.Time, t Thresholds) []Condition {
	if h.ProbedAt.IsZero() {
		return nil
	}
	ready := h.readiness(now, t)
	status := string(ready.State)
	if ready.State == placement.ReadyUnknown {
		status = "Unknown"
	}
	list := []Condition{{Type: "Ready", Status: status, LastProbeTime: h.ProbedAt, LastTransitionTime: ready.Since, Reason: ready.Reason, Message: h.Message}}
	more := func(kind, status, reason, message string) {
		list = append(list, Condition{Type: kind, Status: status, LastProbeTime: h.ProbedAt, LastTransitionTime: h.OutcomeSince, Reason: reason, Message: message})
	}
	switch h.Outcome {
	case Unreachable:
		more("Offline", "True", string(Unreachable), h.Message)
	case Unhealthy, Rejected:
		more("Offline", "False", "ClusterReachable", "cluster is reachable")
	case Malformed:
		more("ConfigMalformed", "True", string(Malformed), h.Message)
	}
	return list
}
