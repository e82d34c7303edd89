package controller_test

import "syscall"

// tied lets a program end with the test.
func tied() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
