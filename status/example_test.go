package status_test

import (
	"fmt"
	"time"

	"github.com/confed-project/confed/status"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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

func ExampleAssess_rule() {
	widget := map[string]any{
		"apiVersion": "example.com/v1",
		"kind":       "Widget",
		"spec":       map[string]any{"size": int64(3)},
		"status":     map[string]any{"phase": "Growing", "size": int64(2)},
	}
	health, why := status.Assess(widget)
	fmt.Printf("%q %s\n", health, why)

	health, why = status.Assess(widget, status.Rule{
		Group:   "example.com",
		Kind:    "Widget",
		Failed:  []status.Check{{Path: "status.phase", Value: "Broken"}},
		Current: []status.Check{{Path: "status.size", Op: ">=", Than: "spec.size", Default: 0, Reason: "TooSmall"}},
	})
	fmt.Printf("%q %s\n", health, why)
	// Output:
	// "" NoRule: no rule for this kind and no condition that tells
	// "InProgress" TooSmall: status.size is 2
}

func ExampleAggregate() {
	deployment := func(replicas, ready int64) map[string]any {
		return map[string]any{
			"metadata": map[string]any{"generation": int64(1)},
			"status":   map[string]any{"observedGeneration": int64(1), "replicas": replicas, "readyReplicas": ready},
		}
	}
	kind := metav1.GroupKind{Group: "apps", Kind: "Deployment"}
	total, gaps := status.Aggregate(kind, []status.Member{
		{Cluster: "eu-1", Live: deployment(3, 3), Generation: 7},
		{Cluster: "us-1", Live: deployment(2, 1), Generation: 7},
		{Cluster: "ap-1", Reason: "NotReachable"},
	})
	fmt.Println(total, gaps)

	total, gaps = status.Aggregate(kind, []status.Member{
		{Cluster: "eu-1", Live: deployment(3, 3), Generation: 7},
		{Cluster: "us-1", Live: deployment(2, 1), Generation: 7},
	})
	fmt.Println(total, gaps)
	// Output:
	// map[readyReplicas:4 replicas:5] [{ap-1  NotReachable }]
	// map[observedGeneration:7 readyReplicas:4 replicas:5] []
}

func ExampleFields() {
	rows := append(status.Fields(metav1.GroupKind{Group: "example.com", Kind: "Widget"}), status.Field{Path: "size", Reduce: status.Sum})
	widget := func(size int64) map[string]any {
		return map[string]any{"status": map[string]any{"size": size}}
	}
	total, _ := status.Aggregate(metav1.GroupKind{}, []status.Member{{Cluster: "a", Live: widget(2)}, {Cluster: "b", Live: widget(3)}}, rows...)
	fmt.Println(total)
	// Output: map[size:5]
}

func ExampleFeedback() {
	live := map[string]any{
		"spec":   map[string]any{"template": map[string]any{"image": "web:2"}},
		"status": map[string]any{"readyReplicas": int64(3)},
	}
	for _, v := range status.Feedback(live, map[string]string{"image": "spec.template.image", "ready": ".status.readyReplicas", "url": ".status.url"}, 0) {
		fmt.Printf("%s %s%s%s\n", v.Name, v.Type+" ", v.Value, v.Error)
	}
	// Output:
	// image String web:2
	// ready Integer 3
	// url  NotFound
}

func ExampleSummary_Trim() {
	clusters := []status.Cluster{{Name: "us-1", State: status.StateFailed, Reason: "Immutable"}}
	for i := range 1000 {
		clusters = append(clusters, status.Cluster{Name: fmt.Sprintf("edge-%03d", i), State: status.StateCurrent, Health: status.HealthCurrent})
	}
	now := time.Date(2026, 3, 1, 10, 2, 0, 0, time.UTC)
	sum := status.Summarize(status.Summary{}, 1, clusters, now).Trim(1500)
	fmt.Println(sum.Message)
	fmt.Println(len(sum.Clusters), "listed,", sum.Omitted, "omitted; the last is", sum.Clusters[len(sum.Clusters)-1].Name)
	// Output:
	// 1000 of 1001 clusters current, 1 failed: us-1 immutable since 10:02
	// 7 listed, 994 omitted; the last is us-1
}

func ExampleWait() {
	at := func(minute int) time.Time { return time.Date(2026, 3, 1, 10, minute, 0, 0, time.UTC) }
	goal := status.Goal{Generation: 4, Grace: 5 * time.Minute, Deadline: at(30)}
	failing := status.Summarize(status.Summary{}, 4, []status.Cluster{{Name: "eu-1", State: status.StateFailed, Reason: "Conflict"}}, at(0))

	outcome := status.Wait(failing, goal, at(1))
	fmt.Printf("%q until %s\n", outcome.Verdict, outcome.Until.Format("15:04"))
	outcome = status.Wait(failing, goal, at(5))
	fmt.Printf("%q %s\n", outcome.Verdict, outcome.Message)
	// Output:
	// "" until 10:05
	// "Failed" 0 of 1 cluster current, 1 failed: eu-1 conflict since 10:00
}
