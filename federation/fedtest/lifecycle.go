package fedtest

import (
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/api/validation/path"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

func namespaces() schema.GroupKind { return schema.GroupKind{Kind: "Namespace"} }

// validName checks a name as a server does for the kind.
func (k Kind) validName() validation.ValidateNameFunc {
	switch {
	case k.GroupKind() == namespaces():
		return validation.ValidateNamespaceName
	case k.Group == "" && k.Kind == "Service":
		return validation.NameIsDNS1035Label
	case k.Group == "rbac.authorization.k8s.io":
		return path.ValidatePathSegmentName
	}
	return validation.NameIsDNSSubdomain
}

// admitNew refuses what is new in a namespace that does not exist or is being deleted, and what is new of a kind whose
// definition is being deleted.
func (m *Member) admitNew(w *write) error {
	ending := m.sorted(func(k key) bool {
		return k.GroupKind == definition() && m.objects[k].GetDeletionTimestamp() != nil && m.content(k)(w.key)
	})
	if len(ending) > 0 {
		return apierrors.NewMethodNotSupported(w.kind.resource(), "create")
	}
	if w.kind.Cluster {
		return nil
	}
	namespace := m.objects[key{namespaces(), types.NamespacedName{Name: w.key.Namespace}}]
	if namespace == nil {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, w.key.Namespace)
	}
	if namespace.GetDeletionTimestamp() == nil {
		return nil
	}
	err := apierrors.NewForbidden(w.kind.resource(), w.key.Name,
		fmt.Errorf("unable to create new content in namespace %s because it is being terminated", w.key.Namespace))
	err.ErrStatus.Details.Causes = append(err.ErrStatus.Details.Causes, metav1.StatusCause{
		Type:    "NamespaceTerminating",
		Message: fmt.Sprintf("namespace %s is being terminated", w.key.Namespace),
		Field:   "metadata.namespace",
	})
	return err
}

// admit lets the mutating admission look at an object.
func (m *Member) admit(w *write, obj *unstructured.Unstructured) error {
	if m.Admit == nil || m.born == 0 || w.by.Subresource != "" {
		return nil
	}
	return m.Admit(w.request, obj)
}

func (m *Member) delete(gvk schema.GroupVersionKind, name types.NamespacedName, opts metav1.DeleteOptions) error {
	live, err := m.get(gvk, name)
	if err != nil {
		return err
	}
	if gvk.GroupKind() == namespaces() && slices.Contains([]string{"default", "kube-system", "kube-public"}, name.Name) {
		return apierrors.NewForbidden(schema.GroupResource{Resource: "namespaces"}, name.Name, errors.New("this namespace may not be deleted"))
	}
	if err := precondition(live, opts.Preconditions); err != nil {
		return err
	}
	if len(opts.DryRun) > 0 {
		return nil
	}
	if opts.PropagationPolicy != nil && *opts.PropagationPolicy == metav1.DeletePropagationOrphan {
		for _, dependent := range m.sorted(m.ownedBy(live.GetUID())) {
			m.disown(dependent, live.GetUID())
		}
	}
	m.end(key{gvk.GroupKind(), name})
	return nil
}

func precondition(live *unstructured.Unstructured, want *metav1.Preconditions) error {
	resource := schema.GroupResource{Group: live.GroupVersionKind().Group, Resource: live.GetKind()}
	switch {
	case want == nil:
	case want.UID != nil && *want.UID != live.GetUID():
		return apierrors.NewConflict(resource, live.GetName(), fmt.Errorf("the UID in the precondition (%s) does not match the UID in record (%s). The object might have been deleted and then recreated", *want.UID, live.GetUID()))
	case want.ResourceVersion != nil && *want.ResourceVersion != live.GetResourceVersion():
		return apierrors.NewConflict(resource, live.GetName(), fmt.Errorf("the ResourceVersion in the precondition (%s) does not match the ResourceVersion in record (%s). The object might have been modified", *want.ResourceVersion, live.GetResourceVersion()))
	}
	return nil
}

