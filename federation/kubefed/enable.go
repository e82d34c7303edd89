package kubefed

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/confed-project/confed/federation"
)

const (
	defaultGroup   = "types.kubefed.io"
	defaultVersion = "v1beta1"
)

// Directive is what an EnableTypeDirective says: which type is to be federated, and how. What is empty has its default.
type Directive struct {
	// Name is the resource as Match takes it.
	Name string
	// TargetVersion is the version in which the type is propagated. Empty: as it was discovered.
	TargetVersion string
	// FederatedGroup and FederatedVersion are of the federated kind. Empty: types.kubefed.io and v1beta1.
	FederatedGroup, FederatedVersion string
}

// DecodeDirective reads an EnableTypeDirective, which is only ever a file.
func DecodeDirective(obj *unstructured.Unstructured) (Directive, error) {
	n := readKind(obj, schema.GroupKind{Group: coreGroup, Kind: "EnableTypeDirective"})
	if n.err != nil {
		return Directive{}, n.err
	}
	spec := n.child("spec")
	d := Directive{
		Name:             obj.GetName(),
		TargetVersion:    get[string](spec, "targetVersion"),
		FederatedGroup:   get[string](spec, "federatedGroup"),
		FederatedVersion: get[string](spec, "federatedVersion"),
	}
	if n.err != nil {
		return Directive{}, n.err
	}
	return d, nil
}

// Enable makes what lets a resource be federated: its Type, propagated and without status collection, whose Encode writes
// the FederatedTypeConfig, and the CustomResourceDefinition of the federated kind. The target is a resource that Match or
// Guess returned; the Name of the directive is not looked at.
//
// Model is how the target's objects look: the definition of its CustomResourceDefinition (the whole object or an
// openAPIV3Schema), or a document of OpenAPI v2 or v3 of the server. It only tells whether spec.replicas is a number, so that
// the federated kind gets spec.retainReplicas; nil: kinds that are known to have replicas get it.
//
// The definition needs no webhook: it says which templates, placements and overrides are right in schemas and in rules that
// API servers from 1.25 on evaluate. Objects that KubeFed has stored stay readable; an API server from 1.30 on lets what was
// wrong before stay as it is while the rest is changed.
func Enable(target metav1.APIResource, model map[string]any, d Directive) (Type, *unstructured.Unstructured, error) {
	n := node{reader: &reader{object: groupResource(target).String()}}
	t := Type{Propagation: true}
	t.Target = Resource{
		GVK:    schema.GroupVersionKind{Group: target.Group, Version: cmp.Or(d.TargetVersion, target.Version), Kind: target.Kind},
		Plural: target.Name, Namespaced: target.Namespaced,
	}
	t.Federated = Resource{
		GVK: schema.GroupVersionKind{
			Group: cmp.Or(d.FederatedGroup, defaultGroup), Version: cmp.Or(d.FederatedVersion, defaultVersion), Kind: "Federated" + target.Kind,
		},
		Plural:     "federated" + target.Name,
		Namespaced: target.Namespaced || isNamespace(t.Target.GVK.GroupKind()),
	}
	n.checkResource(t.Target)
	n.checkResource(t.Federated)
	if !strings.Contains(t.Federated.GVK.Group, ".") {
		n.fail("group", "%q, the federated group, must contain a dot", t.Federated.GVK.Group)
	}
	if t.Target.GVK.Group == t.Federated.GVK.Group || t.Target.GVK.Group == coreGroup {
		n.fail("group", "what federates others is not federated itself")
	}
	if n.err != nil {
		return Type{}, nil, n.err
	}
	return t, definition(t, target, hasReplicas(model, t.Target.GVK)), nil
}

func (n node) checkResource(r Resource) {
	for _, field := range [][2]string{{"version", r.GVK.Version}, {"kind", strings.ToLower(r.GVK.Kind)}, {"name", r.Plural}} {
		for _, wrong := range validation.IsDNS1035Label(field[1]) {
			n.fail(field[0], "%q: %s", field[1], wrong)
		}
	}
	if r.GVK.Group != "" {
		for _, wrong := range validation.IsDNS1123Subdomain(r.GVK.Group) {
			n.fail("group", "%q: %s", r.GVK.Group, wrong)
		}
	}
}

// CheckEnable says why a type must not be enabled beside those that are: its target has another federated kind already; its
// federated kind federates another target already; or another API of the same objects is enabled, which would be propagated
// twice. That the same type is enabled already is no error, so enabling again updates it.
func CheckEnable(t Type, enabled []Type) error {
	name := t.Target.groupResource()
	wrong := func(field, format string, args ...any) error {
		err := fmt.Errorf("%w: %s", federation.ErrInvalid, fmt.Sprintf(format, args...))
		return &federation.Error{Object: name.String(), Field: field, Err: err}
	}
	for _, other := range enabled {
		target, federated := other.Target.groupResource(), other.Federated.groupResource()
		switch {
		case target == name:
			if federated != t.Federated.groupResource() || other.Federated.GVK.Version != t.Federated.GVK.Version {
				return wrong("spec.federatedType", "it is enabled as %s in version %s already; disable that first",
					federated, other.Federated.GVK.Version)
			}
		case equivalent(target, name):
			return wrong("spec.targetType", "its objects are those of %s, which is enabled already; disable one first", target)
		case federated == t.Federated.groupResource():
			return wrong("spec.federatedType", "%s federates %s already; choose another federated group", federated, target)
		}
	}
	return nil
}

func (r Resource) groupResource() schema.GroupResource {
	return schema.GroupResource{Group: r.GVK.Group, Resource: r.Plural}
}

// equivalent reports whether two resources are APIs of the same stored objects, such as ingresses.extensions and
// ingresses.networking.k8s.io.
func equivalent(a, b schema.GroupResource) bool {
	groups := families()[a.Resource]
	return a.Resource == b.Resource && slices.Contains(groups, a.Group) && slices.Contains(groups, b.Group)
}

// families are the groups under which Kubernetes serves or served the same objects.
func families() map[string][]string {
	return map[string][]string{
		"daemonsets":          {"apps", "extensions"},
		"deployments":         {"apps", "extensions"},
		"events":              {"", "events.k8s.io"},
		"ingresses":           {"extensions", "networking.k8s.io"},
		"networkpolicies":     {"extensions", "networking.k8s.io"},
		"podsecuritypolicies": {"extensions", "policy"},
		"replicasets":         {"apps", "extensions"},
	}
}
