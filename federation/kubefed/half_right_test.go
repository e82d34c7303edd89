package kubefed_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/kubefed"
	"github.com/confed-project/confed/placement"
)

// For every default kind: the template's annotation retains what members allocate and the replicas, and is never sent.
func TestRetain(t *testing.T) {
	for _, r := range defaults() {
		t.Run(r.Name, func(t *testing.T) {
			typ := typeOf(t, r.Name)
			gk := typ.Target.GVK.GroupKind()
			base := federation.DefaultRetain(gk)
			count := "/spec/replicas"
			if r.Kind == "Job" {
				count = "/spec/parallelism"
			}
			for text, more := range map[string][]string{
				`spec: {template: {spec: {}, metadata: {annotations: {retain: "true", note: kept}}}}`:                        {count},
				`spec: {template: {spec: {}, metadata: {annotations: {retain: "false", note: kept}}}}`:                       nil,
				`spec: {template: {spec: {}, metadata: {annotations: {note: kept}}}}`:                                        nil,
				`spec: {retainReplicas: true, template: {spec: {}, metadata: {annotations: {note: kept}}}}`:                  {count},
				`spec: {retainReplicas: false, template: {spec: {}, metadata: {annotations: {retain: "true", note: kept}}}}`: {count},
			} {
				in := object(t, "apiVersion: types.kubefed.io/v1beta1\nkind: "+typ.Federated.GVK.Kind+"\nmetadata: {name: shop}\n"+text)
				if typ.Federated.Namespaced {
					in.SetNamespace("shop")
				}
				got, err := kubefed.Decode(in, typ.Target.GVK)
				require.NoError(t, err)
				require.Equal(t, append(append([]string(nil), base...), more...), append([]string(nil), got.Retain...), text)
				r, err := federation.Render(got, placement.Cluster{Name: "rome"}, nil)
				require.NoError(t, err)
				sent := r.Manifest.GetAnnotations()
				require.Equal(t, "kept", sent["note"])
				require.NotContains(t, sent, "retain")
			}
		})
	}
}

// What is wrong with a template is said in words, beside the rest of the object.
func TestDecodeTemplateErrors(t *testing.T) {
	template := "  template:\n    metadata:"
	for want, change := range map[string]string{
		"spec.template: invalid: missing: there is no Deployment without a spec":                                "  other:\n    metadata:",
		"spec.template.spec: invalid: missing: there is no Deployment without it":                               "  template:\n    metadata: {}\n  other:\n    metadata:",
		`spec.template.kind: invalid: "Service" is not Deployment, the kind that is propagated`:                 "  template:\n    kind: Service\n    metadata:",
		`spec.template.apiVersion: invalid: "v1" is not of the group of Deployment.apps, the kind that is prop`: "  template:\n    apiVersion: v1\n    metadata:",
	} {
		text := strings.Replace(web, template, change, 1)
		require.NotEqual(t, web, text)
		got, err := kubefed.Decode(object(t, text), deployment())
		require.ErrorContains(t, err, "FederatedDeployment.types.kubefed.io shop/web: "+want)
		require.ErrorIs(t, err, federation.ErrInvalid)
		require.Nil(t, got.Template, "nothing of it is propagated")
		require.True(t, got.Orphan)
		require.NotNil(t, got.Placement.Selector)
	}
	_, err := kubefed.Decode(object(t, strings.Replace(web, template, "  template:\n    apiVersion: extensions/v1beta1\n    kind: Deployment\n    metadata:", 1)), deployment())
	require.NoError(t, err, "the same objects under their old group")
	for _, text := range []string{"", "spec: {}", "spec: {template: null}", "spec: {template: {}}"} {
		got, err := kubefed.Decode(object(t, "apiVersion: types.kubefed.io/v1beta1\nkind: FederatedConfigMap\nmetadata: {name: a, namespace: shop}\n"+text),
			schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"})
		require.NoError(t, err, "an empty ConfigMap may be meant")
		require.Equal(t, "a", got.Template.GetName())
	}
}

// Copies of an object whose template became unreadable can still be removed, but only of one that is being deleted.
func TestDecodeDeleted(t *testing.T) {
	deleted := "  name: web\n  deletionTimestamp: \"2024-05-01T10:00:00Z\"\n"
	for _, change := range [][2]string{
		{"  template:\n    metadata:", "  other:\n    metadata:"},
		{"  template:\n    metadata:", "  template: 7\n  other:\n    metadata:"},
		{"spec:\n  template:", "spec: []\nother:\n  template:"},
		{"    metadata:\n      name: other", "    kind: Service\n    metadata:\n      name: other"},
	} {
		text := strings.Replace(web, change[0], change[1], 1)
		require.NotEqual(t, web, text)
		got, err := kubefed.Decode(object(t, text), deployment())
		require.ErrorIs(t, err, federation.ErrInvalid)
		require.Nil(t, got.Template)

		gone := strings.Replace(text, "  name: web\n", deleted, 1)
		got, err = kubefed.Decode(object(t, gone), deployment())
		require.NoError(t, err)
		require.True(t, got.Orphan)
		require.NotNil(t, got.DeleteOptions.PropagationPolicy)
		_, err = kubefed.Decode(object(t, strings.Replace(gone, "'{\"propagationPolicy\"", "'{\"propagationPolicy\": 1, \"x\"", 1)), deployment())
		require.ErrorContains(t, err, "deleteoption", "how to delete must be known")
		require.NotContains(t, err.Error(), "spec")
		require.Equal(t, map[string]any{
			"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": "web", "namespace": "shop"},
		}, got.Template.Object)

		live := got.Template.DeepCopy()
		live.SetUID("u")
		live.SetLabels(map[string]string{"confed.dev/owner": "us"})
		require.Zero(t, got.Placement)
		fleet, err := placement.NewFleet([]placement.Cluster{{Name: "rome"}})
		require.NoError(t, err)
		key := federation.Key{Cluster: "rome", GroupKind: deployment().GroupKind(), Namespace: "shop", Name: "web"}
		plan, err := federation.Planner{Owner: federation.Owner{Value: "us"}}.Plan(got, federation.Snapshot{
			Fleet: fleet, Holders: []string{"rome"}, Observed: map[federation.Key]federation.Observation{key: {State: federation.Present, Live: live}},
		})
		require.NoError(t, err)
		require.Len(t, plan.Steps, 1)
		require.Equal(t, federation.Release, plan.Steps[0].Verb)
	}

	// Nobody ever made copies of what never was a federated object of its namespace.
	misplaced := "apiVersion: types.kubefed.io/v1beta1\nkind: FederatedNamespace\nmetadata: {name: a, namespace: b, deletionTimestamp: \"2024-05-01T10:00:00Z\"}"
	got, err := kubefed.Decode(object(t, misplaced), schema.GroupVersionKind{Version: "v1", Kind: "Namespace"})
	require.ErrorContains(t, err, "metadata.name")
	require.Nil(t, got.Template)
}
