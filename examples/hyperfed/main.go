// Command hyperfed is a whole federation in one binary. Called controller-manager, by its name or by its first argument, it
// is the controller; else it is the command line, which mounts the table of examples/fedctl.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/confed-project/confed/examples/controller/manager"
	"github.com/confed-project/confed/examples/fedctl/command"
)

const controllerName = "controller-manager"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args, command.System())
	stop()
	os.Exit(code)
}

// run is the program that args[0] names.
func run(ctx context.Context, args []string, io command.IO) int {
	name := filepath.Base(args[0])
	switch name {
	case controllerName:
		err := control(ctx, args[1:], io)
		command.Report(err, io)
		return command.Code(err)
	case "fedctl", "kubectl-fed", "kubectl_complete-fed":
		return command.Main(ctx, args, io)
	}
	io.Name = name
	root := command.Root(io)
	root.Long += "\n" + controllerName + " does so all the time."
	root.AddCommand(&cobra.Command{
		Use:                controllerName + " [flags]",
		Short:              "Keep the copies of federated objects as they are wished",
		DisableFlagParsing: true, // the controller has flags of its own
		RunE:               func(cmd *cobra.Command, args []string) error { return control(cmd.Context(), args, io) },
	})
	err := command.Execute(ctx, root, args[1:], io)
	command.Report(err, io)
	return command.Code(err)
}

// control is the controller, with its own flags.
func control(ctx context.Context, args []string, io command.IO) error {
	var f manager.Flags
	flags := flag.NewFlagSet(controllerName, flag.ContinueOnError)
	flags.SetOutput(io.ErrOut)
	f.Bind(flags)
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	if f.Version {
		fmt.Fprintln(io.Out, "hyperfed")
		return nil
	}
	options, err := f.Complete()
	if err != nil {
		return err
	}
	options.Log = f.Logger(io.ErrOut)
	return manager.Run(ctx, options)
}
