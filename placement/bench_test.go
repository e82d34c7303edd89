package placement

import (
	"fmt"
	"math/rand/v2"
	"testing"
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
