package kubefed

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/override"
	"github.com/confed-project/confed/placement"
)

// The annotations that Decode understands.
const (
	// OrphanAnnotation with the value true on the federated object: copies stay when it goes.
	OrphanAnnotation = "kubefed.io/orphan"
	// DeleteOptionAnnotation on the federated object holds DeleteOptions as JSON.
	DeleteOptionAnnotation = "kubefed.io/deleteoption"
	// RetainAnnotation with the value true in the template: what members set stays, replicas too. It is never sent.
	RetainAnnotation = "retain"
)

const replicasPath = "/spec/replicas"

// Decode reads a federated object of any kind, such as a FederatedDeployment.
//
// The target is the kind that it propagates, as DecodeType tells it; a kind that is empty is the object's own less
// Federated, and the version is the template's own if it has one. Name and namespace are the federated object's; finalizers
// and owner references of the template are dropped, as they would mean objects of the host. Cascade is set, and the fields
// of federation.DefaultRetain are always retained. Adopt and HostUID are the program's to set, Replicas comes from
// DecodePreference, and the clusters of a namespaced object are narrowed by its FederatedNamespace with
// placement.Intersect. An object that is being deleted is read like any other: a program plans it with the zero Placement.
//
// An override that cannot be read or applied holds the cluster that it is for, and no other: its layer fails when it is
// rendered. A FederatedNamespace must have the name of the namespace that it is in.
//
// A template of another kind is an error, and so is the lack of a spec in kinds that no API server takes without one, such
// as a Deployment. An absent template of other kinds is an empty one, as it was in KubeFed.
//
// Beside an error stands what could be read, and nothing is lost by planning it: a template that cannot be read is nil,
// which is an error of the plan, and under a placement that cannot be read the last decisions stand. Only deletes must wait
// while there is an error about annotations, since those say how to delete. Of an object that is being deleted a spec that
// cannot be read is no error: the template then says no more than which objects the copies are, and nothing is placed.
//
// Differences from KubeFed: annotations of the template are propagated; orphaning and delete options also count when a
// cluster leaves the placement; no spelling of a path can rename the object.
func Decode(obj *unstructured.Unstructured, target schema.GroupVersionKind) (federation.Object, error) {
	n := read(obj)
	if n.m == nil {
		return federation.Object{}, n.err
	}
	identified := n.faulted() == 0
	out := wish(n, obj, target)
	meta := n.child("metadata")
	if identified && n.err != nil && meta.m["deletionTimestamp"] != nil {
		if bare := nameOnly(obj, target); bare != nil {
			n, out = read(obj), federation.Object{Template: bare, Cascade: true}
			meta = n.child("metadata")
		}
	}
	annotations := meta.child("annotations")
	out.Orphan = get[string](annotations, OrphanAnnotation) == "true"
	out.DeleteOptions = deleteOptions(annotations)
	return out, n.err
}

// wish reads what the spec says.
func wish(n node, obj *unstructured.Unstructured, target schema.GroupVersionKind) federation.Object {
	spec := n.child("spec")
	out := federation.Object{
		Placement: policy(spec.child("placement"), named),
		Overrides: overrides(spec, edits),
		Cascade:   true,
	}
	var retain bool
	faults := n.faulted()
	out.Template, retain = template(spec.child("template"), obj, target)
	out.Retain = federation.DefaultRetain(out.Template.GroupVersionKind().GroupKind())
	if n.faulted() > faults || faults > 0 && spec.bad {
		out.Template = nil
	}
	if get[bool](spec, "retainReplicas") || retain {
		out.Retain = append(slices.Clip(out.Retain), countPath(out.Template))
	}
	return out
}

func deleteOptions(annotations node) (opts metav1.DeleteOptions) {
	if text := get[string](annotations, DeleteOptionAnnotation); text != "" {
		if err := json.Unmarshal([]byte(text), &opts); err != nil {
			annotations.fail(DeleteOptionAnnotation, "%v", err)
		}
	}
	return opts
}

// nameOnly is a template that says no more than which objects the copies are.
func nameOnly(obj *unstructured.Unstructured, target schema.GroupVersionKind) *unstructured.Unstructured {
	t := node{reader: &reader{}, m: map[string]any{"spec": map[string]any{}}}
	bare, _ := template(t, obj, target)
	if t.err != nil {
		return nil
	}
	delete(bare.Object, "spec")
	return bare
}

// countPath is where a kind keeps what an autoscaler in a member sets.
func countPath(template *unstructured.Unstructured) string {
	if template != nil && template.GroupVersionKind().GroupKind() == (schema.GroupKind{Group: "batch", Kind: "Job"}) {
		return "/spec/parallelism"
	}
	return replicasPath
}

