package fedtest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/confed-project/confed/federation/fedtest"
)

// The tests of this file are about what happens around an object: owners, definitions, hooks, kinds.

func create(t *testing.T, member *fedtest.Member, obj *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	made, err := member.Create(t.Context(), obj, metav1.CreateOptions{FieldManager: "us"})
	require.NoError(t, err)
	return made
}

func named(t *testing.T, name string, owners ...*unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	obj := configMap(t, `{a: "1"}`)
	obj.SetName(name)
	var references []metav1.OwnerReference
	for _, o := range owners {
		references = append(references, metav1.OwnerReference{APIVersion: o.GetAPIVersion(), Kind: o.GetKind(), Name: o.GetName(), UID: o.GetUID()})
	}
	obj.SetOwnerReferences(references)
	return obj
}

func names(member *fedtest.Member) (names []string) {
	for _, obj := range member.Objects() {
		names = append(names, obj.GetName())
	}
	return names
}

func TestWhatAnOwnerTakesAlong(t *testing.T) {
	ctx := t.Context()
	family := func() (*fedtest.Member, *unstructured.Unstructured) {
		member := &fedtest.Member{}
		first, second := create(t, member, named(t, "first")), create(t, member, named(t, "second"))
		child := create(t, member, named(t, "child", first))
		create(t, member, named(t, "grandchild", child))
		create(t, member, named(t, "shared", first, second))
		return member, first
	}
	member, first := family()
	require.NoError(t, member.Delete(ctx, first.GroupVersionKind(), nameOf(first), metav1.DeleteOptions{}))
	require.Equal(t, []string{"second", "shared"}, names(member))

	member, first = family()
	orphan := metav1.DeletePropagationOrphan
	require.NoError(t, member.Delete(ctx, first.GroupVersionKind(), nameOf(first), metav1.DeleteOptions{PropagationPolicy: &orphan}))
	require.Equal(t, []string{"child", "grandchild", "second", "shared"}, names(member))
	for _, obj := range member.Objects() {
		for _, owner := range obj.GetOwnerReferences() {
			require.NotEqual(t, "first", owner.Name)
		}
	}
}

const widgets = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Widget, plural: widgets}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              dotted.name: {type: string}
              parts:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [name]
                items: {type: object, x-kubernetes-preserve-unknown-fields: true}
