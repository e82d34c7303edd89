package kubefed_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/kubefed"
	"github.com/confed-project/confed/placement"
	"github.com/confed-project/confed/scheduling"
)

// planned is a row of KubeFed's planner table.
type planned struct {
	ID        string
	Total     int64 `json:"total_replicas"`
	Rebalance bool
	Clusters  []string `json:"available_clusters"`
	Prefs     map[string]struct {
		Weight, MinReplicas int64
		MaxReplicas         *int64
	} `json:"preferences"`
	Current  map[string]int64 `json:"current_replicas"`
	Capacity map[string]int64 `json:"estimated_capacity"`
	Key      string
	Plan     map[string]int64 `json:"expected_plan"`
	Overflow map[string]int64 `json:"expected_overflow"`
	Final    map[string]int64 `json:"expected_final"`
	Unplaced int64
}

func (row planned) preference() kubefed.Preference {
	var out kubefed.Preference
	for name, p := range row.Prefs {
		policy := placement.Policy{Clusters: []string{name}}
		if name == "*" {
			policy = placement.Policy{Selector: &placement.Selector{}}
		}
		out.Replicas.Preferences = append(out.Replicas.Preferences,
			federation.Preference{Clusters: policy, Weight: p.Weight, Min: p.MinReplicas, Max: p.MaxReplicas})
	}
	return out
}

// Every row comes out as it did in KubeFed: the plan, what it wrote on top, and what nobody took.
func TestAdditiveCases(t *testing.T) {
	var table struct{ Cases []planned }
	load(t, "testdata/planner.json", &table)
	require.Len(t, table.Cases, 59)
	for _, row := range table.Cases {
		t.Run(row.ID, func(t *testing.T) {
			targets := row.preference().Targets(row.Clusters, row.Current, row.Capacity)
			req := scheduling.Request{Replicas: row.Total, Key: row.Key, Rebalance: row.Rebalance}
			for range 3 { // the order of the targets says nothing
				rand.Shuffle(len(targets), func(i, j int) { targets[i], targets[j] = targets[j], targets[i] })
				plan, err := kubefed.Additive(req, targets)
				require.NoError(t, err)
				require.Equal(t, row.Plan, shares(plan))
				require.Equal(t, row.Unplaced, plan.Unplaced)

				final, err := kubefed.AdditiveProbing(req, targets)
				require.NoError(t, err)
				require.Equal(t, row.Final, shares(final))
				overflow := map[string]int64{}
				for name, n := range shares(final) {
					if more := n - shares(plan)[name]; more != 0 {
						overflow[name] = more
					}
				}
				require.Equal(t, row.Overflow, overflow)
			}
		})
	}
}

func shares(r scheduling.Result) map[string]int64 {
	out := map[string]int64{}
	for _, s := range r.Shares {
		out[s.Name] = s.Replicas
	}
	return out
}

// TestAdditiveLaws: everything that a Planner asks of a strategy holds for all input that scheduling.Validate accepts.
func TestAdditiveLaws(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1))
		n := func(most int64) *int64 {
			if r.IntN(3) == 0 {
				return nil
			}
			v := r.Int64N(most)
			return &v
		}
		targets := make([]scheduling.Target, 1+r.IntN(6))
		for i := range targets {
			least := r.Int64N(5)
			targets[i] = scheduling.Target{Name: fmt.Sprint("c", i), Weight: r.Int64N(4), Min: least, Current: n(20), Capacity: n(20)}
			if most := n(20); most != nil {
				*most += least
				targets[i].Max = most
			}
		}
		req := scheduling.Request{Replicas: r.Int64N(60), Key: "ns/x", Rebalance: r.IntN(2) == 0}
		require.NoError(t, scheduling.Validate(req, targets))
		plan, _ := kubefed.Additive(req, targets)
		sum := plan.Unplaced
		require.GreaterOrEqual(t, plan.Unplaced, int64(0))
		for i, s := range plan.Shares {
			require.Equal(t, targets[i].Name, s.Name)
			require.GreaterOrEqual(t, s.Replicas, int64(0))
			require.True(t, targets[i].Max == nil || s.Replicas <= *targets[i].Max)
			require.True(t, targets[i].Capacity == nil || s.Replicas <= *targets[i].Capacity)
			sum += s.Replicas
		}
		require.Equal(t, req.Replicas, sum)
		probing, _ := kubefed.AdditiveProbing(req, targets)
		for i, s := range probing.Shares {
			require.GreaterOrEqual(t, s.Replicas, plan.Shares[i].Replicas)
		}
	}
	huge := []scheduling.Target{{Name: "a", Weight: 1<<63 - 1}, {Name: "b", Weight: 1<<63 - 1}, {Name: "c", Weight: 1<<63 - 1}}
	plan, _ := kubefed.Additive(scheduling.Request{Replicas: 1 << 60}, huge)
	require.Equal(t, int64(1<<60), plan.Shares[0].Replicas+plan.Shares[1].Replicas+plan.Shares[2].Replicas)
}

func TestAdditiveInPlan(t *testing.T) {
	p, err := kubefed.DecodePreference(object(t, preference))
	require.NoError(t, err)
	wish, err := kubefed.Decode(object(t, web), deployment())
	require.NoError(t, err)
	wish.Replicas = &p.Replicas
	wish.Replicas.Strategy = "KubeFed"
	wish.Placement = placement.Policy{Selector: &placement.Selector{}}
	fleet, err := placement.NewFleet([]placement.Cluster{{Name: "berlin"}, {Name: "rome"}})
	require.NoError(t, err)
	snap := federation.Snapshot{Fleet: fleet, Observed: map[federation.Key]federation.Observation{}}
	planner := federation.Planner{
		Owner:      federation.Owner{Value: "x"},
		Strategies: map[string]scheduling.Strategy{"KubeFed": kubefed.Additive},
	}
	for _, ref := range planner.Targets(wish, snap) {
		snap.Observed[ref.Key()] = federation.Observation{State: federation.Absent}
	}
	plan, err := planner.Plan(wish, snap)
	require.NoError(t, err)
	got := shares(scheduling.Result{Shares: plan.Shares()})
	require.Equal(t, map[string]int64{"berlin": 5, "rome": 4}, got) // 2 more for rome, ⌈7·3/4⌉ of the rest but at most 4
}

func TestTargets(t *testing.T) {
	p, err := kubefed.DecodePreference(object(t, preference))
	require.NoError(t, err)
	one, two, four := int64(1), int64(2), int64(4)
	require.Equal(t, []scheduling.Target{
		{Name: "rome", Weight: 3, Min: 2, Max: &four, Current: &two},
		{Name: "berlin", Weight: 1, Capacity: &one},
	}, p.Targets([]string{"rome", "berlin"}, map[string]int64{"rome": 2}, map[string]int64{"berlin": 1}))
	p.Replicas.Preferences = p.Replicas.Preferences[:2] // without *
	require.Equal(t, []scheduling.Target{{Name: "berlin", Max: new(int64)}},
		p.Targets([]string{"berlin"}, map[string]int64{"berlin": 2}, map[string]int64{"berlin": -1}))
}
