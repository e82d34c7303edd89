package override

import (
	"fmt"
	"slices"
)

// run is one application of programs to one document. It copies a container the first time it changes it and edits its
// own copy from then on.
type run struct {
	before any // what went in, for the guards
	root   any
	own    owned
	copied int // nodes that copy operations have doubled

	tracing bool
	trace   []Change
	layer   string
	way     pointer // that open walked last, while tracing
	steps   []int   // on it: the index of each list item, -1 for members
}

// place is where a value sits: the root (its zero value), a member of an object, or an item of a list.
type place struct {
	object map[string]any
	key    string
	list   []any
	index  int
}

func (r *run) at(p place) any {
	switch {
	case p.object != nil:
		return p.object[p.key]
	case p.list != nil:
		return p.list[p.index]
	}
	return r.root
}

func (r *run) put(p place, v any) {
	switch {
	case p.object != nil:
		p.object[p.key] = v
	case p.list != nil:
		p.list[p.index] = v
	default:
		r.root = v
	}
}

func (r *run) do(p Program) error {
	if r.tracing {
		r.trace = slices.Grow(r.trace, len(p.ops))
	}
	for i := range p.ops {
		o := &p.ops[i]
		err := r.op(o)
		if err == nil && len(o.guards) > 0 {
			err = r.check(o, p.guards)
		}
		if err == nil && len(o.path.tokens) == 0 {
			err = r.whole()
		}
		if err != nil {
			return &Error{Index: o.index, Path: o.path.text, Err: err}
		}
	}
	return nil
}

// whole checks that an object stays an object.
func (r *run) whole() error {
	if _, ok := r.before.(map[string]any); !ok {
		return nil
	}
	if _, ok := r.root.(map[string]any); !ok {
		return fmt.Errorf("%w: the document would no longer be an object", ErrInvalid)
	}
	return nil
}

func (r *run) op(o *op) error {
	switch o.kind {
	case opAdd:
		return r.add(o, o.value)
	case opReplace:
		return r.replace(o)
	case opRemove:
		_, err := r.remove(o, o.path)
		return err
	case opTest:
		return r.test(o)
	case opMove:
		return r.move(o)
	}
	return r.copy(o)
}

func (r *run) test(o *op) error {
	v, ok, err := o.path.lookup(r.root)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("%w: the path is %w", ErrTest, ErrNotFound)
	}
	if !same(o.value, v) {
		return ErrTest
	}
	return nil
}

func (r *run) move(o *op) error {
	if o.path.text == o.from.text {
		_, ok, err := o.from.lookup(r.root)
		if err == nil && !ok && !o.lenient {
			err = fmt.Errorf("from %q: %w", o.from.text, ErrNotFound)
		}
		return err
	}
	v, ok, err := o.from.lookup(r.root)
	if err != nil || !ok && o.lenient {
		return err
	}
	if _, err := r.remove(o, o.from); err != nil {
		return fmt.Errorf("from %q: %w", o.from.text, err)
	}
	r.own.forget() // the trace may hold the value, which must not change any more
	return r.add(o, v)
}

func (r *run) copy(o *op) error {
	v, ok, err := o.from.lookup(r.root)
	if err != nil || !ok && o.lenient {
		return err
	}
	if !ok {
		return fmt.Errorf("from %q: %w", o.from.text, ErrNotFound)
	}
	left := maxNodes - r.copied
	if !measure(v, 0, &left) {
		return fmt.Errorf("%w: copies of over %d values, or nested over %d levels", ErrInvalid, maxNodes, maxDepth)
	}
	r.copied = maxNodes - left
	r.own.forget() // one container in two places must not change in both
	return r.add(o, v)
}

// open walks to the container of the last token of p and makes it and everything above it the run's own. With lenient,
// it stops at the object whose member is missing. It returns the place of the container and how many tokens lead there.
func (r *run) open(p pointer, lenient bool) (place, int, error) {
	if r.tracing {
		r.way, r.steps = p, r.steps[:0]
	}
	var at place
	for i, t := range p.tokens[:len(p.tokens)-1] {
		switch c := r.take(at).(type) {
		case map[string]any:
			child, ok := c[t.key]
			if t.kind == tokItem {
				return at, i, fmt.Errorf("%w: %s chooses from a list, and this is an object", ErrNotFound, t)
			}
			if !ok || child == nil {
				if lenient {
					return at, i, nil
				}
				return at, i, fmt.Errorf("%w: there is no %q to go into", ErrNotFound, t.key)
			}
			at = place{object: c, key: t.key}
			r.step(-1)
		case []any:
			n, err := t.find(c)
			if err == nil && n < 0 {
				if lenient && t.kind == tokItem {
					return at, i, nil
				}
				err = fmt.Errorf("%w: the list of %d items has no %s", ErrNotFound, len(c), t)
			}
			if err != nil {
				return at, i, err
			}
			at = place{list: c, index: n}
			r.step(n)
		default:
			return at, i, fmt.Errorf("%w: %s lies below a value that is neither object nor list", ErrNotFound, t)
		}
	}
	r.take(at)
	return at, len(p.tokens) - 1, nil
}

func (r *run) step(n int) {
	if r.tracing && !r.way.exact {
		r.steps = append(r.steps, n)
	}
}

