package placementtest

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/confed-project/confed/placement"
)

func TestWhereWeRun(t *testing.T) {
	var policy placement.Policy
	raw, err := os.ReadFile("policy.yaml")
	require.NoError(t, err)
	require.NoError(t, yaml.UnmarshalStrict(raw, &policy))
	prod := map[string]string{"env": "prod"}
	fleet, err := placement.NewFleet([]placement.Cluster{
		{Name: "lyon", Labels: prod, Region: "eu", Properties: map[string]string{"memory": "512Gi"}},
		{Name: "nice", Labels: prod, Region: "eu", Properties: map[string]string{"memory": "384Gi"}},
		{Name: "reno", Labels: prod, Region: "us", Properties: map[string]string{"memory": "64Gi"}},
		{Name: "test", Labels: map[string]string{"env": "test"}, Region: "us"},
	})
	require.NoError(t, err)
	result, err := placement.Decide(placement.Request{Policy: policy}, fleet)
	require.NoError(t, err)
	require.Equal(t, `2 of 4 selected
+ lyon  Chosen: picked by limit; 100 points: memory=100
- nice  Outscored: others were picked by limit; 71.4286 points: memory=71.4286
+ reno  Chosen: picked by limit; 0 points: memory=0
- test  NotMatched: clusterSelector does not match
`, result.Explain())
}
