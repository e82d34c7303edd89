// Package ownership reads and rewrites the managed fields of live objects: which paths a field manager holds, whether
// they cover a wish, and what the entries must become so that a server-side apply or a release does the right thing.
//
// It works on decoded JSON as the API server sent it, without a schema and without parsing it a second time: the keys of
// a fieldsV1 map (f:name, k:{…}, v:…, i:…, and "." for the path itself) say what a list is keyed by, which is all that a
// schema would be needed for. Nothing here changes its arguments.
package ownership

import (
	"maps"
	"strings"
)

// Entries are the managed-fields entries of one object, as decoded JSON.
type Entries []any

// Of returns the entries of a live object.
func Of(live map[string]any) Entries {
	meta, _ := live["metadata"].(map[string]any)
	list, _ := meta["managedFields"].([]any)
	return list
}

// BeforeFirstApply is the manager to which an API server gives what was there before it tracked managers.
const BeforeFirstApply = "before-first-apply"

// entry returns entry i as a map, its manager, and whether it is about the main resource.
func (e Entries) entry(i int) (m map[string]any, manager string, main bool) {
	m, _ = e[i].(map[string]any)
	manager, _ = m["manager"].(string)
	sub, _ := m["subresource"].(string)
	return m, manager, m != nil && sub == ""
}

// Has reports whether one of the managers has an entry on the main resource.
func (e Entries) Has(managers ...string) bool {
	for i := range e {
		if _, manager, main := e.entry(i); main && contains(managers, manager) {
			return true
		}
	}
	return false
}

// Fields returns what the manager holds on the main resource in this API version, its entries united, as a fieldsV1
// map; nil when it has no entry.
func (e Entries) Fields(manager, apiVersion string) map[string]any {
	var fields map[string]any
	for i := range e {
		m, name, main := e.entry(i)
		if version, _ := m["apiVersion"].(string); !main || name != manager || version != apiVersion {
			continue
		}
		f, _ := m["fieldsV1"].(map[string]any)
		fields = unite(fields, f)
	}
	return fields
}

// All returns what all managers together hold, on the main resource and on subresources.
func (e Entries) All() map[string]any {
	var fields map[string]any
	for i := range e {
		m, _ := e[i].(map[string]any)
		f, _ := m["fieldsV1"].(map[string]any)
		fields = unite(fields, f)
	}
	return fields
}

// Move returns the entries with everything that the former managers, and the manager itself by any operation, hold on
// the main resource moved to one Apply entry of the manager. It says false when nothing needs to move: the manager has
// at most an Apply entry and the former managers have none.
func (e Entries) Move(manager string, former []string) (Entries, bool) {
	needed := false
	var into map[string]any
	rest := make(Entries, 0, len(e)+1)
	for i := range e {
		m, name, main := e.entry(i)
		ours := main && name == manager
		if !main || !ours && !contains(former, name) {
			rest = append(rest, e[i])
			continue
		}
		operation, _ := m["operation"].(string)
		needed = needed || !ours || operation != "Apply"
		if into == nil {
			into = maps.Clone(m)
			into["manager"], into["operation"] = manager, "Apply"
			continue
		}
		into["fieldsV1"] = unite(fieldsOf(into), fieldsOf(m))
	}
	if !needed {
		return e, false
	}
	return append(rest, into), true
}

// Versioned returns the entries with every API version replaced by this one, and false when none is different. An API
// server that no longer serves a version refuses every apply to an object with an entry in it.
func (e Entries) Versioned(apiVersion string) (Entries, bool) {
	out, changed := make(Entries, len(e)), false
	for i := range e {
		m, _, _ := e.entry(i)
		out[i] = e[i]
		if m != nil && m["apiVersion"] != apiVersion {
			m = maps.Clone(m)
			m["apiVersion"] = apiVersion
			out[i], changed = m, true
		}
	}
	return out, changed
}

// Without returns the entries less those of the managers on the main resource. An API server takes an empty list for
// "unchanged", so a list that would become empty is the one empty entry that clears it.
func (e Entries) Without(managers ...string) Entries {
	rest := make(Entries, 0, len(e))
	for i := range e {
		if _, manager, main := e.entry(i); !main || !contains(managers, manager) {
			rest = append(rest, e[i])
		}
	}
	if len(rest) == 0 {
		return Entries{map[string]any{}}
	}
	return rest
}

// Holders returns the managers other than the given one that hold the path or something below it, on the main resource
// or a subresource, in the order of the entries. The path is a list of keys of fieldsV1 maps.
func (e Entries) Holders(path []string, except string) []string {
	var held []string
	for i := range e {
		m, manager, main := e.entry(i)
		if m != nil && !(main && manager == except) && !contains(held, manager) && at(fieldsOf(m), path) {
			held = append(held, manager)
		}
	}
	return held
}

// holds reports whether the manager holds the path on the main resource.
func (e Entries) holds(path []string, manager string) bool {
	for i := range e {
		if m, name, main := e.entry(i); main && name == manager && at(fieldsOf(m), path) {
			return true
		}
	}
	return false
}

// at reports whether a fieldsV1 map has the path.
func at(node map[string]any, path []string) bool {
	for _, key := range path {
		next, ok := node[key].(map[string]any)
		if !ok {
			return false
		}
		node = next
	}
	return true
}

func fieldsOf(entry map[string]any) map[string]any {
	f, _ := entry["fieldsV1"].(map[string]any)
	return f
}

// unite returns the union of two fieldsV1 maps; it shares what only one of them has.
func unite(a, b map[string]any) map[string]any {
	if len(a) == 0 {
		return b
	}
	if len(b) == 0 {
		return a
	}
	out := maps.Clone(a)
	for key, v := range b {
		have, ok := out[key].(map[string]any)
		more, _ := v.(map[string]any)
		if ok {
			out[key] = unite(have, more)
		} else {
			out[key] = v
		}
	}
	return out
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// leaf reports that a fieldsV1 node has nothing below it.
func leaf(node map[string]any) bool {
	if len(node) == 1 {
		_, only := node["."]
		return only
	}
	return len(node) == 0
}

// listKind says how a node describes the items of a list: "k:" by keys, "v:" by value, "i:" by index, "" not at all.
func listKind(node map[string]any) string {
	for key := range node {
		if strings.HasPrefix(key, "k:") || strings.HasPrefix(key, "v:") || strings.HasPrefix(key, "i:") {
			return key[:2]
		}
	}
	return ""
}
