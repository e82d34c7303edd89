package placement_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/confed-project/confed/placement"
)

type kubefedCase struct {
	ID                 string              `json:"id"`
	Function           string              `json:"function"`
	Clusters           []placement.Cluster `json:"clusters"`
	ResourcePlacement  placement.Policy    `json:"resource_placement"`
	NamespacePlacement *placement.Policy   `json:"namespace_placement"`
	LimitedScope       bool                `json:"limited_scope"`
	SelectorOnly       bool                `json:"selector_only"`
	Expected           []string            `json:"expected"`
	ExpectedError      string              `json:"expected_error"`
}

// TestKubeFed runs the rows of KubeFed's placement. The objects of the API are read as they stand.
func TestKubeFed(t *testing.T) {
	raw, err := os.ReadFile("testdata/kubefed_placement_cases.json")
	require.NoError(t, err)
	var file struct{ Cases []kubefedCase }
	require.NoError(t, json.Unmarshal(raw, &file))
	require.Len(t, file.Cases, 20)
	for _, row := range file.Cases {
		t.Run(row.ID, func(t *testing.T) {
			fleet, err := placement.NewFleet(row.Clusters)
			require.NoError(t, err)
			policy := row.ResourcePlacement
			if row.SelectorOnly {
				policy.Clusters = nil
			}
			if row.Function == "namespaced" && (row.NamespacePlacement != nil || !row.LimitedScope) {
				namespace := placement.Policy{}
				if row.NamespacePlacement != nil {
					namespace = *row.NamespacePlacement
				}
				policy = placement.Intersect(policy, namespace)
			}
			req := placement.Request{Policy: policy}
			result, err := placement.Decide(req, fleet)
			require.Equal(t, row.ExpectedError != "", err != nil, "%v", err)
			require.ElementsMatch(t, row.Expected, selected(result))
			matcher, err := placement.Compile(policy)
			require.Equal(t, row.ExpectedError != "", err != nil, "%v", err)
			for c := range fleet.All() {
				require.Equal(t, decision(result, c.Name).Selected, matcher.Matches(c), c.Name)
			}
		})
	}
}

func selected(r placement.Result) []string {
	var names []string
	for _, d := range r.Decisions {
		if d.Selected {
			names = append(names, d.Cluster)
		}
	}
	return names
}

func decision(r placement.Result, cluster string) placement.Decision {
	for _, d := range r.Decisions {
		if d.Cluster == cluster {
			return d
		}
	}
	return placement.Decision{}
}
