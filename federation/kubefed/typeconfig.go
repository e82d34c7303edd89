package kubefed

import (
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Type is what a FederatedTypeConfig says: which kind is propagated, and the kind that federates it.
type Type struct {
	Target, Federated Resource
	// Status is the kind of the legacy service status; nil: none.
	Status *Resource
	// Propagation says whether objects of the type are propagated at all; without it they are left as they are.
	Propagation bool
	// StatusCollection says whether the status of the copies is wanted in the federated object's own.
	StatusCollection bool
}

// Resource names an API resource.
type Resource struct {
	GVK        schema.GroupVersionKind
	Plural     string
	Namespaced bool
}

// DecodeType reads a FederatedTypeConfig with KubeFed's defaults (group and plural of the target from the name, plural of
// the federated type from its kind, group and version of the status type from the federated type), and checks what
// KubeFed's webhook checks: the name is plural.group of the target, or its plural in the core group.
func DecodeType(obj *unstructured.Unstructured) (Type, error) {
	n := readKind(obj, typeKind())
	if n.m == nil {
		return Type{}, n.err
	}
	spec := n.child("spec")
	plural, group, _ := strings.Cut(obj.GetName(), ".")
	t := Type{
		Target:           resource(spec.child("targetType"), Resource{GVK: schema.GroupVersionKind{Group: group}, Plural: plural}),
		Federated:        resource(spec.child("federatedType"), Resource{}),
		Propagation:      spec.enabled("propagation", true),
		StatusCollection: spec.enabled("statusCollection", false),
	}
	if want := (schema.GroupResource{Group: t.Target.GVK.Group, Resource: t.Target.Plural}).String(); obj.GetName() != want {
		n.fail("metadata.name", "must be %s", want)
	}
	if !strings.Contains(t.Federated.GVK.Group, ".") {
		spec.fail("federatedType.group", "must contain a dot")
	}
	if status := spec.child("statusType"); status.m != nil {
		r := resource(status, Resource{GVK: schema.GroupVersionKind{Group: t.Federated.GVK.Group, Version: t.Federated.GVK.Version}})
		t.Status = &r
		if !strings.Contains(r.GVK.Group, ".") {
			spec.fail("statusType.group", "must contain a dot")
		}
	}
	return t, n.err
}

func typeKind() schema.GroupKind {
	return schema.GroupKind{Group: coreGroup, Kind: "FederatedTypeConfig"}
}

// Encode returns obj with what t says, or nil when it says that already; a nil obj is a new object with the name that the
// target gives it, for which the caller sets the namespace. Everything is written out, so nothing is left to defaults.
func (t Type) Encode(obj *unstructured.Unstructured) *unstructured.Unstructured {
	name := schema.GroupResource{Group: t.Target.GVK.Group, Resource: t.Target.Plural}.String()
	d := draftOf(obj, typeKind(), "v1beta1", name)
	spec := d.at("spec")
	spec["propagation"] = configuration(t.Propagation)
	if t.StatusCollection || spec["statusCollection"] != nil {
		spec["statusCollection"] = configuration(t.StatusCollection)
	}
	t.Target.encode(d.at("spec", "targetType"))
	t.Federated.encode(d.at("spec", "federatedType"))
	if t.Status == nil {
		delete(spec, "statusType")
	} else {
		t.Status.encode(d.at("spec", "statusType"))
	}
	return d.changed()
}

func (r Resource) encode(into map[string]any) {
	set(into, "group", r.GVK.Group)
	set(into, "version", r.GVK.Version)
	set(into, "kind", r.GVK.Kind)
	set(into, "pluralName", r.Plural)
	into["scope"] = map[bool]string{true: "Namespaced", false: "Cluster"}[r.Namespaced]
}

// EncodeTypeStatus returns the FederatedTypeConfig with a status that says which of its controllers run at its present
// generation, and why in ConditionRunning, or nil when it says so already. Collection is about the legacy service status; nil:
// it has no such controller.
//
// KubeFed had no conditions, and where the schema is still KubeFed's the API server drops them: a status that says the same
// without one does without, until the generation or propagationController changes.
func EncodeTypeStatus(obj *unstructured.Unstructured, propagation Verdict, collection *bool) *unstructured.Unstructured {
	if obj == nil {
		return nil
	}
	running := map[bool]string{true: "Running", false: "NotRunning"}
	d := draftOf(obj, typeKind(), "v1beta1", "")
	status := d.at("status")
	conditions, _ := status["conditions"].([]any)
	dropped := status["observedGeneration"] == obj.GetGeneration() && status["propagationController"] == running[propagation.True] &&
		ofType(conditions, ConditionRunning) == nil
	status["observedGeneration"] = obj.GetGeneration()
	status["propagationController"] = running[propagation.True]
	if !dropped {
		propagation.into(status, ConditionRunning, obj.GetGeneration())
	}
	delete(status, "statusController")
	if collection != nil {
		status["statusController"] = running[*collection]
	}
	return d.changed()
}

func (n node) enabled(key string, required bool) bool {
	return (n.m[key] != nil || required) && n.oneOf(key, "Enabled", "Disabled") == "Enabled"
}

// resource reads a resource over its defaults.
func resource(n node, r Resource) Resource {
	for _, field := range []struct {
		key string
		to  *string
	}{{"group", &r.GVK.Group}, {"version", &r.GVK.Version}, {"kind", &r.GVK.Kind}, {"pluralName", &r.Plural}} {
		if v := get[string](n, field.key); v != "" {
			*field.to = v
		}
	}
	if r.Plural == "" {
		r.Plural = plural(r.GVK.Kind)
	}
	for _, field := range []struct {
		key, text string
		form      form
	}{{"version", r.GVK.Version, labelForm()}, {"kind", r.GVK.Kind, kindForm()}, {"pluralName", r.Plural, labelForm()}} {
		if !field.form.matches(field.text) {
			n.fail(field.key, "%q %s", field.text, field.form.words)
		}
	}
	if f := subdomainForm(); r.GVK.Group != "" && !f.matches(r.GVK.Group) {
		n.fail("group", "%q %s", r.GVK.Group, f.words)
	}
	r.Namespaced = n.oneOf("scope", "Cluster", "Namespaced") == "Namespaced"
	return r
}

// plural guesses as KubeFed does, since its names were made that way.
func plural(kind string) string {
	s := strings.ToLower(kind)
	for _, end := range []string{"s", "x", "ch", "sh", "z", "o"} {
		if strings.HasSuffix(s, end) {
			return s + "es"
		}
	}
	if stem, ok := strings.CutSuffix(s, "y"); ok {
		return stem + "ies"
	}
	if s == "" {
		return ""
	}
	return s + "s"
}
