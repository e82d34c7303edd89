package placement

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// epoch is a function's worth of constant: the Now of the random requests.
var epoch = time.Date(2031, 5, 4, 12, 0, 0, 0, time.UTC)

func randomPolicy(rnd *rand.Rand) Policy {
	var p Policy
	if rnd.IntN(3) == 0 {
		p.Clusters = []string{}
		for rnd.IntN(8) > 0 {
			p.Clusters = append(p.Clusters, fmt.Sprintf("c%05d", rnd.IntN(150)))
		}
	}
	if rnd.IntN(4) > 0 {
		s := randomSelector(rnd)
		p.Selector = &s
	}
	for rnd.IntN(3) == 0 {
		t := Toleration{Key: pick(rnd, "down", "full", "gpu", ""), Operator: pick(rnd, "Exists", "Exists", "", "Equal"),
			Effect: pick(rnd, "", noSchedule, noExecute, noExecute)}
		if t.Effect == noExecute && rnd.IntN(2) == 0 {
			n := int64(rnd.IntN(700))
			t.TolerationSeconds = &n
		}
		p.Tolerations = append(p.Tolerations, t)
	}
	return p
}

func randomRequest(rnd *rand.Rand, f *Fleet) Request {
	req := Request{Policy: randomPolicy(rnd), Now: pick(rnd, epoch, time.Time{})}
	if rnd.IntN(3) == 0 {
		req.Policy.Within = append(req.Policy.Within, randomPolicy(rnd))
		req.Policy.Within[0].Tolerations = nil
	}
	if rnd.IntN(3) > 0 {
		for i := range f.Len() + 5 {
			d := Decision{Cluster: fmt.Sprintf("c%05d", i), Selected: rnd.IntN(2) == 0, Reason: pick(rnd, Matched, Tainted, UnknownCluster)}
			d.Held = !d.Selected && rnd.IntN(5) == 0
			if rnd.IntN(5) > 0 {
				req.Previous = append(req.Previous, d)
			}
		}
	}
	return req
}

func names(decisions []Decision) (out []string) {
	for _, d := range decisions {
		if d.Selected {
			out = append(out, d.Cluster)
		}
	}
	return out
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestLaws checks what Decide promises, on random requests.
func TestLaws(t *testing.T) {
	rnd := rand.New(rand.NewPCG(9, 10))
	for round := range 1500 {
		f := randomFleet(rnd, pick(rnd, 0, 1, 5, 64, 65, 130))
		req := randomRequest(rnd, f)
		before, err := json.Marshal(req)
		require.NoError(t, err)
		got, gotErr := Decide(req, f)
		if !checkLaws(t, req, f, got, gotErr) {
			t.Fatalf("round %d: %s", round, before)
		}
		after, err := json.Marshal(req)
		require.NoError(t, err)
		require.Equal(t, string(before), string(after), "the request changed")
	}
}

func checkLaws(t *testing.T, req Request, f *Fleet, got Result, gotErr error) bool {
	ok := true
	law := func(holds bool, name string) {
		if !holds {
			t.Errorf("%s", name)
			ok = false
		}
	}
	fast, fastErr := Select(req, f)
	law(slices.Equal(names(got.Decisions), fast), "Select is the selected of Decide")
	law(text(gotErr) == text(fastErr), "Select has the error of Decide")
	law(slices.IsSortedFunc(got.Decisions, func(a, b Decision) int { return compareCluster(a, b.Cluster) }), "sorted")
	var seen []string
	for _, d := range got.Decisions {
		seen = append(seen, d.Cluster)
		_, known := f.Get(d.Cluster)
		law(known != (d.Reason == UnknownCluster), "exactly the unknown are UnknownCluster")
		law(d.Message != "" && d.Reason != "", "every decision says why")
		law(!d.Held || !d.Selected && !known, "held only outside of the fleet")
	}
	law(len(slices.Compact(slices.Clone(seen))) == len(seen), "one decision per cluster")
	for _, name := range append(clusterNames(f), req.Policy.Clusters...) {
		law(slices.Contains(seen, name), "complete")
	}
	law(selectedTwin(req, f, got), "the naive twin agrees")

	again := req
	again.Previous = got.Decisions
	stable, _ := Decide(again, f)
	law(cmp.Equal(got.Decisions, stable.Decisions), "deciding again from the result changes nothing")
	law(cmp.Equal(got, must(Decide(shuffled(req), f))), "order does not matter")
	return ok
}

func must(r Result, _ error) Result { return r }

// shuffled is req with its sets in another order.
func shuffled(req Request) Request {
	req.Previous, req.Policy.Clusters = slices.Clone(req.Previous), slices.Clone(req.Policy.Clusters)
	slices.Reverse(req.Previous)
	slices.Reverse(req.Policy.Clusters)
	return req
}
