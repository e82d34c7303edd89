package placement

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// limitRequest is a random request that a Limit decides alone: over small integers, so that a twin can score them.
func limitRequest(rnd *rand.Rand, n int) (Request, *Fleet) {
	clusters := make([]Cluster, n)
	for i := range clusters {
		c := Cluster{Name: fmt.Sprintf("c%02d", i), Region: pick(rnd, "a", "b", "c"), Properties: map[string]string{}}
		for _, key := range []string{"x", "y"} {
			if rnd.IntN(6) > 0 {
				c.Properties[key] = strconv.Itoa(rnd.IntN(5))
			}
		}
		if rnd.IntN(5) == 0 {
			c.Taints = []Taint{{Key: "t", Effect: pick(rnd, preferNoSchedule, preferNoSchedule, noSchedule)}}
		}
		clusters[i] = c
	}
	f, err := NewFleet(clusters)
	if err != nil {
		panic(err)
	}
	count := rnd.IntN(n + 2)
	req := Request{Now: epoch, Policy: Policy{Selector: &Selector{}, Limit: &Limit{Count: &count, Lexicographic: rnd.IntN(2) == 0}}}
	for _, key := range []string{"x", "y"}[:rnd.IntN(3)] {
		req.Policy.Limit.Scorers = append(req.Policy.Limit.Scorers, Scorer{Name: key, Property: key, Weight: int64(rnd.IntN(5) - 1)})
	}
	for i := range clusters {
		if rnd.IntN(3) == 0 {
			req.Previous = append(req.Previous, Decision{Cluster: clusters[i].Name, Selected: true, Reason: Chosen, Since: epoch.Add(-20e9)})
		}
	}
	return req, f
}

func withLimit(req Request, edit func(*Limit)) Request {
	l := *req.Policy.Limit
	edit(&l)
	req.Policy.Limit = &l
	return req
}

// TestLimitTakesTheBest compares with sorting by scores that are computed in the plainest way.
func TestLimitTakesTheBest(t *testing.T) {
	rnd := rand.New(rand.NewPCG(11, 12))
	for range 1500 {
		req, f := limitRequest(rnd, 1+rnd.IntN(12))
		req.Previous = nil
		result, err := Decide(req, f)
		require.NoError(t, err)
		var eligible []Decision
		for _, d := range result.Decisions {
			if d.Reason != Tainted {
				eligible = append(eligible, d)
				checkScores(t, req, f, d)
			}
		}
		better := func(a, b Decision) bool {
			if !req.Policy.Limit.Lexicographic {
				return a.Total > b.Total
			}
			for i := range a.Scores {
				weight := int64(1)
				if s := a.Scores[i].Scorer; s != "taints" {
					weight = req.Policy.Limit.Scorers[slices.IndexFunc(req.Policy.Limit.Scorers, func(x Scorer) bool { return x.Name == s })].Weight
				}
				if a.Scores[i].Points != b.Scores[i].Points {
					return (a.Scores[i].Points > b.Scores[i].Points) == (weight >= 0)
				}
			}
			return false
		}
		sort.SliceStable(eligible, func(i, j int) bool { return eligible[i].Selected && !eligible[j].Selected })
		want := min(*req.Policy.Limit.Count, len(eligible))
		require.Len(t, names(result.Decisions), want)
		require.Equal(t, *req.Policy.Limit.Count-want, result.Shortfall)
		for _, in := range eligible[:want] {
			for _, out := range eligible[want:] {
				require.False(t, better(out, in), "%+v is better than %+v", out, in)
			}
		}
	}
}

// TestSpreadTakesTheBest compares with picking one by one, the best of those who break the fewest spreads; scores differ,
// so there is one answer.
func TestSpreadTakesTheBest(t *testing.T) {
	rnd := rand.New(rand.NewPCG(37, 38))
	for range 800 {
		n := 1 + rnd.IntN(14)
		count := rnd.IntN(n + 2)
		req := Request{Policy: Policy{Selector: &Selector{}, Limit: &Limit{Count: &count, Scorers: []Scorer{{Name: "x", Property: "x"}}}}}
		for _, by := range []string{"region", "zone"}[rnd.IntN(2):] {
			req.Policy.Limit.Spread = append(req.Policy.Limit.Spread, Spread{By: by, MaxSkew: 1 + rnd.IntN(2), MinDomains: rnd.IntN(4), Soft: rnd.IntN(2) == 0})
		}
		var clusters []Cluster
		for i, x := range rnd.Perm(n) {
			clusters = append(clusters, Cluster{Name: fmt.Sprintf("c%02d", i), Region: pick(rnd, "a", "b", "c"),
				Zones: pick(rnd, nil, []string{"1"}, []string{"2"}, []string{"1", "3"}), Properties: map[string]string{"x": strconv.Itoa(x)}})
			if len(req.Previous) < count && rnd.IntN(4) == 0 {
				req.Previous = append(req.Previous, Decision{Cluster: clusters[i].Name, Selected: true})
			}
		}
		got, err := Select(req, fleetOf(t, clusters...))
		require.NoError(t, err)
		require.Equal(t, pickTwin(req, clusters), got, "%+v %+v", req.Policy.Limit, clusters)
	}
}

