package fedtest

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"reflect"
	"strconv"

	jsonpatch "github.com/evanphx/json-patch/v5"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"

	smd "github.com/confed-project/confed/internal/smd/types"
)

// errModified is what a server says when a resourceVersion is not the current one.
var errModified = errors.New("the object has been modified; please apply your changes to the latest version and try again")

// write is one write that is being served: by whom, and what is there.
type write struct {
	kind    *served
	key     key
	request Request
	by      smd.Write
	live    *unstructured.Unstructured // nil when there is none; never changed
}

// begin looks up what a write is about.
func (m *Member) begin(verb string, obj *unstructured.Unstructured, manager string, dryRun []string) (*write, error) {
	gvk := obj.GroupVersionKind()
	kind, err := m.kind(gvk)
	if err != nil {
		return nil, err
	}
	if manager == "" {
		manager = "unknown"
	}
	w := &write{kind: kind, request: requestOf(verb, obj, manager, dryRun), by: smd.Write{Manager: manager}}
	if verb != "get" {
		w.by.Now = m.now()
	}
	w.key = key{gvk.GroupKind(), w.request.NamespacedName}
	if err := kind.placed(w.request.NamespacedName); err != nil {
		return nil, err
	}
	if stored := m.objects[w.key]; stored != nil {
		w.live = stored.DeepCopy()
		w.live.SetGroupVersionKind(gvk)
	}
	return w, nil
}

// placed refuses a namespace for a cluster-scoped kind, and none for another: no URL names such an object.
func (k Kind) placed(name types.NamespacedName) error {
	switch {
	case k.Cluster && name.Namespace != "":
		return apierrors.NewBadRequest("namespace of a cluster-scoped " + k.Kind + ": " + name.Namespace)
	case !k.Cluster && name.Namespace == "":
		return apierrors.NewBadRequest("an empty namespace may not be set when a resource name is provided")
	}
	return nil
}

func (w *write) notFound() error { return apierrors.NewNotFound(w.kind.resource(), w.key.Name) }

func (m *Member) get(gvk schema.GroupVersionKind, name types.NamespacedName) (*unstructured.Unstructured, error) {
	obj := &unstructured.Unstructured{Object: map[string]any{}}
	obj.SetGroupVersionKind(gvk)
	obj.SetNamespace(name.Namespace)
	obj.SetName(name.Name)
	w, err := m.begin("get", obj, "", nil)
	if err != nil {
		return nil, err
	}
	if w.live == nil {
		return nil, w.notFound()
	}
	return w.live, nil
}

func (m *Member) create(obj *unstructured.Unstructured, opts metav1.CreateOptions) (*unstructured.Unstructured, error) {
	w, err := m.begin("create", obj, opts.FieldManager, opts.DryRun)
	if err != nil {
		return nil, err
	}
	if obj.GetName() == "" && obj.GetGenerateName() != "" {
		obj.SetName(obj.GetGenerateName() + strconv.FormatInt(0x10000+m.version, 36))
		w.key.Name, w.live = obj.GetName(), nil
	}
	for _, field := range []string{"uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"} {
		unstructured.RemoveNestedField(obj.Object, "metadata", field)
	}
	m.decoded(w.kind, obj.Object)
	obj, err = w.kind.manager.Update(nil, obj, w.by)
	if err != nil {
		return nil, serverError(err)
	}
	if w.live != nil && m.admitNew(w) == nil {
		return nil, apierrors.NewAlreadyExists(w.kind.resource(), w.key.Name)
	}
	return m.insert(w, obj)
}

func (m *Member) apply(config *unstructured.Unstructured, opts metav1.PatchOptions) (*unstructured.Unstructured, error) {
	w, err := m.begin("apply", config, opts.FieldManager, opts.DryRun)
	if err != nil {
		return nil, err
	}
	if opts.FieldManager == "" {
		return nil, apierrors.NewInvalid(metav1.SchemeGroupVersion.WithKind("PatchOptions").GroupKind(), "", field.ErrorList{
			field.Required(field.NewPath("fieldManager"), "is required for apply patch"),
		})
	}
	w.by.Force = opts.Force != nil && *opts.Force
	var live *unstructured.Unstructured
	if w.live != nil {
		live = w.live.DeepCopy()
	}
	uid := config.GetUID()
	obj, err := w.kind.manager.Apply(live, config, w.by)
	switch {
	case err != nil:
		return nil, serverError(err)
	case w.live != nil:
		return m.replace(w, obj)
	case uid != "":
		return nil, apierrors.NewConflict(w.kind.resource(), w.key.Name,
			errors.New("uid mismatch: the provided object specified uid "+string(uid)+", and no existing object was found"))
	}
	return m.insert(w, obj)
}

