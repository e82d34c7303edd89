package federation

import (
	"encoding/base64"
	"maps"
)

// clean drops from a wish what must never be sent: nulls, empty lists, status, server-set metadata, finalizers, and owner
// references, whose owners are of another cluster; stringData of a Secret becomes data. It shares every subtree that needs
// no change.
func clean(doc map[string]any) map[string]any {
	out := compact(doc).(map[string]any)
	if _, ok := out["status"]; ok {
		out = without(out, "status")
	}
	if meta, ok := out["metadata"].(map[string]any); ok {
		if meta["namespace"] == "" {
			meta = without(meta, "namespace") // stored by an apply as it is, it would bump versions later
			out = with(out, "metadata", meta)
		}
		if m := without(meta, "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp",
			"deletionGracePeriodSeconds", "managedFields", "selfLink", "generateName", "ownerReferences", "finalizers"); len(m) != len(meta) {
			out = with(out, "metadata", m)
		}
	}
	out = withoutEmptySpec(out)
	if text, ok := out["stringData"].(map[string]any); ok && out["kind"] == "Secret" && out["apiVersion"] == "v1" {
		have, _ := out["data"].(map[string]any)
		data := maps.Clone(have)
		if data == nil {
			data = make(map[string]any, len(text))
		}
		for k, v := range text {
			s, ok := v.(string)
			if !ok {
				return out // the member will say what is wrong with it
			}
			data[k] = base64.StdEncoding.EncodeToString([]byte(s))
		}
		out = with(without(out, "stringData"), "data", data)
	}
	return out
}

// withoutEmptySpec drops the empty spec of a Namespace, as is left of one without its finalizers: it is never in the managed
// fields, so it would look taken for ever.
func withoutEmptySpec(doc map[string]any) map[string]any {
	if spec, ok := doc["spec"].(map[string]any); ok && len(spec) == 0 && doc["kind"] == "Namespace" && doc["apiVersion"] == "v1" {
		return without(doc, "spec")
	}
	return doc
}

// compact returns v without nulls and empty lists, sharing what has none.
func compact(v any) any {
	switch t := v.(type) {
	case map[string]any:
		var out map[string]any
		for key, x := range t {
			list, isList := x.([]any)
			drop := x == nil || isList && len(list) == 0
			var y any
			if !drop {
				if y = compact(x); same(x, y) {
					continue
				}
			}
			if out == nil {
				out = maps.Clone(t)
			}
			if drop {
				delete(out, key)
			} else {
				out[key] = y
			}
		}
		if out != nil {
			return out
		}
	case []any:
		var out []any
		for i, x := range t {
			if y := compact(x); !same(x, y) {
				if out == nil {
					out = append([]any(nil), t...)
				}
				out[i] = y
			}
		}
		if out != nil {
			return out
		}
	}
	return v
}

// same reports whether compact returned its argument: for maps and lists a change shows in the identity, and a scalar
// never changes.
func same(a, b any) bool {
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		return ok && sameMap(x, y)
	case []any:
		y, ok := b.([]any)
		return ok && len(x) == len(y) && (len(x) == 0 || &x[0] == &y[0])
	}
	return true
}

// with returns m with key set to v; m is not changed.
func with(m map[string]any, key string, v any) map[string]any {
	out := maps.Clone(m)
	if out == nil {
		out = make(map[string]any, 1)
	}
	out[key] = v
	return out
}

// without returns m less the keys; m itself when it has none of them.
func without(m map[string]any, keys ...string) map[string]any {
	out, cloned := m, false
	for _, key := range keys {
		if _, ok := out[key]; !ok {
			continue
		}
		if !cloned {
			out, cloned = maps.Clone(m), true
		}
		delete(out, key)
	}
	return out
}

// get returns the value at a path of map keys.
func get(doc map[string]any, path []string) (any, bool) {
	var v any = doc
	for _, key := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		if v, ok = m[key]; !ok {
			return nil, false
		}
	}
	return v, true
}

// set returns doc with the value at a path of map keys set, making missing parents and copying only what is on the way.
func set(doc map[string]any, path []string, v any) map[string]any {
	if len(path) > 1 {
		child, _ := doc[path[0]].(map[string]any)
		v = set(child, path[1:], v)
	}
	return with(doc, path[0], v)
}

// unset returns doc without the value at a path of map keys.
func unset(doc map[string]any, path []string) map[string]any {
	if len(path) == 1 {
		return without(doc, path[0])
	}
	child, ok := doc[path[0]].(map[string]any)
	if !ok {
		return doc
	}
	return with(doc, path[0], unset(child, path[1:]))
}
