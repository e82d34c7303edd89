package placement_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/confed-project/confed/placement"
)

// A story is one object over time: the clusters and the policy change, the clock goes on, and each look gives the last
// decisions back. What every look finds is compared with testdata/NAME.golden.
type story struct {
	t     *testing.T
	name  string
	fleet *placement.Fleet
	req   placement.Request
	text  strings.Builder
}

func tell(t *testing.T, name string, policy placement.Policy, clusters ...placement.Cluster) *story {
	fleet, err := placement.NewFleet(clusters)
	require.NoError(t, err)
	s := &story{t: t, name: name, fleet: fleet}
	s.req = placement.Request{Policy: policy, Now: noon(0), Subject: placement.Subject{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "web"}}
	return s
}

// noon is a day's noon and some seconds.
func noon(seconds int) time.Time {
	return time.Date(2030, 1, 2, 12, 0, seconds, 0, time.UTC)
}

// look decides, and remembers. Every look is taken twice: the second must find the same.
func (s *story) look(title string) placement.Result {
	s.t.Helper()
	result, err := placement.Decide(s.req, s.fleet)
	fmt.Fprintf(&s.text, "# %s (%s)\n%s", title, s.req.Now.Format(time.TimeOnly), result.Explain())
	if err != nil {
		fmt.Fprintf(&s.text, "error: %v\n", err)
	}
	s.text.WriteByte('\n')
	s.req.Previous = result.Decisions
	again, _ := placement.Decide(s.req, s.fleet)
	require.Equal(s.t, selected(result), selected(again), title)
	raw, err := json.Marshal(result)
	require.NoError(s.t, err)
	var back placement.Result
	require.NoError(s.t, json.Unmarshal(raw, &back))
	s.req.Previous = back.Decisions
	return result
}

func (s *story) at(seconds int) *story { s.req.Now = noon(seconds); return s }

func (s *story) change(name string, edit func(*placement.Cluster)) *story {
	c, ok := s.fleet.Get(name)
	require.True(s.t, ok)
	edit(&c)
	var err error
	s.fleet, err = s.fleet.With(c)
	require.NoError(s.t, err)
	return s
}

func (s *story) ready(name string, state placement.ReadyState) *story {
	return s.change(name, func(c *placement.Cluster) { c.Ready = placement.Readiness{State: state, Since: s.req.Now} })
}