func (m *Member) patch(target *unstructured.Unstructured, patch []byte, opts metav1.PatchOptions) (*unstructured.Unstructured, error) {
	w, err := m.begin("patch", target, opts.FieldManager, opts.DryRun)
	if err != nil {
		return nil, err
	}
	if w.live == nil {
		return nil, w.notFound()
	}
	if err := json.Unmarshal(patch, &[]json.RawMessage{}); err != nil {
		return nil, apierrors.NewBadRequest("error decoding patch: " + err.Error())
	}
	before, err := json.Marshal(w.live.Object)
	if err != nil {
		return nil, serverError(err)
	}
	after := before
	operations, err := jsonpatch.DecodePatch(patch)
	if err == nil {
		after, err = operations.Apply(before)
	}
	if err != nil {
		return nil, apierrors.NewGenericServerResponse(http.StatusUnprocessableEntity, "", schema.GroupResource{}, "", err.Error(), 0, false)
	}
	obj := &unstructured.Unstructured{}
	if err := obj.UnmarshalJSON(after); err != nil {
		return nil, apierrors.NewInvalid(schema.GroupKind{}, "", field.ErrorList{field.Invalid(field.NewPath("patch"), string(after), err.Error())})
	}
	m.decoded(w.kind, obj.Object)
	if obj, err = w.kind.manager.Update(w.live.DeepCopy(), obj, w.by); err != nil {
		return nil, serverError(err)
	}
	return m.replace(w, obj)
}

// put is a foreign PUT, to the object or one of its subresources.
func (m *Member) put(obj *unstructured.Unstructured, manager, subresource string) (*unstructured.Unstructured, error) {
	w, err := m.begin("update", obj, manager, nil)
	if err != nil {
		return nil, err
	}
	if w.live == nil {
		return nil, w.notFound()
	}
	w.by.Subresource = subresource
	if subresource == "status" && w.kind.NoStatus || subresource == "scale" && w.kind.builtin && !w.kind.scales() {
		return nil, apierrors.NewGenericServerResponse(http.StatusNotFound, "PUT", w.kind.resource(), w.key.Name, "", 0, true)
	}
	if path := map[string][]string{"status": {"status"}, "scale": {"spec", "replicas"}}[subresource]; path != nil {
		value, _, _ := unstructured.NestedFieldCopy(obj.Object, path...)
		version := obj.GetResourceVersion()
		obj = w.live.DeepCopy()
		obj.SetResourceVersion(version)
		if err := unstructured.SetNestedField(obj.Object, value, path...); err != nil {
			return nil, apierrors.NewBadRequest(err.Error())
		}
	}
	m.decoded(w.kind, obj.Object)
	if subresource == "scale" && !smd.Owned(w.live.GetManagedFields(), "spec", "replicas") {
		return m.replace(w, obj) // a field that nobody holds stays so when it is scaled
	}
	if obj, err = w.kind.manager.Update(w.live.DeepCopy(), obj, w.by); err != nil {
		return nil, serverError(err)
	}
	return m.replace(w, obj)
}

// serverError is an error that is not an API status as a server answers it.
func serverError(err error) error {
	if status := apierrors.APIStatus(nil); errors.As(err, &status) {
		return err
	}
	return &apierrors.StatusError{ErrStatus: metav1.Status{
		Status: metav1.StatusFailure, Code: http.StatusInternalServerError, Message: err.Error(),
	}}
}

// insert stores what is new.
func (m *Member) insert(w *write, obj *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	if err := m.admitNew(w); err != nil {
		return nil, err
	}
	if err := m.admit(w, obj); err != nil {
		return nil, err
	}
	if obj.GetResourceVersion() != "" && w.request.Verb == "create" {
		return nil, serverError(errors.New("resourceVersion should not be set on objects to be created"))
	}
	obj.SetResourceVersion("")
	obj.SetUID(m.uid())
	obj.SetCreationTimestamp(metav1.NewTime(w.by.Now.UTC()))
	if !w.kind.noGeneration {
		obj.SetGeneration(1)
	}
	if !w.kind.NoStatus {
		delete(obj.Object, "status")
	}
	m.decoded(w.kind, obj.Object)
	if w.kind.builtin {
		m.prepare(obj, nil)
	}
	errs := validation.ValidateObjectMetaAccessor(obj, !w.kind.Cluster, w.kind.validName(), field.NewPath("metadata"))
	if errs = append(errs, w.validate(obj)...); len(errs) > 0 {
		return nil, apierrors.NewInvalid(w.kind.GroupKind(), w.key.Name, errs)
	}
	if w.request.DryRun {
		return obj, nil
	}
	return m.store(w.key, obj), nil
}

