package kubefed_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/confed-project/confed/federation/kubefed"
	"github.com/confed-project/confed/placement"
)

func TestEncodeClusterStatus(t *testing.T) {
	now := time.Date(2024, 6, 1, 12, 0, 0, 999, time.FixedZone("", 3600))
	const probed, since = "2024-06-01T11:00:00Z", "2024-06-01T10:00:00Z"
	one := func(kind, status, reason, message string) map[string]any {
		return map[string]any{
			"type": kind, "status": status, "reason": reason, "message": message,
			"lastProbeTime": probed, "lastTransitionTime": since,
		}
	}
	reachable := one("Offline", "False", "ClusterReachable", "cluster is reachable")
	for _, row := range []struct {
		outcome, message string
		want             []any
		ready            placement.ReadyState
	}{
		{"ClusterReady", "", []any{one("Ready", "True", "ClusterReady", "/healthz responded with ok")}, placement.Ready},
		{"ClusterReady", "/readyz responded with ok", []any{one("Ready", "True", "ClusterReady", "/readyz responded with ok")}, placement.Ready},
		{"ClusterNotReady", "", []any{one("Ready", "False", "ClusterNotReady", "/healthz responded without ok"), reachable}, placement.NotReady},
		{"CredentialsRejected", "401", []any{one("Ready", "False", "CredentialsRejected", "401"), reachable}, placement.NotReady},
		{"ClusterNotReachable", "cluster is not reachable: EOF", []any{one("Offline", "True", "ClusterNotReachable", "cluster is not reachable: EOF")}, placement.NotReady},
		{"ClusterConfigMalformed", "no secret", []any{one("ConfigMalformed", "True", "ClusterConfigMalformed", "no secret")}, placement.NotReady},
		{"HubSuspected", "silent", []any{one("Ready", "Unknown", "HubSuspected", "silent")}, placement.ReadyUnknown},
	} {
		t.Run(row.outcome, func(t *testing.T) {
			in := object(t, strings.Split(cluster, "status:")[0])
			before := in.DeepCopy()
			h := kubefed.ClusterHealth{
				Outcome: row.outcome, Message: row.message, ProbedAt: now, Since: now.Add(-time.Hour),
				Version: "v1.31.0", Region: "us", Zones: []string{"b", "a", "b"},
			}
			got := kubefed.EncodeClusterStatus(in, h)
			require.Equal(t, before, in)
			want := map[string]any{"conditions": row.want, "region": "us", "zones": []any{"a", "b"}}
			if row.outcome == "ClusterReady" {
				want["kubernetesVersion"] = "v1.31.0"
			}
			require.Equal(t, want, got.Object["status"])
			require.Nil(t, kubefed.EncodeClusterStatus(got, h), "written once")
			facts, err := kubefed.DecodeCluster(got)
			require.NoError(t, err)
			require.Equal(t, row.ready, facts.Ready.State)
			require.NoError(t, kubefed.Validate(got, nil))
		})
	}
	require.Nil(t, kubefed.EncodeClusterStatus(object(t, cluster), kubefed.ClusterHealth{}), "nobody looked")
	require.Nil(t, kubefed.EncodeClusterStatus(nil, kubefed.ClusterHealth{Outcome: "ClusterReady"}))
}

func TestEncodeClusterStatusOverTime(t *testing.T) {
	at := func(minute int) time.Time { return time.Date(2024, 6, 1, 12, minute, 0, 0, time.UTC) }
	obj := object(t, cluster)
	step := func(minute int, h kubefed.ClusterHealth) (written bool, status map[string]any) {
		h.ProbedAt = at(minute)
		if out := kubefed.EncodeClusterStatus(obj, h); out != nil {
			obj, written = out, true
		}
		return written, obj.Object["status"].(map[string]any)
	}
	first := func(status map[string]any, key string) any {
		return status["conditions"].([]any)[0].(map[string]any)[key]
	}
	ready := kubefed.ClusterHealth{Outcome: "ClusterReady", Version: "v1.30.1", Since: at(0), Refresh: 10 * time.Minute}

	written, status := step(1, ready)
	require.True(t, written)
	require.Equal(t, "2024-05-01T10:00:00Z", first(status, "lastTransitionTime"), "a program that starts anew knows no better")
	require.Equal(t, []any{"a", "b"}, status["zones"], "a probe that finds none leaves what is there")
	require.Equal(t, "eu", status["region"])
	written, status = step(10, ready)
	require.False(t, written)
	require.Equal(t, "2024-06-01T12:01:00Z", first(status, "lastProbeTime"))
	written, status = step(11, ready)
	require.True(t, written, "old enough")
	require.Equal(t, "2024-06-01T12:11:00Z", first(status, "lastProbeTime"))
	ready.Version = "v1.31.0"
	written, _ = step(12, ready)
	require.True(t, written, "a new version is news")
	lost := kubefed.ClusterHealth{Outcome: "ClusterNotReachable", Since: at(13), Refresh: 10 * time.Minute}
	written, status = step(13, lost)
	require.True(t, written)
	require.Equal(t, "2024-06-01T12:13:00Z", first(status, "lastTransitionTime"))
	require.NotContains(t, status, "kubernetesVersion")
	lost.Refresh = 0
	written, _ = step(14, lost)
	require.True(t, written, "with every probe, as KubeFed did")
}
