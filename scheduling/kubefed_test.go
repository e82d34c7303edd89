package scheduling

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// planned is a row of KubeFed's planner table.
type planned struct {
	ID         string   `json:"id"`
	Replicas   int64    `json:"total_replicas"`
	Rebalance  bool     `json:"rebalance"`
	Clusters   []string `json:"available_clusters"`
	Preference map[string]struct {
		Weight int64  `json:"weight"`
		Min    int64  `json:"minReplicas"`
		Max    *int64 `json:"maxReplicas"`
	} `json:"preferences"`
	Current  map[string]int64 `json:"current_replicas"`
	Capacity map[string]int64 `json:"estimated_capacity"`
	Plan     map[string]int64 `json:"expected_plan"`
	Unplaced int64            `json:"unplaced"`
}

// TestKubeFedPlans divides what KubeFed's planner plans. What it returns beside the plan, overflow, are copies left
// pending on purpose; here they are Unplaced where nobody else takes them, and nowhere else.
func TestKubeFedPlans(t *testing.T) {
	different := map[string]struct {
		why  string
		plan map[string]int64
	}{
		"issue-319": {
			"KubeFed adds minReplicas to the weighted share; a floor is not an addition, and users expected this",
			map[string]int64{"cluster1": 4, "cluster2": 6},
		},
		"issue-k8s-31816": {
			"KubeFed gives the first cluster of its order all it runs and empties the other; each keeps some here",
			map[string]int64{"A": 10, "B": 10},
		},
		"derived-negative-capacity": {"KubeFed plans -1 replicas for a negative capacity, which is an error here", nil},
	}
	data, err := os.ReadFile("testdata/kubefed_planner_cases.json")
	require.NoError(t, err)
	var table struct{ Cases []planned }
	require.NoError(t, json.Unmarshal(data, &table))
	require.Len(t, table.Cases, 52)
	for _, row := range table.Cases {
		t.Run(row.ID, func(t *testing.T) {
			want := row.Plan
			other, differs := different[row.ID]
			if differs {
				want = other.plan
			}
			got, err := Weighted(Request{Replicas: row.Replicas, Rebalance: row.Rebalance}, row.targets())
			if want == nil || len(row.Clusters) == 0 {
				require.ErrorIs(t, err, ErrInvalid)
				return
			}
			require.NoError(t, err)
			plan := map[string]int64{}
			for _, s := range got.Shares {
				plan[s.Name] = s.Replicas
			}
			for name := range plan {
				if _, planned := want[name]; !planned {
					want[name] = 0 // KubeFed leaves out a cluster without a preference
				}
			}
			require.Empty(t, cmp.Diff(want, plan), other.why)
			require.Equal(t, row.Unplaced, got.Unplaced)
		})
	}
}

// targets reads the preferences as KubeFed does: * for clusters without their own. Its last pass cuts everything to
// maxReplicas, so a minimum above it counts as the maximum; what reads its objects has to say so, Validate refuses it.
func (row planned) targets() []Target {
	targets := make([]Target, len(row.Clusters))
	for i, name := range row.Clusters {
		preference, own := row.Preference[name]
		if !own {
			preference = row.Preference["*"]
		}
		t := Target{Name: name, Weight: preference.Weight, Min: preference.Min, Max: preference.Max}
		if t.Max != nil {
			t.Min = min(t.Min, *t.Max)
		}
		if n, known := row.Current[name]; known {
			t.Current = &n
		}
		if n, known := row.Capacity[name]; known {
			t.Capacity = &n
		}
		targets[i] = t
	}
	return targets
}