func pickTwin(req Request, clusters []Cluster) []string {
	in := map[string]bool{}
	for _, d := range req.Previous {
		in[d.Cluster] = true
	}
	domains := func(c Cluster, s Spread) []string {
		return map[string][]string{"region": {c.Region}, "zone": c.Zones}[s.By]
	}
	for len(in) < *req.Policy.Limit.Count {
		best, bestBroken, bestX := "", 0, 0
		for _, c := range clusters {
			broken, out := 0, in[c.Name]
			for _, s := range req.Policy.Limit.Spread {
				counts := map[string]int{}
				for _, other := range clusters {
					for _, domain := range domains(other, s) {
						if counts[domain] += 0; in[other.Name] {
							counts[domain]++
						}
					}
				}
				least, emptiest := 1<<30, 1<<30
				for _, n := range counts {
					least = min(least, n)
				}
				if len(counts) < s.MinDomains {
					least = 0
				}
				for _, domain := range domains(c, s) {
					emptiest = min(emptiest, counts[domain])
				}
				if emptiest+1-least > s.MaxSkew || len(domains(c, s)) == 0 {
					broken++
					out = out || !s.Soft
				}
			}
			x, _ := strconv.Atoi(c.Properties["x"])
			if !out && (best == "" || broken < bestBroken || broken == bestBroken && x > bestX) {
				best, bestBroken, bestX = c.Name, broken, x
			}
		}
		if best == "" {
			break
		}
		in[best] = true
	}
	out := []string{}
	for _, c := range clusters {
		if in[c.Name] {
			out = append(out, c.Name)
		}
	}
	return out
}

// TestScorersOfEachKind: what is preferred, what somebody else says, and how they add up or come one after the other.
func TestScorersOfEachKind(t *testing.T) {
	f := fleetOf(t, Cluster{Name: "a", Labels: map[string]string{"disk": "ssd"}}, Cluster{Name: "b"}, Cluster{Name: "c", Labels: map[string]string{"disk": "ssd"}}, Cluster{Name: "d", Taints: []Taint{{Key: "x", Effect: preferNoSchedule}}})
	three, five, nine := 3.0, 5.0, 9.0
	req := Request{Verdicts: []Verdict{{Source: "cost", Cluster: "a", Score: &nine}, {Source: "cost", Cluster: "b", Score: &three}, {Source: "cost", Cluster: "c", Score: &five}, {Source: "cost", Cluster: "d", Score: &three}}}
	one := 1
	req.Policy = Policy{Selector: &Selector{}, Limit: &Limit{Count: &one, Scorers: []Scorer{
		{Name: "ssd", Prefer: &Selector{MatchLabels: map[string]string{"disk": "ssd"}}}, {Name: "cost", Verdict: "cost", Weight: -3}, {Name: "soft", Taints: true},
	}}}
	result, err := Decide(req, f)
	require.NoError(t, err)
	require.Equal(t, "1 of 4 selected\n"+
		"- a  Outscored: others were picked by limit; -20 points: ssd=100 cost=100 soft=100\n"+
		"+ b  Chosen: picked by limit; 20 points: ssd=0 cost=0 soft=100\n"+
		"- c  Outscored: others were picked by limit; 20 points: ssd=100 cost=33.3333 soft=100\n"+
		"- d  Outscored: others were picked by limit; 0 points: ssd=0 cost=0 soft=0\n", result.Explain())
	req.Policy.Limit.Lexicographic = true
	got, err := Select(req, f)
	require.NoError(t, err)
	require.Equal(t, []string{"c"}, got, "first ssd, then the lower cost")
	margin := 66.7
	req.Policy.Limit.Margin, req.Previous = &margin, []Decision{{Cluster: "a", Selected: true}}
	got, err = Select(req, f)
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, got, "c is better by 66.6667 points of the first score that differs")
	margin = 66.6
	got, err = Select(req, f)
	require.NoError(t, err)
	require.Equal(t, []string{"c"}, got)
}

