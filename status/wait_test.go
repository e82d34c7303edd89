package status

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWait(t *testing.T) {
	at := func(m int) time.Time { return noon().Add(time.Duration(m) * time.Minute) }
	cluster := func(s State, h Health) Cluster { return Cluster{Name: "a", State: s, Health: h} }
	summary := func(m int, clusters ...Cluster) Summary { return Summarize(Summary{}, 3, clusters, at(m)) }
	good := cluster(StateCurrent, HealthCurrent)
	for _, c := range []struct {
		name    string
		sum     Summary
		goal    Goal
		now     int
		verdict Verdict
		until   time.Time
	}{
		{"propagated", summary(0, good), Goal{Generation: 3}, 0, VerdictDone, time.Time{}},
		{"older goal", summary(0, good), Goal{Generation: 2}, 0, VerdictDone, time.Time{}},
		{"older summary", summary(0, good), Goal{Generation: 4}, 0, VerdictWait, time.Time{}},
		{"older summary at the deadline", summary(0, good), Goal{Generation: 4, Deadline: at(5)}, 5, VerdictFailed, time.Time{}},
		{"nowhere", summary(0), Goal{Healthy: true}, 0, VerdictDone, time.Time{}},
		{"held", summary(0, cluster(StatePending, "")), Goal{Deadline: at(5)}, 1, VerdictWait, at(5)},
		{"held too long", summary(0, cluster(StatePending, "")), Goal{Deadline: at(5)}, 5, VerdictFailed, time.Time{}},
		{"health not asked for", summary(0, cluster(StateCurrent, HealthFailed)), Goal{}, 0, VerdictDone, time.Time{}},
		{"health unknown", summary(0, cluster(StateCurrent, "")), Goal{Healthy: true}, 0, VerdictWait, time.Time{}},
		{"in progress", summary(0, cluster(StateCurrent, HealthInProgress)), Goal{Healthy: true}, 0, VerdictWait, time.Time{}},
		{"unhealthy", summary(0, cluster(StateCurrent, HealthFailed)), Goal{Healthy: true}, 0, VerdictFailed, time.Time{}},
		{"unhealthy within grace", summary(0, cluster(StateCurrent, HealthFailed)), Goal{Healthy: true, Grace: 3 * time.Minute, Deadline: at(9)}, 2, VerdictWait, at(3)},
		{"unhealthy beyond grace", summary(0, cluster(StateCurrent, HealthFailed)), Goal{Healthy: true, Grace: 3 * time.Minute, Deadline: at(9)}, 3, VerdictFailed, time.Time{}},
		{"failed", summary(0, good, cluster(StateFailed, "")), Goal{}, 0, VerdictFailed, time.Time{}},
		{"failed within grace", summary(0, good, cluster(StateFailed, "")), Goal{Grace: time.Minute}, 0, VerdictWait, at(1)},
		{"settling", summary(0, good), Goal{Settle: 2 * time.Minute}, 1, VerdictWait, at(2)},
		{"settled", summary(0, good), Goal{Settle: 2 * time.Minute, Deadline: at(1)}, 2, VerdictDone, time.Time{}},
		{"settling at the deadline", summary(0, good), Goal{Settle: 2 * time.Minute, Deadline: at(1)}, 1, VerdictFailed, time.Time{}},
		{"nothing summarized", Summary{}, Goal{}, 0, VerdictWait, time.Time{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Wait(c.sum, c.goal, at(c.now))
			require.Equal(t, c.verdict, got.Verdict, got.Message)
			require.Equal(t, c.until, got.Until)
		})
	}
}

// TestWaitOverTime follows one rollout: the failure's grace runs from the failure, also when the summary is trimmed.
func TestWaitOverTime(t *testing.T) {
	at := func(m int) time.Time { return noon().Add(time.Duration(m) * time.Minute) }
	goal := Goal{Generation: 1, Grace: 4 * time.Minute}
	states := []State{StatePending, StatePending, StateFailed, StateFailed, StateFailed, StateFailed, StateFailed}
	for _, limit := range []int{1 << 20, 1} {
		var sum Summary
		for i, s := range states {
			sum = Summarize(sum, 1, []Cluster{{Name: "a", State: StateCurrent}, {Name: "b", State: s}}, at(i)).Trim(limit)
			got := Wait(sum, goal, at(i))
			over := 6
			if limit == 1 {
				over = 4 // nothing tells when it failed, only since when not all is well
			}
			if i < over {
				require.Equal(t, VerdictWait, got.Verdict, "minute %d", i)
			} else {
				require.Equal(t, VerdictFailed, got.Verdict, "minute %d", i)
			}
		}
	}
}
