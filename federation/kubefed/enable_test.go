package kubefed_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/kubefed"
)

func TestEnable(t *testing.T) {
	deployments := defaults()[3]
	typ, crd, err := kubefed.Enable(deployments, nil, kubefed.Directive{})
	require.NoError(t, err)
	require.Equal(t, kubefed.Type{
		Target: kubefed.Resource{GVK: deployment(), Plural: "deployments", Namespaced: true},
		Federated: kubefed.Resource{
			GVK:    schema.GroupVersionKind{Group: "types.kubefed.io", Version: "v1beta1", Kind: "FederatedDeployment"},
			Plural: "federateddeployments", Namespaced: true,
		},
		Propagation: true,
	}, typ)
	golden(t, "federateddeployments", crd)

	typ, crd, err = kubefed.Enable(deployments, nil, kubefed.Directive{
		TargetVersion: "v1beta1", FederatedGroup: "fed.example.com", FederatedVersion: "v1",
	})
	require.NoError(t, err)
	require.Equal(t, "v1beta1", typ.Target.GVK.Version)
	require.Equal(t, "federateddeployments.fed.example.com", crd.GetName())
	require.Equal(t, schema.GroupVersionKind{Group: "fed.example.com", Version: "v1", Kind: "FederatedDeployment"}, typ.Federated.GVK)

	_, crd, err = kubefed.Enable(defaults()[6], nil, kubefed.Directive{})
	require.NoError(t, err)
	require.Equal(t, "Namespaced", field(t, crd, "spec", "scope"), "a FederatedNamespace is in its namespace")
	_, crd, err = kubefed.Enable(defaults()[0], nil, kubefed.Directive{})
	require.NoError(t, err)
	require.Equal(t, "Cluster", field(t, crd, "spec", "scope"))
	require.NotContains(t, field(t, crd, "spec", "names"), "shortNames")
}

func field(t *testing.T, obj *unstructured.Unstructured, path ...string) any {
	t.Helper()
	v, ok, err := unstructured.NestedFieldNoCopy(obj.Object, path...)
	require.NoError(t, err)
	require.True(t, ok)
	return v
}

func TestEnableErrors(t *testing.T) {
	good := defaults()[1]
	for want, change := range map[string]func(*metav1.APIResource, *kubefed.Directive){
		"version": func(r *metav1.APIResource, _ *kubefed.Directive) { r.Version = "" },
		"kind":    func(r *metav1.APIResource, _ *kubefed.Directive) { r.Kind = "Config.Map" },
		"name":    func(r *metav1.APIResource, _ *kubefed.Directive) { r.Name = "configmaps/status" },
		"group":   func(_ *metav1.APIResource, d *kubefed.Directive) { d.FederatedGroup = "types" },
	} {
		r, d := good, kubefed.Directive{}
		change(&r, &d)
		_, _, err := kubefed.Enable(r, nil, d)
		var wrong *federation.Error
		require.ErrorAs(t, err, &wrong, want)
		require.ErrorIs(t, err, federation.ErrInvalid)
		require.Equal(t, want, wrong.Field)
	}
	federated := metav1.APIResource{Name: "federatedconfigmaps", Kind: "FederatedConfigMap", Group: "types.kubefed.io", Version: "v1beta1"}
	_, _, err := kubefed.Enable(federated, nil, kubefed.Directive{})
	require.ErrorIs(t, err, federation.ErrInvalid)
	_, _, err = kubefed.Enable(metav1.APIResource{}, nil, kubefed.Directive{})
	require.ErrorIs(t, err, federation.ErrInvalid)
}

// Only objects with a number of replicas can retain it.
func TestEnableReplicas(t *testing.T) {
	widgets := metav1.APIResource{Name: "widgets", Kind: "Widget", Group: "example.com", Version: "v1", Namespaced: true}
	for name, test := range map[string]struct {
		target metav1.APIResource
		model  string
		want   bool
	}{
		"a known kind":       {defaults()[3], "", true},
		"another known kind": {defaults()[2], "", false},
		"nothing known":      {widgets, "", false},
		"a schema":           {widgets, "{properties: {spec: {properties: {replicas: {type: integer, format: int32}}}}}", true},
		"a name":             {widgets, "{properties: {spec: {properties: {replicas: {type: string}}}}}", false},
		"a definition": {widgets, "{kind: CustomResourceDefinition, spec: {versions: [{name: v1beta1, schema: {openAPIV3Schema: {}}}, {name: v1, " +
			"schema: {openAPIV3Schema: {properties: {spec: {properties: {replicas: {type: integer}}}}}}}]}}", true},
		"another version": {widgets, "{kind: CustomResourceDefinition, spec: {versions: [{name: v1beta1, " +
			"schema: {openAPIV3Schema: {properties: {spec: {properties: {replicas: {type: integer}}}}}}}]}}", false},
		"OpenAPI v2": {defaults()[3], "{definitions: {D: {x-kubernetes-group-version-kind: [{group: apps, kind: Deployment, version: v1}], " +
			"properties: {spec: {$ref: '#/definitions/S'}}}, S: {properties: {replicas: {type: integer}}}}}", true},
		"OpenAPI v3": {defaults()[3], "{components: {schemas: {D: {x-kubernetes-group-version-kind: [{group: apps, kind: Deployment, version: v1}], " +
			"properties: {spec: {default: {}, allOf: [{$ref: '#/components/schemas/S'}]}}}, S: {properties: {replicas: {type: integer}}}}}}", true},
		"a document without the kind": {widgets, "{definitions: {S: {properties: {replicas: {type: integer}}}}}", false},
		"a circle": {widgets, "{definitions: {W: {x-kubernetes-group-version-kind: [{group: example.com, kind: Widget, version: v1}], " +
			"properties: {spec: {$ref: '#/definitions/S'}}}, S: {$ref: '#/definitions/S'}}}", false},
		"nonsense": {widgets, "{properties: [], kind: 7}", false},
	} {
		t.Run(name, func(t *testing.T) {
			var model map[string]any
			require.NoError(t, yaml.Unmarshal([]byte(test.model), &model))
			_, crd, err := kubefed.Enable(test.target, model, kubefed.Directive{})
			require.NoError(t, err)
			versions := field(t, crd, "spec", "versions").([]any)
			spec, _, err := unstructured.NestedMap(versions[0].(map[string]any), "schema", "openAPIV3Schema", "properties", "spec", "properties")
			require.NoError(t, err)
			_, has := spec["retainReplicas"]
			require.Equal(t, test.want, has)
		})
	}
}

