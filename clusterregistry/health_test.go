package clusterregistry

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/confed-project/confed/placement"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// How long a test waits for what must happen, and how often it looks.
const longTime, shortTime = 30 * time.Second, time.Millisecond

func outcome(ready bool) Outcome {
	if ready {
		return Healthy
	}
	return Unhealthy
}

// KubeFed counts the agreeing probes too: its run is one more than our count of contradicting ones, except in the row
// that shows its fault.
func TestKubeFedThresholds(t *testing.T) {
	data, err := os.ReadFile("testdata/kubefed_clusters.json")
	require.NoError(t, err)
	var table struct {
		Thresholds struct {
			Config struct{ FailureThreshold, SuccessThreshold int }
			Cases  []struct {
				ID          string
				NewReady    bool `json:"new_ready"`
				Stored      *bool
				Run         int
				ExpectReady bool `json:"expect_ready"`
				ExpectRun   int  `json:"expect_run"`
			}
		} `json:"health_threshold"`
	}
	require.NoError(t, json.Unmarshal(data, &table))
	require.Len(t, table.Thresholds.Cases, 6)
	th := Thresholds{Failure: table.Thresholds.Config.FailureThreshold, Success: table.Thresholds.Config.SuccessThreshold}
	for _, c := range table.Thresholds.Cases {
		t.Run(c.ID, func(t *testing.T) {
			var h Health
			if c.Stored != nil {
				h = Health{Outcome: outcome(*c.Stored), ReadySince: start, ProbedAt: start, Against: c.Run - 1}
			}
			wantReady, wantAgainst := c.ExpectReady, c.ExpectRun-1
			if c.ID == "long-healthy-then-one-failure" {
				h.Against = 0 // all 500 probes agreed
				wantReady, wantAgainst = true, 1
			}
			h = h.After(Probe{At: start.Add(time.Minute), Outcome: outcome(c.NewReady)}, th)
			require.Equal(t, wantReady, h.Outcome == Healthy)
			require.Equal(t, wantAgainst, h.Against)
		})
	}
}

// TestAfterAgainstHistory compares the machine with a twin that looks at the whole history after each probe.
func TestAfterAgainstHistory(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	outcomes := []Outcome{Healthy, Healthy, Unhealthy, Unreachable, Rejected, Malformed}
	for range 2000 {
		th := Thresholds{Failure: 1 + rng.IntN(4), Success: 1 + rng.IntN(3)}
		var h Health
		var history []Outcome
		for i := range 40 {
			o := outcomes[rng.IntN(len(outcomes))]
			history = append(history, o)
			before := h
			h = h.After(Probe{At: start.Add(time.Duration(i) * time.Second), Outcome: o}, th)
			ready, since := slowReadiness(history, th)
			require.Equal(t, ready, h.Outcome == Healthy, "%v with %+v", history, th)
			require.Equal(t, start.Add(time.Duration(since)*time.Second), h.ReadySince)
			require.Equal(t, o, h.Latest)
			require.Less(t, h.Against, max(th.Failure, th.Success))
			if h.Outcome == before.Outcome && h.Outcome.state() == before.Outcome.state() {
				require.Equal(t, before.OutcomeSince, h.OutcomeSince)
			}
		}
	}
}

// slowReadiness replays a history: the readiness changes at a probe when the last ones, as many as the threshold and
// all after the last change, contradict it.
func slowReadiness(history []Outcome, th Thresholds) (ready bool, since int) {
	ready = history[0] == Healthy
	for i := 1; i < len(history); i++ {
		limit := th.Success
		if ready {
			limit = th.Failure
		}
		if history[i] == Malformed {
			limit = 1
		}
		contradict := 0
		for j := i; j > since && (history[j] == Healthy) != ready; j-- {
			contradict++
		}
		if contradict >= limit {
			ready, since = !ready, i
		}
	}
	return ready, since
}

func TestAProbeThatFoundNothingChangesNothing(t *testing.T) {
	h := Health{}.After(Probe{At: start, Outcome: Healthy}, Thresholds{})
	require.Equal(t, h, h.After(Probe{At: start.Add(time.Hour)}, Thresholds{}))
}

