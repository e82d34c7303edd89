// Command controller-manager takes the place of KubeFed's controller-manager. See the package manager for what it does, and
// docs/migrate-from-kubefed.md for how to move.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/confed-project/confed/examples/controller/manager"
)

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	var f manager.Flags
	fs := flag.NewFlagSet("controller-manager", flag.ContinueOnError)
	f.Bind(fs)
	if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2
	}
	if f.Version {
		fmt.Println(version())
		return 0
	}
	log := f.Logger(os.Stderr)
	options, err := f.Complete()
	if err != nil {
		log.Error(err, "cannot start")
		return 2
	}
	options.Log = log
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := manager.Run(ctx, options); err != nil {
		log.Error(err, "ended")
		return 1
	}
	return 0
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return info.Main.Version
}
