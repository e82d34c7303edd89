package placement

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"k8s.io/apimachinery/pkg/labels"
)

// benchFleet has n clusters with ten labels, one of them unique, in three regions and nine zones.
func benchFleet(n int) *Fleet {
	rnd := rand.New(rand.NewPCG(1, 1))
	clusters := make([]Cluster, n)
	for i := range clusters {
		region := i % 3
		c := Cluster{Name: fmt.Sprintf("cluster-%05d", i), Labels: map[string]string{
			"kubernetes.io/metadata.name": fmt.Sprintf("cluster-%05d", i), "env": pick(rnd, "prod", "prod", "test"),
			"topology.kubernetes.io/region": fmt.Sprintf("region-%d", region),
		}}
		for j := range 7 {
			c.Labels[fmt.Sprintf("label-%d", j)] = fmt.Sprintf("value-%d", rnd.IntN(5))
		}
		c.Region, c.Zones = fmt.Sprintf("region-%d", region), []string{fmt.Sprintf("zone-%d", i%9)}
		c.Properties = map[string]string{"memory": fmt.Sprintf("%dGi", 64+rnd.IntN(4000)), "load": fmt.Sprintf("%dm", rnd.IntN(64000)), "price": fmt.Sprintf("%d.%02d", rnd.IntN(9), rnd.IntN(100))}
		c.Ready.State = Ready
		clusters[i] = c
	}
	f, err := NewFleet(clusters)
	if err != nil {
		panic(err)
	}
	return f
}

func prodRequest() Request {
	return Request{Policy: Policy{Selector: &Selector{
		MatchLabels:      map[string]string{"env": "prod"},
		MatchExpressions: []Expression{{Key: "topology.kubernetes.io/region", Operator: "In", Values: []string{"region-0", "region-1"}}},
	}}}
}

func BenchmarkDecide(b *testing.B) {
	for _, n := range []int{10, 1000, 10000} {
		f, req := benchFleet(n), prodRequest()
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Decide(req, f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSelect(b *testing.B) {
	for _, n := range []int{10, 1000, 10000} {
		f, req := benchFleet(n), prodRequest()
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Select(req, f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkFleetWith(b *testing.B) {
	f := benchFleet(10000)
	c, _ := f.Get("cluster-05000")
	c.Labels = map[string]string{"env": "moved", "label-0": "new"}
	taint, _ := f.Get("cluster-07000")
	taint.Taints = []Taint{{Key: "x", Effect: noSchedule}}
	for name, change := range map[string]Cluster{"labels": c, "taint": taint, "new": {Name: "cluster-05000x", Labels: taint.Labels}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := f.With(change); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkLinear is the yardstick: apimachinery's selector, built once and matched against one cluster after the other.
func BenchmarkLinear(b *testing.B) {
	f := benchFleet(10000)
	selector, err := upstream(*prodRequest().Policy.Selector)
	if err != nil {
		b.Fatal(err)
	}
	var clusters []Cluster
	for c := range f.All() {
		clusters = append(clusters, c)
	}
	b.ReportAllocs()
	for b.Loop() {
		var names []string
		for i := range clusters {
			if selector.Matches(labels.Set(clusters[i].Labels)) {
				names = append(names, clusters[i].Name)
			}
		}
		if len(names) == 0 {
			b.Fatal("none")
		}
	}
}

// BenchmarkPick picks 20 of 10,000 with three scorers, spread over zones.
func BenchmarkPick(b *testing.B) {
	f, n := benchFleet(10000), 20
	req := Request{Policy: Policy{Selector: &Selector{}, Limit: &Limit{
		Count:   &n,
		Scorers: []Scorer{{Name: "memory", Property: "memory"}, {Name: "load", Property: "load", Weight: -2}, {Name: "price", Property: "price", Weight: -1}},
		Spread:  []Spread{{By: "zone"}},
	}}}
	b.Run("Select", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if names, err := Select(req, f); err != nil || len(names) != n {
				b.Fatal(names, err)
			}
		}
	})
	b.Run("Decide", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Decide(req, f); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkNewFleet(b *testing.B) {
	var clusters []Cluster
	for c := range benchFleet(10000).All() {
		clusters = append(clusters, c)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := NewFleet(clusters); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMatches(b *testing.B) {
	m, err := Compile(prodRequest().Policy)
	if err != nil {
		b.Fatal(err)
	}
	c, _ := benchFleet(10).Get("cluster-00003")
	b.ReportAllocs()
	for b.Loop() {
		m.Matches(c)
	}
}
