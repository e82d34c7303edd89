package kube

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
)

// Labels and names of what Join creates in a member.
const (
	joinLabel          = "confed.dev/joined"           // value: Grant.Name
	joinNamespaceLabel = "confed.dev/joined-namespace" // value: Grant.Namespace
	joinManager        = "confed-join"
)

// access is what a program does with objects of some kinds, and with the one Namespace that it is limited to.
type access struct {
	kinds           []schema.GroupVersionKind
	verbs, ofWithin []any
}

// accesses are all that a program does with objects: nothing else is granted.
func (g Grant) accesses() []access {
	return []access{
		{g.Kinds, []any{"create", "delete", "get", "list", "patch", "watch"}, []any{"get", "patch"}},
		{g.Reads, []any{"get", "list", "watch"}, []any{"get"}},
	}
}

// ErrBadGrant means that a Grant cannot be fulfilled as it is written.
var ErrBadGrant = errors.New("bad grant")

// Grant says what a program may do in a member, and under which name it does it.
type Grant struct {
	// Name is that of the ServiceAccount and of everything else that Join creates; two programs that share a member
	// need two names. It is a DNS label.
	Name string
	// Namespace is where the ServiceAccount lives. Join creates it if it is not there.
	Namespace string
	// Kinds are propagated. Each is granted by its resource's name, to create, delete, get, list, patch and watch.
	Kinds []schema.GroupVersionKind
	// Reads are kinds that are looked at alone, to get, list and watch, such as the Pods of a Deployment.
	Reads []schema.GroupVersionKind
	// Within limits the kinds to one namespace; "" grants them in the whole cluster. A cluster-scoped kind within a
	// namespace is an ErrBadGrant, except the Namespace itself, which may be seen and changed.
	Within string
	// Topology lets the program read nodes, as Client.Topology does.
	Topology bool
	// LongLived adds a Secret with a token that never expires. The default is a token that does, and the right to
	// renew it.
	LongLived bool
}

// Objects returns what Join creates in the member, in that order: it is the dry run. The member is asked for the
// resources of the kinds; one that it does not serve is a no-match error.
func (g Grant) Objects(ctx context.Context, member *Client) ([]*unstructured.Unstructured, error) {
	for _, name := range []string{g.Name, g.Namespace} {
		if faults := validation.IsDNS1123Label(name); len(faults) > 0 {
			return nil, fmt.Errorf("%w: %q: %s", ErrBadGrant, name, strings.Join(faults, ", "))
		}
	}
	if member.broken != nil {
		return nil, member.broken
	}
	wide, narrow, err := g.rules(ctx, member)
	if err != nil {
		return nil, err
	}
	account := types.NamespacedName{Namespace: g.Namespace, Name: g.Name}
	objects := []*unstructured.Unstructured{
		g.object("v1", "Namespace", types.NamespacedName{Name: g.Namespace}, nil),
		g.object("v1", "ServiceAccount", account, map[string]any{"automountServiceAccountToken": false}),
	}
	if g.LongLived {
		secret := g.object("v1", "Secret", account, map[string]any{"type": "kubernetes.io/service-account-token"})
		secret.SetAnnotations(map[string]string{"kubernetes.io/service-account.name": g.Name})
		objects = append(objects, secret)
	} else {
		objects = append(objects, g.role("Role", types.NamespacedName{Namespace: g.Namespace, Name: g.Name + "-token"}, []any{
			map[string]any{"apiGroups": []any{""}, "resources": []any{"serviceaccounts/token"}, "resourceNames": []any{g.Name}, "verbs": []any{"create"}}})...)
	}
	objects = append(objects, g.role("ClusterRole", types.NamespacedName{Name: g.clusterName()}, wide)...)
	if g.Within != "" {
		objects = append(objects, g.role("Role", types.NamespacedName{Namespace: g.Within, Name: g.Name}, narrow)...)
	}
	return objects, nil
}

// clusterName keeps programs apart that use one name in two namespaces.
func (g Grant) clusterName() string { return g.Namespace + ":" + g.Name }

// rules returns what is granted in the whole cluster and what within the namespace.
func (g Grant) rules(ctx context.Context, member *Client) (wide, narrow []any, err error) {
	wide = []any{map[string]any{"nonResourceURLs": []any{"/healthz", "/livez", "/readyz", "/version"}, "verbs": []any{"get"}}}
	if g.Topology {
		wide = append(wide, map[string]any{"apiGroups": []any{""}, "resources": []any{"nodes"}, "verbs": []any{"list"}})
	}
	var rules []any
	for _, a := range g.accesses() {
		limited, unlimited, err := g.resources(ctx, member, a)
		if err != nil {
			return nil, nil, err
		}
		rules, wide = append(rules, limited...), append(wide, unlimited...)
	}
	if g.Within != "" {
		return wide, rules, nil
	}
	return append(wide, rules...), nil, nil
}

// resources returns the rules of an access, and what of these cannot be limited to a namespace.
func (g Grant) resources(ctx context.Context, member *Client, a access) (rules, wide []any, err error) {
	groups := map[string][]string{}
	for _, gvk := range a.kinds {
		r, err := member.apis.find(ctx, gvk, func(resource) bool { return true })
		switch {
		case err != nil:
			return nil, nil, member.scrub(err)
		case g.Within != "" && gvk.Group == "" && gvk.Kind == "Namespace":
			wide = append(wide, map[string]any{"apiGroups": []any{""}, "resources": []any{"namespaces"}, "resourceNames": []any{g.Within}, "verbs": a.ofWithin})
			continue
		case g.Within != "" && !r.namespaced:
			return nil, nil, fmt.Errorf("%w: %s is cluster-scoped, the grant is within the namespace %q", ErrBadGrant, gvk.Kind, g.Within)
		}
		groups[gvk.Group] = append(groups[gvk.Group], r.name)
	}
	for _, group := range slices.Sorted(maps.Keys(groups)) {
		resources := []any{}
		slices.Sort(groups[group])
		for _, name := range slices.Compact(groups[group]) {
			resources = append(resources, name)
		}
		rules = append(rules, map[string]any{"apiGroups": []any{group}, "resources": resources, "verbs": a.verbs})
	}
	return rules, wide, nil
}

// role returns a role with its binding to the ServiceAccount.
func (g Grant) role(kind string, name types.NamespacedName, rules []any) []*unstructured.Unstructured {
	const group = "rbac.authorization.k8s.io"
	return []*unstructured.Unstructured{
		g.object(group+"/v1", kind, name, map[string]any{"rules": rules}),
		g.object(group+"/v1", kind+"Binding", name, map[string]any{
			"roleRef":  map[string]any{"apiGroup": group, "kind": kind, "name": name.Name},
			"subjects": []any{map[string]any{"kind": "ServiceAccount", "namespace": g.Namespace, "name": g.Name}},
		}),
	}
}

func (g Grant) object(apiVersion, kind string, name types.NamespacedName, content map[string]any) *unstructured.Unstructured {
	obj := &unstructured.Unstructured{Object: map[string]any{"apiVersion": apiVersion, "kind": kind}}
	for key, value := range content {
		obj.Object[key] = value
	}
	obj.SetNamespace(name.Namespace)
	obj.SetName(name.Name)
	obj.SetLabels(map[string]string{joinLabel: g.Name, joinNamespaceLabel: g.Namespace})
	return obj
}

// describe names an object in errors and reports.
func describe(obj *unstructured.Unstructured) string {
	return strings.TrimSuffix(fmt.Sprintf("%s %s", obj.GetKind(), strings.TrimPrefix(nameOf(obj).String(), "/")), "/")
}
