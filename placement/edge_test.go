package placement

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func fleetOf(t *testing.T, clusters ...Cluster) *Fleet {
	t.Helper()
	f, err := NewFleet(clusters)
	require.NoError(t, err)
	return f
}

// fields are the paths of all FieldErrors in err.
func fields(t *testing.T, err error) (paths []string) {
	t.Helper()
	require.ErrorIs(t, err, ErrInvalid)
	joined, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok)
	for _, one := range joined.Unwrap() {
		var fe *FieldError
		require.ErrorAs(t, one, &fe)
		paths = append(paths, strings.TrimPrefix(fe.Cluster+" "+fe.Field, " "))
	}
	return paths
}

// TestBadInputNamesTheField: what is wrong is named, what was selected stays, and nothing new is.
func TestBadInputNamesTheField(t *testing.T) {
	f := fleetOf(t, Cluster{Name: "new"}, Cluster{Name: "old"})
	all := &Selector{}
	minus, two, lots := -1, 2, 200
	seconds := int64(-1)
	nan := float64(0)
	nan /= nan
	limit := func(l Limit) Policy { return Policy{Selector: all, Limit: &l} }
	for field, req := range map[string]Request{
		"clusters[1]":                               {Policy: Policy{Clusters: []string{"old", ""}}},
		"limit":                                     {Policy: Policy{Clusters: []string{"old", "new"}, Limit: &Limit{}}},
		"limit.count":                               {Policy: limit(Limit{Count: &minus})},
		"limit.percent":                             {Policy: limit(Limit{Count: &two, Percent: &two})},
		"limit.percent/":                            {Policy: limit(Limit{Percent: &lots})},
		"limit.margin":                              {Policy: limit(Limit{Margin: &nan})},
		"limit.coolDownSeconds":                     {Policy: limit(Limit{CoolDownSeconds: -1})},
		"limit.scorers":                             {Policy: limit(Limit{Scorers: manyScorers(64)})},
		"limit.scorers[0].name":                     {Policy: limit(Limit{Scorers: []Scorer{{Property: "x"}}})},
		"limit.scorers[1].name":                     {Policy: limit(Limit{Scorers: []Scorer{{Name: "x", Property: "x"}, {Name: "x", Property: "y"}}})},
		"limit.scorers[0].property":                 {Policy: limit(Limit{Scorers: []Scorer{{Name: "x", Property: "x", Taints: true}}})},
		"limit.scorers[0].weight":                   {Policy: limit(Limit{Scorers: []Scorer{{Name: "x", Property: "x", Weight: 101}}})},
		"limit.scorers[0].missing":                  {Policy: limit(Limit{Scorers: []Scorer{{Name: "x", Property: "x", Missing: "Odd"}}})},
		"limit.spread[0].by":                        {Policy: limit(Limit{Spread: []Spread{{}}})},
		"limit.spread[0].maxSkew":                   {Policy: limit(Limit{Spread: []Spread{{By: "zone", MaxSkew: -1}}})},
		"limit.spread[0].minDomains":                {Policy: limit(Limit{Spread: []Spread{{By: "zone", MinDomains: -1}}})},
		"groups[0].name":                            {Policy: Policy{Selector: all, Groups: []Group{{Clusters: Policy{Selector: all}}}}},
		"groups[1].name":                            {Policy: Policy{Selector: all, Groups: []Group{{Name: "a"}, {Name: "a"}}}},
		"groups[0].min":                             {Policy: Policy{Selector: all, Groups: []Group{{Name: "a", Min: -1}}}},
		"groups[0].clusters.groups":                 {Policy: Policy{Selector: all, Groups: []Group{{Name: "a", Clusters: Policy{Groups: []Group{{}}}}}}},
		"groups[0].clusters.limit":                  {Policy: Policy{Selector: all, Groups: []Group{{Name: "a", Clusters: Policy{Limit: &Limit{}}}}}},
		"lostAfterSeconds":                          {Policy: Policy{Selector: all, LostAfterSeconds: -1, Groups: []Group{{Name: "a"}}}},
		"failBackSeconds":                           {Policy: Policy{Selector: all, FailBackSeconds: &seconds, Groups: []Group{{Name: "a"}}}},
		"within[0].limit":                           {Policy: Policy{Selector: all, Within: []Policy{{Selector: all, Limit: &Limit{}}}}},
		"guards[0].effect":                          {Policy: Policy{Selector: all}, Guards: []Guard{{}}},
		"guards[0].subjects.matchLabels[]":          {Policy: Policy{Selector: all}, Guards: []Guard{{Effect: Deny, Subjects: &Selector{MatchLabels: map[string]string{"": "x"}}}}},
		"guards[0].clusters.properties[0].operator": {Policy: Policy{Selector: all}, Guards: []Guard{{Effect: Deny, Clusters: &Policy{Selector: all, Properties: []Property{{Name: "x"}}}}}},
		"filters[0].allow":                          {Policy: Policy{Selector: all}, Filters: []Filter{{}}},
	} {
		req.Previous = []Decision{{Cluster: "old", Selected: true, Reason: Matched}}
		result, err := Decide(req, f)
		require.Equal(t, []string{strings.TrimSuffix(field, "/")}, fields(t, err))
		require.Equal(t, []string{"old"}, names(result.Decisions), field)
		req.Previous = nil
		got, err := Select(req, f)
		require.Error(t, err)
		if field != "clusters[1]" {
			require.Empty(t, got, "%s: no new copy", field)
		}
	}
}

