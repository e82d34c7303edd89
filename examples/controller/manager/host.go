package manager

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/confed-project/confed/clusterregistry"
	"github.com/confed-project/confed/clusterregistry/kube"
)

// hostName is the host's name in the registry that has it alone.
const hostName = "host"

// Manager is the field manager of all our writes.
const Manager = "confed.dev/controller"

// mirror keeps kinds of the host in memory. It is the library's cache of members, over a registry of one: what we write
// is read at once, and an object costs its JSON.
type mirror struct {
	caches kube.Caches
	host   *clusterregistry.Registry[*kube.Client]
}

func newMirror(host *clusterregistry.Registry[*kube.Client], kinds ...kube.CachedKind) *mirror {
	return &mirror{caches: kube.Caches{Kinds: kinds}, host: host}
}

// run mirrors until ctx ends and tells each change; one without a Kind stands for everything.
func (m *mirror) run(ctx context.Context, changed func(kube.Change)) error {
	return follow(ctx, &m.caches, m.host, changed)
}

// follow runs caches, tells each change, and returns when all of it has ended.
func follow(ctx context.Context, caches *kube.Caches, of *clusterregistry.Registry[*kube.Client], changed func(kube.Change)) error {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		defer cancel()
		done <- caches.Run(ctx, of)
	}()
	for change := range caches.Changes(ctx) {
		changed(change)
	}
	return <-done
}

func (m *mirror) client() (*kube.Cached, error) { return m.caches.Client(hostName) }

func (m *mirror) get(ctx context.Context, gvk schema.GroupVersionKind, name types.NamespacedName) (*unstructured.Unstructured, error) {
	client, err := m.client()
	if err != nil {
		return nil, err
	}
	return client.Get(ctx, gvk, name)
}

func (m *mirror) names(gvk schema.GroupVersionKind, namespace string) ([]types.NamespacedName, error) {
	client, err := m.client()
	if err != nil {
		return nil, err
	}
	return client.Names(gvk, namespace)
}

func (m *mirror) synced() error {
	client, err := m.client()
	if err != nil {
		return err
	}
	return client.Synced()
}

// usable is synced, for kinds that not every host has.
func (m *mirror) usable() error {
	if err := m.synced(); !meta.IsNoMatchError(err) {
		return err
	}
	return nil
}

// wait returns when the mirror is in step, or ctx ends.
func (m *mirror) wait(ctx context.Context) error {
	return poll(ctx, 20*time.Millisecond, func() bool { return m.synced() == nil })
}

// updateStatus writes the status of an object as it was read.
func (m *mirror) updateStatus(ctx context.Context, obj *unstructured.Unstructured, status map[string]any) (*unstructured.Unstructured, error) {
	client, err := m.client()
	if err != nil {
		return nil, err
	}
	out := &unstructured.Unstructured{Object: map[string]any{"apiVersion": obj.GetAPIVersion(), "kind": obj.GetKind(), "status": status}}
	out.SetNamespace(obj.GetNamespace())
	out.SetName(obj.GetName())
	out.SetUID(obj.GetUID())
	out.SetResourceVersion(obj.GetResourceVersion())
	return client.UpdateStatus(ctx, out)
}

// write sends what an object has become, of its spec, finalizers, annotations and owners, if it still is as it was read:
// else the error is a conflict.
func (m *mirror) write(ctx context.Context, was, is *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	client, err := m.client()
	if err != nil {
		return nil, err
	}
	return client.Patch(ctx, was, changes(was, is), metav1.PatchOptions{FieldManager: Manager})
}

// changes is the JSON patch from one object to the other.
func changes(was, is *unstructured.Unstructured) []byte {
	type op struct {
		Op    string `json:"op"`
		Path  string `json:"path"`
		Value any    `json:"value"`
	}
	patch := []op{
		{"test", "/metadata/uid", string(was.GetUID())},
		{"replace", "/metadata/resourceVersion", was.GetResourceVersion()},
	}
	for _, path := range [][]string{{"metadata", "finalizers"}, {"metadata", "annotations"}, {"metadata", "ownerReferences"}, {"spec"}} {
		before, had, _ := unstructured.NestedFieldNoCopy(was.Object, path...)
		after, has, _ := unstructured.NestedFieldNoCopy(is.Object, path...)
		switch pointer := "/" + strings.Join(path, "/"); {
		case has && !reflect.DeepEqual(before, after):
			patch = append(patch, op{"add", pointer, after})
		case had && !has:
			patch = append(patch, op{"remove", pointer, nil})
		}
	}
	data, _ := json.Marshal(patch) // decoded JSON always encodes
	return data
}

// finalized is the object with or without a finalizer.
func finalized(obj *unstructured.Unstructured, finalizer string, wanted bool) *unstructured.Unstructured {
	out := obj.DeepCopy()
	list := slices.DeleteFunc(out.GetFinalizers(), func(s string) bool { return s == finalizer })
	if wanted {
		list = append(list, finalizer)
	}
	if len(list) == 0 {
		list = nil // an empty list would stay
	}
	out.SetFinalizers(list)
	return out
}

// poll asks until the answer is yes, or ctx ends.
func poll(ctx context.Context, every time.Duration, yes func() bool) error {
	for !yes() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(every):
		}
	}
	return nil
}

func split(text string) []string {
	if text == "" {
		return []string{}
	}
	return strings.Split(text, ",")
}
