package kubefed

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/placement"
)

const (
	coreGroup       = "core.kubefed.io"
	schedulingGroup = "scheduling.kubefed.io"
	// versionProperty is what clusterregistry calls the version of Kubernetes too.
	versionProperty = "confed.dev/kubernetes-version"
)

// DecodeCluster reads the facts of a KubeFedCluster: labels, region, zones, version (as a property) and readiness, with
// the time of its last transition. A condition Ready that is Unknown, or no condition at all, is unknown readiness; without
// Ready, a true Offline or ConfigMalformed is NotReady, since KubeFed drops Ready when it cannot reach a cluster. How to
// connect to it is not read here.
func DecodeCluster(obj *unstructured.Unstructured) (placement.Cluster, error) {
	n := readKind(obj, clusterKind())
	if n.m == nil {
		return placement.Cluster{}, n.err
	}
	status := n.child("status")
	c := placement.Cluster{
		Name:   obj.GetName(),
		Labels: n.child("metadata").labels("labels"),
		Region: get[string](status, "region"),
		Zones:  status.strings("zones"),
		Ready:  readiness(status),
	}
	if v := get[string](status, "kubernetesVersion"); v != "" {
		c.Properties = map[string]string{versionProperty: v}
	}
	return c, n.err
}

func readiness(status node) (out placement.Readiness) {
	conditions := status.nodes("conditions")
	for _, kind := range []string{"Ready", "Offline", "ConfigMalformed"} {
		i := slices.IndexFunc(conditions, func(c node) bool { return c.m["type"] == kind })
		if i < 0 {
			continue
		}
		c := conditions[i]
		state := placement.ReadyState(get[string](c, "status"))
		if kind != "Ready" && state == placement.Ready {
			state = placement.NotReady
		} else if kind != "Ready" || state != placement.Ready && state != placement.NotReady {
			continue
		}
		out = placement.Readiness{State: state, Reason: get[string](c, "reason")}
		out.Since = c.time("lastTransitionTime")
		return out
	}
	return out
}
