package override

import (
	"fmt"
	"strings"
)

type opKind uint8

const (
	opAdd opKind = iota
	opRemove
	opReplace
	opTest
	opMove
	opCopy
)

// Program is a compiled list of patches. It is immutable and safe for concurrent use; the zero value changes nothing.
type Program struct {
	ops    []op
	guards []guard
}

type op struct {
	kind    opKind
	lenient bool
	vars    bool // value may hold variables
	index   int  // in the list that was compiled
	path    pointer
	from    pointer
	value   any
	guards  []int // what it might touch, as indices into Program.guards
}

// Compile parses and checks patches once for any number of documents. Values are copied and normalised: integers become
// int64, floats float64, other Go values what encoding/json makes of them; what JSON cannot carry, or what is cyclic,
// is invalid.
//
// Two patches that set the same path with nothing between that could notice are invalid: the first would be lost.
//
// The identity of an object is protected: its kind, the group in its apiVersion, and name, namespace and generateName in
// its metadata. The version may change, since members differ in what they serve; the group may not, since that would be
// another object. Callers protect more by giving paths. A patch to a protected path or below is refused here; one above
// it is refused by Apply when the protected value would not stay the same. So no spelling of a path gets around it. In
// ApplyLayers, the same means as it was before the first layer.
//
// The error is an *Error with the index of the patch.
func Compile(patches []Patch, protected ...string) (Program, error) {
	more, err := parseGuards(protected)
	if err != nil {
		return Program{}, err
	}
	return compile(patches, append(identityGuards(), more...))
}

func compile(patches []Patch, guards []guard) (Program, error) {
	prog := Program{ops: make([]op, 0, len(patches)), guards: guards}
	nodes := maxNodes
	var set map[string]int
	if len(patches) > 1 {
		set = make(map[string]int, len(patches))
	}
	for i, p := range patches {
		o, err := compileOp(p, guards, &nodes)
		if err == nil {
			err = lost(set, o, i)
		}
		if err != nil {
			return Program{}, &Error{Index: i, Path: p.Path, Err: err}
		}
		o.index = i
		prog.ops = append(prog.ops, o)
	}
	return prog, nil
}

func compileOp(p Patch, guards []guard, nodes *int) (op, error) {
	o := op{lenient: p.Lenient}
	var err error
	if o.kind, err = parseOp(p.Op); err != nil {
		return o, err
	}
	if o.path, err = parsePointer(p.Path); err != nil {
		return o, err
	}
	switch o.kind {
	case opAdd, opReplace, opTest:
		if o.value, err = normalise(p.Value, 0, nodes); err != nil {
			return o, err
		}
		left := maxNodes
		o.vars = mentions(o.value, 0, &left)
		if o.kind == opTest && o.lenient {
			return o, fmt.Errorf("%w: a test is never lenient", ErrInvalid)
		}
	case opRemove:
		if p.Path == "" {
			return o, fmt.Errorf("%w: nothing would be left of the document", ErrInvalid)
		}
	case opMove, opCopy:
		if o.from, err = parsePointer(p.From); err != nil {
			return o, fmt.Errorf("from %q: %w", p.From, err)
		}
		// A from that was forgotten reads as the whole document, which cannot move into itself and hardly ever is meant.
		if p.From == "" {
			return o, fmt.Errorf("%w: %s needs a from", ErrInvalid, p.Op)
		}
		if o.kind == opMove && strings.HasPrefix(p.Path, p.From+"/") {
			return o, fmt.Errorf("%w: %q cannot move into itself", ErrInvalid, p.From)
		}
	}
	o.guards, err = o.guarded(guards)
	return o, err
}

func parseOp(name string) (opKind, error) {
	switch name {
	case "", "replace":
		return opReplace, nil
	case "add":
		return opAdd, nil
	case "remove":
		return opRemove, nil
	case "test":
		return opTest, nil
	case "move":
		return opMove, nil
	case "copy":
		return opCopy, nil
	}
	return 0, fmt.Errorf("%w: unknown operation %q", ErrInvalid, name)
}

// lost reports that o overwrites what an earlier patch set to the same path. Anything but a plain setting of members
// empties the memory, so nothing is refused that might be meant: a selector, for one, reads what others set.
func lost(set map[string]int, o op, i int) error {
	if set == nil {
		return nil
	}
	plain := o.kind == opReplace
	if o.kind == opAdd && len(o.path.tokens) > 0 {
		plain = o.path.tokens[len(o.path.tokens)-1].kind == tokName // an index would insert
	}
	if !plain || !o.path.exact {
		clear(set)
		return nil
	}
	if before, ok := set[o.path.text]; ok {
		return fmt.Errorf("%w: it overwrites patch %d, which sets the same path", ErrInvalid, before)
	}
	set[o.path.text] = i
	return nil
}

// Apply returns the document with all patches applied, or an error and no document. doc stays as it is.
// The error is an *Error with the index of the patch.
func (p Program) Apply(doc map[string]any) (map[string]any, error) {
	r := run{before: doc, root: doc}
	if err := r.do(p); err != nil {
		return nil, err
	}
	return r.root.(map[string]any), nil
}

// Apply is Compile and Program.Apply in one, for patches that are used once.
func Apply(doc map[string]any, patches []Patch, protected ...string) (map[string]any, error) {
	p, err := Compile(patches, protected...)
	if err != nil {
		return nil, err
	}
	return p.Apply(doc)
}

// Patches returns the patches that the program was compiled from, with normalised values: a Program is an Edit, one that
// a layer applies without compiling it again.
func (p Program) Patches(map[string]any) ([]Patch, error) {
	out := make([]Patch, len(p.ops))
	for i, o := range p.ops {
		out[i] = Patch{Op: o.kind.String(), Path: o.path.text, Value: o.value, From: o.from.text, Lenient: o.lenient}
	}
	return out, nil
}

func (k opKind) String() string {
	return [...]string{"add", "remove", "replace", "test", "move", "copy"}[k]
}
