package kubefed

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/confed-project/confed/federation"
)

// reader keeps the errors of reading one object, so that those who read need not look after each field.
type reader struct {
	object string
	err    error // nil, or a *faults
}

// faults are what is wrong with one object, each a *federation.Error with its field.
type faults []error

// Error lists the first ones; an object that is wrong in very many places need not be told in full.
func (f *faults) Error() string {
	const most = 10
	texts := make([]string, 0, most+1)
	for i, err := range *f {
		if i == most {
			texts = append(texts, fmt.Sprintf("and %d more", len(*f)-most))
			break
		}
		texts = append(texts, err.Error())
	}
	return strings.Join(texts, "; ")
}

func (f *faults) Unwrap() []error { return *f }

// node is one JSON object in it. A node that is absent has no members.
type node struct {
	*reader
	path string
	m    map[string]any
	bad  bool // it is not an object, which is told already: nothing in it is missing
}

// read begins to read an object.
func read(obj *unstructured.Unstructured) node {
	n := node{reader: &reader{}}
	if obj == nil || obj.Object == nil {
		n.fail("", "missing")
		n.bad = true
		return n
	}
	n.m = obj.Object
	n.object = federation.Ref{GVK: obj.GroupVersionKind(), Namespace: obj.GetNamespace(), Name: obj.GetName()}.String()
	meta := n.child("metadata")
	meta.text("name")
	get[string](meta, "namespace")
	return n
}

// readKind is read for a kind that is known by its name. Of another kind there is nothing to read: m is nil.
func readKind(obj *unstructured.Unstructured, want schema.GroupKind) node {
	n := read(obj)
	if n.m != nil && obj.GroupVersionKind().GroupKind() != want {
		n.fail("kind", "want %s", want)
		n.bad, n.m = true, nil
	}
	return n
}

func (n node) at(key string) string {
	if n.path == "" || key == "" {
		return n.path + key
	}
	return n.path + "." + key
}

func (n node) fail(key, format string, args ...any) {
	if n.bad {
		return
	}
	all, _ := n.err.(*faults) //nolint:errorlint // it is ours, never wrapped
	if all == nil {
		all = &faults{}
	}
	err := fmt.Errorf("%w: %s", federation.ErrInvalid, fmt.Sprintf(format, args...))
	*all = append(*all, &federation.Error{Object: n.object, Field: n.at(key), Err: err})
	n.err = all
}

// faulted says in how many places the object is wrong so far.
func (r *reader) faulted() int {
	if all, _ := r.err.(*faults); all != nil { //nolint:errorlint // it is ours, never wrapped
		return len(*all)
	}
	return 0
}

// get returns the member of that type; null is absent.
func get[T any](n node, key string) T {
	v, ok := n.m[key].(T)
	if !ok && n.m[key] != nil {
		n.fail(key, "is a %T, not a %T", n.m[key], v)
	}
	return v
}

func (n node) child(key string) node {
	faults := n.faulted()
	m := get[map[string]any](n, key)
	return node{n.reader, n.at(key), m, n.bad || n.faulted() > faults}
}

// text returns a string that must not be empty.
func (n node) text(key string) string {
	s := get[string](n, key)
	if s == "" {
		n.fail(key, "missing")
	}
	return s
}

// time returns the zero time for what is absent, and refuses it when it is written.
func (n node) time(key string) time.Time {
	text := get[string](n, key)
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || t.IsZero() {
		n.fail(key, "%q is not a time such as 2006-01-02T15:04:05Z", text)
	}
	return t
}

// integer returns nil for what is absent. Numbers that were decoded as floats count when they are whole.
func (n node) integer(key string) *int64 {
	switch v := n.m[key].(type) {
	case nil:
		return nil
	case int64:
		return &v
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			i := int64(v)
			return &i
		}
	}
	n.fail(key, "is %v, not a whole number", n.m[key])
	return nil
}

// nodes returns the objects of a list: nil when it is absent, else never nil.
func (n node) nodes(key string) []node {
	list := get[[]any](n, key)
	if list == nil {
		return nil
	}
	out := make([]node, len(list))
	for i, item := range list {
		m, ok := item.(map[string]any)
		out[i] = node{n.reader, fmt.Sprintf("%s[%d]", n.at(key), i), m, false}
		if !ok {
			out[i].fail("", "is a %T, not an object", item)
			out[i].bad = true
		}
	}
	return out
}

func (n node) strings(key string) []string {
	list := get[[]any](n, key)
	var out []string
	for i, item := range list {
		s, ok := item.(string)
		if !ok {
			n.fail(fmt.Sprintf("%s[%d]", key, i), "is a %T, not a string", item)
		}
		out = append(out, s)
	}
	return out
}

func (n node) labels(key string) map[string]string {
	m := n.child(key)
	if m.m == nil {
		return nil
	}
	out := make(map[string]string, len(m.m))
	for _, k := range slices.Sorted(maps.Keys(m.m)) { // so that the first error is always the same
		out[k] = get[string](m, k)
	}
	return out
}
