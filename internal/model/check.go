package model

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/federation"
)

const (
	ownerKey   = "confed.dev/owner"
	ownerValue = "model"
	manager    = "confed.dev/model"
	former     = "before-first-apply"
)

// check holds one request of the program to what no request may do, whatever came before it.
func (m *member) check(x *thing, r request) {
	if r.err != nil {
		if !equal(content(r.before), content(r.after)) {
			m.wrong(x, r, "a refused request changed the object")
		}
		return
	}
	c := m.copies[x]
	if !c.looked {
		m.wrong(x, r, "a write to what was not looked at")
	}
	if c.seen != nil && r.before != nil && c.seen.GetUID() != r.before.GetUID() {
		m.wrong(x, r, "a write to another object than the one that was looked at")
	}
	switch r.verb {
	case "create":
		m.checkCreate(x, r)
	case "apply":
		m.checkApply(x, r)
	case "patch":
		m.checkPatch(x, r)
	case "delete":
		m.checkDelete(x, r)
	}
}

func (m *member) wrong(x *thing, r request, format string, args ...any) {
	m.world.broke("%s: %s %s: "+format+"\nbefore %s\nsent   %s\nafter  %s", append(append([]any{m.Name, r.verb, x}, args...), text(r.before), text(r.sent), text(r.after))...)
}

