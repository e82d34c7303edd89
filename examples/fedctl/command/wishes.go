package command

import (
	"errors"
	"fmt"
	"iter"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/kubefed"
	"github.com/confed-project/confed/placement"
	"github.com/confed-project/confed/scheduling"
)

// wish is one federated object and what it asks for.
type wish struct {
	source *unstructured.Unstructured
	object federation.Object
	// holders are the clusters that may hold a copy, as they are written down; nil: unknown.
	holders []string
	// shares are the last division, as it is in the object.
	shares []scheduling.Share
}

// surroundings are what federated objects need to be understood: the types, the preferences for replicas and the placements of
// namespaces. Where all is true, a namespace that is not in it is not federated; else nothing is known of it.
type surroundings struct {
	types       map[string]kubefed.Type // by federated kind
	preferences map[string]kubefed.Preference
	namespaces  map[string]placement.Policy
	all         bool
	missing     map[string]bool // namespaces that were asked for in vain
	adopt       federation.Adopt
	apart       bool    // each namespace is a control plane of its own, and nothing narrows it
	blind       bool    // namespaces are not federated as a type, so nobody knows where any of them goes
	errs        []error // what could not be read
}

func newSurroundings(adopt bool) *surroundings {
	s := &surroundings{
		types: map[string]kubefed.Type{}, preferences: map[string]kubefed.Preference{},
		namespaces: map[string]placement.Policy{}, missing: map[string]bool{},
	}
	if adopt {
		s.adopt = federation.AdoptAlways
	}
	return s
}

// add takes an object that says something about others, and passes over the rest.
func (c *surroundings) add(obj *unstructured.Unstructured) error {
	switch obj.GetKind() {
	case "FederatedTypeConfig":
		t, err := kubefed.DecodeType(obj)
		if err == nil {
			c.types[t.Federated.GVK.Kind] = t
		}
		return err
	case "ReplicaSchedulingPreference":
		p, err := kubefed.DecodePreference(obj)
		if err == nil {
			c.preferences[preferenceKey(p.TargetKind, obj)] = p
		}
		return err
	case "FederatedNamespace":
		o, err := kubefed.Decode(obj, schema.GroupVersionKind{Version: "v1", Kind: "Namespace"})
		if err == nil {
			c.namespaces[obj.GetName()] = o.Placement
		}
		return err
	}
	return nil
}

func preferenceKey(kind string, obj *unstructured.Unstructured) string {
	return kind + " " + types.NamespacedName{Namespace: obj.GetNamespace(), Name: obj.GetName()}.String()
}

// mentioned are the words that a document for add has.
func mentioned() []string {
	return []string{"FederatedTypeConfig", "ReplicaSchedulingPreference", "FederatedNamespace"}
}

var errNoNamespaces = errors.New("the type namespaces is not enabled")

var errNotFederated = errors.New("not a federated object")

// wish reads a federated object. It is nil for objects of the control plane, which ask for nothing.
func (c *surroundings) wish(obj *unstructured.Unstructured) (*wish, error) {
	group, _, _ := strings.Cut(obj.GetAPIVersion(), "/")
	t, known := c.types[obj.GetKind()]
	switch {
	case strings.HasPrefix(obj.GetKind(), "Federated") && (known || strings.HasSuffix(group, "types.kubefed.io")):
	case strings.HasSuffix(group, "kubefed.io"), obj.GetKind() == "ClusterProfile", obj.GetKind() == "CustomResourceDefinition" && strings.HasSuffix(obj.GetName(), "kubefed.io"):
		return nil, nil
	default:
		return nil, hint(fmt.Errorf("%s: %w", named(obj), errNotFederated), "fedctl federate -f FILE makes a federated object of it")
	}
	target := t.Target.GVK
	if !known {
		target = builtin(strings.TrimPrefix(obj.GetKind(), "Federated"))
	}
	wished, err := kubefed.Decode(obj, target)
	if err != nil {
		if target.Version == "" {
			return nil, hint(err, "add the FederatedTypeConfig of %s to the files", obj.GetKind())
		}
		return nil, err
	}
	if p, ok := c.preferences[preferenceKey(obj.GetKind(), obj)]; ok {
		divide(&wished, p)
	}
	if ns := wished.Template.GetNamespace(); ns != "" {
		policy, federated := c.namespaces[ns]
		if !federated && c.blind {
			return nil, hint(fmt.Errorf("%s: %w, so nobody knows where %s goes", named(obj), errNoNamespaces, ns), "fedctl enable namespaces")
		}
		if !federated && !c.apart {
			c.missing[ns] = true
		}
		if federated || c.all {
			wished.Placement = placement.Intersect(wished.Placement, policy)
		}
	}
	wished.Adopt = c.adopt
	return &wish{obj, wished, holders(obj), kubefed.ReadShares(obj)}, nil
}

