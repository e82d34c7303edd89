package scheduling

import (
	"fmt"
	"testing"
)

// benchTargets is the input of the side-by-side benchmarks: n clusters, with weights alone or with everything.
func benchTargets(n int, bounded bool) []Target {
	targets := make([]Target, n)
	for i := range targets {
		targets[i] = Target{Name: fmt.Sprintf("cluster-%05d", i), Weight: int64(1 + (i*7919)%13)}
		if bounded {
			targets[i].Min, targets[i].Max = int64(i%3), pointer(int64(10+(31*i)%80))
			targets[i].Current = pointer(int64((13 * i) % 50))
			if i%5 == 0 {
				targets[i].Capacity = pointer(int64(20 + i%40))
			}
		}
	}
	return targets
}

func BenchmarkWeighted(b *testing.B) {
	for _, bounded := range []bool{false, true} {
		for _, n := range []int{10, 100, 1_000, 10_000} {
			targets := benchTargets(n, bounded)
			for _, total := range []int64{int64(37*n + 11), 1_000_000} {
				b.Run(fmt.Sprintf("bounded=%v/n=%d/replicas=%d", bounded, n, total), func(b *testing.B) {
					b.ReportAllocs()
					for i := 0; b.Loop(); i++ {
						if _, err := Weighted(Request{Replicas: total + int64(i%7), Key: "ns/name"}, targets); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}
