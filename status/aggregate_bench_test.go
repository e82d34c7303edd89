package status

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

func benchMembers(t testing.TB, n int) []Member {
	raw, err := json.Marshal(settledDeployment())
	require.NoError(t, err)
	out := make([]Member, n)
	for i := range out {
		var live map[string]any // strings of their own, as an API client decodes them
		require.NoError(t, utiljson.Unmarshal(raw, &live))
		out[i] = Member{Cluster: fmt.Sprintf("cluster-%04d", i), Live: live, Generation: 7}
	}
	return out
}

// BenchmarkAggregateDeployment1000 has members in order of name, as a plan has its clusters, and in none.
func BenchmarkAggregateDeployment1000(b *testing.B) {
	members := benchMembers(b, 1000)
	run := func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Aggregate(metav1.GroupKind{Group: "apps", Kind: "Deployment"}, members)
		}
	}
	b.Run("sorted", run)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	b.Run("shuffled", run)
}
