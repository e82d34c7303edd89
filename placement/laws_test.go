package placement

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
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
		p.Selector = pick(rnd, &s, &Selector{})
	}
	for rnd.IntN(4) == 0 {
		p.AnyOf = append(p.AnyOf, randomPolicy(rnd))
		p.AnyOf[0].Tolerations = nil
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
	for rnd.IntN(3) == 0 {
		c := Property{Name: pick(rnd, "cpu", "version", "region", "zone", "gone"), Type: pick(rnd, "", "", "Quantity", "Number", "Version", "String"),
			Operator: pick(rnd, "In", "NotIn", "Exists", "DoesNotExist", "Gt", "Ge", "Lt", "Le")}
		for range map[string]int{"Exists": 0, "DoesNotExist": 0, "In": 2, "NotIn": 2}[c.Operator] + len(c.Operator)%4/2 {
			c.Values = append(c.Values, pick(rnd, "1", "2", "1500m", "1.29.0", "eu", "z1", "z2"))
		}
		p.Properties = append(p.Properties, c)
	}
	return p
}

func randomRequest(rnd *rand.Rand, f *Fleet) Request {
	req := Request{Policy: randomPolicy(rnd), Now: pick(rnd, epoch, time.Time{})}
	req.Subject = Subject{Group: "apps", Kind: pick(rnd, "Deployment", "", "Odd"), Namespace: pick(rnd, "dev", "prod"), Labels: map[string]string{"env": pick(rnd, "a", "b")}}
	req.Policy.OnlyReady = rnd.IntN(9) == 0
	if rnd.IntN(3) == 0 {
		req.Policy.Within = append(req.Policy.Within, randomPolicy(rnd))
		req.Policy.Within[0].Tolerations = nil
	}
	for rnd.IntN(3) == 0 {
		g := Guard{Name: fmt.Sprint("g", len(req.Guards)), Effect: pick(rnd, Allow, Deny, Deny, "Odd")}
		if rnd.IntN(2) == 0 {
			g.Clusters = &Policy{}
			*g.Clusters = randomPolicy(rnd)
		}
		g.Namespaces = pick(rnd, nil, []string{"dev"})
		g.Kinds = pick(rnd, nil, []string{"Deployment.apps", "Odd.apps"})
		g.Subjects = pick(rnd, nil, &Selector{MatchLabels: map[string]string{"env": "a"}}, &Selector{MatchLabels: map[string]string{" ": "a"}})
		req.Guards = append(req.Guards, g)
	}
	if rnd.IntN(3) == 0 {
		req.Filters = append(req.Filters, Filter{Name: "no a", Allow: func(s Subject, c Cluster) (bool, error) {
			if c.Labels["tier"] == "b" {
				return false, errors.New("odd tier")
			}
			return c.Labels["tier"] != "a", nil
		}})
	}
	if rnd.IntN(2) == 0 {
		for i := range f.Len() + 5 {
			for _, source := range []string{"opa", "cost"} {
				v := Verdict{Source: source, Cluster: fmt.Sprintf("c%05d", i), Effect: pick(rnd, "", Allow, Allow, Deny, Failed),
					ValidUntil: pick(rnd, time.Time{}, epoch, epoch.Add(1e9))}
				if v.Effect == "" || rnd.IntN(2) == 0 {
					n := pick(rnd, 0, 1, 50.5, math.NaN())
					if rnd.IntN(20) > 0 {
						n = float64(rnd.IntN(100))
					}
					v.Score = &n
				}
				if rnd.IntN(5) > 0 {
					req.Verdicts = append(req.Verdicts, v)
				}
				if rnd.IntN(50) == 0 {
					req.Verdicts = append(req.Verdicts, v)
				}
			}
		}
		req.Await = pick(rnd, nil, []string{"opa"}, []string{"cost", "opa"})
	}
	if rnd.IntN(3) > 0 {
		for i := range f.Len() + 5 {
			d := Decision{Cluster: fmt.Sprintf("c%05d", i), Selected: rnd.IntN(2) == 0, Since: pick(rnd, time.Time{}, epoch.Add(-30e9)), Group: pick(rnd, "", "one", "two"),
				Reason: pick(rnd, Matched, Tainted, UnknownCluster, KeptWhileLost, StandBy, Returned)}
			d.Held = !d.Selected && rnd.IntN(5) == 0
			if rnd.IntN(5) > 0 {
				req.Previous = append(req.Previous, d)
			}
		}
	}
	return req
}

