package fedtest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/federation"
)

// clause is a part of ClusterClient's contract that no transcript shows.
type clause struct {
	name  string
	check func(ctx context.Context, client federation.ClusterClient, namespace string) error
}

func contract() []clause {
	return []clause{
		{"an ended context ends a call, which has done nothing", checkContext},
		{"given objects are left alone", checkGiven},
		{"returned objects belong to the caller", checkReturned},
		{"calls may run side by side", checkConcurrency},
	}
}

// errNothing is what a client does wrong that answers with neither.
var errNothing = errors.New("the client returned no object and no error")

// gone tells whether an error says that something is not there, or cannot be.
func gone(err error) bool { return apierrors.IsNotFound(err) || meta.IsNoMatchError(err) }

func settings(namespace, name string) *unstructured.Unstructured {
	obj := &unstructured.Unstructured{Object: map[string]any{"data": map[string]any{"one": "1"}}}
	obj.SetAPIVersion("v1")
	obj.SetKind("ConfigMap")
	obj.SetNamespace(namespace)
	obj.SetName(name)
	return obj
}

// spoil changes an object in place, below its surface.
func spoil(obj *unstructured.Unstructured) error {
	if obj == nil {
		return errNothing
	}
	data, ok := obj.Object["data"].(map[string]any)
	if !ok {
		return fmt.Errorf("want an object with data, got %v", obj.Object)
	}
	data["one"] = "changed"
	return nil
}

func checkContext(ctx context.Context, client federation.ClusterClient, namespace string) error {
	ended, cancel := context.WithCancel(ctx)
	cancel()
	there, absent := settings(namespace, "context-there"), settings(namespace, "context-absent")
	made, err := client.Create(ctx, there, metav1.CreateOptions{FieldManager: "us"})
	if err != nil {
		return fmt.Errorf("create: %w", err)
	}
	force := true
	changed := there.DeepCopy()
	changed.Object["data"] = map[string]any{"one": "x"}
	_, getErr := client.Get(ended, there.GroupVersionKind(), nameOf(there))
	_, createErr := client.Create(ended, absent, metav1.CreateOptions{FieldManager: "us"})
	_, applyErr := client.Patch(ended, changed, nil, metav1.PatchOptions{FieldManager: "us", Force: &force})
	_, patchErr := client.Patch(ended, there, []byte(`[{"op":"remove","path":"/data"}]`), metav1.PatchOptions{FieldManager: "us"})
	deleteErr := client.Delete(ended, there.GroupVersionKind(), nameOf(there), metav1.DeleteOptions{})
	for _, call := range []struct {
		name string
		err  error
	}{{"get", getErr}, {"create", createErr}, {"apply", applyErr}, {"patch", patchErr}, {"delete", deleteErr}} {
		if !errors.Is(call.err, context.Canceled) {
			return fmt.Errorf("%s with an ended context: want an error that is context.Canceled, got %s", call.name, fmt.Sprint(call.err))
		}
	}
	live, err := client.Get(ctx, there.GroupVersionKind(), nameOf(there))
	if err != nil {
		return fmt.Errorf("get: %w", err)
	}
	if live.GetResourceVersion() != made.GetResourceVersion() {
		return errors.New("a call with an ended context has changed the object")
	}
	if _, err := client.Get(ctx, absent.GroupVersionKind(), nameOf(absent)); !apierrors.IsNotFound(err) {
		return fmt.Errorf("a create with an ended context: want not found after it, got %s", fmt.Sprint(err))
	}
	return nil
}

func checkGiven(ctx context.Context, client federation.ClusterClient, namespace string) error {
	given := settings(namespace, "given")
	before := given.DeepCopy()
	force := true
	calls := map[string]func() (*unstructured.Unstructured, error){
		"create": func() (*unstructured.Unstructured, error) {
			return client.Create(ctx, given, metav1.CreateOptions{FieldManager: "us"})
		},
		"apply": func() (*unstructured.Unstructured, error) {
			return client.Patch(ctx, given, nil, metav1.PatchOptions{FieldManager: "us", Force: &force})
		},
		"patch": func() (*unstructured.Unstructured, error) {
			return client.Patch(ctx, given, []byte(`[{"op":"add","path":"/data/two","value":"2"}]`), metav1.PatchOptions{FieldManager: "us"})
		},
	}
	for _, name := range []string{"create", "apply", "patch"} {
		returned, err := calls[name]()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if !apiequality.Semantic.DeepEqual(before.Object, given.Object) {
			return fmt.Errorf("%s has changed the object that it was given", name)
		}
		if err := spoil(returned); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if !apiequality.Semantic.DeepEqual(before.Object, given.Object) {
			return fmt.Errorf("%s has returned a part of the object that it was given", name)
		}
	}
	if err := spoil(given); err != nil {
		return err
	}
	live, err := client.Get(ctx, given.GroupVersionKind(), nameOf(given))
	if err != nil {
		return fmt.Errorf("get: %w", err)
	}
	if one, _, _ := unstructured.NestedString(live.Object, "data", "one"); one != "1" {
		return errors.New("the client has kept an object that it was given")
	}
	return nil
}

func checkReturned(ctx context.Context, client federation.ClusterClient, namespace string) error {
	obj := settings(namespace, "returned")
	if _, err := client.Create(ctx, obj, metav1.CreateOptions{FieldManager: "us"}); err != nil {
		return fmt.Errorf("create: %w", err)
	}
	for range 2 {
		live, err := client.Get(ctx, obj.GroupVersionKind(), nameOf(obj))
		if err != nil {
			return fmt.Errorf("get: %w", err)
		}
		if one, _, _ := unstructured.NestedString(live.Object, "data", "one"); one != "1" {
			return errors.New("a change of a returned object shows in the next answer")
		}
		if live.GroupVersionKind() != obj.GroupVersionKind() {
			return fmt.Errorf("want a %s, got a %s", obj.GroupVersionKind(), live.GroupVersionKind())
		}
		if err := spoil(live); err != nil {
			return fmt.Errorf("get: %w", err)
		}
	}
	return nil
}

func checkConcurrency(ctx context.Context, client federation.ClusterClient, namespace string) error {
	const callers = 8
	results := make([]error, callers)
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			_, results[i] = client.Create(ctx, settings(namespace, "side-by-side"), metav1.CreateOptions{FieldManager: "us"})
		})
	}
	group.Wait()
	made := 0
	for _, err := range results {
		switch {
		case err == nil:
			made++
		case !apierrors.IsAlreadyExists(err):
			return fmt.Errorf("create: want already exists, got %w", err)
		}
	}
	if made != 1 {
		return fmt.Errorf("%d of %d creates of one object have succeeded", made, callers)
	}
	return nil
}
