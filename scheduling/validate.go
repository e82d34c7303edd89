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

// Validate reports the first thing that makes a request impossible to divide, as an [*InvalidError]; every
// [Strategy] of this package starts with it. Refused are: no targets, an empty or repeated name, a negative number,
// Min above Max, a sum (of Min or of Current) above the range of int64, and more than 2^60 Replicas.
// Weights are never summed and may be as large as int64 allows.
func Validate(req Request, targets []Target) error {
	return validate(req, targets, nil)
}

// validate is Validate with memory to work in: nil, or at least four zeroes a target, left dirty.
func validate(req Request, targets []Target, work []uint64) error {
	switch {
	case req.Replicas < 0:
		return &InvalidError{Field: "Replicas", Reason: fmt.Sprintf("is negative: %d", req.Replicas)}
	case req.Replicas > maxReplicas:
		return &InvalidError{Field: "Replicas", Reason: fmt.Sprintf("is above 2^60: %d", req.Replicas)}
	case len(targets) == 0:
		return &InvalidError{Field: "Targets", Reason: "are none"}
	}
	var floors, running int64
	ascending := true
	for i := range targets {
		t := &targets[i]
		if err := t.invalid(); err != nil {
			return err
		}
		if floors += t.Min; floors < 0 {
			return &InvalidError{Target: t.Name, Field: "Min", Reason: "makes the sum overflow"}
		}
		if t.Current != nil {
			if running += *t.Current; running < 0 {
				return &InvalidError{Target: t.Name, Field: "Current", Reason: "makes the sum overflow"}
			}
		}
		ascending = ascending && (i == 0 || targets[i-1].Name < t.Name)
	}
	if ascending {
		return nil
	}
	return repeated(targets, work)
}

// repeated looks for a name that two targets bear.
func repeated(targets []Target, work []uint64) error {
	size := 1 << bits.Len(uint(2*len(targets)-1)) // a power of two from 2 to 4 times the number of targets
	if work == nil {
		work = make([]uint64, size)
	}
	table, mask := work[:size], uint64(size-1)
	seed := maphash.MakeSeed() // decides where a name is looked for, never what is answered
	for i := range targets {
		name := targets[i].Name
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

// invalid looks at one target alone.
func (t *Target) invalid() error {
	field, value := "", int64(0)
	switch {
	case t.Name == "":
		return &InvalidError{Field: "Name", Reason: "is empty"}
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
