//go:build unix

package pinned

import (
	"fmt"
	"os"
	"syscall"
)

// lock holds an exclusive lock on the file until unlock is called or the process ends. It calls wait when somebody
// else holds it.
func lock(name string, wait func()) (unlock func(), err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		wait()
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
			f.Close()
			return nil, fmt.Errorf("locking %s: %w", name, err)
		}
	}
	return func() { f.Close() }, nil
}
