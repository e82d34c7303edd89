package manager

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/kubefed"
)

func TestCounts(t *testing.T) {
	result := func(cluster, digest, status string) federation.Result {
		r := federation.Result{Outcome: federation.Done}
		r.Step.Ref.Cluster, r.Step.Digest = cluster, digest
		if status != "" {
			r.Live = object(t, `{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, generation: 3}, spec: {replicas: 2}, status: `+status+`}`)
		}
		return r
	}
	conditions := `conditions: [{type: Available, status: "True", reason: R, message: m, lastUpdateTime: "2026-01-02T03:04:05Z", lastTransitionTime: "2026-01-02T03:04:05Z"}]`
	results := []federation.Result{
		result("a", "d", `{replicas: 2, readyReplicas: 1, observedGeneration: 3, `+conditions+`}`),
		result("b", "d", `{replicas: 3, readyReplicas: 3, observedGeneration: 3, `+conditions+`}`),
		result("c", "", `{replicas: 9, readyReplicas: 9}`),
		result("d", "d", ""),
	}
	p := &pass{syncer: &syncer{t: kubefed.Type{}}}
	p.t.Target.GVK = schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}
	got := p.counts(results, true)
	require.Equal(t, int64(5), got["replicas"])
	require.Equal(t, int64(4), got["readyReplicas"])
	require.Nil(t, p.counts(results, false))
	p.t.Target.GVK = schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}
	require.Nil(t, p.counts(results[3:], true))

	// What comes back from the host is the same, or every look would write.
	data, err := json.Marshal(got)
	require.NoError(t, err)
	var back map[string]any
	require.NoError(t, utiljson.Unmarshal(data, &back))
	require.Equal(t, back, got)
}