`

func TestADefinitionWaitsForItsObjects(t *testing.T) {
	ctx, member := t.Context(), &fedtest.Member{}
	crd := create(t, member, object(t, widgets))
	conditions, _, _ := unstructured.NestedSlice(member.Objects()[0].Object, "status", "conditions")
	require.Len(t, conditions, 2, "established at once")
	widget := object(t, `{apiVersion: example.com/v1, kind: Widget, metadata: {namespace: default, name: w, finalizers: [example.com/hold]}, spec: {dotted.name: a, parts: [{name: a, size: 1}]}}`)
	made := create(t, member, widget)
	require.Equal(t, widget.Object["spec"], made.Object["spec"])
	require.NoError(t, member.Delete(ctx, crd.GroupVersionKind(), nameOf(crd), metav1.DeleteOptions{}))
	require.Equal(t, []string{"widgets.example.com", "w"}, names(member))
	other := widget.DeepCopy()
	other.SetName("other")
	_, err := member.Create(ctx, other, metav1.CreateOptions{})
	require.True(t, apierrors.IsMethodNotSupported(err), "%v", err)
	_, err = member.Patch(ctx, widget, []byte(`[{"op":"remove","path":"/metadata/finalizers"}]`), metav1.PatchOptions{})
	require.NoError(t, err)
	require.Empty(t, names(member))
}

func TestSubresourcesThatAKindHasNot(t *testing.T) {
	ctx, member := t.Context(), &fedtest.Member{}
	settings := create(t, member, configMap(t, `{}`))
	_, err := member.Status(ctx, settings, "them")
	require.True(t, apierrors.IsNotFound(err), "%v", err)
	_, err = member.Scale(ctx, settings, "them")
	require.True(t, apierrors.IsNotFound(err), "%v", err)
	service := create(t, member, object(t, `{apiVersion: v1, kind: Service, metadata: {namespace: default, name: web}, spec: {ports: [{port: 80}]}}`))
	service.SetResourceVersion("1")
	_, err = member.Status(ctx, service, "them")
	require.True(t, apierrors.IsConflict(err), "%v", err)
}

func TestAPatchDoesNotMakeAnotherKindOfAnObject(t *testing.T) {
	member := &fedtest.Member{}
	settings := create(t, member, configMap(t, `{}`))
	_, err := member.Patch(t.Context(), settings, []byte(`[{"op":"replace","path":"/kind","value":"Secret"}]`), metav1.PatchOptions{})
	require.True(t, apierrors.IsBadRequest(err), "%v", err)
}

func TestKindsOfOnesOwn(t *testing.T) {
	ctx := t.Context()
	gvk := schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Widget"}
	member := &fedtest.Member{
		Kinds:   []fedtest.Kind{{GroupVersionKind: gvk, Cluster: true, NoStatus: true, Merge: map[string]string{"spec.parts": "keys name"}}},
		Missing: []schema.GroupKind{{Group: "apps", Kind: "Deployment"}},
	}
	widget := func(parts string) *unstructured.Unstructured {
		return object(t, `{apiVersion: example.com/v1, kind: Widget, metadata: {name: w}, spec: {parts: `+parts+`}, status: {ready: true}}`)
	}
	made := create(t, member, widget(`[{name: a, size: 1}]`))
	require.Contains(t, made.Object, "status")
	got, err := member.Patch(ctx, widget(`[{name: b, size: 1}]`), nil, apply("them", true))
	require.NoError(t, err)
	parts, _, _ := unstructured.NestedSlice(got.Object, "spec", "parts")
	require.Len(t, parts, 2)
	_, err = member.Get(ctx, schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}, nameOf(configMap(t, `{}`)))
	require.True(t, meta.IsNoMatchError(err), "%v", err)
}

func TestHooks(t *testing.T) {
	ctx, refused := t.Context(), errors.New("not on a Friday")
	member := &fedtest.Member{
		Clock: func() time.Time { return time.Date(2020, 2, 3, 4, 5, 6, 7, time.UTC) },
		Normalize: func(obj *unstructured.Unstructured) {
			if data, ok := obj.Object["data"].(map[string]any); ok && data["a"] == "one" {
				data["a"] = "1"
			}
		},
		Admit: func(r fedtest.Request, obj *unstructured.Unstructured) error {
			if obj.GetName() == "friday" {
				return refused
			}
			return unstructured.SetNestedField(obj.Object, r.Verb, "data", "verb")
		},
	}
	made := create(t, member, configMap(t, `{a: one}`))
	require.Equal(t, map[string]any{"a": "1", "verb": "create"}, made.Object["data"])
	require.Equal(t, []string{`us Update {"f:data":{".":{},"f:a":{}}}`}, entries(made))
	require.Equal(t, "2020-02-03T04:05:06Z", made.GetCreationTimestamp().UTC().Format(time.RFC3339))
	require.Equal(t, "2020-02-03T04:05:06Z", made.GetManagedFields()[0].Time.UTC().Format(time.RFC3339))
	_, err := member.Create(ctx, named(t, "friday"), metav1.CreateOptions{})
	require.ErrorIs(t, err, refused)
}

func TestSomebodyComesInBetween(t *testing.T) {
	ctx, member := t.Context(), &fedtest.Member{}
	made := create(t, member, configMap(t, `{a: "1"}`))
	member.Break(fedtest.Fault{Before: func(ctx context.Context, r fedtest.Request) error {
		theirs := configMap(t, `{a: theirs}`)
		_, err := member.Update(ctx, theirs, "them")
		return err
	}})
	_, err := member.Patch(ctx, made, []byte(`[{"op":"replace","path":"/metadata/resourceVersion","value":"`+made.GetResourceVersion()+`"}]`), metav1.PatchOptions{})
	require.True(t, apierrors.IsConflict(err), "%v", err)
}

func TestEqualRunsGiveEqualObjects(t *testing.T) {
	play := func() []*unstructured.Unstructured {
		member := &fedtest.Member{Name: "eu"}
		create(t, member, object(t, widgets))
		made := create(t, member, configMap(t, `{a: "1"}`))
		_, err := member.Patch(t.Context(), made, []byte(`[{"op":"add","path":"/data/b","value":"2"}]`), metav1.PatchOptions{FieldManager: "them"})
		require.NoError(t, err)
		create(t, member, object(t, `{apiVersion: v1, kind: Service, metadata: {namespace: default, name: web}, spec: {type: NodePort, ports: [{port: 80}]}}`))
		return member.Objects()
	}
	require.Equal(t, play(), play())
	other := &fedtest.Member{Name: "us"}
	require.NotEqual(t, play()[0].GetUID(), create(t, other, object(t, widgets)).GetUID())
}
