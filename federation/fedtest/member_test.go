package fedtest_test

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/fedtest"
)

var _ federation.ClusterClient = (*fedtest.Member)(nil)
var _ federation.Clients = (*fedtest.Fleet)(nil).Clients

func object(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(text))
	require.NoError(t, err)
	obj := &unstructured.Unstructured{}
	require.NoError(t, obj.UnmarshalJSON(data))
	return obj
}

func nameOf(obj *unstructured.Unstructured) types.NamespacedName {
	return types.NamespacedName{Namespace: obj.GetNamespace(), Name: obj.GetName()}
}

func configMap(t *testing.T, data string) *unstructured.Unstructured {
	return object(t, `{apiVersion: v1, kind: ConfigMap, metadata: {namespace: default, name: settings}, data: `+data+`}`)
}

func apply(manager string, force bool) metav1.PatchOptions {
	return metav1.PatchOptions{FieldManager: manager, Force: &force}
}

// entries shows managed fields in short: manager, operation, subresource and fields.
func entries(obj *unstructured.Unstructured) []string {
	var lines []string
	for _, e := range obj.GetManagedFields() {
		lines = append(lines, strings.TrimSpace(e.Manager+" "+string(e.Operation)+" "+e.Subresource)+" "+string(e.FieldsV1.Raw))
	}
	return lines
}

func TestOwnershipFollowsWrites(t *testing.T) {
	ctx, member := t.Context(), &fedtest.Member{}

	made, err := member.Create(ctx, configMap(t, `{a: "1", b: "2"}`), metav1.CreateOptions{FieldManager: "us"})
	require.NoError(t, err)
	require.Equal(t, []string{`us Update {"f:data":{".":{},"f:a":{},"f:b":{}}}`}, entries(made))

	made.Object["data"].(map[string]any)["a"] = "theirs"
	theirs, err := member.Update(ctx, made, "them")
	require.NoError(t, err)
	require.Equal(t, []string{
		`us Update {"f:data":{".":{},"f:b":{}}}`, `them Update {"f:data":{"f:a":{}}}`,
	}, entries(theirs))

	_, err = member.Patch(ctx, configMap(t, `{a: "1", b: "2"}`), nil, apply("us", false))
	require.True(t, apierrors.IsConflict(err), "%v", err)
	require.ErrorContains(t, err, `conflict with "them" using v1`)

	ours, err := member.Patch(ctx, configMap(t, `{a: "1", b: "2"}`), nil, apply("us", true))
	require.NoError(t, err)
	require.Equal(t, map[string]any{"a": "1", "b": "2"}, ours.Object["data"])
	require.Equal(t, []string{
		`us Apply {"f:data":{"f:a":{},"f:b":{}}}`, `us Update {"f:data":{".":{},"f:b":{}}}`,
	}, entries(ours))

	// The entry of the POST still holds b: leaving it out of an apply does not remove it, moving the entry first does.
	kept, err := member.Patch(ctx, configMap(t, `{a: "1"}`), nil, apply("us", true))
	require.NoError(t, err)
	require.Equal(t, map[string]any{"a": "1", "b": "2"}, kept.Object["data"])
	moved, err := member.Patch(ctx, kept, []byte(`[
		{"op": "test", "path": "/metadata/resourceVersion", "value": "`+kept.GetResourceVersion()+`"},
		{"op": "remove", "path": "/metadata/managedFields/0"},
		{"op": "replace", "path": "/metadata/managedFields/0/operation", "value": "Apply"}]`), metav1.PatchOptions{FieldManager: "us"})
	require.NoError(t, err)
	require.Equal(t, []string{`us Apply {"f:data":{".":{},"f:b":{}}}`}, entries(moved))
	dropped, err := member.Patch(ctx, configMap(t, `{a: "1"}`), nil, apply("us", true))
	require.NoError(t, err)
	require.Equal(t, map[string]any{"a": "1"}, dropped.Object["data"])
}

func TestAnApplyThatChangesNothingWritesNothing(t *testing.T) {
	ctx, member := t.Context(), &fedtest.Member{}
	first, err := member.Patch(ctx, configMap(t, `{a: "1"}`), nil, apply("us", true))
	require.NoError(t, err)
	second, err := member.Patch(ctx, configMap(t, `{a: "1"}`), nil, apply("us", true))
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(first, second))
}

