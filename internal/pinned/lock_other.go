//go:build !unix

package pinned

import "errors"

// lock refuses: the control planes and the linter are built on systems with file locks only.
func lock(string, func()) (unlock func(), err error) { return nil, errors.ErrUnsupported }
