package placement

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// TestTheSameBytesAgain writes request, fleet and result down, reads them a year later, and decides again.
func TestTheSameBytesAgain(t *testing.T) {
	rnd := rand.New(rand.NewPCG(27, 28))
	for range 100 {
		f := randomFleet(rnd, rnd.IntN(90))
		req := randomRequest(rnd, f)
		addPicks(rnd, &req, f)
		req.Filters = nil
		for i := range req.Verdicts {
			req.Verdicts[i].Score = pick(rnd, nil, score(float64(i)/3))
		}
		var clusters []Cluster
		for c := range f.All() {
			for i := range c.Taints {
				c.Taints[i].Since = epoch
			}
			clusters = append(clusters, c)
		}
		f, err := NewFleet(clusters)
		require.NoError(t, err)
		write := func(v any) []byte {
			raw, err := json.Marshal(v)
			require.NoError(t, err)
			return raw
		}
		result, resultErr := Decide(req, f)
		first := write(result)

		var back Request
		require.NoError(t, json.Unmarshal(write(req), &back))
		var facts []Cluster
		require.NoError(t, json.Unmarshal(write(clusters), &facts))
		g, err := NewFleet(facts)
		require.NoError(t, err)
		again, againErr := Decide(back, g)
		require.Equal(t, string(first), string(write(again)))
		require.Equal(t, text(resultErr), text(againErr))
		require.Equal(t, result.Explain(), again.Explain())
		var read Result
		require.NoError(t, json.Unmarshal(first, &read))
		require.Empty(t, cmp.Diff(names(result.Decisions), names(read.Decisions)))
	}
}
