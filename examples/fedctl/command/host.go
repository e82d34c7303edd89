package command

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/url"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/confed-project/confed/clusterregistry"
	"github.com/confed-project/confed/clusterregistry/kube"
	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/kubefed"
	"github.com/confed-project/confed/placement"
)

// The kinds of the control plane.
var (
	clusterKind    = schema.GroupVersionKind{Group: "core.kubefed.io", Version: "v1beta1", Kind: "KubeFedCluster"}
	configKind     = schema.GroupVersionKind{Group: "core.kubefed.io", Version: "v1beta1", Kind: "KubeFedConfig"}
	typeKind       = schema.GroupVersionKind{Group: "core.kubefed.io", Version: "v1beta1", Kind: "FederatedTypeConfig"}
	preferenceKind = schema.GroupVersionKind{Group: "scheduling.kubefed.io", Version: "v1alpha1", Kind: "ReplicaSchedulingPreference"}
	namespaceKind  = schema.GroupVersionKind{Version: "v1", Kind: "Namespace"}
	secretKind     = schema.GroupVersionKind{Version: "v1", Kind: "Secret"}
)

// host is the cluster with the federated objects.
type host struct {
	*kube.Client
	config *rest.Config
	system string
}

// host connects to the host, without asking it anything.
func (a *app) host() (*host, error) {
	if a.hostContext != "" {
		a.flags.Context = &a.hostContext
	}
	config, err := a.flags.ToRESTConfig()
	if err != nil {
		return nil, a.configHint(err)
	}
	client, err := kube.NewClient(config, kube.Options{UserAgent: "fedctl"})
	return &host{client, config, a.system}, err
}

// configHint says which contexts there are.
func (a *app) configHint(err error) error {
	raw, errRaw := a.flags.ToRawKubeConfigLoader().RawConfig()
	if errRaw != nil || len(raw.Contexts) == 0 {
		return hint(err, "--kubeconfig names the file and --context the context of the host")
	}
	return hint(err, "the contexts are %s", strings.Join(slices.Sorted(maps.Keys(raw.Contexts)), ", "))
}

// namespace is that of -n or of the context; empty with --all-namespaces.
func (a *app) namespace() (string, error) {
	if a.allNamespaces {
		return "", nil
	}
	name, _, err := a.flags.ToRawKubeConfigLoader().Namespace()
	return name, err
}

// member is a cluster that the host knows.
type member struct {
	kube.Member
	record *unstructured.Unstructured
}

// members reads the clusters that the host knows, and with which credentials they are reached.
func (h *host) members(ctx context.Context) ([]member, error) {
	clusters, err := h.List(ctx, clusterKind, h.system, "")
	if err != nil {
		return nil, h.hint(err)
	}
	var members []member
	for i := range clusters {
		name, _, _ := unstructured.NestedString(clusters[i].Object, "spec", "secretRef", "name")
		secret, err := h.Get(ctx, secretKind, types.NamespacedName{Namespace: h.system, Name: name})
		m := kube.KubeFedMember(&clusters[i], secret)
		if err != nil && !apierrors.IsNotFound(err) {
			m.Config, m.Err = nil, &kube.SourceError{Origin: m.Origin, Cluster: m.Cluster.Name, Err: err}
		}
		members = append(members, member{m, &clusters[i]})
	}
	return members, nil
}

// hint says what is missing when the host has no control plane.
func (h *host) hint(err error) error {
	switch {
	case meta.IsNoMatchError(err):
		return hint(err, "the host has no control plane yet: fedctl enable or fedctl join makes it")
	case apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err):
		return hint(err, "the user of this context may not do it; --context names another, --kubefed-namespace the namespace of the control plane (%s)", h.system)
	}
	var network *url.Error
	if errors.As(err, &network) {
		return hint(err, "%s does not answer: --context and --kubeconfig name another host; with -f and --clusters no cluster is asked", h.config.Host)
	}
	return err
}

// registry holds a client for each member. The error is about single members, which then answer every request with it.
func registry(members []member) (*clusterregistry.Registry[*kube.Client], error) {
	r := &clusterregistry.Registry[*kube.Client]{}
	feed := kube.Feed[*kube.Client]{Registry: r, Options: kube.Options{UserAgent: "fedctl"}, Connect: func(c *kube.Client) *kube.Client { return c }}
	var all []kube.Member
	for _, m := range members {
		all = append(all, m.Member)
	}
	return r, feed.Sync(all)
}

