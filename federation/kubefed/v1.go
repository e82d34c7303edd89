package kubefed

import (
	"encoding/json"
	"errors"
	"maps"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/placement"
)

// The annotations of Federation v1 on ordinary objects, beside federation.alpha.kubernetes.io/cluster-selector.
const (
	v1Selector = "federation.alpha.kubernetes.io/cluster-selector"
	v1Prefix   = "federation.kubernetes.io/"
)

// DecodeV1 reads an ordinary object as Federation v1 did: it goes to the clusters that its annotation
// federation.alpha.kubernetes.io/cluster-selector selects, a JSON list of requirements on their labels, and everywhere
// without it. The replicas of Deployments and ReplicaSets are divided, equally or as their annotation
// federation.kubernetes.io/deployment-preferences or replica-set-preferences says; those of other kinds are not.
//
// The template is what federation.Template makes of the object, and has none of these annotations. Retain is the kind's
// default table. Copies go with the object, as Cascade is set. Adopt and HostUID are the program's to set.
//
// What stands beside an error can be planned without harm: a selector that cannot be read makes no new copy and removes none,
// and under preferences that cannot be read the last division stands.
func DecodeV1(obj *unstructured.Unstructured) (federation.Object, error) {
	n := read(obj)
	if n.err != nil {
		return federation.Object{}, n.err
	}
	annotations := n.child("metadata").labels("annotations")
	if n.err != nil {
		return federation.Object{}, n.err
	}
	out := federation.Object{Cascade: true, Retain: federation.DefaultRetain(obj.GroupVersionKind().GroupKind())}
	out.Template, _ = federation.Template(obj)
	selector, err := placement.SelectorFromAnnotation(annotations)
	for _, wrong := range fieldErrors(err) {
		n.fail(wrong.Field, "%s", strings.TrimPrefix(wrong.Err.Error(), placement.ErrInvalid.Error()+": "))
	}
	out.Placement.Selector = selector
	instructions := []string{v1Selector}
	if key := v1Preferences(obj); key != "" {
		instructions = append(instructions, key)
		out.Replicas = n.v1Replicas(key, annotations)
	}
	if rest := maps.Clone(out.Template.GetAnnotations()); rest != nil {
		for _, key := range instructions {
			delete(rest, key)
		}
		copied := maps.Clone(out.Template.Object)
		copied["metadata"] = maps.Clone(copied["metadata"].(map[string]any))
		out.Template = &unstructured.Unstructured{Object: copied}
		out.Template.SetAnnotations(rest)
	}
	return out, n.err
}

// v1Preferences names the annotation with which a kind's division was said; empty: the kind was not divided.
func v1Preferences(obj *unstructured.Unstructured) string {
	switch obj.GroupVersionKind().GroupKind().String() {
	case "Deployment.apps", "Deployment.extensions":
		return v1Prefix + "deployment-preferences"
	case "ReplicaSet.apps", "ReplicaSet.extensions":
		return v1Prefix + "replica-set-preferences"
	}
	return ""
}

func (n node) v1Replicas(key string, annotations map[string]string) *federation.Replicas {
	said := node{reader: n.reader, path: "metadata.annotations." + key, m: map[string]any{}}
	if text, ok := annotations[key]; ok {
		if err := json.Unmarshal([]byte(text), &said.m); err != nil {
			said.fail("", "%v", err)
		}
	}
	out := &federation.Replicas{
		Path: replicasPath, Rebalance: get[bool](said, "rebalance"), Preferences: preferences(said.child("clusters")),
	}
	if n.err != nil {
		out.Strategy = "unreadable" // there is none, so nothing is divided anew
	}
	return out
}

// fieldErrors takes errors of placement apart.
func fieldErrors(err error) []*placement.FieldError {
	var one *placement.FieldError
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		var out []*placement.FieldError
		for _, e := range all.Unwrap() {
			out = append(out, fieldErrors(e)...)
		}
		return out
	}
	if errors.As(err, &one) {
		return []*placement.FieldError{one}
	}
	return nil
}