func TestFactsStay(t *testing.T) {
	skew := time.Second
	h := Health{}.After(Probe{At: start, Outcome: Healthy, Facts: Facts{Version: "v1.36.3", Region: "r", Zones: []string{"a"}, Skew: &skew}}, Thresholds{})
	h = h.After(Probe{At: start, Outcome: Unreachable}, Thresholds{})
	require.Equal(t, Facts{Version: "v1.36.3", Region: "r", Zones: []string{"a"}, Skew: &skew}, h.Facts)
	h = h.After(Probe{At: start, Outcome: Healthy, Facts: Facts{Version: "v1.37.0"}}, Thresholds{})
	require.Equal(t, "v1.37.0", h.Facts.Version)
	require.Equal(t, "r", h.Facts.Region)
}

func TestReadinessLapses(t *testing.T) {
	th := Thresholds{Period: time.Minute}
	require.Equal(t, placement.Readiness{}, Health{}.readiness(start, th))
	require.True(t, Health{}.Next(th).IsZero())
	h := Health{}.After(Probe{At: start, Outcome: Healthy}, th)
	require.Equal(t, start.Add(time.Minute), h.Next(th))
	require.Equal(t, placement.Readiness{State: placement.Ready, Since: start, Reason: "ClusterReady"}, h.readiness(start.Add(10*time.Minute), th))
	require.Equal(t, placement.Readiness{Since: start.Add(10 * time.Minute), Reason: "NotProbed"}, h.readiness(start.Add(10*time.Minute+1), th))
}

func TestDescribe(t *testing.T) {
	h := Health{}.After(Probe{At: start, Outcome: Healthy, Facts: Facts{Version: "v1.36.3", Region: "found", Zones: []string{"found"}}}, Thresholds{})
	bare := placement.Cluster{Name: "a"}
	require.Equal(t, placement.Cluster{Name: "a", Region: "found", Zones: []string{"found"}, Properties: map[string]string{VersionProperty: "v1.36.3"},
		Ready: placement.Readiness{State: placement.Ready, Since: start, Reason: "ClusterReady"}}, h.Describe(bare, start, Thresholds{}))
	told := placement.Cluster{Name: "a", Region: "told", Zones: []string{"told"}, Properties: map[string]string{VersionProperty: "told"}}
	got := h.Describe(told, start, Thresholds{})
	require.Equal(t, placement.Ready, got.Ready.State)
	got.Ready = placement.Readiness{}
	require.Equal(t, told, got, "the source knows better")
	shared := placement.Cluster{Name: "a", Properties: map[string]string{"k": "v"}}
	h.Describe(shared, start, Thresholds{})
	require.Equal(t, map[string]string{"k": "v"}, shared.Properties, "the argument was changed")
}

func TestHealthSurvivesARestart(t *testing.T) {
	h := Health{}.After(Probe{At: start, Outcome: Healthy}, Thresholds{}).After(Probe{At: start.Add(time.Second), Outcome: Rejected, Message: "401"}, Thresholds{})
	data, err := json.Marshal(h)
	require.NoError(t, err)
	var back Health
	require.NoError(t, json.Unmarshal(data, &back))
	require.Empty(t, cmp.Diff(h, back))
}

func TestConditions(t *testing.T) {
	require.Nil(t, Health{}.Conditions(start, Thresholds{}))
	for _, test := range []struct {
		outcome Outcome
		want    []string // type=status reason
	}{
		{Healthy, []string{"Ready=True ClusterReady m"}},
		{Unhealthy, []string{"Ready=False ClusterNotReady m", "Offline=False ClusterReachable cluster is reachable"}},
		{Rejected, []string{"Ready=False CredentialsRejected m", "Offline=False ClusterReachable cluster is reachable"}},
		{Unreachable, []string{"Ready=False ClusterNotReachable m", "Offline=True ClusterNotReachable m"}},
		{Malformed, []string{"Ready=False ClusterConfigMalformed m", "ConfigMalformed=True ClusterConfigMalformed m"}},
		{Suspect, []string{"Ready=Unknown HubSuspected m"}},
	} {
		h := Health{}.After(Probe{At: start, Outcome: test.outcome, Message: "m"}, Thresholds{})
		var got []string
		for _, c := range h.Conditions(start, Thresholds{}) {
			require.Equal(t, start, c.LastProbeTime)
			got = append(got, fmt.Sprintf("%s=%s %s %s", c.Type, c.Status, c.Reason, c.Message))
		}
		require.Equal(t, test.want, got)
	}
}

func fleetOf(n int, o Outcome) map[string]Health {
	all := map[string]Health{}
	for i := range n {
		all[fmt.Sprintf("c%03d", i)] = Health{}.After(Probe{At: start, Outcome: o}, Thresholds{})
	}
	return all
}

