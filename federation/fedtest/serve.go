package fedtest

import (
	"context"
	"errors"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

var errNoObject = errors.New("no object given")

// Request is one call of a ClusterClient's method.
type Request struct {
	// Verb is get, create, apply, patch (a JSON patch) or delete.
	Verb string
	schema.GroupVersionKind
	types.NamespacedName
	// Manager is the field manager of a write, DryRun whether it leaves no trace.
	Manager string
	DryRun  bool
}

// Writes tells whether the request is meant to change something.
func (r Request) Writes() bool { return r.Verb != "get" && !r.DryRun }

// String returns the request in one line: "apply apps/v1 Deployment shop/web by confed".
func (r Request) String() string {
	text := r.Verb + " " + r.GroupVersion().String() + " " + r.Kind + " "
	if r.Namespace != "" {
		text += r.Namespace + "/"
	}
	text += r.Name
	if r.Manager != "" {
		text += " by " + r.Manager
	}
	if r.DryRun {
		text += " (dry run)"
	}
	return text
}

// Requests returns every call of the methods of federation.ClusterClient so far, in the order in which they came in,
// those that a fault met included. Foreign edits (Update, Status, Scale) are not among them.
func (m *Member) Requests() []Request {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]Request(nil), m.requests...)
}

// Get implements federation.ClusterClient.
func (m *Member) Get(ctx context.Context, gvk schema.GroupVersionKind, name types.NamespacedName) (*unstructured.Unstructured, error) {
	request := Request{Verb: "get", GroupVersionKind: gvk, NamespacedName: name}
	return m.serve(ctx, request, func() (*unstructured.Unstructured, error) { return m.get(gvk, name) })
}

// Create implements federation.ClusterClient. A namespaced object without a namespace is refused.
func (m *Member) Create(ctx context.Context, obj *unstructured.Unstructured, opts metav1.CreateOptions) (*unstructured.Unstructured, error) {
	posted, err := decode(obj)
	if err != nil {
		return nil, err
	}
	request := requestOf("create", posted, opts.FieldManager, opts.DryRun)
	return m.serve(ctx, request, func() (*unstructured.Unstructured, error) { return m.create(posted, opts) })
}

// Patch implements federation.ClusterClient.
func (m *Member) Patch(ctx context.Context, obj *unstructured.Unstructured, jsonPatch []byte, opts metav1.PatchOptions) (*unstructured.Unstructured, error) {
	config, err := decode(obj)
	if err != nil {
		return nil, err
	}
	if jsonPatch == nil {
		request := requestOf("apply", config, opts.FieldManager, opts.DryRun)
		return m.serve(ctx, request, func() (*unstructured.Unstructured, error) { return m.apply(config, opts) })
	}
	request := requestOf("patch", config, opts.FieldManager, opts.DryRun)
	return m.serve(ctx, request, func() (*unstructured.Unstructured, error) { return m.patch(config, jsonPatch, opts) })
}

// Delete implements federation.ClusterClient. What belongs to the deleted object by its owner references goes with it
// at once, unless the propagation policy is to orphan it.
func (m *Member) Delete(ctx context.Context, gvk schema.GroupVersionKind, name types.NamespacedName, opts metav1.DeleteOptions) error {
	request := Request{Verb: "delete", GroupVersionKind: gvk, NamespacedName: name, DryRun: len(opts.DryRun) > 0}
	_, err := m.serve(ctx, request, func() (*unstructured.Unstructured, error) { return nil, m.delete(gvk, name, opts) })
	return err
}

// Update writes obj with a PUT, as somebody else who is called manager. Faults do not touch it and it is not logged.
func (m *Member) Update(ctx context.Context, obj *unstructured.Unstructured, manager string) (*unstructured.Unstructured, error) {
	return m.edit(ctx, obj, manager, "")
}

// Status writes obj's status through the status subresource, as somebody else who is called manager.
func (m *Member) Status(ctx context.Context, obj *unstructured.Unstructured, manager string) (*unstructured.Unstructured, error) {
	return m.edit(ctx, obj, manager, "status")
}

// Scale writes obj's spec.replicas through the scale subresource, as somebody else who is called manager.
func (m *Member) Scale(ctx context.Context, obj *unstructured.Unstructured, manager string) (*unstructured.Unstructured, error) {
	return m.edit(ctx, obj, manager, "scale")
}

func (m *Member) edit(ctx context.Context, obj *unstructured.Unstructured, manager, subresource string) (*unstructured.Unstructured, error) {
	put, err := decode(obj)
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.start()
	return m.put(put, manager, subresource)
}

func requestOf(verb string, obj *unstructured.Unstructured, manager string, dryRun []string) Request {
	return Request{
		Verb: verb, GroupVersionKind: obj.GroupVersionKind(),
		NamespacedName: types.NamespacedName{Namespace: obj.GetNamespace(), Name: obj.GetName()},
		Manager:        manager, DryRun: len(dryRun) > 0,
	}
}

// serve logs a request, lets faults have their say and does it. What it returns belongs to the caller.
func (m *Member) serve(ctx context.Context, r Request, do func() (*unstructured.Unstructured, error)) (*unstructured.Unstructured, error) {
	m.mu.Lock()
	m.requests = append(m.requests, r)
	fault := m.fault
	m.mu.Unlock()
	if fault.Before != nil {
		if err := fault.Before(ctx, r); err != nil {
			return nil, err
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	object, err := m.locked(do)
	if fault.After != nil {
		if lost := fault.After(ctx, r); lost != nil {
			return nil, lost
		}
	}
	return object, err
}

func (m *Member) locked(do func() (*unstructured.Unstructured, error)) (*unstructured.Unstructured, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.start()
	return do()
}
