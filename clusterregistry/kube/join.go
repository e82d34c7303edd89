package kube

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// ErrForeign means that something of that name is there already and belongs to somebody else.
var ErrForeign = errors.New("exists and is not ours")

// ErrNoToken means that the member has not written the long-lived token yet. Ask again.
var ErrNoToken = errors.New("the member has not written the token yet")

// defaultTTL is how long a token lives unless the caller says otherwise.
const defaultTTL = 24 * time.Hour

// Join creates or mends in the member what Grant.Objects lists, and removes what an earlier Join of a wider Grant of
// this name created. member needs the rights of an administrator. It may be called again at any time, after a crash at
// any step too; a member that is joined already is not written. An object of somebody else is ErrForeign; the namespace
// may be anybody's.
func Join(ctx context.Context, member *Client, g Grant) error {
	objects, err := g.Objects(ctx, member)
	if err != nil {
		return err
	}
	for _, obj := range objects {
		if err := g.ensure(ctx, member, obj); err != nil {
			return fmt.Errorf("%s: %w", describe(obj), err)
		}
	}
	return g.prune(ctx, member, objects)
}

// ensure creates or mends one object.
func (g Grant) ensure(ctx context.Context, member *Client, obj *unstructured.Unstructured) error {
	gvk := obj.GroupVersionKind()
	live, err := member.Get(ctx, gvk, nameOf(obj))
	if apierrors.IsNotFound(err) {
		_, err = member.Create(ctx, obj, metav1.CreateOptions{FieldManager: joinManager})
		return err
	}
	switch {
	case err != nil:
		return err
	case gvk.Kind == "Namespace":
		return nil
	case !g.owns(live):
		return ErrForeign
	case !reflect.DeepEqual(live.Object["roleRef"], obj.Object["roleRef"]): // immutable
		if err := remove(ctx, member, live); err != nil {
			return err
		}
		_, err = member.Create(ctx, obj, metav1.CreateOptions{FieldManager: joinManager})
		return err
	case !g.differs(live, obj):
		return nil
	}
	force := true
	_, err = member.Patch(ctx, obj, nil, metav1.PatchOptions{FieldManager: joinManager, Force: &force})
	return err
}

// differs compares what roles and bindings grant, and what of the rest can be repaired.
func (g Grant) differs(live, obj *unstructured.Unstructured) bool {
	for key, want := range obj.Object {
		if key != "metadata" && !reflect.DeepEqual(live.Object[key], want) {
			return true
		}
	}
	return false
}

func (g Grant) owns(obj metav1.Object) bool {
	labels := obj.GetLabels()
	return labels[joinLabel] == g.Name && labels[joinNamespaceLabel] == g.Namespace
}

// joinKinds are the kinds that Join creates beside the namespace, in the order of removal: rights first.
func joinKinds() []schema.GroupVersionKind {
	rbac := schema.GroupVersion{Group: "rbac.authorization.k8s.io", Version: "v1"}
	core := schema.GroupVersion{Version: "v1"}
	return []schema.GroupVersionKind{rbac.WithKind("ClusterRoleBinding"), rbac.WithKind("RoleBinding"), rbac.WithKind("ClusterRole"),
		rbac.WithKind("Role"), core.WithKind("Secret"), core.WithKind("ServiceAccount")}
}

// prune removes everything of this Grant but what is wanted. It is found by its labels.
func (g Grant) prune(ctx context.Context, member *Client, wanted []*unstructured.Unstructured) error {
	for _, gvk := range joinKinds() {
		r, err := member.apis.find(ctx, gvk, func(resource) bool { return true })
		if err != nil {
			return member.scrub(err)
		}
		selector := fmt.Sprintf("%s=%s,%s=%s", joinLabel, g.Name, joinNamespaceLabel, g.Namespace)
		list, err := member.metadata.Resource(gvk.GroupVersion().WithResource(r.name)).List(ctx, metav1.ListOptions{LabelSelector: selector})
		if err != nil {
			return member.scrub(err)
		}
		for _, item := range list.Items {
			if !g.owns(&item) {
				continue // the member did not look at the selector
			}
			found := &unstructured.Unstructured{Object: map[string]any{}}
			found.SetGroupVersionKind(gvk)
			found.SetNamespace(item.Namespace)
			found.SetName(item.Name)
			found.SetUID(item.UID)
			same := func(obj *unstructured.Unstructured) bool {
				return obj.GroupVersionKind() == gvk && nameOf(obj) == nameOf(found)
			}
			if slices.ContainsFunc(wanted, same) {
				continue
			}
			if err := remove(ctx, member, found); err != nil {
				return fmt.Errorf("%s: %w", describe(found), err)
			}
		}
	}
	return nil
}

// remove deletes exactly the object that was seen. One that is gone is fine.
func remove(ctx context.Context, c *Client, obj *unstructured.Unstructured) error {
	uid := obj.GetUID()
	err := c.Delete(ctx, obj.GroupVersionKind(), nameOf(obj), metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// Token returns a token of the Grant's ServiceAccount and when it expires. With LongLived that is never, and the answer
// is ErrNoToken until the member's controllers have written it. Otherwise the token lives for ttl, or for as long as
// the member allows; 0 means a day, and API servers refuse less than ten minutes. The token itself gives the right to
// ask for the next one: Renew does so before it ends.
func (g Grant) Token(ctx context.Context, member *Client, ttl time.Duration) (token string, expires time.Time, err error) {
	if g.LongLived {
		token, err := g.longLived(ctx, member)
		return token, time.Time{}, err
	}
	if ttl == 0 {
		ttl = defaultTTL
	}
	if member.broken != nil {
		return "", time.Time{}, member.broken
	}
	request := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
		"spec": map[string]any{"expirationSeconds": int64(ttl / time.Second)}}}
	request.SetName(g.Name)
	accounts := member.dynamic.Resource(schema.GroupVersionResource{Version: "v1", Resource: "serviceaccounts"}).Namespace(g.Namespace)
	answer, err := accounts.Create(ctx, request, metav1.CreateOptions{}, "token")
	if err != nil {
		return "", time.Time{}, member.scrub(err)
	}
	token, _, _ = unstructured.NestedString(answer.Object, "status", "token")
	until, _, _ := unstructured.NestedString(answer.Object, "status", "expirationTimestamp")
	expires, err = time.Parse(time.RFC3339, until)
	if err != nil || token == "" {
		return "", time.Time{}, errors.New("the answer to a token request has no token or no time")
	}
	return token, expires, nil
}

func (g Grant) longLived(ctx context.Context, member *Client) (string, error) {
	secret, err := member.Get(ctx, schema.GroupVersionKind{Version: "v1", Kind: "Secret"}, types.NamespacedName{Namespace: g.Namespace, Name: g.Name})
	if err != nil {
		return "", err
	}
	encoded, _, _ := unstructured.NestedString(secret.Object, "data", "token")
	token, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(token) == 0 {
		return "", ErrNoToken
	}
	return string(token), nil
}
