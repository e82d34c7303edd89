package kubefed

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/placement"
)

// Preference is what a ReplicaSchedulingPreference says. It is about the federated object of its own namespace and name.
type Preference struct {
	// TargetKind is the kind of that object: FederatedDeployment or FederatedReplicaSet.
	TargetKind string
	// Intersect limits the division to the clusters that the object's own selector and its namespace select.
	Intersect bool
	// Replicas is for federation.Object.Replicas.
	Replicas federation.Replicas
}

// DecodePreference reads a ReplicaSchedulingPreference. Named clusters have their own weight and bounds, * is for all
// others, and without any every cluster has the weight 1; a cluster that is neither named nor covered by * gets nothing.
//
// Differences from KubeFed: negative numbers and a minimum above the maximum are errors, and a minimum is a floor under
// the weighted share, not an addition to it.
func DecodePreference(obj *unstructured.Unstructured) (Preference, error) {
	n := readKind(obj, schema.GroupKind{Group: schedulingGroup, Kind: "ReplicaSchedulingPreference"})
	if n.err != nil {
		return Preference{}, n.err
	}
	spec := n.child("spec")
	p := Preference{TargetKind: spec.text("targetKind"), Intersect: get[bool](spec, "intersectWithClusterSelector")}
	if p.TargetKind != "FederatedDeployment" && p.TargetKind != "FederatedReplicaSet" {
		spec.fail("targetKind", "%q is neither FederatedDeployment nor FederatedReplicaSet", p.TargetKind)
	}
	p.Replicas = federation.Replicas{
		Total: spec.count("totalReplicas"), Path: replicasPath, Rebalance: get[bool](spec, "rebalance"),
	}
	if p.Replicas.Total == nil {
		spec.fail("totalReplicas", "missing")
	}
	p.Replicas.Preferences = preferences(spec.child("clusters"))
	if n.err != nil {
		return Preference{}, n.err
	}
	return p, nil
}

// count is an integer that is not negative.
func (n node) count(key string) *int64 {
	v := n.integer(key)
	if v != nil && *v < 0 {
		n.fail(key, "%d is negative", *v)
	}
	return v
}

// preferences lists those of named clusters by name, and * after them, since the first that matches counts.
func preferences(clusters node) []federation.Preference {
	everywhere := placement.Policy{Selector: &placement.Selector{}}
	if len(clusters.m) == 0 {
		return []federation.Preference{{Clusters: everywhere, Weight: 1}}
	}
	var named, others []federation.Preference
	for _, name := range slices.Sorted(maps.Keys(clusters.m)) {
		c := clusters.child(name)
		p := federation.Preference{Clusters: placement.Policy{Clusters: []string{name}}, Max: c.count("maxReplicas")}
		if w := c.count("weight"); w != nil {
			p.Weight = *w
		}
		if least := c.count("minReplicas"); least != nil {
			p.Min = *least
		}
		if p.Max != nil && p.Min > *p.Max {
			c.fail("minReplicas", "%d is above maxReplicas, %d", p.Min, *p.Max)
		}
		if name == "*" {
			p.Clusters = everywhere
			others = append(others, p)
		} else {
			named = append(named, p)
		}
	}
	return append(named, others...)
}
