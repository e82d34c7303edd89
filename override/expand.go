package override

import (
	"fmt"
	"maps"
)

func (p Patch) expand(vars Vars) (Edit, error) {
	nodes := maxNodes
	if !mentions(p.Value, 0, &nodes) {
		return p, nil
	}
	var err error
	if p.Value, err = Expand(p.Value, vars); err != nil {
		return nil, &Error{Path: p.Path, Err: err}
	}
	return p, nil
}

func (p Program) expand(vars Vars) (Edit, error) {
	var out []op
	for i, o := range p.ops {
		if !o.vars {
			continue
		}
		if out == nil {
			out = append(out, p.ops...)
		}
		var err error
		if out[i].value, err = Expand(o.value, vars); err != nil {
			return nil, &Error{Index: i, Path: o.path.text, Err: err}
		}
	}
	if out != nil {
		p.ops = out
	}
	return p, nil
}

func (m Merge) expand(vars Vars) (Edit, error) {
	v, err := Expand(map[string]any(m), vars)
	if err != nil {
		return nil, err
	}
	out, _ := v.(map[string]any)
	return Merge(out), nil
}

func (c Container) expand(vars Vars) (Edit, error) {
	x := texts{vars: vars}
	for _, s := range []*string{&c.Image.Registry, &c.Image.Repository, &c.Image.Tag, &c.Image.Digest} {
		*s = x.text(*s)
	}
	for _, l := range []*List{&c.Command, &c.Args} {
		l.Set, l.Remove, l.Append = x.list(l.Set), x.list(l.Remove), x.list(l.Append)
	}
	env := make([]EnvVar, len(c.Env))
	for i, v := range c.Env {
		env[i] = EnvVar{Name: v.Name, Value: x.value(v.Value)}
	}
	c.Env = env
	if c.Resources != nil {
		c.Resources, _ = x.value(c.Resources).(map[string]any)
	}
	return c, x.err
}

func (m Metadata) expand(vars Vars) (Edit, error) {
	x := texts{vars: vars}
	for _, keys := range []*map[string]any{&m.Labels, &m.Annotations, &m.PodLabels, &m.PodAnnotations} {
		*keys = maps.Clone(*keys)
		for _, k := range sortedKeys(*keys) {
			(*keys)[k] = x.value((*keys)[k])
		}
	}
	return m, x.err
}

func (d Document) expand(vars Vars) (Edit, error) {
	edits := make([]Edit, len(d.Edits))
	for i, edit := range d.Edits {
		var err error
		if edits[i], err = expandEdit(edit, vars); err != nil {
			return nil, &Error{Path: d.Path, Err: fmt.Errorf("edit %d: %w", i, err)}
		}
	}
	d.Edits = edits
	return d, nil
}

// expandEdit replaces the variables of an edit of this package before it compiles, so that nothing that the edit takes
// over from a document is taken for one. It goes by type, not by method, since a type from outside may embed one of ours.
func expandEdit(edit Edit, vars Vars) (Edit, error) {
	switch e := plain(edit).(type) {
	case Patch:
		return e.expand(vars)
	case Program:
		return e.expand(vars)
	case Merge:
		return e.expand(vars)
	case Container:
		return e.expand(vars)
	case Metadata:
		return e.expand(vars)
	case Document:
		return e.expand(vars)
	}
	return edit, nil
}

// plain returns the edit of this package that a pointer points to, nil for a nil pointer, and any other edit as it is.
func plain(edit Edit) Edit {
	switch e := edit.(type) {
	case *Patch:
		return pointed(e)
	case *Program:
		return pointed(e)
	case *Merge:
		return pointed(e)
	case *Container:
		return pointed(e)
	case *Metadata:
		return pointed(e)
	case *Replicas:
		return pointed(e)
	case *Document:
		return pointed(e)
	}
	return edit
}

func pointed[E Edit](e *E) Edit {
	if e == nil {
		return nil
	}
	return *e
}

// texts expands many strings and keeps the first error.
type texts struct {
	vars Vars
	err  error
}

func (x *texts) value(v any) any {
	out, err := Expand(v, x.vars)
	if err != nil && x.err == nil {
		x.err = err
	}
	return out
}

func (x *texts) text(s string) string {
	out, ok := spelling(x.value(s))
	if !ok && x.err == nil {
		x.err = fmt.Errorf("%w: a text whose variable is no text", ErrInvalid)
	}
	return out
}

func (x *texts) list(in []string) []string {
	if in == nil {
		return nil
	}
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = x.text(s)
	}
	return out
}
