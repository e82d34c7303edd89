//go:build !linux

package controller_test

import "syscall"

func tied() *syscall.SysProcAttr { return nil }