func (s *story) end() {
	s.t.Helper()
	path := filepath.Join("testdata", s.name+".golden")
	if *update {
		require.NoError(s.t, os.WriteFile(path, []byte(s.text.String()), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(s.t, err)
	require.Equal(s.t, string(want), s.text.String())
}

var update = flag.Bool("update", false, "rewrite testdata/*.golden")

func at(name, region string, edit ...func(*placement.Cluster)) placement.Cluster {
	c := placement.Cluster{Name: name, Region: region, Labels: map[string]string{"env": "prod"}, Ready: placement.Readiness{State: placement.Ready, Since: noon(-3600)}}
	for _, e := range edit {
		e(&c)
	}
	return c
}

func property(key, value string) func(*placement.Cluster) {
	return func(c *placement.Cluster) { c.Properties = map[string]string{key: value} }
}

func everywhere() placement.Policy { return placement.Policy{Selector: &placement.Selector{}} }

func ptr[T any](v T) *T { return &v }

// A cluster is lost and comes back. Placement never takes its copies while it is away; others take over after the delay.
func TestStoryDisaster(t *testing.T) {
	policy := everywhere()
	policy.LostAfterSeconds = 300
	policy.Limit = &placement.Limit{Count: ptr(2), Scorers: []placement.Scorer{{Name: "cpu", Property: "cpu"}}}
	s := tell(t, "disaster", policy, at("lyon", "eu", property("cpu", "64")), at("nice", "eu", property("cpu", "48")), at("paris", "eu", property("cpu", "32")))
	s.look("two of three")
	s.at(10).ready("lyon", placement.NotReady).look("lyon goes down: nothing moves yet")
	s.at(309).look("a second before the delay is over")
	s.at(310).look("the delay is over: paris steps in, lyon keeps its copies")
	s.at(400).look("nothing more happens")
	s.at(500).ready("lyon", placement.Ready).look("lyon is back: what serves stays, and lyon is left out by a new decision")
	s.req.Policy.Limit.Margin = ptr(20.0)
	s.at(600).look("with a margin lyon wins its place back, having more cpu")
	s.end()
}

// Groups fail over, and back after a stable time.
func TestStoryFailover(t *testing.T) {
	policy := everywhere()
	policy.LostAfterSeconds, policy.FailBackSeconds = 60, ptr[int64](120)
	in := func(region string) placement.Policy {
		return placement.Policy{Selector: &placement.Selector{}, Properties: []placement.Property{{Name: "region", Operator: "In", Values: []string{region}}}}
	}
	policy.Groups = []placement.Group{{Name: "home", Clusters: in("eu"), Min: 2}, {Name: "backup", Clusters: in("us")}}
	s := tell(t, "failover", policy, at("lyon", "eu"), at("nice", "eu"), at("reno", "us"), at("utah", "us"))
	s.look("home is in use")
	s.at(10).ready("lyon", placement.NotReady).look("lyon goes down")
	s.at(70).look("lyon is lost, home has too few")
	s.at(100).ready("lyon", placement.Ready).look("lyon is back, and must be stable first")
	s.at(150).ready("lyon", placement.NotReady).look("it was not")
	s.at(160).ready("lyon", placement.Ready).look("back again: the time starts anew")
	s.at(279).look("a second before")
	s.at(280).look("home takes over again")
	s.end()
}

// An empty read of the registry, a broken policy and a broken guard withdraw nothing.
func TestStoryFailStatic(t *testing.T) {
	s := tell(t, "failstatic", everywhere(), at("lyon", "eu", property("gpus", "8")), at("nice", "eu", property("gpus", "4")), at("reno", "us"))
	s.req.Policy.Properties = []placement.Property{{Name: "gpus", Operator: "Ge", Values: []string{"4"}}}
	s.look("clusters with gpus")
	good := s.req.Policy
	s.req.Policy.Selector = &placement.Selector{MatchLabels: map[string]string{"no key": "x"}}
	s.at(10).look("the selector breaks")
	s.req.Policy = good
	s.at(20).change("nice", property("gpus", "4 or so")).look("one cluster reports nonsense")
	s.at(30).change("lyon", func(c *placement.Cluster) { c.Properties = nil }).look("another reports nothing")
	s.req.Guards = []placement.Guard{{Name: "freeze", Effect: "Refuse"}}
	s.at(40).look("a guard cannot be understood")
	s.req.Guards = nil
	full := s.fleet
	s.fleet = nil
	s.at(50).look("the registry answers with nothing")
	s.fleet = full
	s.at(60).change("lyon", property("gpus", "8")).change("nice", property("gpus", "3")).look("all is well again, and nice has too few")
	s.end()
}

// Guards and verdicts narrow, and say who did it.
func TestStoryGuards(t *testing.T) {
	s := tell(t, "guards", everywhere(), at("lyon", "eu"), at("nice", "eu"), at("reno", "us"), at("utah", "us"))
	eu := placement.Policy{Selector: &placement.Selector{}, Properties: []placement.Property{{Name: "region", Operator: "In", Values: []string{"eu"}}}}
	s.req.Guards = []placement.Guard{
		{Name: "web may go to reno", Effect: placement.Allow, Kinds: []string{"Deployment.apps"}, Clusters: &placement.Policy{Clusters: []string{"reno"}}},
		{Name: "other tenants", Effect: placement.Deny, Namespaces: []string{"bank"}},
		{Name: "data stays in eu", Effect: placement.Allow, Clusters: &eu},
		{Name: "nothing else", Effect: placement.Deny},
	}
	s.look("an ordered list with a last rule")
	s.req.Verdicts = []placement.Verdict{
		{Source: "opa", Cluster: "lyon", Effect: placement.Allow, ValidUntil: noon(100)},
		{Source: "opa", Cluster: "nice", Effect: placement.Deny, Reason: "licence is used up"},
		{Source: "opa", Cluster: "reno", Effect: placement.Failed, Reason: "timeout"},
	}
	s.req.Await = []string{"opa"}
	s.at(10).look("a policy engine was asked")
	s.at(100).look("its answers expire: what they allowed stays")
	s.req.Verdicts[0] = placement.Verdict{Source: "opa", Cluster: "lyon", Effect: placement.Deny, Reason: "denied"}
	s.at(110).look("and a clear no takes effect")
	s.req.Subject.Namespace = "bank"
	s.at(120).look("the same for the bank")
	s.end()
}

// Taints with an end: who is there stays until then, nobody new comes, and the moment is known.
func TestStoryTaints(t *testing.T) {
	policy := everywhere()
	policy.Tolerations = []placement.Toleration{{Key: "unreachable", Operator: "Exists", Effect: "NoExecute", TolerationSeconds: ptr[int64](300)}}
	s := tell(t, "taints", policy, at("lyon", "eu"), at("nice", "eu"))
	s.look("no taints")
	taint := func(key, effect string) func(*placement.Cluster) {
		return func(c *placement.Cluster) {
			c.Taints = append(c.Taints[:len(c.Taints):len(c.Taints)], placement.Taint{Key: key, Effect: effect, Since: s.req.Now})
		}
	}
	s.at(10).change("lyon", taint("unreachable", "NoExecute")).look("lyon is tolerated for a while")
	var err error
	s.fleet, err = s.fleet.With(at("oslo", "eu", taint("unreachable", "NoExecute")))
	require.NoError(t, err)
	s.at(20).change("nice", taint("cordon", "NoSchedule")).look("a new cluster with the taint gets nothing; nice only keeps what it has")
	s.at(309).look("a second before")
	s.at(310).look("lyon's time is over")
	s.at(320).change("nice", taint("fire", "NoExecute")).look("a taint that nobody tolerates")
	s.end()
}

// Three per zone in two zones, and a third zone joins: it is the one that grows.
func TestStorySpread(t *testing.T) {
	policy := everywhere()
	policy.Limit = &placement.Limit{Count: ptr(6), Spread: []placement.Spread{{By: "zone", MaxSkew: 1}}}
	zone := func(z string) func(*placement.Cluster) {
		return func(c *placement.Cluster) { c.Zones = []string{z} }
	}
	var clusters []placement.Cluster
	for i := range 5 {
		clusters = append(clusters, at(fmt.Sprint("a", i), "eu", zone("a")), at(fmt.Sprint("b", i), "eu", zone("b")))
	}
	s := tell(t, "spread", policy, clusters...)
	s.look("3 and 3")
	for _, c := range []placement.Cluster{at("c0", "eu", zone("c")), at("c1", "eu", zone("c")), at("nowhere", "eu")} {
		var err error
		s.fleet, err = s.fleet.With(c)
		require.NoError(t, err)
	}
	s.at(10).look("a third zone joins: nothing moves")
	s.req.Policy.Limit.Count = ptr(7)
	s.at(20).look("3, 3 and 0 with one more")
	s.req.Policy.Limit.Count = ptr(12)
	s.at(30).look("the small zone is used up, and the spread holds")
	dead := func(c *placement.Cluster) { c.Taints = []placement.Taint{{Key: "down", Effect: "NoExecute"}} }
	s.at(40).change("c0", dead).change("c1", dead).look("a dead zone is none, and no longer holds the others back")
	s.end()
}