// end deletes an object, or marks it when finalizers hold it, or when it is a container with content that they hold.
func (m *Member) end(k key) {
	live := m.objects[k]
	if live == nil {
		return
	}
	if finalizers := live.GetFinalizers(); slices.ContainsFunc(finalizers, isProtection) {
		live = live.DeepCopy()
		live.SetFinalizers(slices.DeleteFunc(finalizers, isProtection))
		m.objects[k] = live
	}
	inside := m.content(k)
	if inside != nil || len(live.GetFinalizers()) > 0 {
		m.mark(k, live)
	}
	if inside != nil {
		for _, content := range m.sorted(inside) {
			m.end(content)
		}
	}
	// The last content takes its container along.
	if m.objects[k] != nil && m.free(k, live) {
		m.remove(k)
	}
}

// mark writes down that an object is being deleted.
func (m *Member) mark(k key, live *unstructured.Unstructured) {
	if live.GetDeletionTimestamp() != nil {
		return
	}
	marked := live.DeepCopy()
	now := metav1.NewTime(m.now().UTC())
	marked.SetDeletionTimestamp(&now)
	if k.GroupKind == namespaces() {
		marked.Object["status"] = map[string]any{"phase": "Terminating"}
	} else if k.GroupKind != definition() {
		zero := int64(0)
		marked.SetDeletionGracePeriodSeconds(&zero)
	}
	if marked.GetGeneration() > 0 {
		marked.SetGeneration(marked.GetGeneration() + 1)
	}
	m.store(k, marked)
}

// content returns what tells the content of a container: what is in a namespace, the objects of a definition's kinds.
// It is nil for everything else.
func (m *Member) content(k key) func(key) bool {
	switch k.GroupKind {
	case namespaces():
		return func(other key) bool { return other.Namespace == k.Name }
	case definition():
		kinds := definedKinds(m.objects[k])
		return func(other key) bool {
			return slices.ContainsFunc(kinds, func(kind *served) bool { return kind.GroupKind() == other.GroupKind })
		}
	}
	return nil
}

// free tells whether nothing holds an object that is to go: no finalizer, and no content of a container.
func (m *Member) free(k key, obj *unstructured.Unstructured) bool {
	inside := m.content(k)
	return len(obj.GetFinalizers()) == 0 && (inside == nil || len(m.sorted(inside)) == 0)
}

// remove drops an object, and then what nothing holds any more: what belongs to it alone, and its containers.
func (m *Member) remove(k key) {
	gone := m.objects[k]
	delete(m.objects, k)
	m.version++
	if k.GroupKind == definition() {
		m.serveKinds()
	}
	for _, dependent := range m.sorted(m.ownedBy(gone.GetUID())) {
		if live := m.objects[dependent]; live != nil && len(live.GetOwnerReferences()) == 1 {
			m.end(dependent)
		} else if live != nil {
			m.disown(dependent, gone.GetUID())
		}
	}
	containers := m.sorted(func(other key) bool {
		inside := m.content(other)
		return inside != nil && inside(k)
	})
	for _, container := range containers {
		if live := m.objects[container]; live.GetDeletionTimestamp() != nil && m.free(container, live) {
			m.remove(container)
		}
	}
}

// ownedBy returns what tells the objects that have an owner with this UID.
func (m *Member) ownedBy(owner types.UID) func(key) bool {
	return func(k key) bool {
		owners, _, _ := unstructured.NestedFieldNoCopy(m.objects[k].Object, "metadata", "ownerReferences")
		list, _ := owners.([]any)
		return slices.ContainsFunc(list, func(o any) bool {
			reference, _ := o.(map[string]any)
			return reference["uid"] == string(owner)
		})
	}
}

// disown takes an owner out of an object.
func (m *Member) disown(k key, owner types.UID) {
	without := m.objects[k].DeepCopy()
	without.SetOwnerReferences(slices.DeleteFunc(without.GetOwnerReferences(), func(o metav1.OwnerReference) bool { return o.UID == owner }))
	m.store(k, without)
}

// isProtection tells whether a finalizer keeps storage from pods that use it. There are no pods that run here.
func isProtection(finalizer string) bool {
	return finalizer == "kubernetes.io/pv-protection" || finalizer == "kubernetes.io/pvc-protection"
}