// replace stores what changes, if anything does.
func (m *Member) replace(w *write, obj *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	if got, want := obj.GroupVersionKind(), w.live.GroupVersionKind(); got != want {
		return nil, apierrors.NewBadRequest("the object is a " + got.String() + ", and the request is about a " + want.String())
	}
	if obj.GetNamespace() != w.key.Namespace {
		return nil, apierrors.NewBadRequest("the namespace of the provided object does not match the namespace sent on the request")
	}
	if obj.GetName() != w.key.Name {
		return nil, apierrors.NewBadRequest("the name of the object (" + obj.GetName() + ") does not match the name on the URL (" + w.key.Name + ")")
	}
	if version := obj.GetResourceVersion(); version != "" && version != w.live.GetResourceVersion() {
		return nil, apierrors.NewConflict(w.kind.resource(), w.key.Name, errModified)
	}
	if err := m.admit(w, obj); err != nil {
		return nil, err
	}
	w.keep(obj)
	if w.kind.builtin {
		m.prepare(obj, w.live)
	}
	w.count(obj)
	errs := validation.ValidateObjectMetaAccessorUpdate(obj, w.live, field.NewPath("metadata"))
	errs = append(errs, errs...) // a server looks twice: for all kinds, and for this one
	errs = append(errs, w.validate(obj)...)
	if w.kind.builtin {
		errs = append(errs, changedImmutables(w.kind.GroupKind().String(), obj, w.live)...)
	}
	if len(errs) > 0 {
		return nil, apierrors.NewInvalid(w.kind.GroupKind(), w.key.Name, errs)
	}
	keepTimes(obj, w.live)
	if reflect.DeepEqual(obj.Object, w.live.Object) || w.request.DryRun {
		return obj, nil
	}
	if w.live.GetDeletionTimestamp() != nil && m.free(w.key, obj) {
		m.remove(w.key)
		return obj, nil
	}
	return m.store(w.key, obj), nil
}

// validate finds nulls in a custom object where its schema wants objects: an apply may leave them behind.
func (w *write) validate(obj *unstructured.Unstructured) (errs field.ErrorList) {
	if w.kind.builtin {
		return nil
	}
	for _, path := range w.kind.manager.Nulls(obj.Object) {
		errs = append(errs, field.TypeInvalid(field.NewPath(path), "null", path+` in body must be of type object: "null"`))
	}
	return errs
}

// keep restores what no update may change.
func (w *write) keep(obj *unstructured.Unstructured) {
	obj.SetResourceVersion(w.live.GetResourceVersion())
	obj.SetGeneration(w.live.GetGeneration())
	obj.SetCreationTimestamp(w.live.GetCreationTimestamp())
	obj.SetDeletionTimestamp(w.live.GetDeletionTimestamp())
	obj.SetDeletionGracePeriodSeconds(w.live.GetDeletionGracePeriodSeconds())
	if obj.GetUID() == "" {
		obj.SetUID(w.live.GetUID())
	}
	if !w.kind.NoStatus && w.by.Subresource != "status" {
		if status, ok := w.live.Object["status"]; ok {
			obj.Object["status"] = status
		} else {
			delete(obj.Object, "status")
		}
	}
}

// count counts the generation.
func (w *write) count(obj *unstructured.Unstructured) {
	if w.kind.noGeneration || w.kind.fixedGeneration {
		return
	}
	changed := w.kind.countsAnnotations && !maps.Equal(obj.GetAnnotations(), w.live.GetAnnotations())
	for _, fields := range []map[string]any{obj.Object, w.live.Object} {
		for field := range fields {
			if field != "metadata" && field != "status" && !changed {
				changed = !reflect.DeepEqual(obj.Object[field], w.live.Object[field])
			}
		}
	}
	if changed {
		obj.SetGeneration(w.live.GetGeneration() + 1)
	}
}

// keepTimes takes back new times in managed fields when nothing else has changed.
func keepTimes(obj, live *unstructured.Unstructured) {
	before, _, _ := unstructured.NestedFieldNoCopy(live.Object, "metadata", "managedFields")
	after, _, _ := unstructured.NestedFieldNoCopy(obj.Object, "metadata", "managedFields")
	if before == nil || !reflect.DeepEqual(timeless(before), timeless(after)) {
		return
	}
	metadata, _ := obj.Object["metadata"].(map[string]any)
	metadata["managedFields"] = before
	if !reflect.DeepEqual(obj.Object, live.Object) {
		metadata["managedFields"] = after
	}
}

// timeless returns managed-fields entries without their times.
func timeless(entries any) any {
	list, _ := entries.([]any)
	rest := make([]any, len(list))
	for i, entry := range list {
		fields, _ := entry.(map[string]any)
		fields = maps.Clone(fields)
		delete(fields, "time")
		rest[i] = fields
	}
	return rest
}

// store writes a copy of an object down and returns the object, with its new version.
func (m *Member) store(k key, obj *unstructured.Unstructured) *unstructured.Unstructured {
	m.version++
	obj.SetResourceVersion(strconv.FormatInt(m.version, 10))
	m.objects[k] = obj.DeepCopy()
	if k.GroupKind == definition() {
		m.establish(m.objects[k])
		m.serveKinds()
	}
	return obj
}
