package status

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func decode(t testing.TB, text string) map[string]any {
	t.Helper()
	var out map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &out))
	return out
}

func settledDeployment() map[string]any {
	return map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment",
		"metadata": map[string]any{"name": "web", "namespace": "shop", "generation": int64(3)},
		"spec":     map[string]any{"replicas": int64(3), "progressDeadlineSeconds": int64(600)},
		"status": map[string]any{
			"observedGeneration": int64(3), "replicas": int64(3), "updatedReplicas": int64(3), "readyReplicas": int64(3), "availableReplicas": int64(3),
			"conditions": []any{
				map[string]any{"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable", "message": "Deployment has minimum availability.",
					"lastTransitionTime": "2026-03-01T10:00:00Z", "lastUpdateTime": "2026-03-01T10:00:00Z"},
				map[string]any{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable", "message": `ReplicaSet "web-5d8" has successfully progressed.`,
					"lastTransitionTime": "2026-03-01T09:59:00Z", "lastUpdateTime": "2026-03-01T10:00:00Z"},
			},
		},
	}
}

func TestAssess(t *testing.T) {
	for _, c := range []struct {
		name, live string
		health     Health
		why        string
	}{
		{"nothing", `null`, HealthUnknown, "Malformed: kind is missing"},
		{"deleted", `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"deletionTimestamp":"2026-03-01T10:00:00Z"}}`, HealthTerminating, "Terminating: being deleted"},
		{"config map", `{"apiVersion":"v1","kind":"ConfigMap"}`, HealthCurrent, "Current: exists"},
		{"metadata only", `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"generation":1}}`, HealthUnknown, "NoStatus: neither spec nor status was read"},
		{"unknown kind", `{"apiVersion":"x/v1","kind":"Y","spec":{}}`, HealthUnknown, "NoRule: no rule for this kind and no condition that tells"},
		{"unknown kind, ready", `{"apiVersion":"x/v1","kind":"Y","status":{"conditions":[{"type":"Ready","status":"True"}]}}`, HealthCurrent, "Ready"},
		{"unknown kind, stalled", `{"apiVersion":"x/v1","kind":"Y","status":{"conditions":[{"type":"Stalled","status":"True","reason":"Quota","message":"none left"}]}}`, HealthFailed, "Quota: none left"},
		{"stale", `{"apiVersion":"x/v1","kind":"Y","metadata":{"generation":2},"status":{"observedGeneration":1}}`, HealthInProgress, "LatestGenerationNotObserved: generation 2, observed 1"},
		{"future", `{"apiVersion":"x/v1","kind":"Y","metadata":{"generation":2},"status":{"observedGeneration":3}}`, HealthInProgress, "FutureGeneration: generation 2, observed 3"},
		{"wrong type", `{"apiVersion":"apps/v1","kind":"Deployment","spec":{"replicas":"3"}}`, HealthUnknown, "Malformed: replicas is not an integer"},
		{"negative", `{"apiVersion":"apps/v1","kind":"Deployment","spec":{},"status":{"replicas":-1}}`, HealthUnknown, "Malformed: replicas is negative"},
		{"condition without type", `{"apiVersion":"apps/v1","kind":"Deployment","spec":{},"status":{"conditions":[{}]}}`, HealthUnknown, "Malformed: a condition is without type"},
		{"deadline", `{"apiVersion":"apps/v1","kind":"Deployment","spec":{},"status":{"conditions":[{"type":"Progressing","status":"False","reason":"ProgressDeadlineExceeded","message":"late"}]}}`, HealthFailed, "ProgressDeadlineExceeded: late"},
		{"balancer without address", `{"apiVersion":"v1","kind":"Service","spec":{"type":"LoadBalancer","clusterIP":"10.0.0.1"},"status":{"loadBalancer":{}}}`, HealthInProgress, "NoAddress: the load balancer has no address"},
		{"running job", `{"apiVersion":"batch/v1","kind":"Job","spec":{},"status":{"startTime":"2026-03-01T10:00:00Z","active":2}}`, HealthInProgress, "JobRunning: 0 succeeded, 2 active, 0 failed"},
		{"failed pod", `{"apiVersion":"v1","kind":"Pod","spec":{},"status":{"phase":"Failed","reason":"Evicted","message":"node is low on memory"}}`, HealthFailed, "Evicted: node is low on memory"},
		{"on-delete daemon set", `{"apiVersion":"apps/v1","kind":"DaemonSet","metadata":{"generation":1},"spec":{"updateStrategy":{"type":"OnDelete"}},"status":{"observedGeneration":1,"desiredNumberScheduled":2,"currentNumberScheduled":2,"numberAvailable":2,"numberReady":2}}`, HealthCurrent, "Current: 2 replicas"},
		{"partition", `{"apiVersion":"apps/v1","kind":"StatefulSet","spec":{"replicas":3,"updateStrategy":{"rollingUpdate":{"partition":2}}},"status":{"replicas":3,"readyReplicas":3,"updatedReplicas":1,"currentRevision":"a","updateRevision":"b"}}`, HealthCurrent, "Current: 3 replicas"},
	} {
		t.Run(c.name, func(t *testing.T) {
			health, why := Assess(decode(t, c.live))
			require.Equal(t, c.health, health, why)
			require.Equal(t, c.why, why)
		})
	}
	health, why := Assess(settledDeployment())
	require.Equal(t, HealthCurrent, health, why)
}

func BenchmarkAssessDeployment(b *testing.B) {
	live := settledDeployment()
	b.ReportAllocs()
	for b.Loop() {
		Assess(live)
	}
}
