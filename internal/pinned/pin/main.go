// Command pin builds the tools of a nested module once and prints the directory that holds them:
//
//	go run ./internal/pinned/pin kube|kubefed|kwok|lint
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/confed-project/confed/internal/pinned"
)

func main() {
	modules := map[string]func() pinned.Module{
		"kube": pinned.Kube, "kubefed": pinned.KubeFed, "kwok": pinned.Kwok, "lint": pinned.Lint,
	}
	if len(os.Args) != 2 || modules[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: pin kube|kubefed|kwok|lint")
		os.Exit(2)
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	dir, err := modules[os.Args[1]]().Build(ctx, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:gocritic // nothing is left to cancel
	}
	fmt.Println(dir)
}
