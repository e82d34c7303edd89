package placement

import (
	"errors"
	"fmt"
)

// ErrInvalid is wrapped by every error of this package.
var ErrInvalid = errors.New("invalid")

// FieldError says which field of which input is wrong. errors.Is(err, ErrInvalid) holds for each.
type FieldError struct {
	Cluster string // set if the error concerns this cluster alone
	Field   string // path of the field, such as clusterSelector.matchExpressions[1].operator
	Err     error  // what is wrong with it
}

// Error names cluster and field.
func (e *FieldError) Error() string {
	if e.Cluster != "" {
		return fmt.Sprintf("cluster %q: %s: %v", e.Cluster, e.Field, e.Err)
	}
	return fmt.Sprintf("%s: %v", e.Field, e.Err)
}

// Unwrap returns what is wrong with the field.
func (e *FieldError) Unwrap() error { return e.Err }

// invalid is a FieldError without cluster. Callers complete its path by under.
func invalid(field, format string, args ...any) *FieldError {
	return &FieldError{Field: field, Err: fmt.Errorf("%w: %w", ErrInvalid, fmt.Errorf(format, args...))}
}

// under puts path before the fields of errs.
func under(path string, errs []*FieldError) []*FieldError {
	for i, e := range errs {
		errs[i] = &FieldError{Cluster: e.Cluster, Field: path + e.Field, Err: e.Err}
	}
	return errs
}

// join is errors.Join for errors of one type; nil if there are none.
func join(errs []*FieldError) error {
	all := make([]error, len(errs))
	for i, e := range errs {
		all[i] = e
	}
	return errors.Join(all...)
}
