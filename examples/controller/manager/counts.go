package manager

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/status"
)

// aggregated is the field of a status with one status made of all copies': ready replicas are their sum, and so on. KubeFed
// had none.
const aggregated = "aggregated"

// counts makes one status of those of the copies, where statuses are collected; nil when there is nothing to say.
func (p *pass) counts(results []federation.Result, collect bool) map[string]any {
	if !collect {
		return nil
	}
	var members []status.Member
	for _, r := range results {
		if r.Step.Digest == "" {
			continue // nothing is wished there
		}
		m := status.Member{Cluster: r.Step.Ref.Cluster}
		if r.Live != nil {
			m.Live = r.Live.Object
		}
		if r.Outcome != federation.Done {
			m.Reason = string(r.Reason)
		}
		members = append(members, m)
	}
	out, _ := status.Aggregate(metav1.GroupKind{Group: p.gvk().Group, Kind: p.gvk().Kind}, members) // gaps show in the lines
	if len(out) == 0 {
		return nil
	}
	return out
}
