package federation

import (
	"errors"
	"fmt"
)

// Sentinels for errors.Is.
var (
	// ErrInvalid: an Object or a Planner that nothing can be planned from.
	ErrInvalid = errors.New("invalid")
	// ErrNoReplicasPath: replicas are to be divided, and nobody said where this kind keeps its number.
	ErrNoReplicasPath = errors.New("kind has no known replicas field")
	// ErrRedacted: the plan was read back from a form in which values were masked, so it cannot be carried out.
	ErrRedacted = errors.New("plan is redacted")
	// ErrUnreachable: the member's breaker is open after errors that say that it cannot be reached.
	ErrUnreachable = errors.New("member not reachable")
)

// Error says what is wrong with an input: the object, the field, and the cluster when it concerns one alone.
type Error struct {
	Object  string // Deployment.apps shop/web; empty when unknown
	Cluster string // empty: all
	Field   string // overrides[2].layer
	Err     error
}

// Error prints the known parts before the cause.
func (e *Error) Error() string {
	text := "unknown error"
	if e.Err != nil {
		text = e.Err.Error()
	}
	if e.Field != "" {
		text = e.Field + ": " + text
	}
	if e.Cluster != "" {
		text = fmt.Sprintf("cluster %q: %s", e.Cluster, text)
	}
	if e.Object != "" {
		text = e.Object + ": " + text
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