func manyScorers(n int) (out []Scorer) {
	for i := range n {
		out = append(out, Scorer{Name: fmt.Sprint(i), Property: "x"})
	}
	return out
}

// TestBounds: the ends of the ranges are allowed.
func TestBounds(t *testing.T) {
	f := fleetOf(t, Cluster{Name: "a"})
	for _, l := range []Limit{
		{Scorers: []Scorer{{Name: "x", Taints: true, Weight: 100}}}, {Scorers: []Scorer{{Name: "x", Taints: true, Weight: -100}}},
		{Percent: new(int)}, {Count: new(int)}, {Margin: new(float64)}, {Scorers: manyScorers(63)},
	} {
		_, err := Decide(Request{Policy: Policy{Selector: &Selector{}, Limit: &l}}, f)
		require.NoError(t, err)
	}
	hundred := 100
	got, err := Select(Request{Policy: Policy{Selector: &Selector{}, Limit: &Limit{Percent: &hundred}}}, f)
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, got)
}

func TestBadVerdictsNameTheField(t *testing.T) {
	f := fleetOf(t, Cluster{Name: "a"}, Cluster{Name: "b"})
	inf := 1e308
	inf *= 10
	_, err := Decide(Request{Policy: Policy{Selector: &Selector{}}, Verdicts: []Verdict{
		{Source: "x", Cluster: "a", Effect: "Maybe"}, {Source: "y", Cluster: "a", Score: &inf}, {Source: "x", Cluster: "b"}, {Source: "x", Cluster: "b"},
	}}, f)
	require.Equal(t, []string{"verdicts[0].effect", "verdicts[1].score", "verdicts[3]"}, fields(t, err))
}

func TestErrorsOfOneClusterStayThere(t *testing.T) {
	f := fleetOf(t, Cluster{Name: "a", Properties: map[string]string{"cpu": "12xyz"}}, Cluster{Name: "b", Properties: map[string]string{"cpu": "12"}},
		Cluster{Name: "c", Taints: []Taint{{Key: "x", Effect: "Never"}}, Properties: map[string]string{"cpu": "1"}}, Cluster{Name: "d", Zones: []string{"1", "2"}, Properties: map[string]string{"cpu": "3"}})
	one := 4
	req := Request{Policy: Policy{Selector: &Selector{}, Properties: []Property{{Name: "cpu", Operator: "Ge", Values: []string{"1"}}},
		Limit: &Limit{Count: &one, Scorers: []Scorer{{Name: "zone", Property: "zone"}}}},
		Filters: []Filter{{Name: "odd", Allow: func(_ Subject, c Cluster) (bool, error) {
			if c.Name == "b" {
				return false, errors.New("no answer")
			}
			return true, nil
		}}}}
	result, err := Decide(req, f)
	require.Equal(t, []string{"a properties[0]", "b filters[odd]", "c taints[0].effect", "d limit.scorers[zone]"}, fields(t, err))
	require.Equal(t, []string{"d"}, names(result.Decisions))
	require.Equal(t, 3, result.Shortfall)
}

