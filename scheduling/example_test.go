package scheduling_test

import (
	"fmt"
	"time"

	"github.com/confed-project/confed/scheduling"
)

// Twelve replicas by weight, while one cluster is full and another must have four.
func ExampleWeighted() {
	full := int64(3)
	result, err := scheduling.Weighted(
		scheduling.Request{Replicas: 12, Key: "shop/cart"},
		[]scheduling.Target{
			{Name: "east", Weight: 2},
			{Name: "west", Weight: 3, Capacity: &full},
			{Name: "edge", Weight: 1, Min: 4},
		})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range result.Shares {
		fmt.Printf("%s %d %q\n", s.Name, s.Replicas, s.Bound)
	}
	// Output:
	// east 5 ""
	// west 3 "Capacity"
	// edge 4 "Min"
}

func ExampleValidate() {
	most := int64(2)
	fmt.Println(scheduling.Validate(scheduling.Request{Replicas: 1}, []scheduling.Target{{Name: "east", Min: 3, Max: &most}}))
	// Output:
	// scheduling: invalid input: target "east": Min 3 is above Max 2
}

func ExamplePacked() {
	room := int64(8)
	result, err := scheduling.Packed(scheduling.Request{Replicas: 10}, []scheduling.Target{
		{Name: "east", Weight: 1},
		{Name: "west", Weight: 1, Capacity: &room},
		{Name: "edge", Weight: 1, Capacity: &room},
	})
	fmt.Println(result.Shares, err)
	// Output:
	// [{east 10 } {west 0 } {edge 0 }] <nil>
}

// Two regions get the same, though one has two clusters.
func ExampleEven() {
	even := scheduling.Even(map[string]string{"east-1": "east", "east-2": "east", "west-1": "west"})
	result, err := even(scheduling.Request{Replicas: 12}, []scheduling.Target{
		{Name: "east-1", Weight: 2},
		{Name: "east-2", Weight: 1},
		{Name: "west-1", Weight: 1},
	})
	fmt.Println(result.Shares, err)
	// Output:
	// [{east-1 4 } {east-2 2 } {west-1 6 }] <nil>
}

// A number of its own for each target, or the same for all, is a Min that is also the Max.
func ExampleWeighted_fixed() {
	three, five := int64(3), int64(5)
	result, err := scheduling.Weighted(scheduling.Request{Replicas: three + five}, []scheduling.Target{
		{Name: "east", Min: three, Max: &three},
		{Name: "west", Min: five, Max: &five},
	})
	fmt.Println(result, err)
	// Output:
	// {[{east 3 Min} {west 5 Min}] 0} <nil>
}

func ExampleSteps() {
	four, none := int64(4), int64(0)
	targets := []scheduling.Target{{Name: "east", Current: &four}, {Name: "west", Current: &none}}
	wanted := []scheduling.Share{{Name: "east", Replicas: 1}, {Name: "west", Replicas: 3}}
	steps, err := scheduling.Steps(targets, wanted, scheduling.Budget{Surge: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	for shares := range steps {
		fmt.Println(shares)
	}
	// Output:
	// [{east 4 } {west 2 }]
	// [{east 2 } {west 2 }]
	// [{east 2 } {west 3 }]
	// [{east 1 } {west 3 }]
}

func ExampleMemory() {
	now := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	targets := []scheduling.Target{{Name: "east", Weight: 1}, {Name: "west", Weight: 1}}
	memory, err := scheduling.Memory{Period: time.Hour}.Observe(now, scheduling.Sighting{Target: "east", Running: 2, Unschedulable: 3})
	if err != nil {
		fmt.Println(err)
		return
	}
	bounded, next := memory.At(now, targets)
	result, err := scheduling.Weighted(scheduling.Request{Replicas: 10}, bounded)
	fmt.Println(result.Shares, err, "until", next.Format(time.TimeOnly))
	// Output:
	// [{east 2 Capacity} {west 8 }] <nil> until 13:00:00
}

func ExampleWeightsFromCapacity() {
	forty := int64(40)
	targets := []scheduling.Target{{Name: "east", Current: &forty}, {Name: "west"}}
	weighted, err := scheduling.WeightsFromCapacity(targets, 1,
		map[string]int64{"east": 60, "west": 50}, // by processors
		map[string]int64{"east": 20, "west": 90}, // by memory
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, t := range weighted {
		fmt.Println(t.Name, t.Weight)
	}
	// Output:
	// east 60
	// west 50
}

// One leader and four workers go together; west has room for the workers of two sets.
func ExampleSets() {
	whole, parts, err := scheduling.Sets(scheduling.Weighted, scheduling.Request{Replicas: 6},
		[]scheduling.Target{{Name: "east", Weight: 1}, {Name: "west", Weight: 1}},
		[]scheduling.Component{
			{Name: "leader", Count: 1},
			{Name: "worker", Count: 4, Room: map[string]int64{"west": 11}},
		})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(whole.Shares)
	fmt.Println(parts[1].Shares)
	// Output:
	// [{east 4 } {west 2 Capacity}]
	// [{east 16 } {west 8 Capacity}]
}

// The completions of a Job follow its parallelism.
func ExampleFollow() {
	parallelism, err := scheduling.Weighted(scheduling.Request{Replicas: 6}, []scheduling.Target{
		{Name: "east", Weight: 2}, {Name: "west", Weight: 1}, {Name: "edge"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	completions, err := scheduling.Follow(scheduling.Request{Replicas: 100}, parallelism.Shares)
	fmt.Println(completions.Shares, err)
	// Output:
	// [{east 67 } {west 33 } {edge 0 }] <nil>
}

func ExampleExplain() {
	request := scheduling.Request{Replicas: 9}
	most := int64(2)
	targets := []scheduling.Target{{Name: "east", Weight: 1, Max: &most}, {Name: "west", Weight: 2}}
	result, err := scheduling.Weighted(request, targets)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(scheduling.Explain(request, targets, result))
	// Output:
	// TARGET  WEIGHT  QUOTA  FLOOR  CEILING  RUNS  SHARE  REASON
	// east    1       3.00   0      2        -     2      stopped at its maximum
	// west    2       6.00   0      -        -     7      follows its weight
	// 9 replicas, 0 unplaced
}
