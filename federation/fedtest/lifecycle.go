package fedtest

import (
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

// admitNamespace refuses what is new in a namespace that does not exist, or is being deleted.
func (m *Member) admitNamespace(w *write) error {
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
		return apierrors.NewForbidden(schema.GroupResource{Resource: "namespaces"}, name.Name, fmt.Errorf("this namespace may not be deleted"))
	}
	if err := precondition(live, opts.Preconditions); err != nil {
		return err
	}
	if len(opts.DryRun) > 0 {
		return nil
	}
	orphan := opts.PropagationPolicy != nil && *opts.PropagationPolicy == metav1.DeletePropagationOrphan
	m.end(key{gvk.GroupKind(), name}, orphan)
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

// end deletes an object, or marks it when finalizers hold it, or when it is a namespace with content that they hold.
func (m *Member) end(k key, orphan bool) {
	live := m.objects[k]
	if live == nil {
		return
	}
	if finalizers := live.GetFinalizers(); slices.ContainsFunc(finalizers, isProtection) {
		live = live.DeepCopy()
		live.SetFinalizers(slices.DeleteFunc(finalizers, isProtection))
		m.objects[k] = live
	}
	isNamespace := k.GroupKind == namespaces()
	if isNamespace || len(live.GetFinalizers()) > 0 {
		m.mark(k, live)
	}
	if isNamespace {
		for _, content := range m.sorted() {
			if content.Namespace == k.Name {
				m.end(content, false)
			}
		}
	}
	// The last content of a namespace takes the namespace along.
	if m.objects[k] != nil && len(live.GetFinalizers()) == 0 && !m.terminating(k) {
		m.removeWith(k, orphan)
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
	} else {
		zero := int64(0)
		marked.SetDeletionGracePeriodSeconds(&zero)
	}
	if marked.GetGeneration() > 0 {
		marked.SetGeneration(marked.GetGeneration() + 1)
	}
	m.store(k, marked)
}

// terminating tells whether k is a namespace that still has content.
func (m *Member) terminating(k key) bool {
	if k.GroupKind != namespaces() {
		return false
	}
	for content := range m.objects {
		if content.Namespace == k.Name {
			return true
		}
	}
	return false
}

func (m *Member) remove(k key) { m.removeWith(k, false) }

// removeWith drops an object, and then what nobody holds any more: its dependents, the objects of a kind that its
// definition has defined, and a namespace that has waited for it alone.
func (m *Member) removeWith(k key, orphan bool) {
	gone := m.objects[k]
	delete(m.objects, k)
	m.version++
	if k.GroupKind == definition() {
		for _, kind := range definedKinds(gone) {
			for _, instance := range m.sorted() {
				if instance.GroupKind == kind.GroupKind() {
					m.remove(instance)
				}
			}
		}
		m.serveKinds()
	}
	for _, dependent := range m.sorted() {
		m.disown(dependent, gone.GetUID(), orphan)
	}
	space := key{namespaces(), types.NamespacedName{Name: k.Namespace}}
	if namespace := m.objects[space]; namespace != nil && namespace.GetDeletionTimestamp() != nil && !m.terminating(space) {
		m.end(space, false)
	}
}

// disown takes an owner that is gone out of a dependent, and deletes the dependent with its last owner.
func (m *Member) disown(k key, owner types.UID, orphan bool) {
	live := m.objects[k]
	if live == nil {
		return
	}
	owners := live.GetOwnerReferences()
	rest := slices.DeleteFunc(slices.Clone(owners), func(o metav1.OwnerReference) bool { return o.UID == owner })
	switch {
	case len(rest) == len(owners):
	case len(rest) == 0 && !orphan:
		m.end(k, false)
	default:
		without := live.DeepCopy()
		without.SetOwnerReferences(rest)
		m.store(k, without)
	}
}

// isProtection tells whether a finalizer keeps storage from pods that use it. There are no pods that run here.
func isProtection(finalizer string) bool {
	return finalizer == "kubernetes.io/pv-protection" || finalizer == "kubernetes.io/pvc-protection"
}
