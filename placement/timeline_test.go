package placement

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// timeline is a policy with groups or a limit, and clusters that go up and down under it.
type timeline struct {
	rnd   *rand.Rand
	req   Request
	fleet *Fleet
	n     int
}

func randomTimeline(rnd *rand.Rand) *timeline {
	tl := &timeline{rnd: rnd, n: 3 + rnd.IntN(10)}
	tl.req, tl.fleet = limitRequest(rnd, tl.n)
	tl.req.Previous = nil
	p := &tl.req.Policy
	p.LostAfterSeconds = pick[int64](rnd, 0, 30, 60)
	if margin := float64(rnd.IntN(30)); rnd.IntN(2) == 0 {
		p.Limit.Margin, p.Limit.CoolDownSeconds = &margin, pick[int64](rnd, 0, 20)
	}
	if rnd.IntN(2) == 0 {
		p.Limit.Spread = []Spread{{By: "region", MaxSkew: 1 + rnd.IntN(2), Soft: rnd.IntN(3) == 0, MinDomains: rnd.IntN(4)}}
	}
	if rnd.IntN(2) == 0 {
		for _, region := range []string{"a", "b", "c"} {
			in := Policy{Selector: &Selector{}, Properties: []Property{{Name: "region", Operator: "In", Values: []string{region}}}}
			p.Groups = append(p.Groups, Group{Name: region, Min: rnd.IntN(3), Clusters: in})
		}
		wait := pick[int64](rnd, 0, 15, 40)
		p.FailBackSeconds = pick(rnd, nil, &wait)
	}
	if rnd.IntN(3) == 0 {
		p.Limit = nil
	}
	return tl
}

// step lets some time pass, and something happen to a cluster.
func (tl *timeline) step() {
	tl.req.Now = tl.req.Now.Add(time.Duration(tl.rnd.IntN(30)) * time.Second)
	name := fmt.Sprintf("c%02d", tl.rnd.IntN(tl.n))
	c, ok := tl.fleet.Get(name)
	if !ok {
		c = Cluster{Name: name, Region: pick(tl.rnd, "a", "b")}
	}
	switch tl.rnd.IntN(7) {
	case 0, 1:
		c.Ready = Readiness{State: pick(tl.rnd, Ready, NotReady), Since: tl.req.Now}
	case 2:
		c.Taints = pick(tl.rnd, nil, []Taint{{Key: "t", Effect: noSchedule}}, []Taint{{Key: "t", Effect: preferNoSchedule}})
	case 3:
		c.Properties = map[string]string{"x": pick(tl.rnd, "1", "2", "oops", "5")}
	case 4:
		tl.fleet = tl.fleet.Without(name)
		return
	}
	tl.fleet, _ = tl.fleet.With(c)
}

// selectedAt decides at a moment, given the decisions as they were written down.
func (tl *timeline) selectedAt(t *testing.T, now time.Time, previous []Decision) Result {
	raw, err := json.Marshal(previous)
	require.NoError(t, err)
	req := tl.req
	req.Now, req.Previous = now, nil
	require.NoError(t, json.Unmarshal(raw, &req.Previous))
	result, _ := Decide(req, tl.fleet)
	return result
}

// TestTimelines: at every moment a second look finds the same, a lost cluster keeps what it has, a broken policy neither
// adds nor withdraws, and Result.Next is exactly the next moment at which something changes by itself.
func TestTimelines(t *testing.T) {
	rnd := rand.New(rand.NewPCG(33, 34))
	for range 200 {
		tl := randomTimeline(rnd)
		for range 12 {
			tl.step()
			last := tl.req.Previous
			result := tl.selectedAt(t, tl.req.Now, last)
			got := names(result.Decisions)
			say := fmt.Sprintf("%+v\n%s", tl.req.Policy, result.Explain())
			require.Equal(t, got, names(tl.selectedAt(t, tl.req.Now, result.Decisions).Decisions), say)

			working := tl.req.Policy.Selector
			tl.req.Policy.Selector = &Selector{MatchLabels: map[string]string{" ": ""}}
			broken := tl.selectedAt(t, tl.req.Now, last)
			tl.req.Policy.Selector = working
			require.Equal(t, stillThere(last, tl.fleet), names(broken.Decisions), say)

			for _, name := range names(last) {
				c, ok := tl.fleet.Get(name)
				silent := tl.req.Now.Sub(c.Ready.Since) >= time.Duration(tl.req.Policy.LostAfterSeconds)*time.Second
				if ok && tl.req.Policy.LostAfterSeconds > 0 && c.Ready.State == NotReady && silent {
					require.Contains(t, got, name, say)
				}
			}

			until := tl.req.Now.Add(1000 * time.Hour)
			if !result.Next.IsZero() {
				require.True(t, result.Next.After(tl.req.Now), say)
				until = result.Next.Add(-time.Nanosecond)
			}
			require.Equal(t, got, names(tl.selectedAt(t, until, result.Decisions).Decisions), say)
			tl.req.Previous = result.Decisions
		}
	}
}

// stillThere are the clusters that count as selected before and are in the Fleet.
func stillThere(previous []Decision, f *Fleet) (out []string) {
	for i := range previous {
		if _, ok := f.Get(previous[i].Cluster); ok && was(&previous[i]) {
			out = append(out, previous[i].Cluster)
		}
	}
	slices.Sort(out)
	return out
}
