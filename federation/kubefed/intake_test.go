package kubefed_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/kubefed"
	"github.com/confed-project/confed/override"
	"github.com/confed-project/confed/placement"
)

const v1Deployment = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
  resourceVersion: "7"
  finalizers: [orphan]
  annotations:
    note: kept
    federation.alpha.kubernetes.io/cluster-selector: '[{"key": "tier", "operator": "In", "values": ["edge"]}, {"key": "cpus", "operator": "Gt", "values": ["4"]}]'
    federation.kubernetes.io/deployment-preferences: '{"rebalance": true, "clusters": {"*": {"weight": 1}, "rome": {"weight": 2, "minReplicas": 1, "maxReplicas": 4}}}'
spec: {replicas: 9}
`

func TestDecodeV1(t *testing.T) {
	in := object(t, v1Deployment)
	before := in.DeepCopy()
	got, err := kubefed.DecodeV1(in)
	require.NoError(t, err)
	require.Equal(t, before, in)
	require.Equal(t, map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment", "spec": map[string]any{"replicas": int64(9)},
		"metadata": map[string]any{"name": "web", "namespace": "shop", "annotations": map[string]any{"note": "kept"}},
	}, got.Template.Object)
	require.Equal(t, placement.Policy{Selector: &placement.Selector{MatchExpressions: []placement.Expression{
		{Key: "tier", Operator: "In", Values: []string{"edge"}}, {Key: "cpus", Operator: "Gt", Values: []string{"4"}},
	}}}, got.Placement)
	most := int64(4)
	require.Equal(t, &federation.Replicas{Path: "/spec/replicas", Rebalance: true, Preferences: []federation.Preference{
		{Clusters: placement.Policy{Clusters: []string{"rome"}}, Weight: 2, Min: 1, Max: &most},
		{Clusters: placement.Policy{Selector: &placement.Selector{}}, Weight: 1},
	}}, got.Replicas)
	require.True(t, got.Cascade)
}

// Without instructions an object goes everywhere, and the replicas of a Deployment are divided equally.
func TestDecodeV1Plain(t *testing.T) {
	everywhere := placement.Policy{Selector: &placement.Selector{}}
	got, err := kubefed.DecodeV1(object(t, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: shop}\ndata: {k: v}"))
	require.NoError(t, err)
	require.Equal(t, everywhere, got.Placement)
	require.Nil(t, got.Replicas)
	require.Nil(t, got.Template.GetAnnotations())

	got, err = kubefed.DecodeV1(object(t, "apiVersion: extensions/v1beta1\nkind: ReplicaSet\nmetadata: {name: a, namespace: shop}"))
	require.NoError(t, err)
	require.Equal(t, []federation.Preference{{Clusters: everywhere, Weight: 1}}, got.Replicas.Preferences)

	got, err = kubefed.DecodeV1(object(t, service))
	require.NoError(t, err)
	require.Equal(t, federation.DefaultRetain(schema.GroupKind{Kind: "Service"}), got.Retain)
	require.NotContains(t, got.Template.Object["spec"], "clusterIP")
}

// What cannot be read makes no new copy, and removes none.
func TestDecodeV1Malformed(t *testing.T) {
	fleet, err := placement.NewFleet([]placement.Cluster{{Name: "berlin"}, {Name: "rome"}})
	require.NoError(t, err)
	head, _, _ := strings.Cut(v1Deployment, "    note:")
	for _, text := range []string{
		"", "null", "{}", "[{}]", `[{"key": "a", "operator": "Is"}]`, `[{"key": "a", "operator": "In"}]`, `[{"key": "a", "operator": "Gt", "values": ["x"]}]`,
		`[{"key": "a b", "operator": "Exists"}, {"key": "c", "operator": "Exists", "values": ["x"]}]`, "tier = edge",
	} {
		in := object(t, head+"    federation.alpha.kubernetes.io/cluster-selector: '"+text+"'\nspec: {replicas: 1}")
		got, err := kubefed.DecodeV1(in)
		require.ErrorIs(t, err, federation.ErrInvalid, text)
		require.ErrorContains(t, err, "Deployment.apps shop/web: metadata.annotations[federation.alpha.kubernetes.io/cluster-selector]")
		held := []placement.Decision{{Cluster: "rome", Selected: true}}
		out, err := placement.Decide(placement.Request{Policy: got.Placement, Previous: held}, fleet)
		require.Error(t, err)
		for _, d := range out.Decisions {
			require.Equal(t, d.Cluster == "rome", d.Selected, "%s: %s", text, d.Cluster)
		}
	}
	for _, text := range []string{"", "[]", `{"clusters": {"a": {"weight": -1}}}`, `{"rebalance": 1}`} {
		in := object(t, head+"    federation.kubernetes.io/deployment-preferences: '"+text+"'\nspec: {replicas: 9}")
		got, err := kubefed.DecodeV1(in)
		require.ErrorContains(t, err, "metadata.annotations.federation.kubernetes.io/deployment-preferences", text)
		plan, err := federation.Planner{Owner: federation.Owner{Value: "us"}}.Plan(got, federation.Snapshot{Fleet: fleet})
		require.Error(t, errors.Join(append(plan.Errs, err)...))
		for _, s := range plan.Steps {
			require.Equal(t, federation.Hold, s.Verb, text)
		}
	}
}

const prototypeParts = `
apiVersion: generated.federation.k8s.io/v1alpha1
kind: FederatedDeploymentOverride
metadata: {name: web, namespace: shop}
spec:
  overrides:
  - clusterName: rome
    clusterOverrides:
    - {path: spec.replicas, value: 5}
    - {path: metadata.labels.region, value: south}
    - {path: /spec/paused, value: true}
  - clusterName: oslo
    clusterOverrides: [{path: spec.replicas.x, value: 1}]
