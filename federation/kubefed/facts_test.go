package kubefed_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/kubefed"
	"github.com/confed-project/confed/placement"
)

const cluster = `
apiVersion: core.kubefed.io/v1beta1
kind: KubeFedCluster
metadata: {name: berlin, namespace: kube-federation-system, labels: {tier: edge}}
spec: {apiEndpoint: "https://berlin.example", secretRef: {name: berlin}}
status:
  region: eu
  zones: [a, b]
  kubernetesVersion: v1.30.1
  conditions:
  - {type: Offline, status: "False", lastTransitionTime: "2020-01-01T00:00:00Z", lastProbeTime: "2024-05-02T00:00:00Z"}
  - {type: Ready, status: "True", reason: ClusterReady, lastTransitionTime: "2024-05-01T10:00:00Z", lastProbeTime: "2024-05-02T00:00:00Z"}
`

func TestDecodeCluster(t *testing.T) {
	since := time.Date(2024, 5, 1, 10, 0, 0, 0, time.UTC)
	got, err := kubefed.DecodeCluster(object(t, cluster))
	require.NoError(t, err)
	require.Equal(t, placement.Cluster{
		Name: "berlin", Labels: map[string]string{"tier": "edge"}, Region: "eu", Zones: []string{"a", "b"},
		Properties: map[string]string{"confed.dev/kubernetes-version": "v1.30.1"},
		Ready:      placement.Readiness{State: placement.Ready, Since: since, Reason: "ClusterReady"},
	}, got)
	for change, want := range map[[2]string]placement.ReadyState{
		{`Ready, status: "True"`, `Ready, status: "False"`}:                   placement.NotReady,
		{`Ready, status: "True"`, `Ready, status: Unknown`}:                   placement.ReadyUnknown,
		{`Ready, status: "True"`, `Offline2, status: "True"`}:                 placement.ReadyUnknown,
		{`Ready, status: "True"`, `ConfigMalformed, status: "True"`}:          placement.NotReady,
		{`{type: Offline, status: "False"`, `{type: Offline, status: "True"`}: placement.Ready,
		{"conditions:", "other:"}:                                             placement.ReadyUnknown,
	} {
		got, err := kubefed.DecodeCluster(object(t, strings.Replace(cluster, change[0], change[1], 1)))
		require.NoError(t, err)
		require.Equal(t, want, got.Ready.State, "%v", change)
	}
}

const typeConfig = `
apiVersion: core.kubefed.io/v1beta1
kind: FederatedTypeConfig
metadata: {name: deployments.apps, namespace: kube-federation-system}
spec:
  propagation: Enabled
  targetType: {version: v1, kind: Deployment, scope: Namespaced}
  federatedType: {group: types.kubefed.io, version: v1beta1, kind: FederatedDeployment, scope: Namespaced}
`

func TestDecodeType(t *testing.T) {
	got, err := kubefed.DecodeType(object(t, typeConfig))
	require.NoError(t, err)
	federated := schema.GroupVersionKind{Group: "types.kubefed.io", Version: "v1beta1", Kind: "FederatedDeployment"}
	want := kubefed.Type{
		Target:      kubefed.Resource{GVK: deployment(), Plural: "deployments", Namespaced: true},
		Federated:   kubefed.Resource{GVK: federated, Plural: "federateddeployments", Namespaced: true},
		Propagation: true,
	}
	require.Equal(t, want, got)

	got, err = kubefed.DecodeType(object(t, typeConfig+"  statusCollection: Enabled\n  statusType: {kind: FederatedPolicy, scope: Cluster}\n"))
	require.NoError(t, err)
	want.StatusCollection = true
	federated.Kind = "FederatedPolicy"
	want.Status = &kubefed.Resource{GVK: federated, Plural: "federatedpolicies"}
	require.Equal(t, want, got)
}

const preference = `
apiVersion: scheduling.kubefed.io/v1alpha1
kind: ReplicaSchedulingPreference
metadata: {name: web, namespace: shop}
spec:
  targetKind: FederatedDeployment
  totalReplicas: 9
  rebalance: true
  intersectWithClusterSelector: true
  clusters:
    "*": {weight: 1}
    rome: {minReplicas: 2, maxReplicas: 4, weight: 3}
    "!": {}
`