// TestMissingScores: what no data is worth, of clusters that are open and of one that is there but closed.
func TestMissingScores(t *testing.T) {
	cpu := func(name, value string, taints ...Taint) Cluster {
		c := Cluster{Name: name, Taints: taints}
		if value != "" {
			c.Properties = map[string]string{"cpu": value}
		}
		return c
	}
	f := fleetOf(t, cpu("a", "0"), cpu("b", "25"), cpu("c", "100"), cpu("none", ""), cpu("there", "1000", Taint{Key: "x", Effect: noSchedule}))
	two := 2
	for _, row := range []struct {
		missing string
		weight  int64
		points  float64
		chosen  []string
	}{
		{"", 1, 0, []string{"c", "there"}}, {"Lowest", -1, 100, []string{"a", "there"}}, {"Neutral", 1, 41.6667, []string{"c", "there"}},
		{"Neutral", -1, 41.6667, []string{"a", "there"}}, {"Exclude", 1, 0, []string{"c", "there"}},
	} {
		req := Request{Policy: Policy{Selector: &Selector{}, Limit: &Limit{Count: &two, Scorers: []Scorer{{Name: "cpu", Property: "cpu", Missing: row.missing, Weight: row.weight}}}},
			Previous: []Decision{{Cluster: "there", Selected: true}}}
		result, err := Decide(req, f)
		require.NoError(t, err)
		require.Equal(t, row.chosen, names(result.Decisions), row)
		require.Equal(t, []Score{{Scorer: "cpu", Points: row.points, Missing: true}}, result.Decisions[3].Scores)
		require.Equal(t, 100.0, result.Decisions[4].Scores[0].Points, "cut to the range of the open ones")
		require.Equal(t, map[bool]Reason{true: Unscored, false: Outscored}[row.missing == "Exclude"], result.Decisions[3].Reason)
		many := 9
		got, err := Select(withLimit(req, func(l *Limit) { l.Count = &many }), f)
		require.NoError(t, err)
		require.Equal(t, row.missing != "Exclude", slices.Contains(got, "none"))
		got, err = Select(withLimit(req, func(l *Limit) { l.Count, l.Spread = &many, []Spread{{By: "nothing"}} }), f)
		require.NoError(t, err)
		require.Equal(t, []string{"there"}, got, "nobody has a domain, and who is there stays")

		req.Previous = append(req.Previous, Decision{Cluster: "none", Selected: true})
		margin := 0.0
		req.Policy.Limit.Margin = &margin
		got, err = Select(req, f)
		require.NoError(t, err)
		require.Contains(t, got, "none", "a choice without data is not replaced")
	}
}

// checkScores computes the points of one decision again.
func checkScores(t *testing.T, req Request, f *Fleet, d Decision) {
	t.Helper()
	var sum, weights float64
	for _, s := range d.Scores {
		var all []float64
		own, has, weight := 0.0, false, 1.0
		for c := range f.All() {
			if len(c.Taints) > 0 && c.Taints[0].Effect == noSchedule {
				continue
			}
			n, err := strconv.ParseFloat(c.Properties[s.Scorer], 64)
			if s.Scorer == "taints" {
				n, err = -float64(len(c.Taints)), nil
			}
			if err == nil {
				all = append(all, n)
				if c.Name == d.Cluster {
					own, has = n, true
				}
			}
		}
		for _, x := range req.Policy.Limit.Scorers {
			if x.Name == s.Scorer && x.Weight != 0 {
				weight = float64(x.Weight)
			}
		}
		want := 100.0
		switch {
		case !has && weight > 0:
			want = 0
		case has && slices.Min(all) < slices.Max(all):
			want = 100 * (own - slices.Min(all)) / (slices.Max(all) - slices.Min(all))
		}
		require.Equal(t, !has, s.Missing)
		require.InDelta(t, want, s.Points, 1e-4)
		sum += weight * want
		weights += max(weight, -weight)
	}
	require.InDelta(t, sum/max(weights, 1), d.Total, 1e-3)
}

