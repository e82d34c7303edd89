//go:build !linux

package cluster

import "syscall"

// childAttr is empty: the child stays in our process group, so an interrupt from the terminal ends it too. After a
// panic or SIGKILL it outlives us; only Linux can do better without a helper process.
func childAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
