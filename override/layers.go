package override

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// ApplyLayers applies layers to doc, lower Priority first and equal ones in the given order, the edits of a layer in
// their order; every edit sees what those before it made. Variables in the values of edits are looked up in vars (see
// Expand); with nil vars all layers are Literal. Identity and protected paths are kept as Compile keeps them.
//
// trace says which layer set which path from what to what, in the order of application; an edit that sets what is there
// already leaves no line. All or nothing: with an error, an *Error, there is no document and no trace. doc stays as it is.
func ApplyLayers(doc map[string]any, layers []Layer, vars Vars, protected ...string) (out map[string]any, trace []Change, err error) {
	more, err := parseGuards(protected)
	if err != nil {
		return nil, nil, err
	}
	edits := 0
	for _, l := range layers {
		edits += len(l.Edits)
	}
	r := run{before: doc, root: doc, tracing: true, trace: slices.Grow([]Change(nil), edits)}
	for _, l := range inOrder(layers) {
		r.layer = l.Name
		lookup := vars
		if l.Literal {
			lookup = nil
		}
		for i, edit := range l.Edits {
			if err := r.edit(edit, lookup, more); err != nil {
				return nil, nil, inLayer(l.Name, i, err)
			}
		}
	}
	if len(r.trace) == 0 {
		r.trace = nil
	}
	return r.root.(map[string]any), r.trace, nil
}

// Compile returns the layer with its patches compiled, one by one, so that ApplyLayers need not do it for every cluster.
// Other edits depend on the document and stay as they are. The error is an *Error.
func (l Layer) Compile() (Layer, error) {
	l.Edits = slices.Clone(l.Edits)
	for i, edit := range l.Edits {
		p, ok := plain(edit).(Patch)
		if !ok {
			continue
		}
		prog, err := Compile([]Patch{p})
		if err != nil {
			return Layer{}, inLayer(l.Name, i, err)
		}
		l.Edits[i] = prog
	}
	return l, nil
}

func inOrder(layers []Layer) []Layer {
	byPriority := func(a, b Layer) int { return cmp.Compare(a.Priority, b.Priority) }
	if slices.IsSortedFunc(layers, byPriority) {
		return layers
	}
	layers = slices.Clone(layers)
	slices.SortStableFunc(layers, byPriority)
	return layers
}

// edit applies one edit, with the identity and what more there is protected.
func (r *run) edit(edit Edit, vars Vars, more []guard) error {
	if edit = plain(edit); edit == nil {
		return fmt.Errorf("%w: no edit", ErrInvalid)
	}
	if vars != nil {
		var err error
		if edit, err = expandEdit(edit, vars); err != nil {
			return err
		}
	}
	if prog, ok := edit.(Program); ok {
		prog, err := prog.guard(more)
		if err != nil {
			return err
		}
		return r.do(prog)
	}
	patches, err := edit.Patches(r.root.(map[string]any))
	if err != nil {
		return err
	}
	prog, err := compile(patches, append(identityGuards(), more...))
	if err != nil {
		return err
	}
	return r.do(prog)
}

// guard adds guards to a compiled program, which has those of identity already.
func (p Program) guard(more []guard) (Program, error) {
	if len(more) == 0 {
		return p, nil
	}
	out := Program{ops: slices.Clone(p.ops), guards: append(slices.Clip(p.guards), more...)}
	for i := range out.ops {
		var err error
		if out.ops[i].guards, err = out.ops[i].guarded(out.guards); err != nil {
			return Program{}, &Error{Index: i, Path: out.ops[i].path.text, Err: err}
		}
	}
	return out, nil
}

// inLayer turns the error of an edit into one that names the edit's place in its layer.
func inLayer(layer string, index int, err error) error {
	out := &Error{Layer: layer, Index: index, Err: err}
	if inner, ok := err.(*Error); ok { //nolint:errorlint // only the outermost is about this layer; deeper ones are about documents inside
		out.Path, out.Err = inner.Path, inner.Err
	}
	for _, known := range []error{ErrInvalid, ErrNotFound, ErrProtected, ErrTest} {
		if errors.Is(out.Err, known) {
			return out
		}
	}
	out.Err = fmt.Errorf("%w: %w", ErrInvalid, out.Err)
	return out
}
