package bench

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	rsp "sigs.k8s.io/kubefed/pkg/apis/scheduling/v1alpha1"
	theirs "sigs.k8s.io/kubefed/pkg/controller/util/planner"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/kubefed"
	"github.com/confed-project/confed/placement"
	"github.com/confed-project/confed/scheduling"
)

// TestAdditiveIsKubeFeds: kubefed.Additive plans what KubeFed's own planner plans, for whatever input, and
// kubefed.AdditiveProbing what it wrote.
func TestAdditiveIsKubeFeds(t *testing.T) {
	for seed := range uint64(50_000) {
		r := rand.New(rand.NewPCG(seed, 3))
		number := func(most int64) (int64, bool) { return r.Int64N(most) - most/20, r.IntN(3) > 0 }
		var preference kubefed.Preference
		prefs := map[string]rsp.ClusterPreferences{}
		clusters, current, capacity := []string{}, map[string]int64{}, map[string]int64{}
		for i := range r.IntN(7) {
			name := fmt.Sprint("cluster", i)
			clusters = append(clusters, name)
			if n, known := number(40); known {
				current[name] = n
			}
			if n, known := number(40); known {
				capacity[name] = n
			}
		}
		for _, name := range append(clusters, "*") {
			if r.IntN(4) == 0 {
				continue
			}
			p := rsp.ClusterPreferences{Weight: r.Int64N(5), MinReplicas: r.Int64N(6)}
			if n, known := number(40); known {
				p.MaxReplicas = &n
			}
			prefs[name] = p
			policy := placement.Policy{Clusters: []string{name}}
			if name == "*" {
				policy = placement.Policy{Selector: &placement.Selector{}}
			}
			preference.Replicas.Preferences = append(preference.Replicas.Preferences,
				federation.Preference{Clusters: policy, Weight: p.Weight, Min: p.MinReplicas, Max: p.MaxReplicas})
		}
		total, rebalance := r.Int64N(100), r.IntN(2) == 0
		plan, overflow, err := theirs.NewPlanner(&rsp.ReplicaSchedulingPreference{Spec: rsp.ReplicaSchedulingPreferenceSpec{
			TotalReplicas: int32(total), Rebalance: rebalance, Clusters: prefs,
		}}).Plan(clusters, current, capacity, "ns/name")
		require.NoError(t, err)

		req := scheduling.Request{Replicas: total, Key: "ns/name", Rebalance: rebalance}
		targets := preference.Targets(clusters, current, capacity)
		ours, err := kubefed.Additive(req, targets)
		require.NoError(t, err)
		probing, err := kubefed.AdditiveProbing(req, targets)
		require.NoError(t, err)
		require.Len(t, plan, len(clusters))
		for i, name := range clusters {
			require.Equal(t, plan[name], ours.Shares[i].Replicas, "seed %d, %s", seed, name)
			require.Equal(t, plan[name]+overflow[name], probing.Shares[i].Replicas, "seed %d, %s", seed, name)
		}
		require.Equal(t, total-sum(plan), ours.Unplaced)
	}
}
