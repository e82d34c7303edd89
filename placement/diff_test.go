package placement

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDiff(t *testing.T) {
	old := []Decision{
		{Cluster: "moved", Selected: true, Group: "a"}, {Cluster: "kept", Selected: true, Group: "a"}, {Cluster: "removed", Selected: true},
		{Cluster: "never"}, {Cluster: "lost", Selected: true}, {Cluster: "forgotten", Selected: true}, {Cluster: "back", Held: true},
	}
	current := []Decision{
		{Cluster: "added", Selected: true}, {Cluster: "moved", Selected: true, Group: "b"}, {Cluster: "kept", Selected: true, Group: "a"},
		{Cluster: "removed"}, {Cluster: "never"}, {Cluster: "lost", Held: true}, {Cluster: "back", Selected: true},
	}
	require.Equal(t, Difference{
		Added: []string{"added"}, Removed: []string{"forgotten", "removed"}, Kept: []string{"back", "kept"}, Moved: []string{"moved"}, Held: []string{"lost"},
	}, Diff(old, current))
	require.Equal(t, Difference{}, Diff(nil, nil))
	twice := []Decision{{Cluster: "a"}, {Cluster: "a", Selected: true}, {Cluster: "a"}, {Cluster: "b", Selected: true}}
	require.Equal(t, Difference{Added: []string{"a", "b"}}, Diff(nil, twice), "of several decisions on one cluster the selected counts")
	require.Equal(t, Difference{Removed: []string{"a", "b"}}, Diff(twice, nil))
}

// TestDiffIsAPartition: of the clusters that were or are selected each is in one list, whatever the order.
func TestDiffIsAPartition(t *testing.T) {
	rnd := rand.New(rand.NewPCG(29, 30))
	for range 1000 {
		f := randomFleet(rnd, 12)
		old, current := randomRequest(rnd, f).Previous, randomRequest(rnd, f).Previous
		d := Diff(old, current)
		all := slices.Concat(d.Added, d.Removed, d.Kept, d.Moved, d.Held)
		slices.Sort(all)
		var want []string
		for _, list := range [][]Decision{old, current} {
			for i := range list {
				if was(&list[i]) {
					want = append(want, list[i].Cluster)
				}
			}
		}
		slices.Sort(want)
		require.Equal(t, slices.Compact(want), all)
		slices.Reverse(old)
		slices.Reverse(current)
		require.Equal(t, d, Diff(old, current))
	}
}

func TestWhatIf(t *testing.T) {
	f, err := NewFleet([]Cluster{{Name: "a", Labels: map[string]string{"env": "prod"}}, {Name: "b", Labels: map[string]string{"env": "prod"}}, {Name: "c"}})
	require.NoError(t, err)
	req := Request{Policy: Policy{Selector: &Selector{MatchLabels: map[string]string{"env": "prod"}}}, Now: epoch}
	for name, row := range map[string]struct {
		change Change
		want   Difference
	}{
		"nothing": {Change{}, Difference{Kept: []string{"a", "b"}}},
		"label":   {Change{Put: []Cluster{{Name: "c", Labels: map[string]string{"env": "prod"}}}}, Difference{Added: []string{"c"}, Kept: []string{"a", "b"}}},
		"taint": {Change{Put: []Cluster{{Name: "a", Labels: map[string]string{"env": "prod"}, Taints: []Taint{{Key: "x", Effect: noExecute}}}}},
			Difference{Removed: []string{"a"}, Kept: []string{"b"}}},
		"loss":   {Change{Remove: []string{"a"}}, Difference{Held: []string{"a"}, Kept: []string{"b"}}},
		"policy": {Change{Policy: &Policy{}}, Difference{Removed: []string{"a", "b"}}},
		"guards": {Change{Guards: []Guard{{Name: "no", Effect: Deny, Clusters: &Policy{Clusters: []string{"b"}}}}}, Difference{Removed: []string{"b"}, Kept: []string{"a"}}},
	} {
		_, got, err := WhatIf(req, f, row.change)
		require.NoError(t, err, name)
		require.Equal(t, row.want, got, name)
	}
	_, got, err := WhatIf(req, f, Change{Put: []Cluster{{}}})
	require.ErrorIs(t, err, ErrInvalid)
	require.Equal(t, Difference{Kept: []string{"a", "b"}}, got)
	require.Equal(t, 3, f.Len())
}

// TestAStrangerChangesNothing: a new cluster that does not match leaves all other decisions as they are.
func TestAStrangerChangesNothing(t *testing.T) {
	rnd := rand.New(rand.NewPCG(31, 32))
	for range 200 {
		f := randomFleet(rnd, 40)
		req := randomRequest(rnd, f)
		addPicks(rnd, &req, f)
		stranger := randomCluster(rnd, "c00017x")
		g, err := f.With(stranger)
		require.NoError(t, err)
		before, _ := Decide(req, f)
		after, _ := Decide(req, g)
		at, ok := slices.BinarySearchFunc(after.Decisions, "c00017x", compareCluster)
		require.True(t, ok)
		if after.Decisions[at].Reason != NotMatched && after.Decisions[at].Reason != NotNamed && after.Decisions[at].Reason != NoPolicy {
			continue
		}
		after.Decisions = slices.Delete(after.Decisions, at, at+1)
		require.Equal(t, before.Decisions, after.Decisions)
		require.Equal(t, before.Shortfall, after.Shortfall)
	}
}