---
apiVersion: generated.federation.k8s.io/v1alpha1
kind: FederatedDeploymentPlacement
metadata: {name: web, namespace: shop}
spec:
  clusterNames: [rome, berlin]
  clusterSelector: {matchLabels: {tier: edge}}
---
apiVersion: core.federation.k8s.io/v1alpha1
kind: FederatedDeployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {finalizers: [x]}, spec: {replicas: 3}}}
`

func prototype(t testing.TB, text string) []*unstructured.Unstructured {
	t.Helper()
	parts, err := kubefed.Documents([]byte(text))
	require.NoError(t, err)
	return parts
}

func TestDecodePrototype(t *testing.T) {
	parts := prototype(t, prototypeParts)
	got, err := kubefed.DecodePrototype(deployment(), parts...)
	require.NoError(t, err)
	require.Equal(t, prototype(t, prototypeParts), parts)
	require.Equal(t, map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": "web", "namespace": "shop"},
		"spec": map[string]any{"replicas": int64(3)},
	}, got.Template.Object)
	require.Equal(t, placement.Policy{Clusters: []string{"rome", "berlin"}}, got.Placement)
	require.True(t, got.Cascade)

	r, err := federation.Render(got, placement.Cluster{Name: "rome"}, nil)
	require.NoError(t, err)
	require.Equal(t, map[string]any{"replicas": int64(5), "paused": true}, r.Manifest.Object["spec"])
	require.Equal(t, "south", r.Manifest.GetLabels()["region"])
	_, err = federation.Render(got, placement.Cluster{Name: "berlin"}, nil)
	require.NoError(t, err)
	_, err = federation.Render(got, placement.Cluster{Name: "oslo"}, nil)
	require.ErrorIs(t, err, override.ErrInvalid)
	require.ErrorContains(t, err, "spec.replicas is not an object")

	// In any order, and with the kind not said.
	again, err := kubefed.DecodePrototype(schema.GroupVersionKind{Group: "apps", Version: "v1"}, parts[2], parts[1], parts[0])
	require.NoError(t, err)
	require.Equal(t, got, again)

	got, err = kubefed.DecodePrototype(deployment(), parts[2])
	require.NoError(t, err)
	require.Zero(t, got.Placement, "nobody placed it")
}

func TestDecodePrototypeForms(t *testing.T) {
	one := `
apiVersion: types.federation.k8s.io/v1alpha1
kind: FederatedConfigMap
metadata: {name: motd, namespace: shop}
spec:
  template: {data: {k: v}}
  placement: {clusterNames: [], clusterSelector: {matchLabels: {tier: edge}}}
  overrides: [{clusterName: rome, clusterOverrides: [{path: data.k, value: w}]}]