func text(u *unstructured.Unstructured) string {
	if u == nil {
		return "nothing"
	}
	data, err := json.Marshal(u.Object)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// checkWished is about requests that make an object or change one.
func (m *member) checkWished(x *thing, r request) {
	c := m.copies[x]
	c.ours = r.after.GetUID()
	if !x.selected(m) {
		m.wrong(x, r, "not wished here")
	}
	if has(x.wish.suspended, m.index) {
		m.wrong(x, r, "suspended")
	}
	if !x.memory.holds(m.Name) {
		m.wrong(x, r, "not written down before: %v", x.memory.holders)
	}
	if r.manager != manager || label(r.after) != ownerValue {
		m.wrong(x, r, "not marked as ours")
	}
	words, renders := x.expected(m)
	if !renders {
		m.wrong(x, r, "the override cannot be applied")
	}
	for i := range x.slots {
		s := &x.slots[i]
		sent, want := s.get(r.sent.Object), words[s.name]
		switch {
		case sent != "" && sent != s.get(r.after.Object) && s.fields != nil:
			m.wrong(x, r, "%s was sent and is not there", s.name)
		case want == anything, sent == want:
		case x.isSoft(s) && r.verb == "apply":
		default:
			m.wrong(x, r, "%s is %q, wished %q", s.name, sent, want)
		}
	}
}

func (m *member) checkCreate(x *thing, r request) {
	if r.before != nil {
		m.wrong(x, r, "it was there")
	}
	m.checkWished(x, r)
}

func (m *member) checkApply(x *thing, r request) {
	if r.before == nil {
		m.wrong(x, r, "an apply created it")
		return
	}
	m.checkWished(x, r)
	c := m.copies[x]
	if c.seen != nil && label(c.seen) != ownerValue && !x.adoptable(m, r.before) {
		m.wrong(x, r, "adopted, though the policy is %q", x.wish.adopt)
	}
	if c.seen != nil && label(c.seen) != ownerValue && !equal(content(c.seen), content(r.before)) {
		m.wrong(x, r, "adopted in another state than the one that was looked at")
	}
	if c.seen != nil && c.seen.GetAnnotations()[federation.OptOutAnnotation] == "true" {
		m.wrong(x, r, "it opted out")
	}
	for i := range x.slots {
		m.checkSlot(x, r, &x.slots[i])
	}
}

// checkSlot: an apply changes what it sends and removes what was ours alone.
func (m *member) checkSlot(x *thing, r request, s *slot) {
	before, after := s.get(r.before.Object), s.get(r.after.Object)
	ours, others := holders(r.before, s)
	if s.item != nil { // an item goes with all that others have put into it
		ours, others = holders(r.before, &slot{fields: s.item})
	}
	switch sent := s.get(r.sent.Object); {
	case before == after, s.fields == nil:
	case x.isSoft(s) && x.wish.retain && before != "":
		m.wrong(x, r, "%s is retained and went from %q to %q", s.name, before, after)
	case x.isSoft(s) && !x.wish.retain && held(m.copies[x].seen, s) && held(r.before, s):
		m.wrong(x, r, "%s is left to others and went from %q to %q", s.name, before, after)
	case sent == "" && (!ours || others):
		m.wrong(x, r, "%s is not ours and went from %q to %q", s.name, before, after)
	}
}

// held reports that others hold a slot in what was seen.
func held(seen *unstructured.Unstructured, s *slot) bool {
	if seen == nil {
		return false
	}
	_, others := holders(seen, s)
	return others
}

// adoptable says whether the policy allows taking over what is not ours.
func (x *thing) adoptable(m *member, live *unstructured.Unstructured) bool {
	return x.wish.adopt == federation.AdoptAlways || x.wish.adopt == federation.AdoptIfIdentical && x.identical(m, live)
}

// identical says whether a live object has all words of the wish.
func (x *thing) identical(m *member, live *unstructured.Unstructured) bool {
	words, _ := x.expected(m)
	for name, word := range words {
		if word != anything && x.slot(name).get(live.Object) != word {
			return false
		}
	}
	return true
}

// checkPatch: a patch moves managed fields, or gives an object up.
func (m *member) checkPatch(x *thing, r request) {
	c := m.copies[x]
	if r.before == nil {
		m.wrong(x, r, "there was nothing to patch")
		return
	}
	if label(r.before) == ownerValue && label(r.after) != ownerValue {
		c.ours = ""
		m.checkRelease(x, r)
		return
	}
	if !equal(content(r.before), content(r.after)) {
		m.wrong(x, r, "a move of managed fields changed the object")
	}
	for i := range x.slots {
		s := &x.slots[i]
		for _, name := range holding(r.before, s.fields) {
			if name != former && !slices.Contains(holding(r.after, s.fields), name) {
				m.wrong(x, r, "%s was taken from %s", s.name, name)
			}
		}
	}
	if label(r.before) != ownerValue && !x.adoptable(m, r.before) {
		m.wrong(x, r, "not ours")
	}
}

func (m *member) checkRelease(x *thing, r request) {
	c := m.copies[x]
	opted := r.before.GetAnnotations()[federation.OptOutAnnotation] == "true"
	if x.wish.protected && !x.selected(m) {
		m.wrong(x, r, "released, and it is protected")
	}
	if !opted && (x.selected(m) || !x.wish.orphan || x.wish.where == broken) {
		m.wrong(x, r, "released, and nobody asked for it")
	}
	if c.seen != nil && c.seen.GetResourceVersion() != r.before.GetResourceVersion() {
		m.wrong(x, r, "released in another version than the one that was looked at")
	}
	before := content(r.before)
	unstructured.RemoveNestedField(before, "metadata", "labels", ownerKey)
	unstructured.RemoveNestedField(before, "metadata", "annotations", federation.DigestAnnotation)
	prune(before)
	if after := content(r.after); !equal(before, after) {
		m.wrong(x, r, "more than our marks went: %s", cmp.Diff(before, after))
	}
	if entry(r.after) {
		m.wrong(x, r, "our managed fields stay")
	}
}

func (m *member) checkDelete(x *thing, r request) {
	c := m.copies[x]
	switch {
	case r.before == nil:
		return
	case c.seen == nil:
		m.wrong(x, r, "it was not seen")
	case label(c.seen) != ownerValue || !entry(c.seen):
		m.wrong(x, r, "not ours")
	case x.selected(m), x.wish.where == broken:
		m.wrong(x, r, "nobody knows that it is not wished")
	case x.wish.orphan || x.wish.protected || has(x.wish.suspended, m.index):
		m.wrong(x, r, "it should stay")
	case c.seen.GetAnnotations()[federation.OptOutAnnotation] == "true":
		m.wrong(x, r, "it opted out")
	}
	if r.after == nil {
		c.ours = ""
	}
}

func label(u *unstructured.Unstructured) string {
	v, _, _ := unstructured.NestedString(u.Object, "metadata", "labels", ownerKey)
	return v
}

// managed are the managed-fields entries of an object, as they were sent.
func managed(u *unstructured.Unstructured) []any {
	v, _, _ := unstructured.NestedFieldNoCopy(u.Object, "metadata", "managedFields")
	list, _ := v.([]any)
	return list
}

// entry reports whether our manager holds anything of the main resource.
func entry(u *unstructured.Unstructured) bool {
	return slices.ContainsFunc(managed(u), func(e any) bool {
		m, _ := e.(doc)
		return m["manager"] == manager && m["subresource"] == nil
	})
}

// holders says who holds a slot: we, and others.
func holders(u *unstructured.Unstructured, s *slot) (ours, others bool) {
	for _, name := range holding(u, s.fields) {
		ours = ours || name == manager
		others = others || name != manager
	}
	return ours, others
}

// holding are the managers that hold a path.
func holding(u *unstructured.Unstructured, path []string) []any {
	var names []any
	for _, e := range managed(u) {
		m, _ := e.(doc)
		at, ok := m["fieldsV1"], len(path) > 0
		for _, key := range path {
			node, _ := at.(doc)
			if at, ok = node[key]; !ok {
				break
			}
		}
		if ok {
			names = append(names, m["manager"])
		}
	}
	return names
}

// content is an object less what servers and controllers write for themselves.
func content(u *unstructured.Unstructured) doc {
	if u == nil {
		return nil
	}
	d := u.DeepCopy().Object
	delete(d, "status")
	meta, _ := d["metadata"].(doc)
	for _, key := range []string{"managedFields", "resourceVersion", "generation"} {
		delete(meta, key)
	}
	unstructured.RemoveNestedField(d, "metadata", "annotations", "deployment.kubernetes.io/revision")
	prune(d)
	return d
}

// prune drops maps of metadata that have become empty.
func prune(d doc) {
	meta, _ := d["metadata"].(doc)
	for _, field := range []string{"labels", "annotations"} {
		if m, ok := meta[field].(doc); ok && len(m) == 0 {
			delete(meta, field)
		}
	}
}

func equal(a, b doc) bool {
	return maps.EqualFunc(a, b, func(x, y any) bool { return cmp.Equal(x, y) })
}
