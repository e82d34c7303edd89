package e2e_test

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/kubefed"
	"github.com/confed-project/confed/internal/e2e/cluster"
	"github.com/confed-project/confed/placement"
)

// definitions is a server with the federated kinds of the default types, in a group of its own.
type definitions struct {
	host  dynamic.Interface
	types map[string]kubefed.Type
}

const definitionsGroup = "definitions.confed.example.com"

// newDefinitions enables the default types as a program does: discovered, looked up by name, with the server's own models.
func newDefinitions(t *testing.T) *definitions {
	server := cluster.Shared(t).Servers()[0]
	client, err := rest.HTTPClientFor(server.Config())
	require.NoError(t, err)
	get := func(path string, into any) {
		resp, err := client.Get(server.Config().Host + path)
		require.NoError(t, err)
		defer func() { _ = resp.Body.Close() }()
		data, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, resp.StatusCode, "%s: %s", path, data)
		require.NoError(t, json.Unmarshal(data, into))
	}
	paths := []string{"/api/v1", "/apis/apps/v1", "/apis/batch/v1", "/apis/networking.k8s.io/v1", "/apis/rbac.authorization.k8s.io/v1"}
	lists := make([]metav1.APIResourceList, len(paths))
	for i, path := range paths {
		get(path, &lists[i])
	}
	var v2, v3 map[string]any
	get("/openapi/v2", &v2)
	get("/openapi/v3/apis/apps/v1", &v3)

	d := &definitions{types: map[string]kubefed.Type{}}
	d.host, err = dynamic.NewForConfig(server.Config())
	require.NoError(t, err)
	crds := d.host.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	for _, name := range []string{
		"namespaces", "cm", "secret", "svc", "sa", "deploy", "rs", "sts", "ds", "Job", "pvc", "ingresses.networking.k8s.io", "clusterrole",
	} {
		target, err := kubefed.Match(name, lists)
		require.NoError(t, err)
		typ, crd, err := kubefed.Enable(target, v2, kubefed.Directive{FederatedGroup: definitionsGroup})
		require.NoError(t, err)
		if target.Group == "apps" {
			_, again, err := kubefed.Enable(target, v3, kubefed.Directive{FederatedGroup: definitionsGroup})
			require.NoError(t, err)
			require.Equal(t, crd, again, "both models say the same")
		}
		_, err = crds.Create(t.Context(), crd, metav1.CreateOptions{FieldValidation: "Strict"})
		require.NoError(t, err, "%s", name)
		t.Cleanup(func() { _ = crds.Delete(context.WithoutCancel(t.Context()), crd.GetName(), metav1.DeleteOptions{}) })
		d.types[target.Kind] = typ
		require.Eventually(t, func() bool {
			live, err := crds.Get(t.Context(), crd.GetName(), metav1.GetOptions{})
			require.NoError(t, err)
			is := map[any]any{}
			conditions, _, _ := unstructured.NestedSlice(live.Object, "status", "conditions")
			for _, c := range conditions {
				is[c.(map[string]any)["type"]] = c.(map[string]any)["status"]
			}
			require.NotEqual(t, "True", is["NonStructuralSchema"])
			return is["Established"] == "True"
		}, 20*time.Second, 50*time.Millisecond)
	}
	return d
}

func (d *definitions) resource(kind, namespace string) dynamic.ResourceInterface {
	r := d.types[kind].Federated
	all := d.host.Resource(schema.GroupVersionResource{Group: r.GVK.Group, Version: r.GVK.Version, Resource: r.Plural})
	if !r.Namespaced {
		return all
	}
	return all.Namespace(namespace)
}

// federated is an object of a default kind with that spec.
func (d *definitions) federated(kind, name string, spec map[string]any) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	o.SetGroupVersionKind(d.types[kind].Federated.GVK)
	o.SetName(name)
	if d.types[kind].Federated.Namespaced {
		o.SetNamespace("default")
	}
	return o
}

// try asks the server whether it would take an object. What it would store must be what it got.
func (d *definitions) try(t *testing.T, kind string, o *unstructured.Unstructured) error {
	t.Helper()
	got, err := d.resource(kind, o.GetNamespace()).Create(t.Context(), o.DeepCopy(), metav1.CreateOptions{
		DryRun: []string{metav1.DryRunAll}, FieldValidation: "Strict",
	})
	if err == nil {
		require.Equal(t, o.Object["spec"], got.Object["spec"])
		return nil
	}
	require.True(t, apierrors.IsInvalid(err), "%v", err)
	return err
}

