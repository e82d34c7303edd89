package status_test

import (
	"fmt"
	"time"

	"github.com/confed-project/confed/status"
)

func ExampleSummarize() {
	at := func(hour, minute int) time.Time { return time.Date(2026, 3, 1, hour, minute, 0, 0, time.UTC) }
	before := status.Summarize(status.Summary{}, 4, []status.Cluster{
		{Name: "us-1", State: status.StateCurrent},
		{Name: "eu-2", State: status.StatePending, Reason: "Unobserved", Message: "not reachable"},
		{Name: "eu-1", State: status.StateCurrent},
	}, at(10, 2))
	after := status.Summarize(before, 4, []status.Cluster{
		{Name: "eu-1", State: status.StateCurrent},
		{Name: "eu-2", State: status.StatePending, Reason: "Unobserved", Message: "not reachable"},
		{Name: "us-1", State: status.StateCurrent},
	}, at(11, 30))
	fmt.Println(after.Message)
	fmt.Println(after.Conditions[0].Type, after.Conditions[0].Status, after.Conditions[0].Reason, after.Conditions[0].LastTransitionTime.Format("15:04"))
	fmt.Println("unchanged:", after.Same(before))
	// Output:
	// 2 of 3 clusters current, 1 held: eu-2 not reachable since 10:02
	// Propagation False CheckClusters 10:02
	// unchanged: true
}

func ExampleAssess() {
	health, why := status.Assess(map[string]any{
		"apiVersion": "apps/v1",
		"kind":       "Deployment",
		"metadata":   map[string]any{"name": "web", "generation": int64(2)},
		"spec":       map[string]any{"replicas": int64(3)},
		"status":     map[string]any{"observedGeneration": int64(2), "replicas": int64(3), "updatedReplicas": int64(1)},
	})
	fmt.Println(health, why)
	// Output: InProgress LessUpdated: 1 of 3 replicas updated
}
