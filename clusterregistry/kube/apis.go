package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

// The least and the longest time between two readings of one group version that lack a kind.
const (
	minRefresh = time.Second
	maxRefresh = time.Minute
)

// apis remembers which kinds a member serves, and as which resources.
type apis struct {
	rest rest.Interface
	now  func() time.Time

	mu     sync.Mutex
	groups map[schema.GroupVersion]*group
}

// group is one group version. Its fields but turn are guarded by apis.mu, which nobody holds during a request.
type group struct {
	turn  chan struct{} // held by whoever reads discovery
	kinds map[string]resource
	wait  time.Duration // before the next reading that a missing kind may cause
	next  time.Time
}

type resource struct {
	name       string
	namespaced bool
}

func newAPIs(client rest.Interface) *apis {
	return &apis{rest: client, now: time.Now, groups: map[schema.GroupVersion]*group{}}
}

// resource finds the resource of a kind of the wanted scope.
func (a *apis) resource(ctx context.Context, gvk schema.GroupVersionKind, namespaced bool) (resource, error) {
	r, err := a.find(ctx, gvk, func(r resource) bool { return r.namespaced == namespaced })
	switch {
	case err != nil:
		return resource{}, err
	case namespaced && !r.namespaced:
		return resource{}, apierrors.NewBadRequest(fmt.Sprintf("%s is cluster-scoped: the name must have no namespace", gvk.Kind))
	case !namespaced && r.namespaced:
		return resource{}, apierrors.NewBadRequest(fmt.Sprintf("%s is namespaced: the name must have a namespace", gvk.Kind))
	}
	return r, nil
}

// find finds the resource of a kind. The member is asked again, unless that was done just before, when it is not known
// or not what the caller wants; the latter is not an error.
func (a *apis) find(ctx context.Context, gvk schema.GroupVersionKind, want func(resource) bool) (resource, error) {
	g, r, ok := a.known(gvk)
	if ok && want(r) {
		return r, nil
	}
	select {
	case g.turn <- struct{}{}:
		defer func() { <-g.turn }()
	case <-ctx.Done():
		return resource{}, ctx.Err()
	}
	// Another caller may have read it while this one waited.
	if _, r, ok = a.known(gvk); (!ok || !want(r)) && a.due(g) {
		kinds, err := a.read(ctx, gvk.GroupVersion())
		if err != nil {
			return resource{}, err
		}
		r, ok = kinds[gvk.Kind]
		a.learn(g, kinds, ok && want(r))
	}
	if !ok {
		return resource{}, &meta.NoKindMatchError{GroupKind: gvk.GroupKind(), SearchedVersions: []string{gvk.Version}}
	}
	return r, nil
}

func (a *apis) known(gvk schema.GroupVersionKind) (*group, resource, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	g := a.groups[gvk.GroupVersion()]
	if g == nil {
		g = &group{turn: make(chan struct{}, 1)}
		a.groups[gvk.GroupVersion()] = g
	}
	r, ok := g.kinds[gvk.Kind]
	return g, r, ok
}

func (a *apis) due(g *group) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return g.kinds == nil || !a.now().Before(g.next)
}

func (a *apis) learn(g *group, kinds map[string]resource, hit bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	g.kinds = kinds
	if hit {
		g.wait = 0
		return
	}
	a.postpone(g)
}

// forget drops a kind whose path the member does not know, so that the next call looks again.
func (a *apis) forget(gvk schema.GroupVersionKind) {
	g, _, ok := a.known(gvk)
	if !ok {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(g.kinds, gvk.Kind)
	a.postpone(g)
}

func (a *apis) postpone(g *group) {
	g.wait = min(max(2*g.wait, minRefresh), maxRefresh)
	g.next = a.now().Add(g.wait)
}

// read asks for one group version. One that is not served is empty, not an error.
func (a *apis) read(ctx context.Context, gv schema.GroupVersion) (map[string]resource, error) {
	path := []string{"/apis", gv.Group, gv.Version}
	if gv.Group == "" {
		path = []string{"/api", gv.Version}
	}
	body, err := a.rest.Get().AbsPath(path...).Do(ctx).Raw()
	if apierrors.IsNotFound(err) {
		return map[string]resource{}, nil
	}
	if err != nil {
		return nil, err
	}
	var list metav1.APIResourceList
	if err := json.Unmarshal(body, &list); err != nil || list.GroupVersion != gv.String() {
		return nil, fmt.Errorf("discovery of %s: the answer is not its list of resources", gv)
	}
	kinds := make(map[string]resource, len(list.APIResources))
	for _, r := range list.APIResources {
		if _, seen := kinds[r.Kind]; !seen && !strings.Contains(r.Name, "/") {
			kinds[r.Kind] = resource{name: r.Name, namespaced: r.Namespaced}
		}
	}
	return kinds, nil
}
