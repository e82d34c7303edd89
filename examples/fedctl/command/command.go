// Package command is fedctl as a table of commands. Each is a few lines over the library; another program mounts the
// table, or runs one command, with an IO of its own.
package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// IO is what a command reads, writes and takes from its surroundings.
type IO struct {
	genericiooptions.IOStreams
	Getenv func(string) string
	Now    func() time.Time
	Name   string // of the program in help texts
}

// System is the IO of the process.
func System() IO {
	return IO{
		IOStreams: genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr},
		Getenv:    os.Getenv, Now: time.Now, Name: "fedctl",
	}
}

// Command is one verb.
type Command struct {
	Name string
	// New makes the command, with flags of its own, for a tree of cobra commands.
	New func(IO) *cobra.Command
}

// Run carries the command out with the arguments after its name. The error, if any, says what to do next; Code tells the
// exit code.
func (c Command) Run(ctx context.Context, args []string, io IO) error {
	return Execute(ctx, c.New(io), args, io)
}

// Execute runs a command that was made of the table, or has parts of it below it, with these arguments.
func Execute(ctx context.Context, cmd *cobra.Command, args []string, io IO) error {
	if args == nil {
		args = []string{} // nil would be the arguments of the process
	}
	cmd.SetArgs(args)
	cmd.SetIn(io.In)
	cmd.SetOut(io.Out)
	cmd.SetErr(io.ErrOut)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return nil
	}
	if found, rest, errFind := cmd.Find(args); errFind != nil {
		return noSuchCommand(found, rest)
	}
	return err
}

// Table lists the commands.
func Table() []Command {
	return []Command{
		{"plan", newPlan}, {"diff", newDiff}, {"explain", newExplain}, {"whatif", newWhatIf}, {"status", newStatus},
		{"render", newRender}, {"dns", newDNS}, {"apply", newApply},
		{"join", newJoin}, {"unjoin", newUnjoin}, {"get", newGet}, {"clusters", newClusters}, {"enable", newEnable}, {"disable", newDisable},
		{"federate", newFederate}, {"orphaning", newOrphaning}, {"teardown", newTeardown}, {"version", newVersion},
	}
}

// Root is the command with the whole table below it.
func Root(io IO) *cobra.Command {
	root := &cobra.Command{
		Use:   io.Name,
		Short: "Plan, explain and carry out the propagation of objects to many clusters",
		Long: "Plan, explain and carry out the propagation of objects to many clusters.\n\n" +
			"Nothing but apply, join, unjoin, enable, disable, federate, orphaning and teardown changes a cluster.",
		Annotations:        map[string]string{cobra.CommandDisplayNameAnnotation: io.Name},
		DisableSuggestions: true, // the hint has them
	}
	for _, c := range Table() {
		root.AddCommand(c.New(io))
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return hint(err, "see %s --help", cmd.CommandPath())
	})
	return root
}

// Main is the program: args[0] is the name that it was called by. It prints the error and returns the exit code.
func Main(ctx context.Context, args []string, io IO) int {
	called := filepath.Base(args[0])
	if plugin, ok := strings.CutPrefix(called, "kubectl_complete-"); ok { // how kubectl asks a plugin for completions
		called, args = "kubectl-"+plugin, slices.Insert(slices.Clone(args), 1, cobra.ShellCompRequestCmd)
	}
	if plugin, ok := strings.CutPrefix(called, "kubectl-"); ok {
		io.Name = "kubectl " + plugin
	}
	err := Execute(ctx, Root(io), args[1:], io)
	Report(err, io)
	return Code(err)
}

// Report prints an error of Run, with what to do next.
func Report(err error, io IO) {
	if err == nil || errors.Is(err, ErrChanges) {
		return
	}
	fmt.Fprintln(io.ErrOut, "error:", strings.ReplaceAll(printable(err.Error()), "\n", "\nerror: "))
	var next *hinted
	if errors.As(err, &next) {
		fmt.Fprintln(io.ErrOut, "hint:", strings.ReplaceAll(next.next, "fedctl", io.Name))
	}
}

// ErrChanges says that nothing went wrong and something would change: exit code 2.
var ErrChanges = errors.New("something would change")

// Code is the exit code for an error of Run: 0 without one, 2 for ErrChanges, else 1.
func Code(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, ErrChanges):
		return 2
	}
	return 1
}

// hinted is an error with what to do next.
type hinted struct {
	error
	next string
}

func (h *hinted) Unwrap() error { return h.error }

func hint(err error, format string, args ...any) error {
	return &hinted{err, fmt.Sprintf(format, args...)}
}
