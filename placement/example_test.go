package placement_test

import (
	"fmt"

	"github.com/confed-project/confed/placement"
)

func members() *placement.Fleet {
	fleet, err := placement.NewFleet([]placement.Cluster{
		{Name: "paris", Labels: map[string]string{"env": "prod", "zone": "eu"}},
		{Name: "tokyo", Labels: map[string]string{"env": "prod", "zone": "ap"}},
		{Name: "lab", Labels: map[string]string{"env": "test"}},
		{Name: "oslo", Labels: map[string]string{"env": "prod", "zone": "eu"},
			Taints: []placement.Taint{{Key: "maintenance", Effect: "NoSchedule"}}},
	})
	if err != nil {
		fmt.Println(err)
	}
	return fleet
}

func ExampleDecide() {
	result, err := placement.Decide(placement.Request{
		Policy: placement.Policy{Selector: &placement.Selector{MatchLabels: map[string]string{"env": "prod"}}},
	}, members())
	for _, d := range result.Decisions {
		fmt.Println(d.Cluster, d.Selected, d.Reason, "-", d.Message)
	}
	fmt.Println(err)
	// Output:
	// lab false NotMatched - clusterSelector does not match
	// oslo false Tainted - the taint maintenance is not tolerated
	// paris true Matched - clusterSelector matches
	// tokyo true Matched - clusterSelector matches
	// <nil>
}

// A policy that does not compile withdraws nothing.
func ExampleDecide_failStatic() {
	result, err := placement.Decide(placement.Request{
		Policy: placement.Policy{Selector: &placement.Selector{MatchExpressions: []placement.Expression{
			{Key: "env", Operator: "Exists"},
			{Key: "env", Operator: "Inn", Values: []string{"prod"}},
		}}},
		Previous: []placement.Decision{{Cluster: "paris", Selected: true, Reason: placement.Matched}},
	}, members())
	for _, d := range result.Decisions {
		fmt.Println(d.Cluster, d.Selected, d.Reason)
	}
	fmt.Println(err)
	// Output:
	// lab false Undecided
	// oslo false Undecided
	// paris true KeptOnError
	// tokyo false Undecided
	// clusterSelector.matchExpressions[1].operator: invalid: "Inn" is none of In, NotIn, Exists, DoesNotExist, Gt, Lt
}

func ExampleSelect() {
	names, err := placement.Select(placement.Request{Policy: placement.Policy{Clusters: []string{"tokyo", "atlantis"}}}, members())
	fmt.Println(names, err)
	// Output: [tokyo] <nil>
}

func ExampleIntersect() {
	object := placement.Policy{Selector: &placement.Selector{}}
	namespace := placement.Policy{Clusters: []string{"lab", "paris"}}
	names, err := placement.Select(placement.Request{Policy: placement.Intersect(object, namespace)}, members())
	fmt.Println(names, err)
	// Output: [lab paris] <nil>
}

func ExampleCompile() {
	europe, err := placement.Compile(placement.Policy{Selector: &placement.Selector{MatchLabels: map[string]string{"zone": "eu"}}})
	fmt.Println(err)
	for c := range members().All() {
		fmt.Println(c.Name, europe.Matches(c))
	}
	// Output:
	// <nil>
	// lab false
	// oslo true
	// paris true
	// tokyo false
}

func ExampleFleet_With() {
	fleet := members()
	grown, err := fleet.With(placement.Cluster{Name: "accra"})
	fmt.Println(fleet.Len(), grown.Len(), err)
	_, ok := grown.Without("lab").Get("lab")
	fmt.Println(ok)
	// Output:
	// 4 5 <nil>
	// false
}
