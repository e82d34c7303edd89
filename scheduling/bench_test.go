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

// BenchmarkWeighted divides totals that change a little from call to call, and totals of any size; the last case is
// equal weights, where the hashes decide nearly everything.
func BenchmarkWeighted(b *testing.B) {
	for _, bounded := range []bool{false, true} {
		for _, n := range []int{10, 100, 1_000, 10_000} {
			targets := benchTargets(n, bounded)
			near := func(total int64) func(int64) int64 { return func(i int64) int64 { return total + i%7 } }
			far := func(i int64) int64 { return i * 7919 % int64(50*n) }
			name := fmt.Sprintf("bounded=%v/n=%d/replicas=", bounded, n)
			b.Run(name+fmt.Sprint(37*n+11), func(b *testing.B) { benchWeighted(b, targets, near(int64(37*n+11))) })
			b.Run(name+"1000000", func(b *testing.B) { benchWeighted(b, targets, near(1_000_000)) })
			b.Run(name+"any", func(b *testing.B) { benchWeighted(b, targets, far) })
			b.Run(name+"any/equal", func(b *testing.B) {
				equal := benchTargets(n, bounded)
				for i := range equal {
					equal[i].Weight = 1
				}
				benchWeighted(b, equal, far)
			})
		}
	}
}

func benchWeighted(b *testing.B, targets []Target, total func(i int64) int64) {
	b.ReportAllocs()
	for i := int64(0); b.Loop(); i++ {
		if _, err := Weighted(Request{Replicas: total(i), Key: "ns/name"}, targets); err != nil {
			b.Fatal(err)
		}
	}
}
