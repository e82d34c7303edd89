package placement

import (
	"maps"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/labels"
)

// The operators of Expression and Property.
const (
	opIn           = "In"
	opNotIn        = "NotIn"
	opExists       = "Exists"
	opDoesNotExist = "DoesNotExist"
	opGt           = "Gt"
	opGe           = "Ge"
	opLt           = "Lt"
	opLe           = "Le"
)

// requirement is one compiled condition on labels.
type requirement struct {
	key    string
	op     string
	values []string
	bound  int64 // of Gt and Lt
}

// compileSelector returns the requirements, all of which must hold. Paths of errors are relative to the selector.
func compileSelector(s Selector) ([]requirement, []*FieldError) {
	var reqs []requirement
	var errs []*FieldError
	for _, key := range slices.Sorted(maps.Keys(s.MatchLabels)) {
		value := s.MatchLabels[key]
		if _, err := labels.NewRequirement(key, "in", []string{value}); err != nil {
			errs = append(errs, invalid("matchLabels["+key+"]", "%w", err))
		}
		reqs = append(reqs, requirement{key: key, op: opIn, values: []string{value}})
	}
	for i, e := range s.MatchExpressions {
		r, err := compileExpression(e)
		errs = append(errs, under(index("matchExpressions", i)+".", err)...)
		reqs = append(reqs, r)
	}
	return reqs, errs
}

func compileExpression(e Expression) (requirement, []*FieldError) {
	r := requirement{key: e.Key, op: e.Operator, values: slices.Clone(e.Values)}
	errs := checkValues(e.Operator, e.Values)
	switch e.Operator {
	case opIn, opNotIn, opExists, opDoesNotExist:
	case opGt, opLt:
		if len(e.Values) == 1 {
			var err error
			if r.bound, err = strconv.ParseInt(e.Values[0], 10, 64); err != nil {
				errs = append(errs, invalid("values[0]", "%q is not an integer", e.Values[0]))
			}
		}
	default:
		errs = append(errs, invalid("operator", "%q is none of In, NotIn, Exists, DoesNotExist, Gt, Lt", e.Operator))
	}
	if _, err := labels.NewRequirement(e.Key, "exists", nil); err != nil {
		errs = append(errs, invalid("key", "%w", err))
		return r, errs
	}
	for i, value := range e.Values {
		if _, err := labels.NewRequirement(e.Key, "in", []string{value}); err != nil {
			errs = append(errs, invalid(index("values", i), "%w", err))
		}
	}
	return r, errs
}

// checkValues says whether a known operator has as many values as it takes.
func checkValues(op string, values []string) []*FieldError {
	switch op {
	case opIn, opNotIn:
		if len(values) == 0 {
			return []*FieldError{invalid("values", "%s needs at least one", op)}
		}
	case opExists, opDoesNotExist:
		if len(values) > 0 {
			return []*FieldError{invalid("values", "%s takes none", op)}
		}
	case opGt, opGe, opLt, opLe:
		if len(values) != 1 {
			return []*FieldError{invalid("values", "%s needs exactly one", op)}
		}
	}
	return nil
}

func (r *requirement) matches(set map[string]string) bool {
	value, ok := set[r.key]
	switch r.op {
	case opIn:
		return ok && slices.Contains(r.values, value)
	case opNotIn:
		return !ok || !slices.Contains(r.values, value)
	case opExists:
		return ok
	case opDoesNotExist:
		return !ok
	}
	return ok && r.inBound(value)
}

func matchAll(reqs []requirement, set map[string]string) truth {
	for i := range reqs {
		if !reqs[i].matches(set) {
			return no
		}
	}
	return yes
}

// inBound answers Gt and Lt; a value that is no integer is out of bounds, as in Kubernetes.
func (r *requirement) inBound(value string) bool {
	n, err := strconv.ParseInt(value, 10, 64)
	return err == nil && (r.op == opGt && n > r.bound || r.op == opLt && n < r.bound)
}

// mask is matches for all clusters of a chunk at once.
func (r *requirement) mask(k *chunk) uint64 {
	p := k.labels[r.key]
	switch r.op {
	case opExists:
		return p.has
	case opDoesNotExist:
		return k.all() &^ p.has
	case opGt, opLt:
		var bits uint64
		for value, having := range p.values {
			if r.inBound(value) {
				bits |= having
			}
		}
		return bits
	}
	var in uint64
	for _, value := range r.values {
		in |= p.values[value]
	}
	if r.op == opNotIn {
		return k.all() &^ in
	}
	return in
}

func index(field string, i int) string { return field + "[" + strconv.Itoa(i) + "]" }
