package placement_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/confed-project/confed/placement"
)

func ExampleNewFleet() {
	fleet, err := placement.NewFleet([]placement.Cluster{{Name: "paris"}, {Name: "oslo"}, {Name: "paris"}})
	fmt.Println(fleet.Len())
	fmt.Println(err)
	// Output:
	// 1
	// clusters[0].name: invalid: "paris" is not unique
	// clusters[2].name: invalid: "paris" is not unique
}

// Two of the clusters with most memory, in different zones.
func ExampleLimit() {
	two := 2
	fleet, err := placement.NewFleet([]placement.Cluster{
		{Name: "lyon", Zones: []string{"west"}, Properties: map[string]string{"memory": "512Gi"}},
		{Name: "nice", Zones: []string{"west"}, Properties: map[string]string{"memory": "384Gi"}},
		{Name: "oslo", Zones: []string{"north"}, Properties: map[string]string{"memory": "128Gi"}},
	})
	fmt.Println(err)
	result, err := placement.Decide(placement.Request{Policy: placement.Policy{
		Selector: &placement.Selector{},
		Limit: &placement.Limit{
			Count:   &two,
			Scorers: []placement.Scorer{{Name: "memory", Property: "memory"}},
			Spread:  []placement.Spread{{By: "zone"}},
		},
	}}, fleet)
	fmt.Println(err)
	fmt.Print(result.Explain())
	// Output:
	// <nil>
	// <nil>
	// 2 of 3 selected
	// + lyon  Chosen: picked by limit; 100 points: memory=100
	// - nice  Outscored: others were picked by limit; 66.6667 points: memory=66.6667
	// + oslo  Chosen: picked by limit; 0 points: memory=0
}

func ExampleWhatIf() {
	req := placement.Request{Policy: placement.Policy{Selector: &placement.Selector{MatchLabels: map[string]string{"env": "prod"}}}}
	paris, _ := members().Get("paris")
	paris.Taints = []placement.Taint{{Key: "fire", Effect: "NoExecute"}}
	_, difference, err := placement.WhatIf(req, members(), placement.Change{Put: []placement.Cluster{paris}})
	fmt.Println(difference.Removed, difference.Kept, err)
	// Output: [paris] [tokyo] <nil>
}

func ExampleDiff() {
	before := []placement.Decision{{Cluster: "paris", Selected: true, Group: "home"}, {Cluster: "oslo", Selected: true, Group: "home"}}
	now := []placement.Decision{{Cluster: "paris", Selected: true, Group: "backup"}, {Cluster: "tokyo", Selected: true, Group: "backup"}}
	d := placement.Diff(before, now)
	fmt.Println(d.Added, d.Removed, d.Moved)
	// Output: [tokyo] [oslo] [paris]
}

// What a webhook said before planning. It may be wrong only until it expires, and if it says nothing nothing changes.
func ExampleVerdict() {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	result, err := placement.Decide(placement.Request{
		Policy:   placement.Policy{Clusters: []string{"paris", "tokyo", "lab"}},
		Previous: []placement.Decision{{Cluster: "lab", Selected: true}},
		Verdicts: []placement.Verdict{
			{Source: "licences", Cluster: "paris", Effect: placement.Allow, ValidUntil: now.Add(time.Hour)},
			{Source: "licences", Cluster: "tokyo", Effect: placement.Deny, Reason: "no licence left"},
		},
		Await: []string{"licences"},
		Now:   now,
	}, members())
	fmt.Println(err)
	fmt.Print(result.Explain())
	// Output:
	// <nil>
	// 2 of 4 selected, 1 missing, look again at 2030-01-01T01:00:00Z
	// + lab    KeptOnError (licences): no verdict of licences
	// - oslo   NotNamed: not listed in clusters
	// + paris  Named: listed in clusters
	// - tokyo  VerdictDenied (licences): no licence left
}

func ExampleReferences() {
	deployment := map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"namespace": "shop", "name": "web"},
		"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
			"volumes": []any{map[string]any{"configMap": map[string]any{"name": "settings"}}},
		}}},
	}
	refs, err := placement.References(deployment, nil)
	fmt.Println(refs, err)
	where := placement.Follow(map[string][]placement.Ref{"paris": refs, "tokyo": refs}, nil)
	fmt.Println(where[refs[0]])
	// Output:
	// [{ ConfigMap shop settings}] <nil>
	// [paris tokyo]
}

// Keep the database out of the regions where its twin is.
func ExampleAffinity() {
	apart := placement.Affinity{Name: "apart", GroupBy: "app", Apart: true, Over: "region"}
	twin := placement.Placed{Subject: placement.Subject{Name: "blue", Labels: map[string]string{"app": "db"}}, Clusters: []string{"lyon"}}
	green := placement.Subject{Name: "green", Labels: map[string]string{"app": "db"}}
	fleet, err := placement.NewFleet([]placement.Cluster{{Name: "lyon", Region: "eu"}, {Name: "nice", Region: "eu"}, {Name: "reno", Region: "us"}})
	fmt.Println(err)
	names, err := placement.Select(placement.Request{
		Subject:  green,
		Policy:   placement.Policy{Selector: &placement.Selector{}},
		Verdicts: apart.Verdicts(green, []placement.Placed{twin}, fleet),
	}, fleet)
	fmt.Println(names, err)
	// Output:
	// <nil>
	// [reno] <nil>
}

func ExampleDecisionSlices() {
	slices := placement.DecisionSlices{Name: "web", SchedulerName: "confed"}
	objects := slices.Encode([]placement.Decision{{Cluster: "fleet/paris", Selected: true, Reason: placement.Matched}, {Cluster: "fleet/lab"}}, nil)
	raw, err := json.Marshal(objects[0]["decisions"])
	fmt.Println(string(raw), err)
	names, err := slices.Decode(objects)
	fmt.Println(names, err)
	// Output:
	// [{"clusterProfileRef":{"name":"paris","namespace":"fleet"},"reason":"Matched"}] <nil>
	// [fleet/paris] <nil>
}

func ExampleSelectorFromAnnotation() {
	selector, err := placement.SelectorFromAnnotation(map[string]string{
		"federation.alpha.kubernetes.io/cluster-selector": `[{"key": "env", "operator": "in", "values": ["test"]}]`,
	})
	fmt.Println(err)
	fmt.Println(placement.Select(placement.Request{Policy: placement.Policy{Selector: selector}}, members()))
	// Output:
	// <nil>
	// [lab] <nil>
}