func TestDecodePreference(t *testing.T) {
	got, err := kubefed.DecodePreference(object(t, preference))
	require.NoError(t, err)
	total, most := int64(9), int64(4)
	named := func(name string) placement.Policy { return placement.Policy{Clusters: []string{name}} }
	everywhere := placement.Policy{Selector: &placement.Selector{}}
	want := kubefed.Preference{
		TargetKind: "FederatedDeployment", Intersect: true,
		Replicas: federation.Replicas{Total: &total, Path: "/spec/replicas", Rebalance: true, Preferences: []federation.Preference{
			{Clusters: named("!")}, {Clusters: named("rome"), Weight: 3, Min: 2, Max: &most}, {Clusters: everywhere, Weight: 1},
		}},
	}
	require.Equal(t, want, got)

	for _, change := range []string{"clusters: {}\n", "", "clusters: null\n"} {
		text, _, _ := strings.Cut(preference, "clusters:")
		got, err = kubefed.DecodePreference(object(t, text+change))
		require.NoError(t, err)
		require.Equal(t, []federation.Preference{{Clusters: everywhere, Weight: 1}}, got.Replicas.Preferences)
	}
}

func TestFactsErrors(t *testing.T) {
	readCluster := func(o *unstructured.Unstructured) error { _, err := kubefed.DecodeCluster(o); return err }
	readType := func(o *unstructured.Unstructured) error { _, err := kubefed.DecodeType(o); return err }
	readPreference := func(o *unstructured.Unstructured) error { _, err := kubefed.DecodePreference(o); return err }
	for _, test := range []struct {
		decode                func(*unstructured.Unstructured) error
		text, old, new, field string
	}{
		{readCluster, cluster, "kind: KubeFedCluster", "kind: Cluster", "kind"},
		{readCluster, cluster, "tier: edge", "tier: 1", "metadata.labels.tier"},
		{readCluster, cluster, "[a, b]", "[a, 1]", "status.zones[1]"},
		{readCluster, cluster, "2024-05-01T", "yesterday", "status.conditions[1].lastTransitionTime"},
		{readType, typeConfig, "targetType: {", "targetType: {pluralName: others, ", "metadata.name"},
		{readType, typeConfig, "targetType: {", "targetType: {group: extensions, ", "metadata.name"},
		{readType, typeConfig, "propagation: Enabled", "propagation: true", "spec.propagation"},
		{readType, typeConfig, "propagation: Enabled", "other: 1", "spec.propagation"},
		{readType, typeConfig, "propagation: Enabled", "propagation: Enabled\n  statusCollection: \"yes\"", "spec.statusCollection"},
		{readType, typeConfig, "{version: v1,", "{", "spec.targetType.version"},
		{readType, typeConfig, "kind: Deployment,", "kind: De.ployment,", "spec.targetType.kind"},
		{readType, typeConfig, "scope: Namespaced}", "scope: All}", "spec.targetType.scope"},
		{readType, typeConfig, "types.kubefed.io", "types", "spec.federatedType.group"},
		{readType, typeConfig, "types.kubefed.io", "Types.kubefed.io", "spec.federatedType.group"},
		{readPreference, preference, "FederatedDeployment", "FederatedJob", "spec.targetKind"},
		{readPreference, preference, "totalReplicas: 9", "total: 9", "spec.totalReplicas"},
		{readPreference, preference, "totalReplicas: 9", "totalReplicas: 1.5", "spec.totalReplicas"},
		{readPreference, preference, "totalReplicas: 9", "totalReplicas: -1", "spec.totalReplicas"},
		{readPreference, preference, "maxReplicas: 4", "maxReplicas: 1", "spec.clusters.rome.minReplicas"},
		{readPreference, preference, "weight: 3", "weight: -3", "spec.clusters.rome.weight"},
	} {
		t.Run(test.field+" "+test.new, func(t *testing.T) {
			text := strings.Replace(test.text, test.old, test.new, 1)
			require.NotEqual(t, test.text, text)
			err := test.decode(object(t, text))
			var wrong *federation.Error
			require.ErrorAs(t, err, &wrong)
			require.ErrorIs(t, err, federation.ErrInvalid)
			require.Equal(t, test.field, wrong.Field)
			require.NotEmpty(t, wrong.Object)
		})
	}
}