`
	got, err := kubefed.DecodePrototype(schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}, prototype(t, one)...)
	require.NoError(t, err)
	require.Equal(t, placement.Policy{Selector: &placement.Selector{MatchLabels: map[string]string{"tier": "edge"}}}, got.Placement)
	r, err := federation.Render(got, placement.Cluster{Name: "rome"}, nil)
	require.NoError(t, err)
	require.Equal(t, map[string]any{"k": "w"}, r.Manifest.Object["data"])

	namespace := `
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {team: a}}, spec: {finalizers: [kubernetes]}}
---
{apiVersion: core.federation.k8s.io/v1alpha1, kind: FederatedNamespacePlacement, metadata: {name: shop, namespace: shop}, spec: {clusterSelector: {}}}
`
	got, err = kubefed.DecodePrototype(schema.GroupVersionKind{Version: "v1"}, prototype(t, namespace)...)
	require.NoError(t, err)
	require.Equal(t, placement.Policy{Selector: &placement.Selector{}}, got.Placement)
	require.Equal(t, map[string]any{
		"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": "shop", "labels": map[string]any{"team": "a"}},
	}, got.Template.Object)
}

func TestDecodePrototypeErrors(t *testing.T) {
	for _, test := range []struct{ old, new, want string }{
		{"kind: FederatedDeploymentPlacement\nmetadata: {name: web", "kind: FederatedDeploymentPlacement\nmetadata: {name: other", "metadata.name: invalid: is not that of another part, shop/web"},
		{"kind: FederatedDeploymentOverride", "kind: FederatedDeploymentPlacement", "kind: invalid: there are two of them"},
		{"kind: FederatedDeploymentOverride", "kind: FederatedJobOverride", "kind: invalid: is no part of a FederatedDeployment"},
		{"core.federation.k8s.io/v1alpha1", "types.kubefed.io/v1beta1", "apiVersion: invalid: \"types.kubefed.io/v1beta1\" is not of the prototype"},
		{"kind: FederatedDeployment\n", "kind: FederatedDeploymentOverride\n", "there are two of them"},
		{"clusterNames: [rome, berlin]", "clusterNames: [rome, 7]", "spec.clusterNames[1]: invalid: is a int64, not a string"},
		{"clusterNames: [rome, berlin]", "clusterNames: [\"\"]", "spec.clusterNames[0]: invalid: missing"},
		{"  overrides:", "  overrides: 7\n  others:", "FederatedDeploymentOverride.generated.federation.k8s.io shop/web: spec.overrides: invalid"},
		{"spec: {template: {metadata: {finalizers: [x]}, spec: {replicas: 3}}}", "spec: {}", "spec.template: invalid: missing: there is no Deployment without a spec"},
	} {
		text := strings.Replace(prototypeParts, test.old, test.new, 1)
		require.NotEqual(t, prototypeParts, text)
		_, err := kubefed.DecodePrototype(deployment(), prototype(t, text)...)
		require.ErrorContains(t, err, test.want)
		require.ErrorIs(t, err, federation.ErrInvalid)
	}
	for _, parts := range [][]*unstructured.Unstructured{nil, {nil}, prototype(t, prototypeParts)[:2]} {
		_, err := kubefed.DecodePrototype(deployment(), parts...)
		require.ErrorIs(t, err, federation.ErrInvalid)
	}
	for text, want := range map[string]string{
		"[{value: 1}]":                                    "spec.overrides[0].clusterOverrides[0].path: invalid: missing",
		"[{path: spec..a, value: 1}]":                     "has an empty name in it",
		"[{path: spec.a, value: 1}, {path: spec.a}]":      "spec.overrides[0].clusterOverrides[1].path: invalid: spec.a is overridden already",
		"[{path: metadata.name, value: x}]":               "/metadata/name",
		"[{path: metadata, value: {name: x, labels: 1}}]": "/metadata",
	} {
		head, tail, _ := strings.Cut(prototypeParts, "    clusterOverrides:\n")
		_, tail, _ = strings.Cut(tail, "---")
		got, err := kubefed.DecodePrototype(deployment(), prototype(t, head+"    clusterOverrides: "+text+"\n---"+tail)...)
		require.NoError(t, err)
		_, err = federation.Render(got, placement.Cluster{Name: "rome"}, nil)
		require.ErrorContains(t, err, want)
		_, err = federation.Render(got, placement.Cluster{Name: "berlin"}, nil)
		require.NoError(t, err)
	}
}

func FuzzIntake(f *testing.F) {
	for _, text := range []string{prototypeParts, v1Deployment, directive, web} {
		parts := prototype(f, text)
		for len(parts) < 3 {
			parts = append(parts, parts[0])
		}
		seeds := make([][]byte, 3)
		for i := range seeds {
			var err error
			seeds[i], err = json.Marshal(parts[i].Object)
			require.NoError(f, err)
		}
		f.Add(seeds[0], seeds[1], seeds[2])
	}
	f.Fuzz(func(t *testing.T, a, b, c []byte) {
		var parts []*unstructured.Unstructured
		for _, data := range [][]byte{a, b, c} {
			o := &unstructured.Unstructured{}
			if json.Unmarshal(data, &o.Object) != nil {
				return
			}
			parts = append(parts, o)
		}
		before := parts[0].DeepCopy()
		_, v1Err := kubefed.DecodeV1(parts[0])
		wish, prototypeErr := kubefed.DecodePrototype(deployment(), parts...)
		_, directiveErr := kubefed.DecodeDirective(parts[0])
		_, federateErr := kubefed.Federate(parts[0], kubefed.Type{Target: kubefed.Resource{GVK: parts[0].GroupVersionKind(), Namespaced: true}})
		if prototypeErr == nil {
			require.NotNil(t, wish.Template)
			_, _ = federation.Render(wish, placement.Cluster{Name: "rome"}, nil)
		}
		for _, err := range []error{v1Err, prototypeErr, directiveErr, federateErr} {
			var wrong *federation.Error
			require.True(t, err == nil || errors.As(err, &wrong) && (errors.Is(err, federation.ErrInvalid) || errors.Is(err, kubefed.ErrLocal)))
		}
		require.Equal(t, before, parts[0])
	})
}