// take returns the value at p, after making it the run's own when it is a container.
func (r *run) take(p place) any {
	v := r.at(p)
	switch c := v.(type) {
	case map[string]any:
		if c != nil && r.own.object(c) {
			return v
		}
		own := make(map[string]any, len(c)+1)
		for k, member := range c {
			own[k] = member
		}
		v = own
	case []any:
		if r.own.list(c) {
			return v
		}
		own := make([]any, len(c), len(c)+1)
		copy(own, c)
		v = own
	default:
		return v
	}
	r.own.hold(v)
	r.put(p, v)
	return v
}

func (r *run) add(o *op, v any) error {
	if len(o.path.tokens) == 0 {
		return r.replaceRoot(v)
	}
	at, n, err := r.open(o.path, o.lenient)
	if err != nil {
		return err
	}
	t := o.path.tokens[n]
	if rest := o.path.tokens[n+1:]; len(rest) > 0 {
		if v, err = build(t, rest, v); err != nil {
			return err
		}
	}
	switch c := r.at(at).(type) {
	case map[string]any:
		return r.setMember(c, o.path.tokens[:n+1], v)
	case []any:
		if t.kind == tokItem {
			return r.addItem(at, o.path.tokens[:n+1], v)
		}
		i := t.index
		switch {
		case t.kind == tokEnd:
			i = len(c)
		case t.kind == tokIndex && i < 0:
			i += len(c) + 1
		}
		if t.kind == tokName || i < 0 || i > len(c) {
			return fmt.Errorf("%w: the list of %d items has no place %s", ErrNotFound, len(c), t)
		}
		r.insert(at, i, v)
		r.note(Change{Op: "add", Item: true, New: v}, o.path.tokens[:n+1], i)
		return nil
	}
	return fmt.Errorf("%w: %s lies below a value that is neither object nor list", ErrNotFound, t)
}

func (r *run) replaceRoot(v any) error {
	old := r.root
	r.root, r.way = v, pointer{exact: true}
	r.note(Change{Op: "replace", Old: old, New: v}, nil, -1)
	return nil
}

func (r *run) setMember(c map[string]any, path []token, v any) error {
	t := path[len(path)-1]
	if t.kind == tokItem {
		return fmt.Errorf("%w: %s chooses from a list, and this is an object", ErrNotFound, t)
	}
	if !r.tracing {
		c[t.key] = v
		return nil
	}
	old, had := c[t.key]
	c[t.key] = v
	if had {
		r.note(Change{Op: "replace", Old: old, New: v}, path, -1)
	} else {
		r.note(Change{Op: "add", New: v}, path, -1)
	}
	return nil
}

// addItem treats the list as a map: the item that matches is replaced, else v becomes the last item.
func (r *run) addItem(at place, path []token, v any) error {
	t, c := path[len(path)-1], r.at(at).([]any)
	i, err := t.find(c)
	if err != nil {
		return err
	}
	if !t.selects(v) {
		return fmt.Errorf("%w: the value would not match %s", ErrInvalid, t)
	}
	if i < 0 {
		r.insert(at, len(c), v)
		r.note(Change{Op: "add", Item: true, New: v}, path, len(c))
		return nil
	}
	old := c[i]
	c[i] = v
	r.note(Change{Op: "replace", Old: old, New: v}, path, i)
	return nil
}

// insert puts v before item i of the list at p, which is the run's own.
func (r *run) insert(p place, i int, v any) {
	list := any(slices.Insert(r.at(p).([]any), i, v))
	r.own.hold(list)
	r.put(p, list)
}

func (r *run) replace(o *op) error {
	if len(o.path.tokens) == 0 {
		return r.replaceRoot(o.value)
	}
	at, n, err := r.open(o.path, o.lenient)
	if err != nil {
		return err
	}
	t, v := o.path.tokens[n], o.value
	if rest := o.path.tokens[n+1:]; len(rest) > 0 {
		return r.add(o, v)
	}
	switch c := r.at(at).(type) {
	case map[string]any:
		return r.setMember(c, o.path.tokens, v)
	case []any:
		i, err := t.find(c)
		if err != nil {
			return err
		}
		if i < 0 {
			if o.lenient && t.kind == tokItem {
				return r.addItem(at, o.path.tokens, v)
			}
			return fmt.Errorf("%w: the list of %d items has no %s", ErrNotFound, len(c), t)
		}
		old := c[i]
		c[i] = v
		r.note(Change{Op: "replace", Old: old, New: v}, o.path.tokens, i)
		return nil
	}
	return fmt.Errorf("%w: %s lies below a value that is neither object nor list", ErrNotFound, t)
}

func (r *run) remove(o *op, p pointer) (any, error) {
	if o.lenient {
		if _, ok, err := p.lookup(r.root); !ok {
			return nil, err
		}
	}
	at, n, err := r.open(p, false)
	if err != nil {
		return nil, err
	}
	t := p.tokens[n]
	switch c := r.at(at).(type) {
	case map[string]any:
		old, ok := c[t.key]
		if !ok || t.kind == tokItem {
			return nil, fmt.Errorf("%w: there is no %s", ErrNotFound, t)
		}
		delete(c, t.key)
		r.note(Change{Op: "remove", Old: old}, p.tokens, -1)
		return old, nil
	case []any:
		i, err := t.find(c)
		if err != nil {
			return nil, err
		}
		if i < 0 {
			return nil, fmt.Errorf("%w: the list of %d items has no %s", ErrNotFound, len(c), t)
		}
		old := c[i]
		r.put(at, slices.Delete(c, i, i+1))
		r.note(Change{Op: "remove", Item: true, Old: old}, p.tokens, i)
		return old, nil
	}
	return nil, fmt.Errorf("%w: %s lies below a value that is neither object nor list", ErrNotFound, t)
}