// liveView plans from what the host and the members hold now.
func (a *app) liveView(ctx context.Context, planner federation.Planner, wants []want) (*view, error) {
	h, err := a.host()
	if err != nil {
		return nil, err
	}
	members, err := h.members(ctx)
	if err != nil {
		return nil, err
	}
	r, errMembers := registry(members)
	v := &view{planner: planner, fleet: r.Fleet(), around: newSurroundings(a.adopt), host: h, clients: func(name string) (federation.ClusterClient, error) {
		return r.Conn(name)
	}}
	if errMembers != nil {
		v.notes = append(v.notes, strings.Split(errMembers.Error(), "\n")...)
	}
	namespace, err := a.namespace()
	if err != nil {
		return nil, err
	}
	within := namespace // what is around objects in one namespace is in it
	if len(a.files) > 0 {
		within = ""
	}
	if err := h.surroundings(ctx, v.around, within); err != nil {
		return nil, err
	}
	if adopt := h.configure(ctx, v.around); !a.adoptSaid {
		v.around.adopt = adopt
	}
	if len(a.files) > 0 {
		v.wishes = matching(a.fileWishes(v.around), a.matcher(wants))
		return v, nil
	}
	types, err := a.types(v.around, wants)
	if err != nil {
		return nil, err
	}
	v.wishes = h.wishes(ctx, v.around, slices.Collect(maps.Values(types)), namespace)
	if len(wants) > 0 {
		v.wishes = matching(v.wishes, func(w *wish) bool {
			return slices.ContainsFunc(wants, func(want want) bool {
				return types[want.kind].Federated.GVK == w.source.GroupVersionKind() && (want.name == "" || want.name == w.source.GetName())
			})
		})
	}
	return v, nil
}

// surroundings reads types, and the preferences and placements of one namespace or, with "", all.
func (h *host) surroundings(ctx context.Context, s *surroundings, within string) error {
	configs, err := h.List(ctx, typeKind, h.system, "")
	if err != nil {
		return h.hint(err)
	}
	s.all, s.blind = true, true
	for i := range configs {
		if err := s.add(&configs[i]); err != nil {
			return err
		}
	}
	kinds := []schema.GroupVersionKind{preferenceKind}
	for _, t := range s.types {
		if t.Target.GVK.GroupKind() == namespaceKind.GroupKind() && t.Propagation {
			kinds, s.blind = append(kinds, t.Federated.GVK), false
		}
	}
	for _, gvk := range kinds {
		objects, err := h.List(ctx, gvk, within, "")
		if meta.IsNoMatchError(err) {
			continue
		}
		if err != nil {
			return h.hint(err)
		}
		for i := range objects {
			if objects[i].GetAnnotations()[kubefed.UnscheduledAnnotation] != "" {
				continue
			}
			if err := s.add(&objects[i]); err != nil {
				s.errs = append(s.errs, err)
			}
		}
	}
	return nil
}

// configure heeds the configuration of the control plane: whether namespaces narrow what is in them, and what becomes of
// objects that have the name of a copy. Without one that can be read, KubeFed's defaults count.
func (h *host) configure(ctx context.Context, s *surroundings) federation.Adopt {
	obj, err := h.Get(ctx, configKind, types.NamespacedName{Namespace: h.system, Name: "kubefed"})
	if err != nil {
		return federation.AdoptAlways
	}
	config, err := kubefed.DecodeConfig(obj)
	if err == nil && config.Namespaced {
		s.all, s.apart, s.blind = false, true, false
	}
	if err != nil || config.Adopt {
		return federation.AdoptAlways
	}
	return federation.AdoptNever
}

// types are the types that the arguments are about, by the word for them; all that are propagated without arguments.
func (a *app) types(s *surroundings, wants []want) (map[string]kubefed.Type, error) {
	out := map[string]kubefed.Type{}
	for _, want := range wants {
		t, err := a.typeOf(s, want.kind)
		if err != nil {
			return nil, err
		}
		if !t.Propagation {
			return nil, hint(fmt.Errorf("%s: propagation is disabled", t.Target.Plural), "fedctl enable %s goes on with it", want.kind)
		}
		out[want.kind] = t
	}
	for kind, t := range s.types {
		if len(wants) == 0 && t.Propagation {
			out[kind] = t
		}
	}
	return out, nil
}

