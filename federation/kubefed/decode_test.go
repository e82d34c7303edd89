package kubefed_test

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/kubefed"
	"github.com/confed-project/confed/override"
	"github.com/confed-project/confed/placement"
)

func object(t testing.TB, text string) *unstructured.Unstructured {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(text))
	require.NoError(t, err)
	obj := &unstructured.Unstructured{}
	require.NoError(t, obj.UnmarshalJSON(data))
	return obj
}

func deployment() schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}
}

const web = `
apiVersion: types.kubefed.io/v1beta1
kind: FederatedDeployment
metadata:
  name: web
  namespace: shop
  annotations:
    kubefed.io/orphan: "true"
    kubefed.io/deleteoption: '{"propagationPolicy": "Orphan", "gracePeriodSeconds": 5}'
spec:
  template:
    metadata:
      name: other
      namespace: other
      labels: {app: web}
      finalizers: [a/b]
      annotations: {note: kept, retain: "true"}
    spec: {replicas: 3, paused: false}
  placement:
    clusterSelector: {matchLabels: {tier: edge}}
  overrides:
  - clusterName: berlin
    clusterOverrides:
    - {path: /spec/replicas, value: 5}
    - {op: add, path: /metadata/annotations/x, value: "${cluster.name}"}
    - {op: remove, path: /spec/paused, value: ignored}
`

func TestDecode(t *testing.T) {
	in := object(t, web)
	before := in.DeepCopy()
	got, err := kubefed.Decode(in, deployment())
	require.NoError(t, err)
	require.Equal(t, before, in, "the argument is only read")

	require.Equal(t, map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment",
		"metadata": map[string]any{
			"name": "web", "namespace": "shop", "labels": map[string]any{"app": "web"},
			"annotations": map[string]any{"note": "kept"},
		},
		"spec": map[string]any{"replicas": int64(3), "paused": false},
	}, got.Template.Object)
	require.Equal(t, placement.Policy{Selector: &placement.Selector{MatchLabels: map[string]string{"tier": "edge"}}}, got.Placement)
	require.Equal(t, []federation.Override{{
		Clusters: placement.Policy{Clusters: []string{"berlin"}},
		Layer: override.Layer{Name: "spec.overrides[0]", Literal: true, Edits: []override.Edit{
			override.Patch{Path: "/spec/replicas", Value: int64(5)},
			override.Patch{Op: "add", Path: "/metadata/annotations/x", Value: "${cluster.name}"},
			override.Patch{Op: "remove", Path: "/spec/paused"},
		}},
	}}, got.Overrides)
	require.Equal(t, []string{"/spec/replicas"}, got.Retain)
	require.True(t, got.Orphan)
	require.True(t, got.Cascade)
	policy, grace := metav1.DeletePropagationOrphan, int64(5)
	require.Equal(t, metav1.DeleteOptions{PropagationPolicy: &policy, GracePeriodSeconds: &grace}, got.DeleteOptions)

	r, err := federation.Render(got, placement.Cluster{Name: "berlin"}, nil)
	require.NoError(t, err)
	require.Equal(t, "${cluster.name}", r.Manifest.GetAnnotations()["x"])
}

func TestDecodeTarget(t *testing.T) {
	head := "apiVersion: types.kubefed.io/v1beta1\n"
	for _, test := range []struct {
		name, text string
		target     schema.GroupVersionKind
		want       string // apiVersion kind namespace/name
		retain     []string
	}{
		{"the template knows its version", "kind: FederatedJob\nmetadata: {name: a, namespace: ns}\nspec: {template: {apiVersion: batch/v1, spec: {}}, retainReplicas: false}",
			schema.GroupVersionKind{}, "batch/v1 Job ns/a", federation.DefaultRetain(schema.GroupKind{Group: "batch", Kind: "Job"})},
		{"it wins over the type's", "kind: FederatedX\nmetadata: {name: a}\nspec: {template: {apiVersion: a.b/v2}}",
			schema.GroupVersionKind{Group: "a.b", Version: "v1", Kind: "X"}, "a.b/v2 X /a", nil},
		{"a kind with another prefix", "kind: Spread\nmetadata: {name: a}",
			schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}, "v1 ConfigMap /a", nil},
		{"a namespace lives in itself", "kind: FederatedNamespace\nmetadata: {name: a, namespace: a}",
			schema.GroupVersionKind{Version: "v1"}, "v1 Namespace /a", nil},
		{"replicas are retained", "kind: FederatedDeployment\nmetadata: {name: a, namespace: ns}\nspec: {retainReplicas: true, template: {spec: {}}}",
			deployment(), "apps/v1 Deployment ns/a", []string{"/spec/replicas"}},
		{"what members allocate is always retained", "kind: FederatedService\nmetadata: {name: a, namespace: ns}\nspec: {template: {spec: {}}}",
			schema.GroupVersionKind{Version: "v1"}, "v1 Service ns/a", federation.DefaultRetain(schema.GroupKind{Kind: "Service"})},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := kubefed.Decode(object(t, head+test.text), test.target)
			require.NoError(t, err)
			o := got.Template
			require.Equal(t, test.want, o.GetAPIVersion()+" "+o.GetKind()+" "+o.GetNamespace()+"/"+o.GetName())
			require.Equal(t, test.retain, got.Retain)
			require.False(t, got.Orphan)
		})
	}
}

