package kubefed

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/confed-project/confed/federation"
)

// reader keeps the first error of reading one object, so that those who read need not look after each field.
type reader struct {
	object string
	err    error
}

// node is one JSON object in it. A node that is absent has no members.
type node struct {
	*reader
	path string
	m    map[string]any
}

// read begins to read an object.
func read(obj *unstructured.Unstructured) node {
	n := node{reader: &reader{}}
	if obj == nil || obj.Object == nil {
		n.fail("", "missing")
		return n
	}
	n.m = obj.Object
	n.object = federation.Ref{GVK: obj.GroupVersionKind(), Namespace: obj.GetNamespace(), Name: obj.GetName()}.String()
	meta := n.child("metadata")
	meta.text("name")
	get[string](meta, "namespace")
	return n
}

// readKind is read for a kind that is known by its name.
func readKind(obj *unstructured.Unstructured, want schema.GroupKind) node {
	n := read(obj)
	if n.err == nil && obj.GroupVersionKind().GroupKind() != want {
		n.fail("kind", "want %s", want)
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
	if n.err == nil {
		err := fmt.Errorf("%w: %s", federation.ErrInvalid, fmt.Sprintf(format, args...))
		n.err = &federation.Error{Object: n.object, Field: n.at(key), Err: err}
	}
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
	return node{n.reader, n.at(key), get[map[string]any](n, key)}
}

// text returns a string that must not be empty.
func (n node) text(key string) string {
	s := get[string](n, key)
	if s == "" {
		n.fail(key, "missing")
	}
	return s
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
		out[i] = node{n.reader, fmt.Sprintf("%s[%d]", n.at(key), i), m}
		if !ok {
			out[i].fail("", "is a %T, not an object", item)
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
