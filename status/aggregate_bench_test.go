package status

import (
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func benchMembers(n int) []Member {
	out := make([]Member, n)
	for i := range out {
		out[i] = Member{Cluster: fmt.Sprintf("cluster-%04d", i), Live: clone(settledDeployment()).(map[string]any), Generation: 7}
	}
	return out
}

func BenchmarkAggregateDeployment1000(b *testing.B) {
	members := benchMembers(1000)
	b.ReportAllocs()
	for b.Loop() {
		Aggregate(metav1.GroupKind{Group: "apps", Kind: "Deployment"}, members)
	}
}