// TestAPolicyInItself: a slice can hold itself.
func TestAPolicyInItself(t *testing.T) {
	within := make([]Policy, 1)
	within[0] = Policy{Selector: &Selector{}, Within: within}
	_, err := Compile(within[0])
	require.ErrorContains(t, err, "lies too deep")
	got, err := Select(Request{Policy: within[0], Previous: []Decision{{Cluster: "a", Selected: true}}}, fleetOf(t, Cluster{Name: "a"}, Cluster{Name: "b"}))
	require.Error(t, err)
	require.Equal(t, []string{"a"}, got)
}

// TestNothingIsNotEverything: names that were selected can be handed on as Policy.Clusters.
func TestNothingIsNotEverything(t *testing.T) {
	f := fleetOf(t, Cluster{Name: "a"})
	for _, p := range []Policy{{}, {Clusters: []string{}}, {Clusters: []string{"ghost"}}, {Selector: &Selector{MatchLabels: map[string]string{"x": "y"}}}, {Selector: &Selector{}, Limit: &Limit{Count: new(int)}}} {
		for _, f := range []*Fleet{f, nil} {
			got, err := Select(Request{Policy: p}, f)
			require.NoError(t, err)
			require.NotNil(t, got)
			require.Empty(t, got)
			got, err = Select(Request{Policy: Policy{Clusters: got, Selector: &Selector{}}}, f)
			require.NoError(t, err)
			require.Empty(t, got)
		}
	}
}

// TestPoliciesCombine: Intersect is both, AnyOf one of them, and neither changes its arguments.
func TestPoliciesCombine(t *testing.T) {
	rnd := rand.New(rand.NewPCG(35, 36))
	for range 1000 {
		a, b := randomPolicy(rnd), randomPolicy(rnd)
		before := dump(Request{Policy: a}) + dump(Request{Policy: b})
		both, one := Intersect(a, b), Policy{Selector: &Selector{}, AnyOf: []Policy{a, b}}
		require.Equal(t, before, dump(Request{Policy: a})+dump(Request{Policy: b}))
		ma, _ := Compile(a)
		mb, _ := Compile(b)
		mBoth, _ := Compile(both)
		mOne, _ := Compile(one)
		for range 5 {
			c := randomCluster(rnd, fmt.Sprintf("c%05d", rnd.IntN(150)))
			require.Equal(t, ma.Matches(c) && mb.Matches(c), mBoth.Matches(c))
			require.Equal(t, ma.Matches(c) || mb.Matches(c), mOne.Matches(c))
		}
	}
}

// TestAnyOfExplains: which clusters no alternative matches, and what of them cannot be read.
func TestAnyOfExplains(t *testing.T) {
	gpu := Property{Name: "gpus", Operator: "Ge", Values: []string{"1"}}
	f := fleetOf(t, Cluster{Name: "a", Labels: map[string]string{"env": "prod"}}, Cluster{Name: "b", Properties: map[string]string{"gpus": "2"}},
		Cluster{Name: "c", Properties: map[string]string{"gpus": "0"}}, Cluster{Name: "d", Properties: map[string]string{"gpus": "many"}},
		Cluster{Name: "e", Labels: map[string]string{"env": "prod"}, Properties: map[string]string{"gpus": "many"}})
	result, err := Decide(Request{Policy: Policy{Selector: &Selector{}, AnyOf: []Policy{
		{Selector: &Selector{MatchLabels: map[string]string{"env": "prod"}}}, {Selector: &Selector{}, Properties: []Property{gpu}},
	}}}, f)
	require.Equal(t, []string{"d anyOf[1].properties[0]"}, fields(t, err))
	require.Equal(t, "3 of 5 selected\n"+
		"+ a  Matched: clusterSelector matches\n"+
		"+ b  Matched: clusterSelector matches\n"+
		"- c  NotMatched (anyOf): none of anyOf matches\n"+
		"- d  Undecided (anyOf): whether one of anyOf matches is not known\n"+
		"+ e  Matched: clusterSelector matches\n", result.Explain())
}

