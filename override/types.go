package override

import "encoding/json"

// Patch is one RFC 6902 operation on decoded JSON. An empty Op means replace.
//
// Path and From are JSON pointers (RFC 6901) with three additions. A token may end in selectors that choose the one item
// of a list whose members have these values: /spec/containers[name=web]/image, /spec/ports[port=80][protocol=UDP]; a
// literal bracket that would read as a selector is written ~2. An index may be negative and counts from the end. And
// replace on an absent member of an object that exists adds the member.
//
// A missing Value is null. Lenient turns what is missing from an error into something to do: remove of an absent path
// does nothing, as do move and copy of an absent From; add and replace create the parents that are absent or null. It is
// invalid with test.
type Patch struct {
	Op      string `json:"op,omitempty"`
	Path    string `json:"path"`
	Value   any    `json:"value,omitempty"`
	From    string `json:"from,omitempty"`
	Lenient bool   `json:"lenient,omitempty"`
}

// Patches returns the patch itself: a Patch is an Edit.
func (p Patch) Patches(map[string]any) ([]Patch, error) { return []Patch{p}, nil }

// UnmarshalJSON keeps integers exact: what is written as an integer becomes an int64, not a float64, and one that does not
// fit is invalid.
func (p *Patch) UnmarshalJSON(text []byte) error {
	type plain Patch
	raw := struct {
		*plain
		Value json.RawMessage `json:"value"`
	}{plain: (*plain)(p)}
	if err := json.Unmarshal(text, &raw); err != nil {
		return err
	}
	p.Value = nil
	if raw.Value == nil {
		return nil
	}
	v, err := decodeJSON(raw.Value)
	if err != nil {
		return err
	}
	nodes := maxNodes
	p.Value, err = normalise(v, 0, &nodes)
	return err
}

// Layer is a named, ordered set of edits. Layers with a higher Priority are applied later. In a Literal layer ${…} is text
// like any other, not a variable.
type Layer struct {
	Name     string
	Priority int
	Literal  bool
	Edits    []Edit
}

// An Edit compiles to patches for one document. Patch, Program and Merge are edits themselves.
//
// Patches must not change doc nor keep it. It may wrap the sentinels of this package; any other error is ErrInvalid.
// The variables in the values of an edit of this package are expanded before it compiles, so that what it takes over
// from the document is never expanded; an edit from outside expands its own with Expand.
type Edit interface {
	Patches(doc map[string]any) ([]Patch, error)
}

// Vars looks up a variable by name. The value is anything that JSON can carry. A Vars must give equal answers to equal
// questions.
type Vars func(name string) (any, bool)

// Change is one line of a trace: a layer set a path from one value to another.
//
// Op is add (there was no Old), remove (there is no New) or replace; Path is a plain JSON pointer with every selector,
// negative index and "-" resolved at that moment. So the changes of a trace in order, read as RFC 6902 operations with
// New as the value, turn the document that went in into the one that came out, and backwards with Old they undo it.
// Item says that add or remove moved the later items of a list. Old and New are read-only.
type Change struct {
	Layer string `json:"layer"`
	Op    string `json:"op"`
	Path  string `json:"path"`
	Item  bool   `json:"item,omitempty"`
	Old   any    `json:"old,omitempty"`
	New   any    `json:"new,omitempty"`
}
