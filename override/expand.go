package override

import (
	"fmt"
	"maps"
)

// expander is what the edits of this package are: their variables are replaced before they compile, so that nothing that
// they take over from a document is.
type expander interface {
	expand(vars Vars) (Edit, error)
}

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
		for k, v := range *keys {
			(*keys)[k] = x.value(v)
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

func expandEdit(edit Edit, vars Vars) (Edit, error) {
	if e, ok := edit.(expander); ok {
		return e.expand(vars)
	}
	return edit, nil
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
		x.err = fmt.Errorf("%w: %q does not expand to text", ErrInvalid, s)
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