func TestLimitStaysAndGrows(t *testing.T) {
	rnd := rand.New(rand.NewPCG(13, 14))
	for range 1500 {
		req, f := limitRequest(rnd, 1+rnd.IntN(12))
		if rnd.IntN(2) == 0 {
			req = withLimit(req, func(l *Limit) { l.Spread = []Spread{{By: "region", MaxSkew: 1 + rnd.IntN(2)}} })
		}
		got, err := Select(req, f)
		require.NoError(t, err)
		stayed := 0
		for _, d := range req.Previous {
			if slices.Contains(got, d.Cluster) {
				stayed++
			}
		}
		require.Equal(t, min(*req.Policy.Limit.Count, len(req.Previous)), stayed, "choices stay while there is room")
		more := *req.Policy.Limit.Count + 1
		grown, err := Select(withLimit(req, func(l *Limit) { l.Count = &more }), f)
		require.NoError(t, err)
		if more > len(req.Previous) {
			require.Subset(t, grown, got, "one more takes none away")
		}
	}
}

// TestSpreadIsFilledUp compares with all subsets: from nothing, one hard Spread is never broken and as many as can be
// are chosen.
func TestSpreadIsFilledUp(t *testing.T) {
	rnd := rand.New(rand.NewPCG(15, 16))
	for range 400 {
		n := 1 + rnd.IntN(9)
		req, f := limitRequest(rnd, n)
		req.Previous = nil
		s := Spread{By: "region", MaxSkew: 1 + rnd.IntN(2), MinDomains: rnd.IntN(5)}
		req = withLimit(req, func(l *Limit) { l.Spread = []Spread{s} })
		result, err := Decide(req, f)
		require.NoError(t, err)
		var eligible []Cluster
		for _, d := range result.Decisions {
			if d.Reason != Tainted {
				c, _ := f.Get(d.Cluster)
				eligible = append(eligible, c)
			}
		}
		most := 0
		for set := range 1 << len(eligible) {
			var chosen []Cluster
			for i, c := range eligible {
				if set>>i&1 == 1 {
					chosen = append(chosen, c)
				}
			}
			if len(chosen) <= *req.Policy.Limit.Count && skew(eligible, chosen, s) <= s.MaxSkew {
				most = max(most, len(chosen))
			}
		}
		var chosen []Cluster
		for _, name := range names(result.Decisions) {
			c, _ := f.Get(name)
			chosen = append(chosen, c)
		}
		require.LessOrEqual(t, skew(eligible, chosen, s), s.MaxSkew)
		require.Len(t, chosen, most)
	}
}

func skew(eligible, chosen []Cluster, s Spread) int {
	counts := map[string]int{}
	for _, c := range eligible {
		counts[c.Region] = 0
	}
	for _, c := range chosen {
		counts[c.Region]++
	}
	least, most := 1<<30, 0
	for _, n := range counts {
		least, most = min(least, n), max(most, n)
	}
	if len(counts) < s.MinDomains {
		least = 0
	}
	return most - min(least, most)
}

// TestMarginReplaces: with a margin nobody outside beats anybody inside by it, and the choice is stable.
func TestMarginReplaces(t *testing.T) {
	rnd := rand.New(rand.NewPCG(17, 18))
	replaced := 0
	for range 2000 {
		req, f := limitRequest(rnd, 1+rnd.IntN(12))
		margin := float64(rnd.IntN(3) * 20)
		req = withLimit(req, func(l *Limit) {
			l.Margin = &margin
			l.CoolDownSeconds = pick[int64](rnd, 0, 0, 10, 60)
			if rnd.IntN(2) == 0 {
				l.Spread = []Spread{{By: "region", MaxSkew: 1 + rnd.IntN(2)}}
			}
		})
		got, err := Decide(req, f)
		require.NoError(t, err)
		l := req.Policy.Limit
		for _, in := range got.Decisions {
			for _, out := range got.Decisions {
				missing := slices.ContainsFunc(in.Scores, func(s Score) bool { return s.Missing })
				if !in.Selected || out.Selected || out.Reason == Tainted || missing || l.CoolDownSeconds > 0 || l.Lexicographic || len(l.Spread) > 0 {
					continue
				}
				require.False(t, out.Total > in.Total && out.Total-in.Total >= margin, "%+v beats %+v", out, in)
			}
		}
		for _, d := range req.Previous {
			if l.CoolDownSeconds == 60 && *l.Count >= len(req.Previous) {
				require.Contains(t, names(got.Decisions), d.Cluster, "a choice cools down")
			} else if !slices.Contains(names(got.Decisions), d.Cluster) && *l.Count >= len(req.Previous) {
				replaced++
			}
		}
		again := req
		again.Previous = got.Decisions
		stable, err := Decide(again, f)
		require.NoError(t, err)
		require.Equal(t, names(got.Decisions), names(stable.Decisions))
		require.Equal(t, got.Shortfall, stable.Shortfall)
	}
	require.Positive(t, replaced, "the test replaces some")
}
