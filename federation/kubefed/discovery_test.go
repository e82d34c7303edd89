package kubefed_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/kubefed"
)

// served is what a server serves, with some old groups for the sake of what they are confused with.
func served() []metav1.APIResourceList {
	verbs := metav1.Verbs{"create", "get", "list"}
	r := func(name, kind string, short ...string) metav1.APIResource {
		return metav1.APIResource{Name: name, SingularName: "", Kind: kind, Namespaced: true, Verbs: verbs, ShortNames: short}
	}
	cluster := func(r metav1.APIResource) metav1.APIResource { r.Namespaced = false; return r }
	silent := r("bindings", "Binding")
	silent.Verbs = metav1.Verbs{"create"}
	metrics := r("podmetrics", "PodMetrics")
	metrics.Verbs = metav1.Verbs{"get", "list"}
	singular := r("pods", "Pod", "po")
	singular.SingularName = "pod"
	return []metav1.APIResourceList{
		{GroupVersion: "extensions/v1beta1", APIResources: []metav1.APIResource{r("ingresses", "Ingress", "ing"), r("deployments", "Deployment", "deploy")}},
		{GroupVersion: "apps/v1", APIResources: []metav1.APIResource{r("deployments", "Deployment", "deploy"), r("deployments/status", "Deployment")}},
		{GroupVersion: "v1", APIResources: []metav1.APIResource{
			singular, r("events", "Event", "ev"), r("endpoints", "Endpoints", "ep"), silent, cluster(r("namespaces", "Namespace", "ns")),
			r("configmaps", "ConfigMap", "cm"), r("services", "Service", "svc"),
		}},
		{GroupVersion: "events.k8s.io/v1", APIResources: []metav1.APIResource{r("events", "Event", "ev")}},
		{GroupVersion: "serving.example.com/v1", APIResources: []metav1.APIResource{r("services", "Service", "ksvc")}},
		{GroupVersion: "example.com/v1beta2", APIResources: []metav1.APIResource{r("widgets", "Widget")}},
		{GroupVersion: "example.com/v1", APIResources: []metav1.APIResource{r("widgets", "Widget")}},
		{GroupVersion: "example.com/v1alpha1", APIResources: []metav1.APIResource{r("widgets", "Widget"), r("gadgets", "Gadget", "gg")}},
		{GroupVersion: "core.kubefed.io/v1alpha1", APIResources: []metav1.APIResource{r("propagatedversions", "PropagatedVersion")}},
		{GroupVersion: "types.kubefed.io/v1beta1", APIResources: []metav1.APIResource{r("federatedwidgets", "FederatedWidget"), r("plans", "Plan")}},
		{GroupVersion: "metrics.example.com/v1", APIResources: []metav1.APIResource{metrics}},
		{GroupVersion: "a/b/c", APIResources: []metav1.APIResource{r("nonsense", "Nonsense")}},
	}
}

func TestMatch(t *testing.T) {
	for name, want := range map[string]string{
		"pods": "/v1/pods", "Pod": "/v1/pods", "po": "/v1/pods", "POD": "/v1/pods",
		"services": "/v1/services", "Service": "/v1/services", "services.serving.example.com": "serving.example.com/v1/services", "ksvc": "serving.example.com/v1/services",
		"events": "/v1/events", "deployments.apps": "apps/v1/deployments", "Deployments.Extensions": "extensions/v1beta1/deployments",
		"widget": "example.com/v1/widgets", "gg": "example.com/v1alpha1/gadgets",
	} {
		got, err := kubefed.Match(name, served())
		require.NoError(t, err, name)
		require.Equal(t, want, got.Group+"/"+got.Version+"/"+got.Name)
	}
	for name, want := range map[string]error{
		"deploy": kubefed.ErrAmbiguous, "deployment": kubefed.ErrAmbiguous,
		"": kubefed.ErrNotServed, "deployments/status": kubefed.ErrNotServed, "nonsense": kubefed.ErrNotServed,
	} {
		_, err := kubefed.Match(name, served())
		require.ErrorIs(t, err, want, name)
	}
	_, err := kubefed.Match("deploy", served())
	require.EqualError(t, err, "deploy: ambiguous name of a resource, say which: deployments.apps, deployments.extensions")
}

