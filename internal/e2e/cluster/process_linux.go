package cluster

import "syscall"

// childAttr lets the kernel kill the child when we end, also by SIGKILL or a panic.
func childAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
