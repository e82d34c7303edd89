package federation_test

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/fedtest"
	"github.com/confed-project/confed/override"
	"github.com/confed-project/confed/placement"
	"github.com/confed-project/confed/status"
)

func settings() *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{"name": "settings", "namespace": "default"},
		"data":     map[string]any{"greeting": "hello"},
	}}
}

// A reconcile: observe, plan, carry out, report.
func Example() {
	ctx := context.Background()
	members := fedtest.NewFleet("berlin", "boston") // clusterregistry/kube connects to real ones
	fleet, _ := placement.NewFleet([]placement.Cluster{{Name: "berlin"}, {Name: "boston"}})
	planner := federation.Planner{Owner: federation.Owner{Value: "example"}}
	obj := federation.Object{Template: settings(), Placement: placement.Policy{Clusters: []string{"boston"}}}
	snap := federation.Snapshot{Now: time.Unix(0, 0), Fleet: fleet, Holders: []string{}}

	observed := federation.Observe(ctx, members.Clients, planner.Targets(obj, snap))
	plan, err := planner.Plan(obj, snap.With(observed))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(plan)
	results := federation.Dispatcher{Clients: members.Clients}.Dispatch(ctx, plan)
	sum := status.Summarize(status.Summary{}, 1, federation.Statuses(results), snap.Now)
	fmt.Println(sum.Totals.Current, "of", sum.Totals.Clusters, "clusters current")
	// Output:
	// CLUSTER  OBJECT                      DO      REASON  REPLICAS  WHY
	// boston   ConfigMap default/settings  create  Absent  -
	// 1 create
	// 1 of 1 clusters current
}

// The template rendered for one cluster, without a plan: what a review or a GitOps repository needs.
func ExampleRender() {
	obj := federation.Object{Template: settings(), Overrides: []federation.Override{{
		Clusters: placement.Policy{Selector: &placement.Selector{}},
		Layer: override.Layer{Name: "greet", Edits: []override.Edit{
			override.Patch{Path: "/data/greeting", Value: "hello ${cluster.name}"},
		}},
	}}}
	rendered, err := federation.Render(obj, placement.Cluster{Name: "boston"}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(rendered.Manifest.Object["data"])
	fmt.Println(rendered.Trace[0].Layer, "set", rendered.Trace[0].Path)
	// Output:
	// map[greeting:hello boston]
	// greet set /data/greeting
}

// What lies between a plan and its dispatch is a function of the program: here one that allows no deletes.
func ExamplePlan() {
	noDeletes := func(plan federation.Plan) federation.Plan {
		var kept []federation.Step
		for _, s := range plan.Steps {
			if s.Verb != federation.Delete {
				kept = append(kept, s)
			}
		}
		plan.Steps = kept
		return plan
	}
	plan := federation.Plan{Steps: []federation.Step{
		{Ref: federation.Ref{Cluster: "berlin", Name: "a"}, Verb: federation.Delete, Reason: federation.ReasonUnselected},
		{Ref: federation.Ref{Cluster: "boston", Name: "a"}, Verb: federation.Keep, Reason: federation.ReasonSettled},
	}}
	fmt.Println(len(noDeletes(plan).Steps), "of", len(plan.Steps))
	// Output: 1 of 2
}

// Results come as the steps end.
func ExampleDispatcher_Run() {
	members := fedtest.NewFleet("berlin")
	plan := federation.Plan{Steps: []federation.Step{{
		Ref:  federation.Ref{Cluster: "berlin", GVK: settings().GroupVersionKind(), Namespace: "default", Name: "settings"},
		Verb: federation.Create, Reason: federation.ReasonAbsent, Manager: "example", Manifest: settings(),
	}}}
	done := 0
	for r := range (federation.Dispatcher{Clients: members.Clients}).Run(context.Background(), plan) {
		done++
		fmt.Printf("%d/%d %s\n", done, len(plan.Steps), r)
	}
	// Output: 1/1 berlin: create ConfigMap default/settings: done
}

// An encoded plan can be carried out later or elsewhere.
func ExampleEncodePlan() {
	plan := federation.Plan{Steps: []federation.Step{{
		Ref: federation.Ref{Cluster: "berlin", GVK: settings().GroupVersionKind(), Name: "a"}, Verb: federation.Keep, Reason: federation.ReasonSettled,
	}}}
	data, err := federation.EncodePlan(plan)
	fmt.Println(string(data), err)
	back, err := federation.DecodePlan(data)
	fmt.Println(back.Steps[0], err)
	// Output:
	// {"steps":[{"cluster":"berlin","apiVersion":"v1","kind":"ConfigMap","name":"a","verb":"keep","reason":"Settled","rank":0}]} <nil>
	// berlin ConfigMap a keep Settled - <nil>
}

// What a member's refusal means, without looking at codes and texts.
func ExampleRefused() {
	ctx := context.Background()
	member := fedtest.NewFleet("berlin").Member("berlin")
	_, err := member.Create(ctx, settings(), metav1.CreateOptions{FieldManager: "kubectl"})
	if err != nil {
		fmt.Println(err)
		return
	}
	wish := settings()
	wish.Object["data"] = map[string]any{"greeting": "good morning"}
	_, err = member.Patch(ctx, wish, nil, metav1.PatchOptions{FieldManager: "example"})
	r := federation.Refused(err)
	fmt.Println(r.Cause, r.Fields, r.Managers)
	// Output:
	// FieldsHeld [.data.greeting] [kubectl]
}
