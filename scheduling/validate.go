package scheduling

import (
	"errors"
	"fmt"
	"hash/maphash"
	"math"
	"math/bits"
)

// ErrInvalid is wrapped by every error about the input of this package; the error itself is an [*InvalidError].
var ErrInvalid = errors.New("scheduling: invalid input")

// maxReplicas bounds what one request may divide, so that the search for the divisor has room to overshoot.
const maxReplicas = 1 << 60

// InvalidError says which value of the input cannot be used, and why. It wraps [ErrInvalid].
type InvalidError struct {
	Target string // name of the target; empty: the request as a whole
	Field  string // the Go name of the field, such as "Min"
	Reason string // for people
}

// Error names the target, the field and the reason.
func (e *InvalidError) Error() string {
	if e.Target == "" {
		return fmt.Sprintf("%v: %s %s", ErrInvalid, e.Field, e.Reason)
	}
	return fmt.Sprintf("%v: target %q: %s %s", ErrInvalid, e.Target, e.Field, e.Reason)
}

// Unwrap returns [ErrInvalid].
func (e *InvalidError) Unwrap() error { return ErrInvalid }

// Validate reports what makes a request impossible to divide, as an [*InvalidError]; every [Strategy] of this package
// starts with it. Refused are: no targets, an empty or repeated name, a negative number, Min above Max, a sum (of Min or
// of Current) above the range of int64, and more than 2^60 Replicas. Weights may be as large as int64 allows, whatever
// their sum.
func Validate(req Request, targets []Target) error {
	_, err := newDivision(req, targets)
	return err
}

// invalid looks at everything but the single targets.
func (req *Request) invalid(targets []Target) error {
	switch {
	case req.Replicas < 0:
		return &InvalidError{Field: "Replicas", Reason: fmt.Sprintf("is negative: %d", req.Replicas)}
	case req.Replicas > maxReplicas:
		return &InvalidError{Field: "Replicas", Reason: fmt.Sprintf("is above 2^60: %d", req.Replicas)}
	case len(targets) == 0:
		return &InvalidError{Field: "Targets", Reason: "are none"}
	}
	return nil
}

// repeated looks for a name that two targets bear, or that is empty.
func repeated(targets []Target) error {
	size := 2 << bits.Len(uint(len(targets))) // a power of two, and more than two words a target
	table, mask := make([]uint64, size), uint64(size-1)
	seed := maphash.MakeSeed() // decides where a name is looked for, never what is answered
	for i := range targets {
		name := targets[i].Name
		if name == "" {
			return &InvalidError{Field: "Name", Reason: "is empty"}
		}
		hash := maphash.String(seed, name)
		tag := hash &^ math.MaxUint32
		for at := hash & mask; ; at = (at + 1) & mask {
			if table[at] == 0 {
				table[at] = tag | uint64(i+1)
				break
			}
			if table[at]&^math.MaxUint32 == tag && targets[table[at]&math.MaxUint32-1].Name == name {
				return &InvalidError{Target: name, Field: "Name", Reason: "is given twice"}
			}
		}
	}
	return nil
}

// sound says that invalid finds nothing, and does so fast.
func (t *Target) sound() bool {
	sign := t.Weight | t.Min
	if t.Max != nil {
		sign |= *t.Max | (*t.Max - t.Min)
	}
	if t.Capacity != nil {
		sign |= *t.Capacity
	}
	if t.Current != nil {
		sign |= *t.Current
	}
	return sign >= 0
}

// invalid says what is wrong with the numbers of one target alone.
func (t *Target) invalid() error {
	field, value := "", int64(0)
	switch {
	case t.Weight < 0:
		field, value = "Weight", t.Weight
	case t.Min < 0:
		field, value = "Min", t.Min
	case t.Max != nil && *t.Max < 0:
		field, value = "Max", *t.Max
	case t.Capacity != nil && *t.Capacity < 0:
		field, value = "Capacity", *t.Capacity
	case t.Current != nil && *t.Current < 0:
		field, value = "Current", *t.Current
	case t.Max != nil && t.Min > *t.Max:
		return &InvalidError{Target: t.Name, Field: "Min", Reason: fmt.Sprintf("%d is above Max %d", t.Min, *t.Max)}
	default:
		return nil
	}
	return &InvalidError{Target: t.Name, Field: field, Reason: fmt.Sprintf("is negative: %d", value)}
}

// limits returns what the target may hold at most and at least, and what it holds already.
// An unknown Current is none known to run: it keeps nothing, and under NoGrowth it may get nothing.
func (t *Target) limits() (floor, ceiling, keep int64) {
	ceiling = math.MaxInt64
	if t.Max != nil {
		ceiling = *t.Max
	}
	if t.Capacity != nil {
		ceiling = min(ceiling, *t.Capacity)
	}
	if t.Current != nil {
		keep = *t.Current
	}
	if t.NoGrowth {
		ceiling = min(ceiling, keep)
	}
	return min(t.Min, ceiling), ceiling, min(keep, ceiling)
}

// running is Current with unknown as none.
func (t *Target) running() int64 {
	if t.Current == nil {
		return 0
	}
	return *t.Current
}
