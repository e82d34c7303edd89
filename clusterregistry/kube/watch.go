package kube

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
)

// How long a watch that failed waits before it starts again: doubled from the first to the last.
const (
	firstWatchGap = time.Second
	lastWatchGap  = 30 * time.Second
)

// errNoted ends a reflector's run after the true error was noted. It says nothing, so that the reflector does not take
// it for one that it should wait out by itself: it would not look at the context meanwhile.
var errNoted = errors.New("noted")

// feed keeps the mirror in step with one member until ctx ends.
type feed struct {
	*mirror
	client    *Client
	gap       time.Duration // the first one
	resource  string        // that the reflector is for
	reflector *cache.Reflector
}

func (f *feed) run(ctx context.Context) {
	gap := f.gap
	for ctx.Err() == nil {
		started := f.now()
		if err := f.once(ctx); err != nil && !errors.Is(err, errNoted) {
			f.noted(f.client.served(f.kind.GroupVersionKind, err))
		}
		if f.now().Sub(started) > lastWatchGap {
			gap = f.gap
		}
		select {
		case <-ctx.Done():
		case <-time.After(gap/2 + rand.N(gap)):
		}
		gap = min(2*gap, lastWatchGap)
	}
}

// once lists and watches until that fails.
func (f *feed) once(ctx context.Context) error {
	if f.client.broken != nil {
		return f.client.broken
	}
	r, err := f.client.apis.find(ctx, f.kind.GroupVersionKind, func(resource) bool { return true })
	if err != nil {
		return err
	}
	if f.reflector == nil || f.resource != r.name {
		f.resource = r.name
		f.reflector = cache.NewReflectorWithOptions(f.listWatch(f.kind.GroupVersion().WithResource(r.name)), nil, f.mirror,
			cache.ReflectorOptions{Name: "confed", TypeDescription: f.kind.Kind})
	}
	return f.reflector.ListAndWatchWithContext(ctx)
}

// served tells a kind that is not there from other failures of a list, which is never not found.
func (c *Client) served(gvk schema.GroupVersionKind, err error) error {
	if !apierrors.IsNotFound(err) {
		return c.scrub(err)
	}
	c.apis.forget(gvk)
	return &meta.NoKindMatchError{GroupKind: gvk.GroupKind(), SearchedVersions: []string{gvk.Version}}
}

func (f *feed) listWatch(gvr schema.GroupVersionResource) cache.ListerWatcher {
	ns, selector := f.kind.Namespace, f.selector.String()
	list := func(ctx context.Context, opts metav1.ListOptions) (runtime.Object, error) {
		return f.client.dynamic.Resource(gvr).Namespace(ns).List(ctx, opts)
	}
	open := func(ctx context.Context, opts metav1.ListOptions) (watch.Interface, error) {
		return f.client.dynamic.Resource(gvr).Namespace(ns).Watch(ctx, opts)
	}
	if f.kind.MetadataOnly {
		list = func(ctx context.Context, opts metav1.ListOptions) (runtime.Object, error) {
			return f.client.metadata.Resource(gvr).Namespace(ns).List(ctx, opts)
		}
		open = func(ctx context.Context, opts metav1.ListOptions) (watch.Interface, error) {
			return f.client.metadata.Resource(gvr).Namespace(ns).Watch(ctx, opts)
		}
	}
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, opts metav1.ListOptions) (runtime.Object, error) {
			opts.LabelSelector = selector
			return list(forList(ctx), opts)
		},
		WatchFuncWithContext: func(ctx context.Context, opts metav1.ListOptions) (watch.Interface, error) {
			opts.LabelSelector = selector
			w, err := open(ctx, opts)
			switch {
			case err == nil:
				f.noted(nil)
				return w, nil
			case apierrors.IsResourceExpired(err), apierrors.IsGone(err), apierrors.IsTimeout(err):
				return nil, err // the reflector knows how to list again
			}
			f.noted(f.client.served(f.kind.GroupVersionKind, err))
			return nil, errNoted
		},
	}
}