// typeOf finds the type that a word means: the kind or the plural of the target or of the federated type, with or without
// its group, or whatever short name the host knows.
func (a *app) typeOf(s *surroundings, name string) (kubefed.Type, error) {
	for _, t := range s.types {
		for _, r := range []kubefed.Resource{t.Target, t.Federated} {
			for _, word := range []string{strings.ToLower(r.GVK.Kind), r.Plural} {
				if low := strings.ToLower(name); low == word || low == word+"."+r.GVK.Group {
					return t, nil
				}
			}
		}
	}
	r, err := a.discovered(name)
	if err == nil {
		for _, t := range s.types {
			gk := schema.GroupKind{Group: r.Group, Kind: r.Kind}
			if t.Target.GVK.GroupKind() == gk || t.Federated.GVK.GroupKind() == gk {
				return t, nil
			}
		}
		err = fmt.Errorf("%s is not federated", r.Name)
	}
	var enabled []string
	for _, t := range s.types {
		enabled = append(enabled, t.Target.Plural)
	}
	slices.Sort(enabled)
	return kubefed.Type{}, hint(err, "fedctl enable %s lets it be federated; enabled are: %s", name, strings.Join(enabled, ", "))
}

// discovered finds a resource of the host by any of its names.
func (a *app) discovered(name string) (metav1.APIResource, error) {
	lists, err := a.resources()
	r, errMatch := kubefed.Match(name, lists)
	if errMatch != nil {
		return r, errors.Join(errMatch, err)
	}
	return r, nil
}

// resources are what the host serves, in the versions that it prefers. An error may be about some groups only.
func (a *app) resources() ([]metav1.APIResourceList, error) {
	client, err := a.flags.ToDiscoveryClient()
	if err != nil {
		return nil, a.configHint(err)
	}
	client.Invalidate() // a type may have come since the cache was written
	lists, err := client.ServerPreferredResources()
	var out []metav1.APIResourceList
	for _, l := range lists {
		out = append(out, *l)
	}
	return out, err
}

// wishes yields the federated objects of some types, type by type in a stable order, namespaces first.
func (h *host) wishes(ctx context.Context, s *surroundings, kinds []kubefed.Type, namespace string) iter.Seq2[*wish, error] {
	first := func(t kubefed.Type) string {
		if t.Target.GVK.GroupKind() == namespaceKind.GroupKind() {
			return ""
		}
		return t.Federated.GVK.Kind
	}
	slices.SortFunc(kinds, func(x, y kubefed.Type) int { return strings.Compare(first(x), first(y)) })
	kinds = slices.CompactFunc(kinds, func(x, y kubefed.Type) bool { return first(x) == first(y) })
	return func(yield func(*wish, error) bool) {
		for _, err := range s.errs {
			if !yield(nil, err) {
				return
			}
		}
		for _, t := range kinds {
			within := namespace
			if !t.Federated.Namespaced {
				within = ""
			}
			objects, err := h.List(ctx, t.Federated.GVK, within, "")
			if err != nil && !yield(nil, fmt.Errorf("%s: %w", t.Federated.Plural, h.hint(err))) {
				return
			}
			for i := range objects {
				w, err := s.wish(&objects[i])
				if err == nil {
					err = h.complete(ctx, w)
				}
				if err != nil && !yield(nil, err) || err == nil && !yield(w, nil) {
					return
				}
			}
		}
	}
}

// complete adds what is not in the object: whose the host's own namespace is, and that something that is being deleted is
// wished nowhere.
func (h *host) complete(ctx context.Context, w *wish) error {
	if w.object.Template.GroupVersionKind().GroupKind() == namespaceKind.GroupKind() {
		own, err := h.Get(ctx, namespaceKind, types.NamespacedName{Name: w.source.GetName()})
		if err != nil && !apierrors.IsNotFound(err) {
			return err
		}
		if err == nil {
			w.object.HostUID = own.GetUID()
		}
	}
	if w.source.GetDeletionTimestamp() != nil {
		w.object.Placement = placement.Policy{}
	}
	return nil
}
