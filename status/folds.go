package status

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

// fold gathers the values of one field from the members, which come in order of name. None keeps a value of a member
// without copying it.
type fold interface {
	// add takes in one value, which is not nil; with a problem it has taken in nothing of what the problem names.
	add(*source) []problem
	// result is the value to write, nil for none, a problem for a gap of the field; and values for fields beside it.
	result(scope) (any, map[string]any)
}

type problem struct{ reason, message string }

func wrongType(v any, want string) []problem {
	return []problem{{GapWrongType, "a " + typeName(v) + ", not " + want}}
}

var errField = errors.New("status: invalid field")

func newFold(f Field) (fold, error) {
	switch f.Reduce {
	case Sum:
		return &sumFold{}, nil
	case Quantity:
		return &quantityFold{}, nil
	case Min, Max:
		return &numberFold{least: f.Reduce == Min}, nil
	case Earliest, Latest:
		return &timeFold{early: f.Reduce == Earliest}, nil
	case Longest:
		return &durationFold{}, nil
	case First:
		return &firstFold{}, nil
	case All, Any:
		return &boolFold{all: f.Reduce == All}, nil
	case Observed:
		return &observedFold{}, nil
	case Conditions:
		return &conditionsFold{Field: f}, nil
	case Merge:
		return &mergeFold{mark: f.Mark, into: map[string]any{}}, nil
	case Worst:
		if len(f.Order) == 0 || f.Missing != "" && !slices.Contains(f.Order, f.Missing) {
			return nil, fmt.Errorf("%w: %s needs an Order with Missing in it", errField, f.Reduce)
		}
		return &worstFold{Field: f, rank: len(f.Order)}, nil
	case Concat:
		if len(f.Key) == 0 {
			return nil, fmt.Errorf("%w: %s needs a Key", errField, f.Reduce)
		}
		return &concatFold{Field: f}, nil
	case Behind:
		if len(f.With) != 1 {
			return nil, fmt.Errorf("%w: %s needs one field in With", errField, f.Reduce)
		}
		return &behindFold{other: f.With[0]}, nil
	}
	return nil, fmt.Errorf("%w: no reducer %q", errField, f.Reduce)
}

type sumFold struct {
	sum         int64
	over, heard bool
}

func (s *sumFold) add(from *source) []problem {
	n, ok := integer(from.value)
	switch {
	case !ok:
		return wrongType(from.value, "an integer")
	case n < 0:
		return []problem{{GapNegative, ""}}
	}
	s.over = s.over || s.sum > math.MaxInt64-n
	s.sum += n
	s.heard = true
	return nil
}

func (s *sumFold) result(scope) (any, map[string]any) {
	switch {
	case !s.heard:
		return nil, nil
	case s.over:
		return problem{GapOverflow, ""}, nil
	}
	return s.sum, nil
}

type numberFold struct {
	least, heard bool
	best         int64
}

func (f *numberFold) add(s *source) []problem {
	n, ok := integer(s.value)
	switch {
	case !ok:
		return wrongType(s.value, "an integer")
	case n < 0:
		return []problem{{GapNegative, ""}}
	case !f.heard, f.least == (n < f.best):
		f.best, f.heard = n, true
	}
	return nil
}

func (f *numberFold) result(scope) (any, map[string]any) {
	if !f.heard {
		return nil, nil
	}
	return f.best, nil
}

// firstFold takes the first value that says something, by name of cluster.
type firstFold struct{ value any }

func (f *firstFold) add(s *source) []problem {
	if f.value == nil && !empty(s.value) {
		f.value = clone(s.value)
	}
	return nil
}

func (f *firstFold) result(scope) (any, map[string]any) { return f.value, nil }

func empty(v any) bool {
	switch x := v.(type) {
	case nil:
		return true
	case string:
		return x == ""
	case map[string]any:
		return len(x) == 0
	case []any:
		return len(x) == 0
	}
	return false
}

// boolFold answers only what is proven: one witness against all or for any suffices, the contrary needs everyone.
type boolFold struct{ all, heard, witness bool }

func (f *boolFold) add(s *source) []problem {
	b, ok := s.value.(bool)
	if !ok {
		return wrongType(s.value, "a boolean")
	}
	f.heard = true
	f.witness = f.witness || b != f.all
	return nil
}

func (f *boolFold) result(s scope) (any, map[string]any) {
	switch {
	case f.witness:
		return !f.all, nil
	case !f.heard || s.holes || f.all && !s.complete():
		return nil, nil
	}
	return f.all, nil
}

// observedFold is the template's generation that every member's controller has seen.
type observedFold struct{ least int64 }

func (f *observedFold) add(s *source) []problem {
	seen, ok := integer(s.value)
	if !ok {
		return wrongType(s.value, "an integer")
	}
	meta, _ := s.member.Live["metadata"].(map[string]any)
	has, known := integer(meta["generation"])
	switch {
	case seen < 0:
		return []problem{{GapNegative, ""}}
	case !known:
		return []problem{{GapNotObserved, "the object has no metadata.generation"}}
	case seen > has:
		return []problem{{GapFutureGeneration, fmt.Sprintf("generation %d, observed %d", has, seen)}}
	case seen < has:
		return []problem{{GapNotObserved, fmt.Sprintf("generation %d, observed %d", has, seen)}}
	case s.member.Generation <= 0:
		return []problem{{GapOutdated, ""}}
	}
	f.least = cmp.Or(min(f.least, s.member.Generation), s.member.Generation)
	return nil
}

func (f *observedFold) result(s scope) (any, map[string]any) {
	if f.least == 0 || !s.complete() {
		return nil, nil
	}
	return f.least, nil
}

// behindFold shows one member that is between two revisions, if there is one.
type behindFold struct {
	other string
	value any
	with  string
	found bool
}

func (f *behindFold) add(s *source) []problem {
	text, ok := s.value.(string)
	if !ok {
		return wrongType(s.value, "a string")
	}
	other, ok := s.parent[f.other].(string)
	if s.parent[f.other] != nil && !ok {
		return wrongType(s.parent[f.other], "a string in "+f.other)
	}
	behind := other != "" && text != other
	if f.value == nil || behind && !f.found {
		f.value, f.with, f.found = text, other, behind
	}
	return nil
}

func (f *behindFold) result(scope) (any, map[string]any) {
	if f.value == nil {
		return nil, nil
	}
	if f.with == "" {
		return f.value, nil
	}
	return f.value, map[string]any{f.other: f.with}
}