func TestCheckEnable(t *testing.T) {
	enable := func(group, name, kind string, d kubefed.Directive) kubefed.Type {
		typ, _, err := kubefed.Enable(metav1.APIResource{Name: name, Kind: kind, Group: group, Version: "v1", Namespaced: true}, nil, d)
		require.NoError(t, err)
		return typ
	}
	old := enable("extensions", "ingresses", "Ingress", kubefed.Directive{})
	current := enable("networking.k8s.io", "ingresses", "Ingress", kubefed.Directive{})
	other := enable("example.com", "ingresses", "Ingress", kubefed.Directive{})
	aside := enable("example.com", "ingresses", "Ingress", kubefed.Directive{FederatedGroup: "fed.example.com"})
	later := enable("example.com", "ingresses", "Ingress", kubefed.Directive{FederatedVersion: "v2"})
	require.NoError(t, kubefed.CheckEnable(current, nil))
	require.NoError(t, kubefed.CheckEnable(current, []kubefed.Type{aside, current}))
	for text, pair := range map[string][2]kubefed.Type{
		"ingresses.networking.k8s.io: spec.targetType: invalid: its objects are those of ingresses.extensions":                               {current, old},
		"ingresses.example.com: spec.federatedType: invalid: federatedingresses.types.kubefed.io federates ingresses.networking.k8s.io":      {other, current},
		"ingresses.example.com: spec.federatedType: invalid: it is enabled as federatedingresses.fed.example.com in version v1beta1 already": {other, aside},
		"ingresses.example.com: spec.federatedType: invalid: it is enabled as federatedingresses.types.kubefed.io in version v2 already":     {other, later},
	} {
		err := kubefed.CheckEnable(pair[0], []kubefed.Type{pair[1]})
		require.ErrorContains(t, err, text)
		require.ErrorIs(t, err, federation.ErrInvalid)
	}
}

func TestEquivalentTypes(t *testing.T) {
	check := func(a, b string) error {
		of := func(name, federated string) kubefed.Type {
			gr := schema.ParseGroupResource(name)
			return kubefed.Type{Target: kubefed.Resource{GVK: gr.WithVersion("v1").GroupVersion().WithKind("X"), Plural: gr.Resource},
				Federated: kubefed.Resource{Plural: federated}}
		}
		return kubefed.CheckEnable(of(a, "a"), []kubefed.Type{of(b, "b")})
	}
	for _, pair := range [][2]string{
		{"deployments.apps", "deployments.extensions"},
		{"daemonsets.apps", "daemonsets.extensions"}, {"replicasets.apps", "replicasets.extensions"}, {"events", "events.events.k8s.io"},
		{"ingresses.extensions", "ingresses.networking.k8s.io"}, {"networkpolicies.extensions", "networkpolicies.networking.k8s.io"},
		{"podsecuritypolicies.extensions", "podsecuritypolicies.policy"},
	} {
		require.ErrorContains(t, check(pair[0], pair[1]), "its objects are those of "+pair[1])
		require.ErrorContains(t, check(pair[1], pair[0]), "its objects are those of "+pair[0])
	}
	for _, pair := range [][2]string{
		{"pods", "services"}, {"deployments.apps", "replicasets.apps"}, {"ingresses.networking.k8s.io", "ingresses.example.com"}, {"widgets.a.b", "widgets.c.d"},
	} {
		require.NoError(t, check(pair[0], pair[1]))
	}
}

const directive = `
apiVersion: core.kubefed.io/v1beta1
kind: EnableTypeDirective
metadata: {name: deployments.apps}
spec: {targetVersion: v1, federatedGroup: fed.example.com, federatedVersion: v1}
`

func TestDecodeDirective(t *testing.T) {
	got, err := kubefed.DecodeDirective(object(t, directive))
	require.NoError(t, err)
	require.Equal(t, kubefed.Directive{
		Name: "deployments.apps", TargetVersion: "v1", FederatedGroup: "fed.example.com", FederatedVersion: "v1",
	}, got)
	got, err = kubefed.DecodeDirective(object(t, "apiVersion: core.kubefed.io/v1beta1\nkind: EnableTypeDirective\nmetadata: {name: pods}"))
	require.NoError(t, err)
	require.Equal(t, kubefed.Directive{Name: "pods"}, got)
	for _, text := range []string{
		"apiVersion: core.kubefed.io/v1beta1\nkind: Directive\nmetadata: {name: pods}",
		"apiVersion: core.kubefed.io/v1beta1\nkind: EnableTypeDirective\nspec: {}",
		"apiVersion: core.kubefed.io/v1beta1\nkind: EnableTypeDirective\nmetadata: {name: pods}\nspec: {targetVersion: 1}",
	} {
		_, err = kubefed.DecodeDirective(object(t, text))
		require.ErrorIs(t, err, federation.ErrInvalid)
	}
}
