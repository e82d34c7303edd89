// Command fedctl is the command line of a federation: it shows what would happen before anything does, explains why, and
// does what kubefedctl did. Under the name kubectl-fed on the PATH it is the plugin kubectl fed.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/confed-project/confed/examples/fedctl/command"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := command.Main(ctx, os.Args, command.System())
	stop()
	os.Exit(code)
}