func TestContentTypes(t *testing.T) {
	names := func(skip []string, group string) (out []string) {
		for _, r := range kubefed.ContentTypes(served(), skip, group) {
			out = append(out, r.Version+" "+schema.GroupResource{Group: r.Group, Resource: r.Name}.String())
		}
		return out
	}
	all := []string{
		"v1 configmaps", "v1 pods", "v1 services", "v1 deployments.apps", "v1alpha1 gadgets.example.com", "v1 widgets.example.com",
		"v1 services.serving.example.com", "v1beta1 plans.types.kubefed.io",
	}
	require.Equal(t, all, names(nil, ""))
	require.Equal(t, all, names([]string{"", "none", "pod s"}, "types.kubefed.io"))
	require.Equal(t, []string{"v1 configmaps", "v1alpha1 gadgets.example.com"},
		names([]string{"PO", " service", "deployments.apps", "widgets", "types.kubefed.io", "serving.example.com"}, ""))
	require.Contains(t, names(nil, "other.example.com"), "v1beta1 federatedwidgets.types.kubefed.io")
}

func TestGuess(t *testing.T) {
	got := kubefed.Guess(object(t, "apiVersion: a.b/v1\nkind: Policy\nmetadata: {name: x, namespace: shop}"))
	require.Equal(t, metav1.APIResource{
		Name: "policies", SingularName: "policy", Kind: "Policy", Group: "a.b", Version: "v1", Namespaced: true,
	}, got)
	require.False(t, kubefed.Guess(object(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: x}")).Namespaced)
	require.Zero(t, kubefed.Guess(nil))
}

func TestDocuments(t *testing.T) {
	got, err := kubefed.Documents([]byte("# a comment\n---\nkind: A\napiVersion: v1\ndata:\n  x: |\n    ---\n    y\n--- # empty\n---\nkind: [\n---\n" +
		"apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: B}\n- {apiVersion: v1, kind: C}\n---\nkind: D\nkind: E\napiVersion: v1\n" +
		"---\n{\"apiVersion\": \"v1\", \"kind\": \"F\"}\r\n---\r\n- 1\n---\napiVersion: v1\n---\nkind: X\n"))
	kinds := ""
	for _, o := range got {
		kinds += o.GetKind()
	}
	require.Equal(t, "ABCF", kinds)
	require.Equal(t, "---\ny\n", got[0].Object["data"].(map[string]any)["x"])
	require.ErrorIs(t, err, federation.ErrInvalid)
	var names []string
	for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
		var wrong *federation.Error
		require.ErrorAs(t, e, &wrong)
		names = append(names, wrong.Object)
	}
	require.Equal(t, []string{"document 3", "document 5", "document 7", "document 8", "document 9"}, names)

	for _, text := range []string{"", "\n---\n", "---", "---\n---\n# x\n", "null\n"} {
		got, err := kubefed.Documents([]byte(text))
		require.NoError(t, err)
		require.Empty(t, got)
	}
}

func TestDocumentsKeepSecrets(t *testing.T) {
	for _, text := range []string{
		"data: {password: aHVudGVyMg==}", "- aHVudGVyMg==", "aHVudGVyMg==", "kind: 7\ndata: {password: aHVudGVyMg==}",
		"{kind: List, apiVersion: v1, items: [{data: {password: aHVudGVyMg==}}]}",
		"{kind: Secret, data: {password: aHVudGVyMg==}}", "kind: Secret\ndata:\n  password: aHVudGVyMg==\n  password: aHVudGVyMg==",
		"kind: Secret\ndata: {password: aHVudGVyMg==", "kind: Secret\ndata: {password: !!int aHVudGVyMg==}", "kind: Secret\ndata: {password: *aHVudGVyMg==}",
	} {
		_, err := kubefed.Documents([]byte(text))
		require.ErrorIs(t, err, federation.ErrInvalid)
		if !strings.Contains(text, "*") { // what an alias is called is not a value
			require.NotContains(t, err.Error(), "aHVudGVyMg", text)
		}
	}
}

func FuzzDocuments(f *testing.F) {
	f.Add([]byte(service + "---\n" + web))
	f.Add([]byte("--- {apiVersion: v1, kind: List, items: [{}]}\n---\n- x"))
	f.Add([]byte("a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := kubefed.Documents(text)
		require.True(t, err == nil || len(text) > 0)
		for _, o := range got {
			require.NotEmpty(t, o.GetAPIVersion())
			_, _ = kubefed.Federate(o, kubefed.Type{Target: kubefed.Resource{GVK: o.GroupVersionKind()}})
		}
	})
}
