package kubefed

import (
	"reflect"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// draft is an object that is being changed. What was read stays as it was, and all that nobody speaks of stays in it.
type draft struct {
	was *unstructured.Unstructured // nil: there was none
	doc map[string]any
}

// draftOf begins to change obj, or to make one when there is none.
func draftOf(obj *unstructured.Unstructured, kind schema.GroupKind, version, name string) draft {
	if obj != nil && obj.Object != nil {
		return draft{was: obj, doc: obj.DeepCopy().Object}
	}
	o := &unstructured.Unstructured{}
	o.SetGroupVersionKind(kind.WithVersion(version))
	o.SetName(name)
	return draft{doc: o.Object}
}

func (d draft) object() *unstructured.Unstructured { return &unstructured.Unstructured{Object: d.doc} }

// at returns the object in there, and makes it when it is absent. What is there and is no object stays: the writes are lost.
func (d draft) at(path ...string) map[string]any {
	m := d.doc
	for _, key := range path {
		next, ok := m[key].(map[string]any)
		if !ok || next == nil {
			next = map[string]any{}
			if m[key] == nil || ok {
				m[key] = next
			}
		}
		m = next
	}
	return m
}

// look returns the object in there, or nil. It is not for writing.
func (d draft) look(path ...string) map[string]any {
	m := d.doc
	for _, key := range path {
		m, _ = m[key].(map[string]any)
	}
	return m
}

// drop takes a field out, and the object that it was in when nothing else is there.
func (d draft) drop(parent, in, key string) {
	p := d.look(parent)
	m := d.look(parent, in)
	if _, there := m[key]; !there {
		return
	}
	if delete(m, key); len(m) == 0 {
		delete(p, in)
	}
}

// changed returns the object, or nil when it is as it was.
func (d draft) changed() *unstructured.Unstructured {
	if d.was != nil && reflect.DeepEqual(d.was.Object, d.doc) {
		return nil
	}
	return d.object()
}

// set writes a value, or takes the field out when there is none.
func set(m map[string]any, key, value string) {
	if value == "" {
		delete(m, key)
	} else {
		m[key] = value
	}
}
