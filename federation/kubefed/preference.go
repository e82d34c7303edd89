package kubefed

import (
	"maps"
	"math"
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/placement"
	"github.com/confed-project/confed/scheduling"
)

// Preference is what a ReplicaSchedulingPreference says. It is about the federated object of its own namespace and name.
type Preference struct {
	// TargetKind is the kind of that object: FederatedDeployment or FederatedReplicaSet.
	TargetKind string
	// Intersect limits the division to the clusters that the object's own selector (DecodeSelector) and its namespace select.
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
	n := readKind(obj, preferenceKind())
	if n.m == nil {
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
	switch total := p.Replicas.Total; {
	case total == nil:
		spec.fail("totalReplicas", "missing")
	case *total > math.MaxInt32:
		spec.fail("totalReplicas", "%d is above %d", *total, math.MaxInt32)
	}
	p.Replicas.Preferences = preferences(spec.child("clusters"))
	return p, n.err
}

func preferenceKind() schema.GroupKind {
	return schema.GroupKind{Group: schedulingGroup, Kind: "ReplicaSchedulingPreference"}
}

// Encode returns obj with what p says, or nil when it says that already; a nil obj is a new object, for which the caller sets
// namespace and name. Only preferences for one named cluster or for all can be said; others are left out.
func (p Preference) Encode(obj *unstructured.Unstructured) *unstructured.Unstructured {
	d := draftOf(obj, preferenceKind(), "v1alpha1", "")
	was, err := DecodePreference(d.object())
	spec := d.at("spec")
	set(spec, "targetKind", p.TargetKind)
	if total := p.Replicas.Total; total != nil {
		spec["totalReplicas"] = *total
	}
	flags := map[string]bool{"rebalance": p.Replicas.Rebalance, "intersectWithClusterSelector": p.Intersect}
	for key, on := range flags {
		if on || spec[key] != nil {
			spec[key] = on
		}
	}
	if err == nil && reflect.DeepEqual(was.Replicas.Preferences, p.Replicas.Preferences) {
		return d.changed()
	}
	clusters := map[string]any{}
	for _, pref := range p.Replicas.Preferences {
		if name, ok := nameOf(pref.Clusters); ok && clusters[name] == nil {
			clusters[name] = encodePreference(pref, d.look("spec", "clusters", name))
		}
	}
	spec["clusters"] = clusters
	return d.changed()
}

// nameOf is how a preference is named in the object.
func nameOf(p placement.Policy) (string, bool) {
	if len(p.Clusters) == 1 {
		return p.Clusters[0], true
	}
	everywhere := p.Clusters == nil && p.Selector != nil && len(p.Selector.MatchLabels) == 0 && len(p.Selector.MatchExpressions) == 0
	return "*", everywhere
}

// Targets returns the named clusters as a scheduling.Strategy divides among them, in their order, with what this says of
// them. Current is what runs and is ready in each, Capacity what would run there as far as that is known; a cluster without
// an entry has no copy, or an unknown capacity. A cluster that neither its name nor * speaks of takes no part: its Max is 0.
func (p Preference) Targets(clusters []string, current, capacity map[string]int64) []scheduling.Target {
	out := make([]scheduling.Target, len(clusters))
	byName := make(map[string]federation.Preference, len(p.Replicas.Preferences))
	for _, pref := range slices.Backward(p.Replicas.Preferences) { // the first counts
		if name, ok := nameOf(pref.Clusters); ok {
			byName[name] = pref
		}
	}
	for i, name := range clusters {
		t := scheduling.Target{Name: name, Max: new(int64)}
		pref, ok := byName[name]
		if !ok {
			pref, ok = byName["*"]
		}
		if out[i] = t; !ok {
			continue
		}
		t.Weight, t.Min, t.Max, t.Tier = pref.Weight, pref.Min, pref.Max, pref.Tier
		if n, known := current[name]; known {
			t.Current = &n
		}
		if n, known := capacity[name]; known {
			t.Capacity = &n
		}
		out[i] = t
	}
	return out
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
	if len(clusters.m) > maxPreferences {
		clusters.fail("", "names more than %d clusters", maxPreferences)
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

// encodePreference writes over what is there, so that fields that nobody knows stay.
func encodePreference(p federation.Preference, over map[string]any) map[string]any {
	out := maps.Clone(over)
	if out == nil {
		out = map[string]any{}
	}
	for key, v := range map[string]int64{"weight": p.Weight, "minReplicas": p.Min} {
		if v != 0 || out[key] != nil {
			out[key] = v
		}
	}
	delete(out, "maxReplicas")
	if p.Max != nil {
		out["maxReplicas"] = *p.Max
	}
	return out
}

// DecodeSelector reads the clusterSelector alone of a federated object. Names beside it, which a division writes, hide it from
// Decode; Preference.Intersect asks for it.
func DecodeSelector(obj *unstructured.Unstructured) (placement.Policy, error) {
	n := read(obj)
	return policy(n.child("spec").child("placement"), selected), n.err
}
