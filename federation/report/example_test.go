package report_test

import (
	"fmt"
	"os"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/report"
)

func Example() {
	plan := federation.Plan{Steps: []federation.Step{
		{Ref: federation.Ref{Cluster: "berlin", Name: "web"}, Verb: federation.Apply, Reason: federation.ReasonChanged,
			Changes: []federation.Change{{Path: "/spec/replicas", Have: 2, Want: 3}}},
		{Ref: federation.Ref{Cluster: "boston", Name: "web"}, Verb: federation.Keep, Reason: federation.ReasonSettled},
	}}
	plan.Steps[0].Ref.GVK.Kind, plan.Steps[1].Ref.GVK.Kind = "Deployment", "Deployment"

	w, err := report.New(os.Stdout, report.Options{Changes: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = w.Plan(plan)
	totals, err := w.Close()
	fmt.Println(totals.Steps.Writes(), err)
	// Output:
	// CLUSTER  OBJECT          DO     REASON   REPLICAS  WHY
	// berlin   Deployment web  apply  Changed  -
	//     ~ /spec/replicas: 2 -> 3
	//
	// 1 apply, 1 keep; 1 object (what is kept is not listed)
	// true <nil>
}