// holders are the clusters that may hold a copy; nil: unknown, as for what is in a file and nowhere written down.
func holders(obj *unstructured.Unstructured) []string {
	if obj.GetUID() == "" {
		return nil
	}
	return kubefed.ReadHolders(obj)
}

// divide adds a preference for replicas, which also says where the object goes unless it is to be limited by the object's
// own placement.
func divide(o *federation.Object, p kubefed.Preference) {
	o.Replicas = &p.Replicas
	if p.Intersect {
		return
	}
	names := []string{}
	for _, preference := range p.Replicas.Preferences {
		if preference.Clusters.Selector != nil {
			o.Placement = placement.Policy{Selector: &placement.Selector{}}
			return
		}
		names = append(names, preference.Clusters.Clusters...)
	}
	o.Placement = placement.Policy{Clusters: names}
	if len(names) == 0 {
		o.Placement = placement.Policy{Selector: &placement.Selector{}}
	}
}

// builtin finds a kind of Kubernetes itself in its most stable version; the zero value for others.
func builtin(kind string) schema.GroupVersionKind {
	var found schema.GroupVersionKind
	for _, gv := range scheme.Scheme.PrioritizedVersionsAllGroups() {
		if gvk := gv.WithKind(kind); scheme.Scheme.Recognizes(gvk) && (found.Empty() || strings.Contains(found.Version, "beta") && !strings.Contains(gv.Version, "a")) {
			found = gvk
		}
	}
	return found
}

// fileWishes yields what files wish, in their order. A document that cannot be read is an error in its place. Files are
// read twice, since an object may come before what it depends on: the first time with a glance at most documents.
func (a *app) fileWishes(c *surroundings) iter.Seq2[*wish, error] {
	return func(yield func(*wish, error) bool) {
		for doc, err := range documents(a.files, a.stdin) {
			if err != nil || !doc.mentions(mentioned()...) {
				continue // it fails again below
			}
			objects, _ := doc.objects()
			for _, obj := range objects {
				_ = c.add(obj)
			}
		}
		seen := map[string]string{}
		for doc, err := range documents(a.files, a.stdin) {
			var objects []*unstructured.Unstructured
			if err == nil {
				objects, err = doc.objects()
			}
			if err != nil && !yield(nil, err) {
				return
			}
			for _, obj := range objects {
				w, err := c.fromFile(obj, doc.origin, seen)
				if (w != nil || err != nil) && !yield(w, err) {
					return
				}
			}
		}
	}
}

func (c *surroundings) fromFile(obj *unstructured.Unstructured, origin string, seen map[string]string) (*wish, error) {
	name := obj.GroupVersionKind().Group + " " + named(obj)
	if first, twice := seen[name]; twice {
		return nil, fmt.Errorf("%s: %s is in %s already", origin, named(obj), first)
	}
	seen[name] = origin
	w, err := c.wish(obj)
	if err == nil && w == nil {
		err = c.add(obj) // which failed in silence the first time
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", origin, err)
	}
	return w, nil
}