// TestGroupsOverlap: a cluster of several groups counts in each, and stands by in the first.
func TestGroupsOverlap(t *testing.T) {
	f := fleetOf(t, Cluster{Name: "a"}, Cluster{Name: "b"}, Cluster{Name: "c"}, Cluster{Name: "d"})
	group := func(name string, min int, clusters ...string) Group {
		return Group{Name: name, Min: min, Clusters: Policy{Clusters: clusters}}
	}
	req := Request{Policy: Policy{Selector: &Selector{}, Groups: []Group{group("one", 3, "a", "b", "gone"), group("two", 2, "a", "gone"), group("three", 2, "b", "c")}}}
	result, err := Decide(req, f)
	require.NoError(t, err)
	require.Equal(t, "2 of 4 selected\n"+
		"- a  StandBy (one): the group three is in use; stands by in one\n"+
		"+ b  Matched: clusterSelector matches; group three\n"+
		"+ c  Matched: clusterSelector matches; group three\n"+
		"- d  OtherGroup (three): the group three is in use\n", result.Explain())
	req.Policy.Groups[2].Min = 3
	result, err = Decide(req, f)
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, names(result.Decisions), "none has enough: the first with any")
	require.Equal(t, 1, result.Shortfall)
}

// TestAGroupThatCannotBeRead: a member that stops telling its region is a member still, so the group stays in use.
func TestAGroupThatCannotBeRead(t *testing.T) {
	in := func(region string) Group {
		return Group{Name: region, Clusters: Policy{Selector: &Selector{}, Properties: []Property{{Name: "region", Operator: "In", Values: []string{region}}}}}
	}
	f := fleetOf(t, Cluster{Name: "lyon", Region: "eu"}, Cluster{Name: "reno", Region: "us"}, Cluster{Name: "dark"})
	req := Request{Policy: Policy{Selector: &Selector{}, Groups: []Group{in("eu"), in("us")}}}
	result, err := Decide(req, f)
	require.NoError(t, err)
	require.Equal(t, []string{"lyon"}, names(result.Decisions))
	req.Previous = result.Decisions
	f, err = f.With(Cluster{Name: "lyon"})
	require.NoError(t, err)
	result, err = Decide(req, f)
	require.NoError(t, err)
	require.Equal(t, []string{"lyon"}, names(result.Decisions))
	req.Previous = result.Decisions
	result, err = Decide(req, f)
	require.NoError(t, err)
	require.Equal(t, []string{"lyon"}, names(result.Decisions))
}

// TestTaintsWithoutABeginning never run out, since nobody knows when they would.
func TestTaintsWithoutABeginning(t *testing.T) {
	seconds := int64(60)
	req := Request{Policy: Policy{Selector: &Selector{}, Tolerations: []Toleration{{Operator: "Exists", Effect: noExecute, TolerationSeconds: &seconds}}},
		Previous: []Decision{{Cluster: "a", Selected: true}, {Cluster: "b", Selected: true}}, Now: epoch}
	f := fleetOf(t, Cluster{Name: "a", Taints: []Taint{{Key: "x", Effect: noExecute}}}, Cluster{Name: "b", Taints: []Taint{{Key: "x", Effect: noExecute, Since: epoch.Add(-time.Hour)}}})
	result, err := Decide(req, f)
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, names(result.Decisions))
	require.Zero(t, result.Next)
	req.Now = time.Time{}
	result, err = Decide(req, f)
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, names(result.Decisions), "without a clock no time passes")
	require.Zero(t, result.Next)
}

// TestRefusalsTellApart what the object's policy refuses from what the namespace's does.
func TestRefusalsTellApart(t *testing.T) {
	f := fleetOf(t, Cluster{Name: "a"}, Cluster{Name: "b"}, Cluster{Name: "c"})
	result, err := Decide(Request{Policy: Intersect(Policy{Clusters: []string{"a", "b"}}, Policy{Clusters: []string{"b", "c"}})}, f)
	require.NoError(t, err)
	require.Equal(t, "1 of 3 selected, 1 missing\n- a  OutsideNamespace: the policy of the namespace does not match\n"+
		"+ b  Named: listed in clusters\n- c  NotNamed: not listed in clusters\n", result.Explain())
}

// TestTiesSpread: equal clusters get their share of the objects, and each object its cluster for good.
func TestTiesSpread(t *testing.T) {
	var clusters []Cluster
	for i := range 10 {
		clusters = append(clusters, Cluster{Name: fmt.Sprint("c", i)})
	}
	f, one, counts := fleetOf(t, clusters...), 1, map[string]int{}
	for i := range 3000 {
		req := Request{Subject: Subject{Kind: "ConfigMap", Namespace: "n", Name: fmt.Sprint("o", i)}, Policy: Policy{Selector: &Selector{}, Limit: &Limit{Count: &one}}}
		got, err := Select(req, f)
		require.NoError(t, err)
		require.Len(t, got, 1)
		counts[got[0]]++
	}
	for name, n := range counts {
		require.InDelta(t, 300, n, 80, name) // five standard deviations
	}
	require.Len(t, counts, 10)
}