func randomLimit(rnd *rand.Rand, f *Fleet) *Limit {
	l := &Limit{Lexicographic: rnd.IntN(3) == 0}
	if n := rnd.IntN(f.Len() + 2); rnd.IntN(2) == 0 {
		l.Count = &n
	} else if n = rnd.IntN(101); rnd.IntN(2) == 0 {
		l.Percent = &n
	}
	for i := range rnd.IntN(4) {
		s := Scorer{Name: fmt.Sprint("s", i), Weight: int64(rnd.IntN(7) - 2), Missing: pick(rnd, "", "Lowest", "Neutral", "Exclude")}
		switch rnd.IntN(4) {
		case 0:
			s.Property = pick(rnd, "cpu", "region", "n")
		case 1:
			s.Verdict = pick(rnd, "cost", "opa")
		case 2:
			s.Prefer = &Selector{MatchLabels: map[string]string{"env": "a"}}
		default:
			s.Taints = true
		}
		l.Scorers = append(l.Scorers, s)
	}
	for rnd.IntN(2) == 0 {
		l.Spread = append(l.Spread, Spread{By: pick(rnd, "zone", "region", "env"), MaxSkew: rnd.IntN(3), MinDomains: rnd.IntN(4), Soft: rnd.IntN(3) == 0})
	}
	if margin := float64(rnd.IntN(3) * 10); rnd.IntN(2) == 0 {
		l.Margin = &margin
		l.CoolDownSeconds = pick[int64](rnd, 0, 0, 10, 60)
	}
	return l
}

// addPicks gives a request groups or a limit.
func addPicks(rnd *rand.Rand, req *Request, f *Fleet) {
	p := &req.Policy
	p.LostAfterSeconds = pick[int64](rnd, 0, 60, 600)
	if rnd.IntN(2) == 0 {
		p.Limit = randomLimit(rnd, f)
		if rnd.IntN(8) > 0 {
			p.Clusters = nil
		}
	}
	if rnd.IntN(2) == 0 {
		for _, name := range []string{"one", "two", "three"} {
			p.Groups = append(p.Groups, Group{Name: name, Clusters: randomPolicy(rnd), Min: rnd.IntN(4)})
		}
		wait := pick[int64](rnd, 0, 20, 100)
		p.FailBackSeconds = pick(rnd, nil, &wait)
	}
}

func names(decisions []Decision) (out []string) {
	for _, d := range decisions {
		if d.Selected {
			out = append(out, d.Cluster)
		}
	}
	return out
}

// dump is the JSON of a request; scores that JSON does not know are taken out.
func dump(req Request) string {
	req.Verdicts = slices.Clone(req.Verdicts)
	for i := range req.Verdicts {
		if s := req.Verdicts[i].Score; s != nil && math.IsNaN(*s) {
			req.Verdicts[i].Score = nil
		}
	}
	raw, err := json.Marshal(req)
	if err != nil {
		return err.Error()
	}
	return string(raw)
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
	for round := range 500 {
		f := randomFleet(rnd, pick(rnd, 0, 1, 5, 20, 64, 65, 70))
		req := randomRequest(rnd, f)
		if round%2 == 0 {
			addPicks(rnd, &req, f)
		}
		before := dump(req)
		got, gotErr := Decide(req, f)
		if !checkLaws(t, req, f, got, gotErr) {
			raw, _ := json.MarshalIndent(req.Policy, "", " ")
			t.Fatalf("round %d: %s\n%s", round, raw, before)
		}
		require.Equal(t, before, dump(req), "the request changed")
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
	for _, d := range req.Previous {
		law(!d.Selected || reasonOn(got, d.Cluster) != Undecided, "nothing is withdrawn by ignorance")
	}
	differs := selectedTwin(req, f, got)
	law(differs == "", "the naive twin agrees: "+differs)

	law(cmp.Equal(got, must(Decide(shuffled(req), f))), "order does not matter")

	again := req
	again.Previous = got.Decisions
	stable, _ := Decide(again, f)
	if len(req.Policy.Groups) == 0 && req.Policy.Limit == nil {
		law(cmp.Equal(got.Decisions, stable.Decisions), "deciding again from the result changes nothing")
	} else {
		// Random decisions name several groups as the one in use; Decide never does.
		if len(req.Policy.Groups) > 0 {
			got = stable
			again.Previous = got.Decisions
			stable, _ = Decide(again, f)
		}
		diff := cmp.Diff(got.Decisions, stable.Decisions)
		if !slices.Equal(names(got.Decisions), names(stable.Decisions)) {
			law(false, "deciding again selects the same: "+diff)
		}
	}
	return ok
}

func must(r Result, _ error) Result { return r }

// shuffled is req with its sets in another order.
func shuffled(req Request) Request {
	req.Previous, req.Policy.Clusters = slices.Clone(req.Previous), slices.Clone(req.Policy.Clusters)
	slices.Reverse(req.Previous)
	slices.Reverse(req.Policy.Clusters)
	req.Policy.Properties, req.Policy.Tolerations = slices.Clone(req.Policy.Properties), slices.Clone(req.Policy.Tolerations)
	slices.Reverse(req.Policy.Tolerations)
	req.Verdicts, req.Filters = slices.Clone(req.Verdicts), slices.Clone(req.Filters)
	slices.Reverse(req.Verdicts)
	return req
}
