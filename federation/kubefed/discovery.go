package kubefed

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/version"

	"github.com/confed-project/confed/federation"
)

// Why Match finds no resource, for errors.Is.
var (
	// ErrNotServed: no resource is called so. A program that could not discover all groups adds its own error.
	ErrNotServed = errors.New("no such resource")
	// ErrAmbiguous: several groups have a resource that is called so; the error names them.
	ErrAmbiguous = errors.New("ambiguous name of a resource")
)

// Match finds the resource that people mean by a name: its plural, singular, kind, short name, or plural.group, in capitals
// or not. Lists are what a server serves, in its preferred versions; of several versions of one resource the newest counts,
// as Kubernetes orders them. A resource of the core group wins; otherwise more than one is ErrAmbiguous. Group and Version
// of the result are always filled in.
func Match(name string, lists []metav1.APIResourceList) (metav1.APIResource, error) {
	lower := strings.ToLower(name)
	var found []metav1.APIResource
	for _, r := range resources(lists) {
		if lower == "" || !matches(lower, r) && lower != r.SingularName {
			continue
		}
		if r.Group == "" {
			return r, nil
		}
		found = append(found, r)
	}
	switch len(found) {
	case 0:
		return metav1.APIResource{}, &federation.Error{Object: name, Err: ErrNotServed}
	case 1:
		return found[0], nil
	}
	names := make([]string, len(found))
	for i, r := range found {
		names[i] = groupResource(r).String()
	}
	err := fmt.Errorf("%w, say which: %s", ErrAmbiguous, strings.Join(names, ", "))
	return metav1.APIResource{}, &federation.Error{Object: name, Err: err}
}

// matches reports whether a name in lower case is one of those that are told apart everywhere.
func matches(name string, r metav1.APIResource) bool {
	return name == r.Name || name == strings.ToLower(r.Kind) || name == groupResource(r).String() || slices.Contains(r.ShortNames, name)
}

func groupResource(r metav1.APIResource) schema.GroupResource {
	return schema.GroupResource{Group: r.Group, Resource: r.Name}
}

// Guess tells the resource of an object that was read from a file, without asking a server: its plural is guessed as KubeFed
// does, and it is namespaced if it has a namespace. It has no short names.
func Guess(obj *unstructured.Unstructured) metav1.APIResource {
	if obj == nil {
		return metav1.APIResource{}
	}
	gvk := obj.GroupVersionKind()
	return metav1.APIResource{
		Name: plural(gvk.Kind), SingularName: strings.ToLower(gvk.Kind), Kind: gvk.Kind, Group: gvk.Group, Version: gvk.Version,
		Namespaced: obj.GetNamespace() != "",
	}
}

// ContentTypes returns the resources whose objects belong to a namespace when it is federated with all it holds: every
// namespaced resource whose objects can be listed and created (those of metrics cannot), once and in its newest version. Left
// out are endpoints and events, which clusters make themselves, propagatedversions, the group extensions, the federated kinds in federatedGroup (empty: the default), and
// what skip names by short name, kind, plural, plural.group or group. The result is sorted by group and name.
func ContentTypes(lists []metav1.APIResourceList, skip []string, federatedGroup string) []metav1.APIResource {
	federatedGroup = cmp.Or(federatedGroup, defaultGroup)
	var out []metav1.APIResource
	for _, r := range resources(lists) {
		skipped := slices.ContainsFunc(skip, func(name string) bool {
			name = strings.ToLower(strings.TrimSpace(name))
			return name != "" && (matches(name, r) || name == r.Group)
		})
		switch {
		case skipped, !r.Namespaced, !slices.Contains(r.Verbs, "list"), !slices.Contains(r.Verbs, "create"), r.Group == "extensions",
			r.Group == federatedGroup && strings.HasPrefix(r.Kind, "Federated"):
		case slices.Contains(clusterMade(), groupResource(r).String()):
		default:
			out = append(out, r)
		}
	}
	return out
}

// clusterMade are resources that hold what a cluster itself writes about other objects.
func clusterMade() []string {
	return []string{"endpoints", "events", "events.events.k8s.io", "propagatedversions." + coreGroup}
}

// resources lists what is served, without subresources, each resource once and in its newest version, by group and name.
func resources(lists []metav1.APIResourceList) []metav1.APIResource {
	var all []metav1.APIResource
	for _, list := range lists {
		gv, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			continue // such a list cannot be asked for anyhow
		}
		for _, r := range list.APIResources {
			if r.Name == "" || strings.Contains(r.Name, "/") {
				continue
			}
			r.Group, r.Version = cmp.Or(r.Group, gv.Group), cmp.Or(r.Version, gv.Version)
			all = append(all, r)
		}
	}
	slices.SortStableFunc(all, func(a, b metav1.APIResource) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Name, b.Name),
			version.CompareKubeAwareVersionStrings(b.Version, a.Version))
	})
	return slices.CompactFunc(all, func(a, b metav1.APIResource) bool { return groupResource(a) == groupResource(b) })
}
