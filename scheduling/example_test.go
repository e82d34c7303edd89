package scheduling_test

import (
	"fmt"

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
