// Command quickstart propagates a Deployment and a Service to three members that live in memory. It shows the plan, carries
// it out, shows what every member holds, the status and the DNS records, and what stays when a member goes dark.
package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/fedtest"
	"github.com/confed-project/confed/placement"
	"github.com/confed-project/confed/status"
)

//go:embed app.yaml
var app string

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	// Facts about three members in two regions, and connections to them: in memory here, clusterregistry/kube for real ones.
	eu, us := map[string]string{"region": "eu"}, map[string]string{"region": "us"}
	fleet, err := placement.NewFleet([]placement.Cluster{
		{Name: "berlin", Labels: eu}, {Name: "boston", Labels: us}, {Name: "paris", Labels: eu},
	})
	members := fedtest.NewFleet("berlin", "boston", "paris")

	// The wish: both objects everywhere, 10 replicas divided 2:1:1, and another image in one region.
	web, service, errWish := wish(placement.Policy{Selector: &placement.Selector{MatchLabels: us}})
	if err := errors.Join(err, errWish); err != nil {
		return err
	}
	planner := federation.Planner{Owner: federation.Owner{Value: "quickstart"}}
	dispatcher := federation.Dispatcher{Clients: members.Clients}
	reconcile := func(obj federation.Object, snap federation.Snapshot) (federation.Snapshot, error) {
		snap = snap.With(federation.Observe(ctx, members.Clients, planner.Targets(obj, snap)))
		plan, err := planner.Plan(obj, snap)
		fmt.Fprintf(out, "\nThe plan for %s:\n\n%s\n", obj.Template.GetKind(), plan)
		var results []federation.Result
		for r := range dispatcher.Run(ctx, plan) {
			results = append(results, r)
			fmt.Fprintf(out, "[%d/%d] %s\n", len(results), len(plan.Steps), r)
		}
		fmt.Fprintln(out, "Status:", status.Summarize(status.Summary{}, 1, federation.Statuses(results), snap.Now).Message)
		// What a program writes down with its object, and hands back the next time.
		snap.Holders, snap.Previous, snap.Shares = plan.Holders(), plan.Decisions, plan.Shares()
		return snap, err
	}
	start := federation.Snapshot{Now: time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC), Fleet: fleet, Holders: []string{}}
	fmt.Fprintln(out, "The wish: a Service everywhere, and a Deployment of 10 replicas divided 2:1:1 with another image in the us.")
	_, errService := reconcile(service, start)
	snap, errWeb := reconcile(web, start)
	show(out, members)
	fmt.Fprint(out, "\nNo replica runs: members in memory have no controllers. What they hold is what the plan said.\n")

	fmt.Fprint(out, "\nboston goes dark, and the template gets a label:\n")
	members.Member("boston").Break(fedtest.Refused())
	web.Template = web.Template.DeepCopy()
	errEdit := unstructured.SetNestedField(web.Template.Object, "2", "metadata", "labels", "release")
	snap.Observed = nil
	_, errDark := reconcile(web, snap)
	show(out, members)
	return errors.Join(errService, errWeb, errEdit, errDark, records(out))
}
