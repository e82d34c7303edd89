// Command scheduler divides the replicas of one workload among four clusters, with the scheduler alone: it links nothing
// but the standard library. Try 8, 20 and 40:
//
//	go run ./examples/scheduler 20
package main

import (
	"fmt"
	"os"
	"strconv"

	"github.com/confed-project/confed/scheduling"
)

func main() {
	replicas, err := strconv.ParseInt(append(os.Args, "20")[1], 10, 64)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	eight, most, room := int64(8), int64(6), int64(16)
	request := scheduling.Request{Replicas: replicas, Key: "shop/cart"}
	targets := []scheduling.Target{
		{Name: "east", Weight: 2, Current: &eight, Capacity: &room}, // eight run there already and stay
		{Name: "west", Weight: 1, Min: 2, Max: &most},               // two at least, six at most
		{Name: "edge", Weight: 3, Capacity: new(int64)},             // full
		{Name: "cloud", Weight: 1, Tier: 1},                         // only when the others are full
	}
	result, err := scheduling.Weighted(request, targets)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(scheduling.Explain(request, targets, result))
}
