package scheduling

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(string(want), got))
}

var update = flag.Bool("update", false, "rewrite the golden files")

// TestExplain shows every reason in words.
func TestExplain(t *testing.T) {
	var text strings.Builder
	for _, c := range []struct {
		title    string
		strategy Strategy
		req      Request
		targets  []Target
	}{
		{"by weight, with bounds", Weighted, Request{Replicas: 24, Key: "shop/cart", Rebalance: true}, []Target{
			{Name: "amsterdam", Weight: 3}, {Name: "berlin", Weight: 2, Max: pointer(4)}, {Name: "cairo", Weight: 2, Capacity: pointer(1), Min: 2},
			{Name: "dakar", Weight: 1, Min: 5}, {Name: "edge", Min: 1}, {Name: "full", Weight: 4, Current: pointer(2), NoGrowth: true}, {Name: "gone"},
		}},
		{"more than what runs", Weighted, Request{Replicas: 20, Key: "shop/cart"}, []Target{
			{Name: "amsterdam", Weight: 1, Current: pointer(12)}, {Name: "berlin", Weight: 1, Current: pointer(1)}, {Name: "cairo", Weight: 1}, {Name: "edge", Current: pointer(3)},
		}},
		{"less than what runs", Weighted, Request{Replicas: 8, Key: "shop/cart"}, []Target{
			{Name: "amsterdam", Weight: 1, Current: pointer(12)}, {Name: "berlin", Weight: 1, Current: pointer(1)}, {Name: "cairo", Weight: 1}, {Name: "edge", Current: pointer(3)},
		}},
		{"the weighted cannot take all", Weighted, Request{Replicas: 4, Key: "shop/cart"}, []Target{
			{Name: "amsterdam", Weight: 1, Current: pointer(2)}, {Name: "edge", Current: pointer(3)},
		}},
		{"floors do not fit", Weighted, Request{Replicas: 5, Key: "shop/cart"}, []Target{
			{Name: "amsterdam", Weight: 1, Min: 4}, {Name: "berlin", Weight: 1, Min: 4}, {Name: "cairo", Weight: 1, Min: 1},
		}},
		{"tiers", Weighted, Request{Replicas: 10, Key: "shop/cart"}, []Target{
			{Name: "cloud", Weight: 1, Tier: 1}, {Name: "house", Weight: 1, Capacity: pointer(6)}, {Name: "lease", Weight: 9, Tier: 2},
		}},
		{"not enough room", Packed, Request{Replicas: 10, Key: "shop/cart"}, []Target{
			{Name: "amsterdam", Weight: 1, Capacity: pointer(6)}, {Name: "berlin", Weight: 1, Max: pointer(3)}, {Name: "cairo"},
		}},
		{"ties", Weighted, Request{Replicas: 3, Key: "shop/cart"}, []Target{
			{Name: "amsterdam", Weight: 1}, {Name: "berlin", Weight: 1}, {Name: "cairo", Weight: 1}, {Name: "dakar", Weight: 1}, {Name: "edge", Weight: 1},
		}},
		{"ties under another key", Weighted, Request{Replicas: 3, Key: "shop/till"}, []Target{
			{Name: "amsterdam", Weight: 1}, {Name: "berlin", Weight: 1}, {Name: "cairo", Weight: 1}, {Name: "dakar", Weight: 1}, {Name: "edge", Weight: 1},
		}},
	} {
		result, err := c.strategy(c.req, c.targets)
		require.NoError(t, err)
		fmt.Fprintf(&text, "%s\n\n%s\n", c.title, Explain(c.req, c.targets, result))
	}
	golden(t, "explain", text.String())
}

// TestLosersLostTies: under another key a target gets more only if it lost a tie, and unless running replicas decided it,
// one that did gets more under some key.
func TestLosersLostTies(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	for range 500 {
		req, targets := randomCase(r)
		running := false
		for i := range targets {
			running = running || targets[i].running() > 0
		}
		got, err := Weighted(req, targets)
		require.NoError(t, err)
		lost, more := losers(req, targets, got), map[int]bool{}
		other := req
		for key := range 200 {
			other.Key = fmt.Sprint(key)
			again, err := Weighted(other, targets)
			require.NoError(t, err)
			for i, s := range again.Shares {
				more[i] = more[i] || s.Replicas > got.Shares[i].Replicas
			}
		}
		for i := range targets {
			if floor, _, _ := targets[i].limits(); got.Shares[i].Bound != BoundNone || targets[i].Weight == 0 || got.Shares[i].Replicas < floor {
				continue // another rule stopped it
			}
			if more[i] {
				require.True(t, lost[i], "%+v\n%s\n%+v\n%s", req, show(targets), got, targets[i].Name)
			}
			if lost[i] && !running {
				require.True(t, more[i], "%+v\n%s\n%+v\n%s", req, show(targets), got, targets[i].Name)
			}
		}
		packed, err := Packed(req, targets)
		require.NoError(t, err)
		if !slices.Equal(packed.Shares, got.Shares) {
			require.Empty(t, losers(req, targets, packed))
		}
	}
}
