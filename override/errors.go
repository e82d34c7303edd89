package override

import (
	"errors"
	"strconv"
	"strings"
)

// Sentinels for errors.Is. ErrInvalid concerns the edit alone and no document mends it; ErrNotFound says that the
// document (or the variables) does not have what the edit names; ErrProtected that a protected value would change;
// ErrTest that a test operation did not hold.
var (
	ErrNotFound  = errors.New("not found")
	ErrProtected = errors.New("protected")
	ErrInvalid   = errors.New("invalid")
	ErrTest      = errors.New("test failed")
)

// Error says which edit failed. It wraps one of the sentinels.
type Error struct {
	Layer string // the layer; empty outside ApplyLayers
	Index int    // the edit in its layer, or the patch in its list, from 0
	Path  string // the path of the patch as it was written; empty when the edit yielded no patch
	Err   error
}

// Error names layer, index and path before the cause.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Layer != "" {
		b.WriteString("layer " + strconv.Quote(e.Layer) + ": edit ")
	} else {
		b.WriteString("patch ")
	}
	b.WriteString(strconv.Itoa(e.Index))
	if e.Path != "" {
		b.WriteString(" at " + strconv.Quote(e.Path))
	}
	return b.String() + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