// template makes the object to propagate, and says whether it asks for retaining what members set.
func template(t node, obj *unstructured.Unstructured, target schema.GroupVersionKind) (*unstructured.Unstructured, bool) {
	kind, federated := target.Kind, obj.GetKind()
	if kind == "" {
		kind = strings.TrimPrefix(federated, "Federated")
		if kind == "" || kind == federated {
			root := node{reader: t.reader}
			root.fail("kind", "%q is not Federated and a kind", federated)
		}
	}
	version := get[string](t, "apiVersion")
	if version == "" {
		if version, _ = target.ToAPIVersionAndKind(); version == "" {
			t.fail("apiVersion", "missing, and no version is given")
		}
	}
	t.checkKind(version, target.GroupVersion().WithKind(kind))
	meta := t.child("metadata")
	m := maps.Clone(meta.m)
	if m == nil {
		m = map[string]any{}
	}
	for _, key := range []string{"finalizers", "ownerReferences", "generateName", "namespace"} {
		delete(m, key)
	}
	m["name"] = obj.GetName()
	if ns := obj.GetNamespace(); kind == "Namespace" && version == "v1" {
		if ns != "" && ns != obj.GetName() {
			root := node{reader: t.reader}
			root.fail("metadata.name", "a federated namespace must have the name of its namespace, %s", ns)
		}
	} else if ns != "" {
		m["namespace"] = ns
	}
	annotations := meta.child("annotations")
	retain := false
	if value, ok := annotations.m[RetainAnnotation]; ok {
		retain = value == "true"
		rest := maps.Clone(annotations.m)
		delete(rest, RetainAnnotation)
		if m["annotations"] = rest; len(rest) == 0 {
			delete(m, "annotations")
		}
	}
	doc := maps.Clone(t.m)
	if doc == nil {
		doc = map[string]any{}
	}
	doc["apiVersion"], doc["kind"], doc["metadata"] = version, kind, m
	return &unstructured.Unstructured{Object: doc}, retain
}

// checkKind checks that a template is of the target's kind, as far as it says, and has what the kind cannot be without.
func (n node) checkKind(version string, target schema.GroupVersionKind) {
	if kind := get[string](n, "kind"); kind != "" && kind != target.Kind {
		n.fail("kind", "%q is not %s, the kind that is propagated", kind, target.Kind)
	}
	if group := schema.FromAPIVersionAndKind(version, "").Group; target.Version == "" { // nobody said which group it is
		target.Group = group
	} else if group != target.Group && !slices.Contains(relatives(target.GroupKind()), group) {
		n.fail("apiVersion", "%q is not of the group of %s, the kind that is propagated", version, target.GroupKind())
	}
	if !needsSpec(target.GroupKind()) {
		return
	}
	if n.m == nil {
		n.fail("", "missing: there is no %s without a spec", target.Kind)
	} else if spec := n.child("spec"); spec.m == nil && !spec.bad {
		n.fail("spec", "missing: there is no %s without it", target.Kind)
	}
}

// policy reads a placement.
func policy(p node, read func(node) placement.Policy) placement.Policy {
	faults := p.faulted()
	out := read(p)
	if p.bad || p.faulted() > faults {
		// It selects nothing, which must not be taken for a wish; what does not compile leaves things as they are.
		return placement.Policy{Selector: &placement.Selector{MatchExpressions: []placement.Expression{{Key: p.path, Operator: "Unreadable"}}}}
	}
	return out
}

// named reads a placement as KubeFed does: names that are present, even none, win; a selector beside them is not read.
func named(p node) placement.Policy {
	if names := p.nodes("clusters"); names != nil {
		out := placement.Policy{Clusters: []string{}}
		for _, n := range names {
			out.Clusters = append(out.Clusters, n.text("name"))
		}
		return out
	}
	return selected(p)
}

func selected(p node) placement.Policy {
	s := p.child("clusterSelector")
	if s.m == nil {
		return placement.Policy{}
	}
	selector := &placement.Selector{MatchLabels: s.labels("matchLabels")}
	for _, e := range s.nodes("matchExpressions") {
		selector.MatchExpressions = append(selector.MatchExpressions, placement.Expression{
			Key: e.text("key"), Operator: e.text("operator"), Values: e.strings("values"),
		})
	}
	return placement.Policy{Selector: selector}
}

func overrides(spec node, read func(entry node) []override.Edit) []federation.Override {
	var out []federation.Override
	seen := map[string]bool{}
	for _, entry := range spec.nodes("overrides") {
		cluster := entry.text("clusterName")
		entry.reader = &reader{} // from here on errors are the cluster's own
		edits := read(entry)
		if seen[cluster] {
			entry.fail("clusterName", "the cluster has overrides already")
		}
		seen[cluster] = true
		if entry.err != nil {
			edits = []override.Edit{broken{entry.err}}
		}
		if len(edits) > 0 {
			out = append(out, federation.Override{
				Clusters: placement.Policy{Clusters: []string{cluster}},
				Layer:    override.Layer{Name: entry.path, Literal: true, Edits: edits},
			})
		}
	}
	return out
}

func edits(entry node) []override.Edit {
	var out []override.Edit
	seen := map[string]string{}
	for _, n := range entry.nodes("clusterOverrides") {
		p := override.Patch{Op: get[string](n, "op"), Path: get[string](n, "path"), Value: n.m["value"]}
		if _, ok := n.m["path"]; !ok {
			n.fail("path", "missing")
		}
		if !slices.Contains([]string{"", "add", "remove", "replace"}, p.Op) {
			n.fail("op", "%q is none of add, remove, replace", p.Op)
		}
		if p.Op == "remove" {
			p.Value = nil
		}
		if first, twice := seen[p.Path]; twice {
			n.fail("path", "%s is overridden already by %s", p.Path, first)
		}
		seen[p.Path] = n.path
		out = append(out, p)
	}
	return out
}

// broken is an edit that cannot be carried out, which is how one cluster fails without the others.
type broken struct{ err error }

func (b broken) Patches(map[string]any) ([]override.Patch, error) {
	return nil, fmt.Errorf("%w: %w", override.ErrInvalid, b.err)
}
