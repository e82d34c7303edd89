package federation_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/fedtest"
	"github.com/confed-project/confed/placement"
)

// TestCounts: every number of the table adds up over the clusters, and bounds stay in order.
func TestCounts(t *testing.T) {
	for name, test := range map[string]struct {
		template string
		totals   map[string]int64
		ordered  []string // lesser first
	}{
		"job": {`{apiVersion: batch/v1, kind: Job, metadata: {name: j, namespace: default},
			spec: {parallelism: 7, completions: 23, template: {spec: {containers: [{name: a}]}}}}`,
			map[string]int64{"parallelism": 7, "completions": 23}, []string{"parallelism", "completions"}},
		"autoscaler": {`{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: h, namespace: default},
			spec: {minReplicas: 4, maxReplicas: 11}}`,
			map[string]int64{"minReplicas": 4, "maxReplicas": 11}, []string{"minReplicas", "maxReplicas"}},
		"disruption budget": {`{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: p, namespace: default}, spec: {minAvailable: 5}}`,
			map[string]int64{"minAvailable": 5}, nil},
		"the other disruption budget": {`{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: p, namespace: default}, spec: {maxUnavailable: 5}}`,
			map[string]int64{"maxUnavailable": 5}, nil},
		"workload of another kind": {`{apiVersion: apps.example.com/v1, kind: Game, metadata: {name: g, namespace: default}, spec: {size: 5}}`,
			map[string]int64{"size": 5}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProgram(t, "a", "b", "c")
			obj := federation.Object{Template: decode(t, test.template), Placement: everywhere(), Replicas: &federation.Replicas{
				Preferences: []federation.Preference{{Clusters: placement.Policy{Clusters: []string{"a"}}, Weight: 3}, {Clusters: everywhere(), Weight: 1}},
			}}
			if name == "workload of another kind" {
				obj.Replicas.Path = "/spec/size"
				for _, member := range p.members.Names() {
					p.members.Member(member).Kinds = []fedtest.Kind{{GroupVersionKind: obj.Template.GroupVersionKind()}}
				}
			}
			sums := map[string]int64{}
			for _, s := range p.plan(obj).Steps {
				require.Len(t, s.Manifest.Object["spec"], len(obj.Template.Object["spec"].(map[string]any)), "no number is made up")
				got := map[string]int64{}
				for field := range test.totals {
					n, ok, err := unstructured.NestedInt64(s.Manifest.Object, "spec", field)
					require.NoError(t, err)
					require.True(t, ok, field)
					got[field] = n
					sums[field] += n
				}
				if test.ordered != nil {
					require.LessOrEqual(t, got[test.ordered[0]], got[test.ordered[1]])
				}
			}
			require.Equal(t, test.totals, sums)
		})
	}
	p := newProgram(t, "a", "b")
	percent := federation.Object{Placement: everywhere(), Replicas: &federation.Replicas{}, Template: decode(t,
		`{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: p, namespace: default}, spec: {minAvailable: 50%}}`)}
	plan := p.plan(percent)
	require.NoError(t, plan.Err())
	for _, s := range plan.Steps {
		require.Equal(t, "50%", s.Manifest.Object["spec"].(map[string]any)["minAvailable"], "a percentage is right everywhere")
	}
}

// TestPercentAfterNumber: what was divided once is not what is wished once there is nothing to divide.
func TestPercentAfterNumber(t *testing.T) {
	p := newProgram(t, "a", "b")
	budget := func(n any) federation.Object {
		template := decode(t, `{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: p, namespace: default}, spec: {}}`)
		require.NoError(t, unstructured.SetNestedField(template.Object, n, "spec", "minAvailable"))
		return federation.Object{Placement: everywhere(), Replicas: &federation.Replicas{}, Template: template}
	}
	p.reconcile(budget(int64(4)))
	plan := p.plan(budget("50%"))
	require.Equal(t, map[string]string{"a": "apply Changed", "b": "apply Changed"}, verbs(plan))
	require.Empty(t, plan.Shares())
	for _, s := range plan.Steps {
		require.Equal(t, "50%", s.Manifest.Object["spec"].(map[string]any)["minAvailable"])
	}
	require.ErrorIs(t, p.plan(budget(int64(-1))).Err(), federation.ErrInvalid)
}