func TestDecodeErrors(t *testing.T) {
	for field, change := range map[string][2]string{
		"metadata.name":                   {"name: web", "name: 1"},
		"metadata.namespace":              {"namespace: shop", "namespace: no"},
		"kind":                            {"kind: FederatedDeployment", "kind: Deployment"},
		"spec":                            {"spec:\n  template:", "spec: []\nother:\n  template:"},
		"spec.template.apiVersion":        {"    metadata:\n", "    apiVersion: 1\n    metadata:\n"},
		"spec.template.metadata":          {"    metadata:\n      name: other", "    metadata: 1\n    other:\n      name: other"},
		"spec.placement.clusterSelector":  {"{matchLabels: {tier: edge}}", "all"},
		"spec.placement.clusters[0].name": {"clusterSelector: {matchLabels: {tier: edge}}", "clusters: [{}]"},
		"spec.placement.clusters[1]":      {"clusterSelector: {matchLabels: {tier: edge}}", "clusters: [{name: a}, b]"},
		"spec.placement.clusterSelector.matchLabels.tier":             {"tier: edge", "tier: 1"},
		"spec.placement.clusterSelector.matchExpressions[0].operator": {"matchLabels: {tier: edge}", "matchExpressions: [{key: a}]"},
		"spec.overrides[0].clusterName":                               {"clusterName: berlin", "cluster: berlin"},
		"spec.retainReplicas":                                         {"spec:\n  template", "spec:\n  retainReplicas: 1\n  template"},
		"metadata.annotations.kubefed.io/deleteoption":                {`'{"propagationPolicy"`, `'{"propagationPolicy": 1, "x"`},
	} {
		t.Run(field, func(t *testing.T) {
			text := strings.Replace(web, change[0], change[1], 1)
			require.NotEqual(t, web, text)
			_, err := kubefed.Decode(object(t, text), schema.GroupVersionKind{Group: "apps", Version: "v1"})
			var wrong *federation.Error
			require.ErrorAs(t, err, &wrong)
			require.ErrorIs(t, err, federation.ErrInvalid)
			require.Equal(t, field, wrong.Field)
			require.Contains(t, wrong.Object, "Deployment.types.kubefed.io")
		})
	}
	for _, obj := range []*unstructured.Unstructured{nil, {}} {
		_, err := kubefed.Decode(obj, deployment())
		require.ErrorIs(t, err, federation.ErrInvalid)
	}
	_, err := kubefed.Decode(object(t, web), schema.GroupVersionKind{})
	require.ErrorContains(t, err, "spec.template.apiVersion")
	_, err = kubefed.Decode(object(t, "apiVersion: v1\nkind: FederatedNamespace\nmetadata: {name: a, namespace: b}"), schema.GroupVersionKind{Version: "v1"})
	require.ErrorContains(t, err, "metadata.name")
}

// Each row is read as the overrides of one object. What KubeFed refuses for the whole object holds here the one cluster.
func TestOverrideCases(t *testing.T) {
	var table struct {
		Parse []struct {
			ID, Expected string
			Overrides    any
		}
	}
	load(t, "testdata/overrides.json", &table)
	require.Len(t, table.Parse, 11)
	for _, row := range table.Parse {
		t.Run(row.ID, func(t *testing.T) {
			in := object(t, web)
			template := map[string]any{"apiVersion": "apps/v1", "spec": map[string]any{"args": []any{}}}
			if row.ID == "apiversion-allowed" {
				template["apiVersion"] = "extensions/v1" // only the version may change
			}
			in.Object["spec"] = map[string]any{"template": template, "overrides": row.Overrides}
			obj, err := kubefed.Decode(in, deployment())
			require.NoError(t, err)
			_, err = federation.Render(obj, placement.Cluster{Name: "c1"}, nil)
			if row.Expected == "ok" {
				require.NoError(t, err)
			} else {
				var wrong *federation.Error
				require.ErrorAs(t, err, &wrong)
				require.Equal(t, "c1", wrong.Cluster)
			}
			_, err = federation.Render(obj, placement.Cluster{Name: "c2"}, nil)
			require.NoError(t, err, "the others go on")
		})
	}
}

