package placement

import (
	"fmt"
	"os"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/labels"
)

func TestMinTime(t *testing.T) {
	if os.Getenv("MINTIME") == "" {
		t.Skip()
	}
	f := benchFleet(10000)
	req := prodRequest()
	all := Request{Policy: Policy{Selector: &Selector{}}}
	n := 20
	pickReq := Request{Policy: Policy{Selector: &Selector{}, Limit: &Limit{
		Count:   &n,
		Scorers: []Scorer{{Name: "memory", Property: "memory"}, {Name: "load", Property: "load", Weight: -2}, {Name: "price", Property: "price", Weight: -1}},
		Spread:  []Spread{{By: "zone"}},
	}}}
	selector, _ := upstream(*req.Policy.Selector)
	var clusters []Cluster
	for c := range f.All() {
		clusters = append(clusters, c)
	}
	r, _ := Decide(req, f)
	again := req
	again.Previous = r.Decisions
	c, _ := f.Get("cluster-05000")
	c.Labels = map[string]string{"env": "moved", "label-0": "new"}
	taint, _ := f.Get("cluster-07000")
	taint.Taints = []Taint{{Key: "x", Effect: noSchedule}}
	run := func(name string, do func()) {
		best := time.Hour
		for begin := time.Now(); time.Since(begin) < 1500*time.Millisecond; {
			at := time.Now()
			do()
			best = min(best, time.Since(at))
		}
		fmt.Println(name, best)
	}
	run("linear", func() {
		var names []string
		for i := range clusters {
			if selector.Matches(labels.Set(clusters[i].Labels)) {
				names = append(names, clusters[i].Name)
			}
		}
	})
	run("select", func() { _, _ = Select(req, f) })
	run("select all", func() { _, _ = Select(all, f) })
	run("decide", func() { _, _ = Decide(req, f) })
	run("decide again", func() { _, _ = Decide(again, f) })
	run("pick select", func() { _, _ = Select(pickReq, f) })
	run("pick decide", func() { _, _ = Decide(pickReq, f) })
	run("with labels", func() { _, _ = f.With(c) })
	run("with taint", func() { _, _ = f.With(taint) })
	run("with new", func() { _, _ = f.With(Cluster{Name: "cluster-05000x", Labels: taint.Labels}) })
	run("without", func() { _ = f.Without("cluster-05000") })
	run("get", func() { _, _ = f.Get("cluster-05000") })
	run("newfleet", func() { _, _ = NewFleet(clusters) })
}