func TestSelectedByNameLooksAtEverythingElse(t *testing.T) {
	f := fleetOf(t, Cluster{Name: "a", Taints: []Taint{{Key: "x", Effect: noExecute}}}, Cluster{Name: "b"})
	result, err := Decide(Request{Policy: Policy{Clusters: []string{"a", "b", "ghost"}}}, f)
	require.NoError(t, err)
	require.Equal(t, []string{"b"}, names(result.Decisions))
	require.Equal(t, 2, result.Shortfall)
}

// TestReadinessIsNoFilter, unless it is wished for.
func TestReadinessIsNoFilter(t *testing.T) {
	f := fleetOf(t, Cluster{Name: "down", Ready: Readiness{State: NotReady, Since: epoch}}, Cluster{Name: "odd", Ready: Readiness{State: "Unknown", Since: epoch}}, Cluster{Name: "up", Ready: Readiness{State: Ready}})
	req := Request{Policy: Policy{Selector: &Selector{}, LostAfterSeconds: 10}, Now: epoch.Add(time.Hour)}
	got, err := Select(req, f)
	require.NoError(t, err)
	require.Len(t, got, 3)
	req.Policy.OnlyReady = true
	got, err = Select(req, f)
	require.NoError(t, err)
	require.Equal(t, []string{"up"}, got)
	req.Previous = []Decision{{Cluster: "odd", Selected: true}, {Cluster: "down", Selected: true}}
	got, err = Select(req, f)
	require.NoError(t, err)
	require.Equal(t, []string{"odd", "up"}, got, "unknown readiness changes nothing")
	req.Policy.OnlyReady, req.Policy.Limit, req.Previous = false, &Limit{}, nil
	got, err = Select(req, f)
	require.NoError(t, err)
	require.Equal(t, []string{"up"}, got, "an unknown State that is no constant counts as unknown")
}

// FuzzDecide looks for requests that break a law.
func FuzzDecide(f *testing.F) {
	f.Add([]byte(`{"policy":{"clusterSelector":{},"limit":{"count":1,"scorers":[{"name":"x","property":"cpu"}],"spread":[{"by":"zone"}],"margin":1}},"previous":[{"cluster":"a","selected":true}]}`),
		[]byte(`[{"name":"a","properties":{"cpu":"1"},"zones":["x","y"]},{"name":"b","properties":{"cpu":"1e3"},"taints":[{"key":"k","effect":"NoSchedule"}]}]`))
	f.Add([]byte(`{"policy":{"clusters":["a","a",""],"within":[{"clusterSelector":{}}],"groups":[{"name":"g","clusters":{"clusterSelector":{}}}],"failBackSeconds":0},"now":"2030-01-01T00:00:00Z"}`), []byte(`[{"name":"a"}]`))
	f.Fuzz(func(t *testing.T, rawRequest, rawClusters []byte) {
		var req Request
		var clusters []Cluster
		if json.Unmarshal(rawRequest, &req) != nil || json.Unmarshal(rawClusters, &clusters) != nil {
			return
		}
		fleet, _ := NewFleet(clusters)
		before := dump(req)
		got, gotErr := Decide(req, fleet)
		fast, fastErr := Select(req, fleet)
		require.Equal(t, append([]string{}, names(got.Decisions)...), fast)
		require.Equal(t, text(gotErr), text(fastErr))
		require.Equal(t, before, dump(req))
		require.Equal(t, strings.Count(got.Explain(), "\n"), len(got.Decisions)+1)
		for i := 1; i < len(got.Decisions); i++ {
			require.Less(t, got.Decisions[i-1].Cluster, got.Decisions[i].Cluster)
		}
		require.GreaterOrEqual(t, len(got.Decisions), fleet.Len())
		require.GreaterOrEqual(t, got.Shortfall, 0)
		for _, d := range req.Previous {
			if d.Selected {
				require.NotEqual(t, Undecided, reasonOn(got, d.Cluster), "%s was withdrawn by ignorance", d.Cluster)
			}
		}
	})
}

func reasonOn(r Result, cluster string) Reason {
	for _, d := range r.Decisions {
		if d.Cluster == cluster {
			return d.Reason
		}
	}
	return ""
}
