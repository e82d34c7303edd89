package kube

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// UpdateStatus sends obj as a PUT to its status subresource and returns what is stored then. The server takes nothing
// but the status from obj, so kind, names and status are enough; a resourceVersion in it must still be the object's, else
// the error is a conflict. It is for the program's own objects: members' statuses belong to the members.
func (c *Client) UpdateStatus(ctx context.Context, obj *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	t, err := c.named(ctx, obj.GroupVersionKind(), nameOf(obj))
	if err != nil {
		return nil, err
	}
	out, err := t.ResourceInterface.UpdateStatus(ctx, obj, metav1.UpdateOptions{})
	return t.checked(out, err)
}

// UpdateStatus is Client.UpdateStatus; what it returns can be read at once.
func (m *Cached) UpdateStatus(ctx context.Context, obj *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	out, err := m.Client.UpdateStatus(ctx, obj)
	return m.wrote(out, nil, err)
}

// listPage is how many objects one request of List asks for.
const listPage = 500

// List reads the objects of a kind that a label selector selects, in one namespace or, with "", in all. It is for what is
// looked at rarely; what is looked at often belongs into Caches.
func (c *Client) List(ctx context.Context, gvk schema.GroupVersionKind, namespace, selector string) ([]unstructured.Unstructured, error) {
	if c.broken != nil {
		return nil, c.broken
	}
	r, err := c.apis.find(ctx, gvk, func(resource) bool { return true })
	if err != nil {
		return nil, c.scrub(err)
	}
	if namespace != "" && !r.namespaced {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("%s is cluster-scoped: it is in no namespace", gvk.Kind))
	}
	ctx = forList(ctx)
	var out []unstructured.Unstructured
	opts := metav1.ListOptions{LabelSelector: selector, Limit: listPage}
	for {
		page, err := c.dynamic.Resource(gvk.GroupVersion().WithResource(r.name)).Namespace(namespace).List(ctx, opts)
		if err != nil {
			return nil, c.served(gvk, err)
		}
		out = append(out, page.Items...)
		if opts.Continue = page.GetContinue(); opts.Continue == "" {
			return out, nil
		}
	}
}

// Names returns the names of all objects of a mirrored kind, in one namespace or, with "", in all, sorted. The error is
// that of Get; a kind that is not mirrored is an ErrNotSynced.
func (m *Cached) Names(gvk schema.GroupVersionKind, namespace string) ([]types.NamespacedName, error) {
	var out []types.NamespacedName
	found := false
	for _, each := range m.mirrors {
		if each.kind.GroupVersionKind != gvk || namespace != "" && each.kind.Namespace != "" && each.kind.Namespace != namespace {
			continue
		}
		names, err := each.names(namespace, m.stale)
		if err != nil {
			return nil, err
		}
		found, out = true, append(out, names...)
	}
	if !found {
		return nil, fmt.Errorf("%w: %s is not mirrored", ErrNotSynced, gvk.Kind)
	}
	slices.SortFunc(out, compareNames)
	return slices.Compact(out), nil
}

func compareNames(a, b types.NamespacedName) int {
	if c := strings.Compare(a.Namespace, b.Namespace); c != 0 {
		return c
	}
	return strings.Compare(a.Name, b.Name)
}