// The definitions of all default types are taken by a real API server, and take what Federate makes.
func TestDefinitions(t *testing.T) {
	d := newDefinitions(t)
	retain := map[string]bool{"Deployment": true, "ReplicaSet": true, "StatefulSet": true}
	for kind, typ := range d.types {
		live := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{}}}
		live.SetGroupVersionKind(typ.Target.GVK)
		live.SetName("default")
		live.SetLabels(map[string]string{"app": "web"})
		if typ.Target.Namespaced {
			live.SetNamespace("default")
		}
		o, err := kubefed.Federate(live, typ)
		require.NoError(t, err)
		require.NoError(t, d.try(t, kind, o), kind)
		o.Object["spec"].(map[string]any)["retainReplicas"] = true
		got, err := d.resource(kind, "default").Create(t.Context(), o, metav1.CreateOptions{
			DryRun: []string{metav1.DryRunAll}, FieldValidation: "Ignore",
		})
		require.NoError(t, err)
		_, kept := got.Object["spec"].(map[string]any)["retainReplicas"]
		require.Equal(t, retain[kind], kept, kind)
	}
	t.Run("overrides", d.overrides)
	t.Run("placement", d.placement)
	t.Run("templates", d.templates)
	t.Run("status", d.status)
}

func table(t *testing.T, file string, into any) {
	t.Helper()
	data, err := os.ReadFile("../../federation/kubefed/testdata/" + file)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, into))
}

func (d *definitions) overrides(t *testing.T) {
	var rows struct {
		Parse []struct {
			ID, Expected string
			Overrides    any
		}
	}
	table(t, "overrides.json", &rows)
	try := func(overrides any) error {
		template := map[string]any{"apiVersion": "apps/v1", "spec": map[string]any{"a": []any{}}}
		o := d.federated("Deployment", "web", map[string]any{"template": template, "overrides": overrides})
		data, err := o.MarshalJSON()
		require.NoError(t, err)
		require.NoError(t, o.UnmarshalJSON(data)) // numbers as a client reads them
		refused := d.try(t, "Deployment", o)
		wish, err := kubefed.Decode(o, d.types["Deployment"].Target.GVK)
		if err == nil {
			_, err = federation.Render(wish, placement.Cluster{Name: "c1"}, nil)
		}
		if refused != nil {
			require.Error(t, err, "the server refuses what would work: %v", refused)
		}
		return refused
	}
	for _, row := range rows.Parse {
		err := try(row.Overrides)
		require.Equal(t, row.Expected == "ok", err == nil, "%s: %v", row.ID, err)
	}
	one := func(patches ...any) any {
		return []any{map[string]any{"clusterName": "c1", "clusterOverrides": patches}}
	}
	patch := func(op, path string, value any) any { return map[string]any{"op": op, "path": path, "value": value} }
	for text, overrides := range map[string]any{
		"cannot rename":    one(patch("add", "/metadata/name/x", "x")),
		"should match":     one(patch("test", "/spec/a", "x")),
		"path: Required":   one(map[string]any{"value": "x"}),
		"Duplicate value":  []any{map[string]any{"clusterName": "c1"}, map[string]any{"clusterName": "c1"}},
		"clusterName":      []any{map[string]any{}},
		"at least 1 chars": []any{map[string]any{"clusterName": ""}},
	} {
		require.ErrorContains(t, try(overrides), text)
	}
	for _, overrides := range []any{
		one(patch("", "/spec/b", nil), patch("remove", "/spec/a", nil), patch("replace", "/metadata/namespaces", "x")),
		one(patch("add", "/spec/b", map[string]any{"x": []any{int64(1), nil, "y"}}), patch("add", "/kindness", true)),
		[]any{map[string]any{"clusterName": "c1", "clusterOverrides": nil}}, nil, []any{},
	} {
		require.NoError(t, try(overrides))
	}
}

func (d *definitions) placement(t *testing.T) {
	type row struct {
		ID        string
		Clusters  []placement.Cluster
		Placement map[string]any `json:"resource_placement"`
	}
	var rows struct{ Cases []row }
	table(t, "placement.json", &rows)
	expression := func(op string, values any) map[string]any {
		return map[string]any{"clusterSelector": map[string]any{"matchExpressions": []any{map[string]any{"key": "a", "operator": op, "values": values}}}}
	}
	more := []map[string]any{
		expression("In", nil), expression("In", []any{"x"}), expression("Exists", []any{"x"}), expression("Exists", []any{}), expression("DoesNotExist", nil),
		expression("Gt", []any{"1"}), expression("Lt", []any{"1", "2"}), expression("in", []any{"x"}), {"clusters": []any{}, "clusterSelector": nil},
		{"clusterSelector": map[string]any{"matchLabels": nil, "matchExpressions": nil}},
	}
	for _, p := range more {
		rows.Cases = append(rows.Cases, row{ID: "more", Placement: p})
	}
	for _, row := range rows.Cases {
		p := maps.Clone(row.Placement)
		if names, ok := p["clusters"].([]any); ok {
			objects := []any{}
			for _, name := range names {
				objects = append(objects, map[string]any{"name": name})
			}
			p["clusters"] = objects
		}
		o := d.federated("ConfigMap", "web", map[string]any{"placement": p})
		wish, err := kubefed.Decode(o, d.types["ConfigMap"].Target.GVK)
		require.NoError(t, err)
		fleet, err := placement.NewFleet(row.Clusters)
		require.NoError(t, err)
		_, want := placement.Select(placement.Request{Policy: wish.Placement}, fleet)
		have := d.try(t, "ConfigMap", o)
		require.Equal(t, want == nil, have == nil, "%s %v: we say %v, the server %v", row.ID, p, want, have)
	}
}

