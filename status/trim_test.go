package status

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func TestTrimLaws(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for range 500 {
		clusters := randomClusters(r, r.IntN(40))
		sum := Summarize(Summary{}, 1, clusters, noon())
		before, err := json.Marshal(sum)
		require.NoError(t, err)
		limit := r.IntN(len(before) + 100)
		got := sum.Trim(limit)
		after, err := json.Marshal(sum)
		require.NoError(t, err)
		require.Equal(t, string(before), string(after), "the summary was changed")

		require.Equal(t, len(sum.Clusters), len(got.Clusters)+got.Omitted)
		require.Equal(t, sum.Totals, got.Totals)
		require.Equal(t, sum.Message, got.Message)
		if n := size(got); n > limit {
			require.Empty(t, got.Clusters, "%d bytes of %d, and still something to drop", n, limit)
		}
		if limit >= len(before) {
			require.Empty(t, cmp.Diff(sum, got))
		}
		require.Empty(t, cmp.Diff(got, got.Trim(limit)), "trimming twice is not trimming once")
		checkDropped(t, sum, got)

		// What is forgotten must not make every next summary differ.
		for range 2 {
			got = Summarize(got, 1, clusters, noon().Add(time.Hour)).Trim(limit)
		}
		again := Summarize(got, 1, clusters, noon().Add(2*time.Hour)).Trim(limit)
		require.True(t, got.Same(again), "nothing happened, yet the summary changed:\n%s", cmp.Diff(got, again))
	}
}

// checkDropped looks for a dropped cluster that is more interesting than a kept one.
func checkDropped(t *testing.T, sum, got Summary) {
	t.Helper()
	kept := map[string]bool{}
	lowest := 99
	for _, c := range got.Clusters {
		kept[c.Name] = true
		lowest = min(lowest, interest(c))
	}
	for _, c := range sum.Clusters {
		require.True(t, kept[c.Name] || interest(c) <= lowest, "%s was dropped", c.Name)
	}
}

func TestTrimKeepsTheFailed(t *testing.T) {
	clusters := benchClusters(10000)
	clusters[77].State, clusters[77].Message = StateFailed, strings.Repeat("long ", 1000)
	sum := Summarize(Summary{}, 1, clusters, noon()).Trim(4096)
	require.LessOrEqual(t, size(sum), 4096)
	require.Equal(t, 10000, sum.Totals.Clusters)
	states := map[State]int{}
	for _, c := range sum.Clusters {
		states[c.State]++
	}
	require.Equal(t, 1, states[StateFailed])
	require.Zero(t, states[StateCurrent])

	// A dropped cluster that fails is listed at once, with the moment.
	clusters[5].State = StateFailed
	later := Summarize(sum, 1, clusters, noon().Add(time.Hour))
	for _, c := range later.Clusters {
		if c.Name == clusters[5].Name {
			require.Equal(t, noon().Add(time.Hour), c.Since)
		}
		if c.Name == clusters[77].Name {
			require.Equal(t, noon(), c.Since)
		}
	}
}