func TestOverrideErrors(t *testing.T) {
	for text, field := range map[string]string{
		"clusterOverrides: {}":                        "spec.overrides[0].clusterOverrides",
		"clusterOverrides: [{value: 1}]":              "spec.overrides[0].clusterOverrides[0].path",
		"clusterOverrides: [{op: test, path: /spec}]": "spec.overrides[0].clusterOverrides[0].op",
		"clusterOverrides: [{path: /spec/a}, {op: remove, path: /spec/b}, {op: add, path: /spec/a}]": "spec.overrides[0].clusterOverrides[2].path",
	} {
		t.Run(field, func(t *testing.T) {
			head, _, _ := strings.Cut(web, "    clusterOverrides:")
			obj, err := kubefed.Decode(object(t, head+"    "+text), deployment())
			require.NoError(t, err)
			_, err = federation.Render(obj, placement.Cluster{Name: "berlin"}, nil)
			require.ErrorContains(t, err, field+": ")
			require.ErrorContains(t, err, `cluster "berlin"`)
			require.ErrorIs(t, err, override.ErrInvalid)
		})
	}
}

func TestPlacementCases(t *testing.T) {
	type row struct {
		ID                string
		Clusters          []placement.Cluster
		ResourcePlacement map[string]any  `json:"resource_placement"`
		NamespacePolicy   json.RawMessage `json:"namespace_placement"`
		LimitedScope      bool            `json:"limited_scope"`
		SelectorOnly      bool            `json:"selector_only"`
		Expected          []string
		ExpectedError     string `json:"expected_error"`
	}
	var table struct{ Cases []row }
	load(t, "testdata/placement.json", &table)
	require.Len(t, table.Cases, 20)
	policy := func(t *testing.T, p map[string]any, selectorOnly bool) placement.Policy {
		if names, ok := p["clusters"].([]any); ok {
			for i, name := range names {
				names[i] = map[string]any{"name": name}
			}
		}
		in := object(t, web)
		in.Object["spec"].(map[string]any)["placement"] = p
		if selectorOnly {
			policy, err := kubefed.DecodeSelector(in)
			require.NoError(t, err)
			return policy
		}
		obj, err := kubefed.Decode(in, deployment())
		require.NoError(t, err)
		return obj.Placement
	}
	for _, row := range table.Cases {
		t.Run(row.ID, func(t *testing.T) {
			fleet, err := placement.NewFleet(row.Clusters)
			require.NoError(t, err)
			wish := policy(t, row.ResourcePlacement, row.SelectorOnly)
			if row.NamespacePolicy != nil && (string(row.NamespacePolicy) != "null" || !row.LimitedScope) {
				var p map[string]any
				require.NoError(t, json.Unmarshal(row.NamespacePolicy, &p))
				wish = placement.Intersect(wish, policy(t, p, false))
			}
			names, err := placement.Select(placement.Request{Policy: wish}, fleet)
			if row.ExpectedError != "" {
				require.ErrorIs(t, err, placement.ErrInvalid)
				return
			}
			require.NoError(t, err)
			require.Equal(t, row.Expected, names)
		})
	}
}

func load(t *testing.T, name string, into any) {
	t.Helper()
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, into))
}

func FuzzDecode(f *testing.F) {
	for _, text := range []string{web, cluster, typeConfig, preference, bare, full, serviceDNS, ingressDNS, domain} {
		seed, err := json.Marshal(object(f, text).Object)
		require.NoError(f, err)
		f.Add(seed)
	}
	f.Add([]byte(`{"apiVersion":"a/v1","kind":"FederatedX","metadata":{"name":"a","annotations":[]},"spec":{"overrides":[null]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		obj := &unstructured.Unstructured{}
		if json.Unmarshal(data, &obj.Object) != nil {
			return
		}
		before := obj.DeepCopy()
		wish, err := kubefed.Decode(obj, deployment())
		if err == nil {
			require.Equal(t, obj.GetName(), wish.Template.GetName())
			require.Equal(t, "Deployment", wish.Template.GetKind())
			_, _ = federation.Render(wish, placement.Cluster{Name: "berlin"}, nil)
		}
		c, clusterErr := kubefed.DecodeCluster(obj)
		kind, typeErr := kubefed.DecodeType(obj)
		p, preferenceErr := kubefed.DecodePreference(obj)
		fuzzCore(t, obj)
		require.True(t, clusterErr != nil || c.Name == obj.GetName())
		require.True(t, typeErr != nil || kind.Target.Plural != "")
		require.True(t, preferenceErr != nil || len(p.Replicas.Preferences) > 0)
		for _, err := range []error{err, clusterErr, typeErr, preferenceErr} {
			var wrong *federation.Error
			require.True(t, err == nil || errors.Is(err, federation.ErrInvalid) && errors.As(err, &wrong))
		}
		require.Equal(t, before, obj)
	})
}