func (d *definitions) templates(t *testing.T) {
	for _, test := range []struct{ kind, spec string }{
		{"Deployment", `{"template": {"spec": {"replicas": 1, "any": [{"x": null}]}, "metadata": {"labels": {"a": "b"}}}}`},
		{"Deployment", `{"template": {"kind": "Deployment", "apiVersion": "extensions/v1beta1", "spec": {}}, "retainReplicas": null}`},
		{"Deployment", `{}`}, {"Deployment", `{"template": null}`}, {"Deployment", `{"template": {}}`}, {"Deployment", `{"template": {"spec": 1}}`},
		{"Deployment", `{"template": {"kind": "Service", "spec": {}}}`}, {"Deployment", `{"template": {"apiVersion": "v1", "spec": {}}}`},
		{"Deployment", `{"template": {"spec": {}}, "retainReplicas": "yes"}`}, {"Deployment", `{"template": {"spec": {}}, "overrides": null, "placement": null}`},
		{"ConfigMap", `{}`}, {"ConfigMap", `{"template": null}`}, {"ConfigMap", `{"template": {"data": {"a": "b"}}}`}, {"ConfigMap", `{"template": []}`},
		{"ConfigMap", `{"template": {"apiVersion": "v1", "metadata": null}}`}, {"ConfigMap", `{"template": {"apiVersion": "v2"}}`},
		{"ConfigMap", `{"template": {"apiVersion": "apps/v1"}}`}, {"ConfigMap", `{"template": {"kind": "Secret"}}`}, {"ConfigMap", `{"template": {"metadata": 1}}`},
		{"ClusterRole", `{"template": {"rules": []}}`}, {"Ingress", `{"template": {"apiVersion": "networking.k8s.io/v1beta1", "spec": {}}}`},
		{"Ingress", `{"template": {"apiVersion": "networkingXk8s.io/v1", "spec": {}}}`},
	} {
		var spec map[string]any
		require.NoError(t, json.Unmarshal([]byte(test.spec), &spec))
		o := d.federated(test.kind, "web", spec)
		data, err := o.MarshalJSON()
		require.NoError(t, err)
		require.NoError(t, o.UnmarshalJSON(data))
		_, want := kubefed.Decode(o, d.types[test.kind].Target.GVK)
		have := d.try(t, test.kind, o)
		require.Equal(t, want == nil, have == nil, "%s %s: we say %v, the server %v", test.kind, test.spec, want, have)
	}
}

// What EncodeStatus writes comes back as it is.
func (d *definitions) status(t *testing.T) {
	o := d.federated("ConfigMap", "status", map[string]any{"template": map[string]any{}})
	all := d.resource("ConfigMap", "default")
	live, err := all.Create(t.Context(), o, metav1.CreateOptions{})
	require.NoError(t, err)
	step := func(cluster string) federation.Step {
		return federation.Step{Verb: federation.Create, Ref: federation.Ref{Cluster: cluster, GVK: d.types["ConfigMap"].Target.GVK, Namespace: "default", Name: "status"}}
	}
	copied := &unstructured.Unstructured{Object: map[string]any{"status": map[string]any{"a": []any{map[string]any{"b": int64(1)}}}}}
	status := kubefed.EncodeStatus(nil, []federation.Result{
		{Step: step("berlin"), Outcome: federation.Done, Live: copied},
		{Step: step("rome"), Outcome: federation.Failed, Err: http.ErrHandlerTimeout},
	}, kubefed.Report{Generation: live.GetGeneration(), Collect: true, Now: time.Unix(1e9, 0)})
	live.Object["status"] = status
	got, err := all.UpdateStatus(t.Context(), live, metav1.UpdateOptions{FieldValidation: "Strict"})
	require.NoError(t, err)
	require.Equal(t, status, got.Object["status"])
	text, err := got.MarshalJSON()
	require.NoError(t, err)
	require.True(t, strings.Contains(string(text), "remoteStatus"))
}
