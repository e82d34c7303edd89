package kubefed

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/confed-project/confed/federation"
)

// What Federate and Contents leave out, for errors.Is. Each is in a *federation.Error that names the object.
var (
	// ErrLocal: the object is made by the cluster that it is in, and another cluster makes its own.
	ErrLocal = errors.New("belongs to its cluster")
	// ErrNotEnabled: there is no Type for the kind.
	ErrNotEnabled = errors.New("kind is not enabled for federation")
)

// managedLabel is what KubeFed put on every copy; a copy in the host must not become a template that carries it.
const managedLabel = "kubefed.io/managed"

// Federate makes the federated object of a live object, or of one from a file: it has the name and the namespace of the
// object (a Namespace goes into itself), its template, and a placement that selects every cluster.
//
// The template is what federation.Template makes, so without what servers, controllers and kubectl wrote; labels and
// annotations stay, but for those that KubeFed and this library write on copies. Name, namespace and kind are not in it,
// since Decode takes them from the federated object, and an apiVersion only when it is not that of the type.
//
// The error is ErrLocal for what must not be propagated at all: an object with a controller, which makes it in every cluster
// where the owner is; a token of a service account; the root certificate that each cluster publishes.
// It is federation.ErrInvalid for an object of another kind than the type's, and for a name that no custom resource can have
// (RBAC objects may be called system:node, federated ones not).
//
// Differences from KubeFed: annotations are kept, and so is clusterIP None; node ports, addresses and IP families of Services,
// generated selectors of Jobs, volumes of claims and nodes of Pods are not; owned objects and tokens are refused.
func Federate(live *unstructured.Unstructured, t Type) (*unstructured.Unstructured, error) {
	n := read(live)
	if n.err != nil {
		return nil, n.err
	}
	gvk := live.GroupVersionKind()
	if want := t.Target.GVK.GroupKind(); gvk.GroupKind() != want {
		n.fail("kind", "is %s, but the type federates %s", gvk.GroupKind(), want)
	}
	for _, wrong := range validation.IsDNS1123Subdomain(live.GetName()) {
		n.fail("metadata.name", "no federated object can have this name: %s", wrong)
	}
	namespace := ""
	if isNamespace(gvk.GroupKind()) {
		namespace = live.GetName()
	} else if t.Target.Namespaced {
		namespace = n.child("metadata").text("namespace")
	}
	n.child("metadata").labels("labels")
	n.child("metadata").labels("annotations")
	if n.err != nil {
		return nil, n.err
	}
	if reason := local(live); reason != "" {
		return nil, &federation.Error{Object: n.object, Err: fmt.Errorf("%w: %s", ErrLocal, reason)}
	}
	template, _ := federation.Template(live)
	body := map[string]any{}
	for key, value := range template.Object {
		switch key {
		case "kind", "metadata":
		case "apiVersion":
			if gvk.Version != t.Target.GVK.Version {
				body[key] = value
			}
		default:
			body[key] = value
		}
	}
	if meta := portable(template); len(meta) > 0 {
		body["metadata"] = meta
	}
	meta := map[string]any{"name": live.GetName()}
	if namespace != "" {
		meta["namespace"] = namespace
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": t.Federated.GVK.GroupVersion().String(),
		"kind":       t.Federated.GVK.Kind,
		"metadata":   meta,
		"spec": map[string]any{
			"template":  body,
			"placement": map[string]any{"clusterSelector": map[string]any{"matchLabels": map[string]any{}}},
		},
	}}, nil
}

func isNamespace(gk schema.GroupKind) bool { return gk == schema.GroupKind{Kind: "Namespace"} }

// portable returns what of the metadata goes into a template: labels and annotations, without the marks of copies.
func portable(template *unstructured.Unstructured) map[string]any {
	out := map[string]any{}
	for field, all := range map[string]map[string]string{
		"labels": template.GetLabels(), "annotations": template.GetAnnotations(),
	} {
		kept := map[string]any{}
		for key, value := range all {
			if key != managedLabel && !strings.HasPrefix(key, "confed.dev/") {
				kept[key] = value
			}
		}
		if len(kept) > 0 {
			out[field] = kept
		}
	}
	return out
}

// local says why an object must not be propagated; empty: it may be.
func local(live *unstructured.Unstructured) string {
	if owner := metav1.GetControllerOf(live); owner != nil {
		return fmt.Sprintf("its controller, the %s %s, makes it wherever that is", owner.Kind, owner.Name)
	}
	switch (schema.GroupKind{Group: live.GroupVersionKind().Group, Kind: live.GetKind()}) {
	case schema.GroupKind{Kind: "Secret"}:
		if live.Object["type"] == "kubernetes.io/service-account-token" {
			return "a token of a service account is good in one cluster only"
		}
	case schema.GroupKind{Kind: "ConfigMap"}:
		if live.GetName() == "kube-root-ca.crt" {
			return "every cluster publishes its own root certificate"
		}
	}
	return ""
}

// Contents federates what a namespace holds, for objects of the resources that ContentTypes returns: Namespaces first, the
// rest in the given order. The type of an object is the one with its kind as target.
//
// Left tells of each other object why it is left out, in the same order: ErrLocal (also for the ServiceAccount default, which
// every namespace has; it can still be federated by itself), ErrNotEnabled, or federation.ErrInvalid, as for a name that no
// federated object can have, or an object that is there twice.
func Contents(objects []*unstructured.Unstructured, types []Type) (federated []*unstructured.Unstructured, left []error) {
	byKind := make(map[schema.GroupKind]Type, len(types))
	for _, t := range types {
		byKind[t.Target.GVK.GroupKind()] = t
	}
	rank := func(o *unstructured.Unstructured) int {
		if o != nil && isNamespace(o.GroupVersionKind().GroupKind()) {
			return 0
		}
		return 1
	}
	sorted := slices.Clone(objects)
	slices.SortStableFunc(sorted, func(a, b *unstructured.Unstructured) int { return rank(a) - rank(b) })
	seen := map[federation.Key]bool{}
	for _, o := range sorted {
		f, err := content(o, byKind)
		if err == nil {
			key := federation.Key{GroupKind: f.GroupVersionKind().GroupKind(), Namespace: f.GetNamespace(), Name: f.GetName()}
			if !seen[key] {
				seen[key] = true
				federated = append(federated, f)
				continue
			}
			err = leftOut(o, fmt.Errorf("%w: it is there twice", federation.ErrInvalid))
		}
		left = append(left, err)
	}
	return federated, left
}

func content(o *unstructured.Unstructured, types map[schema.GroupKind]Type) (*unstructured.Unstructured, error) {
	if n := read(o); n.err != nil {
		return nil, n.err
	}
	gk := o.GroupVersionKind().GroupKind()
	if (gk == schema.GroupKind{Kind: "ServiceAccount"}) && o.GetName() == "default" {
		return nil, leftOut(o, fmt.Errorf("%w: every namespace has one", ErrLocal))
	}
	if reason := local(o); reason != "" { // said even of kinds that are not enabled, since it would not help to enable them
		return nil, leftOut(o, fmt.Errorf("%w: %s", ErrLocal, reason))
	}
	t, ok := types[gk]
	if !ok {
		return nil, leftOut(o, fmt.Errorf("%w: %s", ErrNotEnabled, gk))
	}
	return Federate(o, t)
}

func leftOut(o *unstructured.Unstructured, err error) error {
	ref := federation.Ref{GVK: o.GroupVersionKind(), Namespace: o.GetNamespace(), Name: o.GetName()}
	return &federation.Error{Object: ref.String(), Err: err}
}
