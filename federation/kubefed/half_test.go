package kubefed_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/kubefed"
	"github.com/confed-project/confed/placement"
)

// An object that is half right loses nothing when it is planned.
func TestHalfRightKeepsCopies(t *testing.T) {
	fleet, err := placement.NewFleet([]placement.Cluster{{Name: "berlin"}, {Name: "rome"}})
	require.NoError(t, err)
	planner := federation.Planner{Owner: federation.Owner{Value: "x"}}
	plan := func(text string) (federation.Plan, error, error) {
		wish, wrong := kubefed.Decode(object(t, text), deployment())
		plan, err := planner.Plan(wish, federation.Snapshot{
			Fleet: fleet, Holders: []string{"berlin"},
			Previous: []placement.Decision{{Cluster: "berlin", Selected: true}, {Cluster: "rome"}},
		})
		return plan, wrong, err
	}
	for _, unreadable := range []string{
		"clusterSelector: all", "clusterSelector: {matchLabels: {a: 1}}", "clusters: [{}]", "clusters: [1]", "clusters: berlin",
	} {
		got, wrong, err := plan(strings.Replace(web, "clusterSelector: {matchLabels: {tier: edge}}", unreadable, 1))
		require.NoError(t, err)
		require.Contains(t, fields(t, wrong)[0], "spec.placement.")
		require.ErrorIs(t, got.Err(), placement.ErrInvalid)
		for _, d := range got.Decisions {
			require.Equal(t, d.Cluster == "berlin", d.Selected, "what was decided last stands: %s", unreadable)
		}
	}
	for _, unreadable := range [][2]string{
		{"  template:\n", "  template: none\n  other:\n"},
		{`annotations: {note: kept, retain: "true"}`, "annotations: 3"},
		{"spec:\n  template", "spec: 3\nother:\n  template"},
	} {
		_, wrong, err := plan(strings.Replace(web, unreadable[0], unreadable[1], 1))
		require.Error(t, wrong)
		require.ErrorIs(t, err, federation.ErrInvalid, "there is nothing to send")
	}
}

func sorted(texts []string) []string {
	slices.Sort(texts)
	return texts
}

// Every field that is wrong is named, and the rest is read.
func TestHalfRightTellsEverything(t *testing.T) {
	c, err := kubefed.DecodeCluster(object(t, strings.NewReplacer("tier: edge", "tier: 1, zone: a", "region: eu", "region: 1", "[a, b]", "[a, 1]").Replace(cluster)))
	require.Equal(t, []string{"metadata.labels.tier", "status.region", "status.zones[1]"}, sorted(fields(t, err)))
	require.Equal(t, "a", c.Labels["zone"])
	require.Equal(t, placement.Ready, c.Ready.State)
	require.Equal(t, "v1.30.1", c.Properties["confed.dev/kubernetes-version"])

	p, err := kubefed.DecodePreference(object(t, strings.NewReplacer("totalReplicas: 9", "totalReplicas: -9", "weight: 3", "weight: x", "rebalance: true", "rebalance: 1").Replace(preference)))
	require.Equal(t, []string{"spec.clusters.rome.weight", "spec.rebalance", "spec.totalReplicas"}, sorted(fields(t, err)))
	require.True(t, p.Intersect)

	kind, err := kubefed.DecodeType(object(t, strings.NewReplacer("propagation: Enabled", "propagation: on", "scope: Namespaced}\n  fed", "scope: x}\n  fed").Replace(typeConfig)))
	require.Equal(t, []string{"spec.propagation", "spec.targetType.scope"}, sorted(fields(t, err)))
	require.Equal(t, deployment(), kind.Target.GVK)

	many := strings.Builder{}
	for i := range 500 {
		fmt.Fprintf(&many, "l%d: 1, ", i)
	}
	_, err = kubefed.DecodeCluster(object(t, strings.Replace(cluster, "tier: edge", many.String(), 1)))
	require.Len(t, fields(t, err), 500)
	require.Less(t, len(err.Error()), 2000, "nobody reads them all")
	require.Contains(t, err.Error(), "and 490 more")
	var wrong *federation.Error
	require.True(t, errors.As(err, &wrong))
}