// probeAll probes every cluster once; those in down are silent.
func probeAll(all map[string]Health, at time.Time, down func(string) bool) map[string]Probe {
	probes := map[string]Probe{}
	for name := range all {
		probes[name] = Probe{At: at, Outcome: Healthy}
		if down(name) {
			probes[name] = Probe{At: at, Outcome: Unreachable}
		}
	}
	return probes
}

func tally(all map[string]Health) map[Outcome]int {
	n := map[Outcome]int{}
	for _, h := range all {
		n[h.Outcome]++
	}
	return n
}

func TestAHubOutageCondemnsNobody(t *testing.T) {
	all := fleetOf(100, Healthy)
	all["dead"] = Health{Outcome: Unreachable, Latest: Unreachable, ReadySince: start, ProbedAt: start}
	at := start
	for range 10 {
		at = at.Add(time.Minute)
		all = Judge(all, probeAll(all, at, func(string) bool { return true }), Thresholds{})
	}
	require.Equal(t, map[Outcome]int{Suspect: 100, Unreachable: 1}, tally(all))
	require.Equal(t, placement.ReadyUnknown, all["c000"].readiness(at, Thresholds{}).State)
	require.Equal(t, start.Add(3*time.Minute), all["c000"].ReadySince)

	// The hub is back, and a tenth of the members were really lost.
	at = at.Add(time.Minute)
	all = Judge(all, probeAll(all, at, func(name string) bool { return name == "dead" || name < "c010" }), Thresholds{})
	require.Equal(t, map[Outcome]int{Healthy: 90, Unreachable: 11}, tally(all))
}

func TestLostMembersAreJudgedOneByOne(t *testing.T) {
	all := fleetOf(10, Healthy)
	for i := range 3 {
		all = Judge(all, probeAll(all, start.Add(time.Duration(i)*time.Minute), func(name string) bool { return name < "c005" }), Thresholds{})
	}
	require.Equal(t, map[Outcome]int{Healthy: 5, Unreachable: 5}, tally(all), "half is not more than half")

	// The given-up ones are no evidence: one more of the five left goes.
	for i := range 3 {
		all = Judge(all, probeAll(all, start.Add(time.Duration(5+i)*time.Minute), func(name string) bool { return name < "c006" }), Thresholds{})
	}
	require.Equal(t, map[Outcome]int{Healthy: 4, Unreachable: 6}, tally(all))

	two := fleetOf(2, Healthy)
	for range 3 {
		two = Judge(two, probeAll(two, start, func(string) bool { return true }), Thresholds{})
	}
	require.Equal(t, map[Outcome]int{Unreachable: 2}, tally(two), "two clusters prove nothing")
}

// Judge is After for each, but for the step from anything to Unreachable, and leaves its arguments alone.
func TestJudgeLaws(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	outcomes := []Outcome{Healthy, Unhealthy, Unreachable, Unreachable, Rejected, Malformed}
	for range 300 {
		th := Thresholds{Failure: 1 + rng.IntN(3), MaxLost: []float64{0, 0.2, 1}[rng.IntN(3)]}
		all := fleetOf(1+rng.IntN(8), outcomes[rng.IntN(len(outcomes))])
		for i := range 12 {
			probes := map[string]Probe{}
			for name := range all {
				if rng.IntN(4) > 0 {
					probes[name] = Probe{At: start.Add(time.Duration(i) * time.Second), Outcome: outcomes[rng.IntN(len(outcomes))]}
				}
			}
			allBefore, probesBefore := maps.Clone(all), maps.Clone(probes)
			next := Judge(all, probes, th)
			require.Equal(t, allBefore, all)
			require.Equal(t, probesBefore, probes)
			require.Equal(t, next, Judge(all, probes, th))
			require.Len(t, next, len(all))
			for _, name := range slices.Sorted(maps.Keys(all)) {
				p, probed := probes[name]
				if !probed {
					require.Equal(t, all[name], next[name])
					continue
				}
				alone := all[name].After(p, th)
				if next[name].Outcome == Suspect {
					require.Equal(t, Unreachable, alone.Outcome)
					require.NotEqual(t, Unreachable, all[name].Outcome)
					require.Less(t, th.MaxLost, 1.0)
					continue
				}
				require.Equal(t, alone, next[name])
			}
			all = next
		}
	}
}

func BenchmarkJudge(b *testing.B) {
	all := fleetOf(1000, Healthy)
	probes := probeAll(all, start, func(name string) bool { return name < "c100" })
	b.ReportAllocs()
	for b.Loop() {
		Judge(all, probes, Thresholds{})
	}
}