func TestMergeKeysHaveDefaults(t *testing.T) {
	ctx, member := t.Context(), &fedtest.Member{}
	service := func(ports string) *unstructured.Unstructured {
		return object(t, `{apiVersion: v1, kind: Service, metadata: {namespace: default, name: dns}, spec: {ports: `+ports+`}}`)
	}
	_, err := member.Patch(ctx, service(`[{port: 53, name: tcp}, {port: 53, protocol: UDP, name: udp}]`), nil, apply("us", true))
	require.NoError(t, err)
	got, err := member.Patch(ctx, service(`[{port: 9153, name: metrics}]`), nil, apply("them", false))
	require.NoError(t, err)
	ports, _, _ := unstructured.NestedSlice(got.Object, "spec", "ports")
	require.Len(t, ports, 3)
	_, err = member.Patch(ctx, service(`[{port: 53, name: mine}]`), nil, apply("them", false))
	require.ErrorContains(t, err, `.spec.ports[port=53,protocol="TCP"].name`)
}

func TestPreconditions(t *testing.T) {
	ctx, member := t.Context(), &fedtest.Member{}
	first, err := member.Create(ctx, configMap(t, `{}`), metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = member.Create(ctx, configMap(t, `{}`), metav1.CreateOptions{})
	require.True(t, apierrors.IsAlreadyExists(err), "%v", err)

	changed := first.DeepCopy()
	changed.SetLabels(map[string]string{"a": "b"})
	second, err := member.Update(ctx, changed, "them")
	require.NoError(t, err)
	_, err = member.Update(ctx, changed, "them")
	require.True(t, apierrors.IsConflict(err), "%v", err)
	_, err = member.Patch(ctx, first, []byte(`[{"op":"replace","path":"/metadata/resourceVersion","value":"`+first.GetResourceVersion()+`"}]`), metav1.PatchOptions{})
	require.True(t, apierrors.IsConflict(err), "%v", err)

	gvk, name := first.GroupVersionKind(), nameOf(first)
	other, version := types.UID("other"), first.GetResourceVersion()
	err = member.Delete(ctx, gvk, name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &other}})
	require.True(t, apierrors.IsConflict(err), "%v", err)
	err = member.Delete(ctx, gvk, name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{ResourceVersion: &version}})
	require.True(t, apierrors.IsConflict(err), "%v", err)
	uid := second.GetUID()
	require.NoError(t, member.Delete(ctx, gvk, name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}}))
	_, err = member.Get(ctx, gvk, name)
	require.True(t, apierrors.IsNotFound(err), "%v", err)
}

func TestFinalizersHoldAnObjectAndItsNamespace(t *testing.T) {
	ctx, member := t.Context(), &fedtest.Member{}
	namespace := object(t, `{apiVersion: v1, kind: Namespace, metadata: {name: shop}}`)
	held := object(t, `{apiVersion: v1, kind: Secret, metadata: {namespace: shop, name: held, finalizers: [example.com/hold]}}`)
	free := object(t, `{apiVersion: v1, kind: Secret, metadata: {namespace: shop, name: free}}`)

	_, err := member.Create(ctx, held, metav1.CreateOptions{})
	require.True(t, apierrors.IsNotFound(err), "%v", err)
	require.EqualError(t, err, `namespaces "shop" not found`)
	for _, obj := range []*unstructured.Unstructured{namespace, held, free} {
		_, err := member.Create(ctx, obj, metav1.CreateOptions{})
		require.NoError(t, err)
	}
	require.NoError(t, member.Delete(ctx, namespace.GroupVersionKind(), nameOf(namespace), metav1.DeleteOptions{}))
	require.Len(t, member.Objects(), 2)
	_, err = member.Create(ctx, free, metav1.CreateOptions{})
	require.True(t, apierrors.HasStatusCause(err, "NamespaceTerminating"), "%v", err)
	_, err = member.Patch(ctx, held, []byte(`[{"op":"remove","path":"/metadata/finalizers"}]`), metav1.PatchOptions{})
	require.NoError(t, err)
	require.Empty(t, member.Objects())
}

