package model

import (
	"encoding/json"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/federation"
)

// deed is something that others do to an object in a member. What it comes to does not matter: members may refuse it.
type deed struct {
	name string
	run  func()
}

const somebody = "somebody"

// deed chooses one.
func (m *member) deed(x *thing) deed {
	w := m.world
	s := &x.slots[w.pick(len(x.slots))]
	word := []string{"9", "9", "8", ""}[w.pick(4)]
	if word != "" && s.name == "affinity" || word == "8" && s.name == "order" {
		word = "1"
	}
	how := w.pick(3)
	do := func(name string, run func() error) deed {
		name = fmt.Sprintf("somebody %s %s in %s", name, x, m.Name)
		return deed{name, func() { w.tell("  %s: %s", name, outcome(run())) }}
	}
	edit := func(name string, change func(doc)) deed { return do(name, func() error { return m.edit(x, change) }) }
	switch w.pick(15) {
	case 0, 1, 2:
		return edit(fmt.Sprintf("sets %s to %q of", s.name, word), func(d doc) { s.set(d, word) })
	case 3:
		return do("applies "+s.name+" of", func() error { return m.apply(x, s) })
	case 4:
		return edit("takes our label from", func(d doc) {
			m.copies[x].ours = ""
			unstructured.RemoveNestedField(d, "metadata", "labels", ownerKey)
		})
	case 5:
		return edit("takes our digest from", func(d doc) {
			unstructured.RemoveNestedField(d, "metadata", "annotations", federation.DigestAnnotation)
		})
	case 6:
		return do("deletes", func() error { return m.remove(x) })
	case 7, 8:
		return do("deletes and makes another", func() error {
			_ = m.remove(x)
			return m.make(x, how)
		})
	case 9, 10:
		return do("makes another", func() error { return m.make(x, how) })
	case 11:
		return do("clears the managed fields of", func() error {
			return m.patch(x, []any{doc{"op": "replace", "path": "/metadata/managedFields", "value": []any{doc{}}}})
		})
	case 12:
		return edit("empties a part of", func(d doc) {
			if delete(d, "data"); how == 0 {
				unstructured.RemoveNestedField(d, "metadata", "annotations")
			}
		})
	case 13:
		return edit("opts out or in with", toggle("annotations", federation.OptOutAnnotation))
	}
	return edit("puts on or takes off a finalizer of", func(d doc) {
		if list, _, _ := unstructured.NestedSlice(d, "metadata", "finalizers"); len(list) > 0 {
			unstructured.RemoveNestedField(d, "metadata", "finalizers")
		} else {
			_ = unstructured.SetNestedSlice(d, []any{"example.com/wait"}, "metadata", "finalizers")
		}
	})
}

func toggle(field, key string) func(doc) {
	return func(d doc) {
		if v, _, _ := unstructured.NestedString(d, "metadata", field, key); v != "" {
			unstructured.RemoveNestedField(d, "metadata", field, key)
		} else {
			_ = unstructured.SetNestedField(d, "true", "metadata", field, key)
		}
	}
}

// edit is a JSON patch of somebody that makes this change.
func (m *member) edit(x *thing, change func(doc)) error {
	live, _ := m.live(x)
	if live == nil {
		return nil
	}
	after := live.DeepCopy().Object
	change(after)
	var ops []any
	for _, path := range [][]string{{"metadata", "labels"}, {"metadata", "annotations"}, {"metadata", "finalizers"}, {"spec"}, {"data"}} {
		was, had, _ := unstructured.NestedFieldNoCopy(live.Object, path...)
		is, has, _ := unstructured.NestedFieldNoCopy(after, path...)
		pointer := "/" + strings.Join(path, "/")
		switch {
		case has && !equal(doc{"": was}, doc{"": is}):
			ops = append(ops, doc{"op": "add", "path": pointer, "value": is})
		case had && !has:
			ops = append(ops, doc{"op": "remove", "path": pointer})
		}
	}
	if ops == nil {
		return nil
	}
	return m.patch(x, ops)
}

func (m *member) patch(x *thing, ops []any) error {
	data, err := json.Marshal(ops)
	if err != nil {
		return err
	}
	_, err = m.Client.Patch(m.world.ctx, x.render(nil), data, metav1.PatchOptions{FieldManager: somebody})
	return err
}

// apply is a forced server-side apply of one slot.
func (m *member) apply(x *thing, s *slot) error {
	if live, _ := m.live(x); live == nil || s.fields == nil {
		return nil
	}
	u := &unstructured.Unstructured{Object: doc{}}
	u.SetAPIVersion(x.apiVersion)
	u.SetKind(x.kind.kind)
	u.SetNamespace(m.world.namespace)
	u.SetName(x.name)
	s.set(u.Object, "9")
	force := true
	_, err := m.Client.Patch(m.world.ctx, u, nil, metav1.PatchOptions{FieldManager: "applier-" + s.name, Force: &force})
	return err
}

func (m *member) remove(x *thing) error {
	return m.Client.Delete(m.world.ctx, x.gvk(), x.key(), metav1.DeleteOptions{})
}

// make creates an object of our name: another one, one that already is what we wish, or one with a copy of our label.
func (m *member) make(x *thing, how int) error {
	words, _ := x.expected(m)
	if words["replicas"] == anything {
		words["replicas"] = "1"
	}
	if how != 1 {
		for i := range x.slots {
			if s := &x.slots[i]; s.required || s.theirs {
				words[s.name] = "5"
			} else {
				delete(words, s.name)
			}
		}
	}
	u := x.render(words)
	if how == 2 {
		_ = unstructured.SetNestedField(u.Object, ownerValue, "metadata", "labels", ownerKey)
		m.copies[x].never = false
	}
	_, err := m.Client.Create(m.world.ctx, u, metav1.CreateOptions{FieldManager: somebody})
	return err
}
