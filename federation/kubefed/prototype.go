package kubefed

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/override"
	"github.com/confed-project/confed/placement"
)

// DecodePrototype reads the separate objects of KubeFed's prototype (any group that ends in federation.k8s.io) as one: a
// template (FederatedDeployment), its placement (FederatedDeploymentPlacement) and its overrides
// (FederatedDeploymentOverride), of one name and namespace and in any order. The template of a FederatedNamespacePlacement is
// the Namespace itself. The prototype's later form is read too, which has all three in the one object.
//
// No placement among the parts means that nobody made one, and nothing is placed; a program that could not read one must not
// call. In all that is not said here the rules of Decode hold, also for what stands beside an error; but nothing can be said
// of parts that do not belong together, and the Object is zero.
//
// Records of the prototype are few; it is read as its users knew it. Names win over the selector, but an empty list of names
// does not. An override sets a field, and makes it with its parents where it is absent; its path is of names with dots
// (spec.replicas), or of KubeFed's kind when it begins with a slash.
func DecodePrototype(target schema.GroupVersionKind, parts ...*unstructured.Unstructured) (federation.Object, error) {
	p, err := sortParts(target.Kind, parts)
	if err != nil {
		return federation.Object{}, err
	}
	root := &unstructured.Unstructured{Object: p.template.m}
	spec := p.template.child("spec")
	if p.placement.reader == nil {
		p.placement = spec.child("placement")
	} else {
		p.placement = p.placement.child("spec")
	}
	overridden := spec
	if p.override.reader != nil {
		overridden = p.override.child("spec")
	}
	out := federation.Object{
		Placement: policy(p.placement, prototypeNamed), Overrides: overrides(overridden, fieldEdits), Cascade: true,
	}
	if isNamespace(root.GroupVersionKind().GroupKind()) {
		out.Template, _ = federation.Template(root)
	} else {
		faults := spec.faulted()
		out.Template, _ = template(spec.child("template"), root, target)
		out.Retain = federation.DefaultRetain(out.Template.GroupVersionKind().GroupKind())
		if spec.bad || spec.faulted() > faults {
			out.Template = nil
		}
	}
	errs := []error{p.template.err}
	for _, n := range []node{p.placement, overridden} {
		if n.reader != p.template.reader {
			errs = append(errs, n.err)
		}
	}
	return out, errors.Join(errs...)
}

// prototype is one object of the prototype in its parts. A part without a reader is absent.
type prototype struct{ template, placement, override node }

// sortParts finds out which part is which, and that they are of one object.
func sortParts(kind string, parts []*unstructured.Unstructured) (p prototype, err error) {
	for _, part := range parts {
		if name, ok := templateKind(part); ok && kind == "" {
			kind = name
		}
	}
	for _, part := range parts {
		n := read(part)
		if n.err != nil {
			return p, n.err
		}
		name, isTemplate := templateKind(part)
		role := &p.template
		switch {
		case isTemplate && name == kind:
		case part.GetKind() == "Federated"+kind+"Placement":
			role = &p.placement
		case part.GetKind() == "Federated"+kind+"Override":
			role = &p.override
		default:
			n.fail("kind", "is no part of a Federated%s", kind)
		}
		group := part.GroupVersionKind().Group
		if part.GetKind() != "Namespace" && group != "federation.k8s.io" && !strings.HasSuffix(group, ".federation.k8s.io") {
			n.fail("apiVersion", "%q is not of the prototype", part.GetAPIVersion())
		}
		if role.reader != nil {
			n.fail("kind", "there are two of them")
		}
		if other := parts[0]; part.GetName() != other.GetName() || home(part) != home(other) {
			n.fail("metadata.name", "is not that of another part, %s/%s", home(other), other.GetName())
		}
		if n.err != nil {
			return p, n.err
		}
		*role = n
	}
	if p.template.reader == nil {
		n := node{reader: &reader{object: "Federated" + kind}}
		n.fail("", "there is no template among the parts")
		return p, n.err
	}
	return p, nil
}

// templateKind returns the kind that a part is the template of, if it is one.
func templateKind(part *unstructured.Unstructured) (string, bool) {
	if part == nil {
		return "", false
	}
	if isNamespace(part.GroupVersionKind().GroupKind()) {
		return "Namespace", true
	}
	kind, ok := strings.CutPrefix(part.GetKind(), "Federated")
	return kind, ok && !strings.HasSuffix(kind, "Placement") && !strings.HasSuffix(kind, "Override")
}

// home is the namespace that all parts are in.
func home(part *unstructured.Unstructured) string {
	if isNamespace(part.GroupVersionKind().GroupKind()) {
		return part.GetName()
	}
	return part.GetNamespace()
}

func prototypeNamed(p node) placement.Policy {
	names := p.strings("clusterNames")
	if i := slices.Index(names, ""); i >= 0 {
		p.fail(fmt.Sprintf("clusterNames[%d]", i), "missing")
	}
	if len(names) > 0 {
		return placement.Policy{Clusters: names}
	}
	return selected(p)
}

// fieldEdits reads the overrides of one cluster.
func fieldEdits(entry node) (out []override.Edit) {
	seen := map[string]bool{}
	for _, n := range entry.nodes("clusterOverrides") {
		path := n.text("path")
		if seen[path] {
			n.fail("path", "%s is overridden already", path)
		}
		seen[path] = true
		if strings.HasPrefix(path, "/") {
			out = append(out, override.Patch{Path: path, Value: n.m["value"]})
			continue
		}
		names := strings.Split(path, ".")
		if slices.Contains(names, "") {
			n.fail("path", "%q has an empty name in it", path)
		}
		out = append(out, field{names, n.m["value"]})
	}
	return out
}

// field is an edit that sets a field whatever is there, and makes the parents that are absent.
type field struct {
	names []string
	value any
}

func (f field) Patches(doc map[string]any) ([]override.Patch, error) {
	at := 0
	for ; at < len(f.names)-1; at++ {
		next, ok := doc[f.names[at]]
		if !ok || next == nil {
			break
		}
		if doc, ok = next.(map[string]any); !ok {
			return nil, fmt.Errorf("%w: %s is not an object", override.ErrInvalid, strings.Join(f.names[:at+1], "."))
		}
	}
	value := f.value
	for i := len(f.names) - 1; i > at; i-- {
		value = map[string]any{f.names[i]: value}
	}
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	path := ""
	for _, name := range f.names[:at+1] {
		path += "/" + escape.Replace(name)
	}
	return []override.Patch{{Op: "add", Path: path, Value: value}}, nil
}