func TestDryRunLeavesNoTrace(t *testing.T) {
	ctx, member := t.Context(), &fedtest.Member{}
	got, err := member.Create(ctx, configMap(t, `{a: "1"}`), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	require.NoError(t, err)
	require.Equal(t, map[string]any{"a": "1"}, got.Object["data"])
	require.Empty(t, member.Objects())
	require.False(t, member.Requests()[0].Writes())
}

func TestDefinitionsServeKinds(t *testing.T) {
	ctx, member := t.Context(), &fedtest.Member{}
	widget := object(t, `{apiVersion: example.com/v1, kind: Widget, metadata: {namespace: default, name: w}, spec: {size: 1}}`)
	_, err := member.Create(ctx, widget, metav1.CreateOptions{})
	require.True(t, meta.IsNoMatchError(err), "%v", err)
	crd := object(t, `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Widget, plural: widgets}
  versions: [{name: v1, served: true, storage: true}]`)
	_, err = member.Create(ctx, crd, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = member.Create(ctx, widget, metav1.CreateOptions{})
	require.NoError(t, err)
	require.NoError(t, member.Delete(ctx, crd.GroupVersionKind(), nameOf(crd), metav1.DeleteOptions{}))
	require.Empty(t, member.Objects())
	_, err = member.Get(ctx, widget.GroupVersionKind(), nameOf(widget))
	require.True(t, meta.IsNoMatchError(err), "%v", err)
}

func TestGenerationAndSubresources(t *testing.T) {
	ctx, member := t.Context(), &fedtest.Member{}
	made, err := member.Create(ctx, object(t, `{apiVersion: apps/v1, kind: Deployment, metadata: {namespace: default, name: web}, spec: {replicas: 1}}`), metav1.CreateOptions{FieldManager: "us"})
	require.NoError(t, err)
	require.EqualValues(t, 1, made.GetGeneration())

	status := made.DeepCopy()
	require.NoError(t, unstructured.SetNestedField(status.Object, int64(1), "status", "readyReplicas"))
	got, err := member.Status(ctx, status, "kubelet")
	require.NoError(t, err)
	require.EqualValues(t, 1, got.GetGeneration())

	require.NoError(t, unstructured.SetNestedField(got.Object, int64(5), "spec", "replicas"))
	got, err = member.Scale(ctx, got, "autoscaler")
	require.NoError(t, err)
	require.EqualValues(t, 2, got.GetGeneration())
	require.Contains(t, entries(got), `autoscaler Update scale {"f:spec":{"f:replicas":{}}}`)
	require.Contains(t, strings.Join(entries(got), "\n"), `kubelet Update status {"f:status":{`)
}

func TestReturnedAndGivenObjectsAreNotShared(t *testing.T) {
	ctx, member := t.Context(), &fedtest.Member{}
	given := configMap(t, `{a: "1"}`)
	before := given.DeepCopy()
	got, err := member.Patch(ctx, given, nil, apply("us", true))
	require.NoError(t, err)
	got.Object["data"].(map[string]any)["a"] = "changed"
	given.Object["data"].(map[string]any)["a"] = "changed"
	live, err := member.Get(ctx, got.GroupVersionKind(), nameOf(got))
	require.NoError(t, err)
	require.Equal(t, before.Object["data"], live.Object["data"])
}

func TestFaults(t *testing.T) {
	ctx, fleet := t.Context(), fedtest.NewFleet("eu", "us")
	_, err := fleet.Clients("mars")
	require.ErrorIs(t, err, fedtest.ErrUnknownCluster)
	client, err := fleet.Clients("eu")
	require.NoError(t, err)
	gvk := schema.GroupVersionKind{Version: "v1", Kind: "Namespace"}

	fleet.Member("eu").Break(fedtest.Refused())
	_, err = client.Get(ctx, gvk, types.NamespacedName{Name: "default"})
	require.ErrorIs(t, err, syscall.ECONNREFUSED)

	fleet.Member("eu").Break(fedtest.Silent())
	gone := errors.New("gave up")
	ended, cancel := context.WithCancelCause(ctx)
	cancel(gone)
	_, err = client.Get(ended, gvk, types.NamespacedName{Name: "default"})
	require.ErrorIs(t, err, gone)

	fleet.Member("eu").Break(fedtest.Slow(time.Nanosecond))
	_, err = client.Get(ctx, gvk, types.NamespacedName{Name: "default"})
	require.NoError(t, err)
	_, err = fleet.Member("us").Get(ctx, gvk, types.NamespacedName{Name: "default"})
	require.NoError(t, err)
	require.Equal(t, "get v1 Namespace default", fleet.Member("eu").Requests()[2].String())
}

func TestALostAnswerIsNotALostWrite(t *testing.T) {
	ctx, member := t.Context(), &fedtest.Member{}
	lost := errors.New("connection reset")
	member.Break(fedtest.Fault{After: func(context.Context, fedtest.Request) error { return lost }})
	_, err := member.Create(ctx, configMap(t, `{}`), metav1.CreateOptions{})
	require.ErrorIs(t, err, lost)
	require.Len(t, member.Objects(), 1)
}
