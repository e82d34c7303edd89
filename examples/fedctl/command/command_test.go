package command_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/confed-project/confed/examples/fedctl/command"
	"github.com/confed-project/confed/examples/fedctl/scripttest"
	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

// Every command has what people look for, and can be run and mounted without the others.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range command.Table() {
		require.False(t, seen[c.Name], "two commands %s", c.Name)
		seen[c.Name] = true
		cmd := c.New(command.System())
		require.Equal(t, c.Name, cmd.Name())
		require.NotEmpty(t, cmd.Short)
		require.Contains(t, cmd.Example, "fedctl "+c.Name)
		var out bytes.Buffer
		require.NoError(t, c.Run(t.Context(), []string{"--help"}, scripttest.IO(nil, &out, io.Discard, os.Getenv)))
		require.Contains(t, out.String(), "Usage:")
	}
}

// As the plugin of kubectl it speaks of itself as people type it.
func TestPlugin(t *testing.T) {
	var out, errOut bytes.Buffer
	require.Equal(t, 0, command.Main(t.Context(), []string{"/usr/local/bin/kubectl-fed", "plan", "--help"}, scripttest.IO(nil, &out, &errOut, os.Getenv)))
	require.Contains(t, out.String(), "kubectl fed plan -f objects.yaml")
	require.NotContains(t, out.String(), "fedctl")
	require.Equal(t, 1, command.Main(t.Context(), []string{"kubectl-fed", "plan", "--no"}, scripttest.IO(nil, &out, &errOut, os.Getenv)))
	require.Contains(t, errOut.String(), "hint: see kubectl fed plan --help")
	out.Reset()
	require.Equal(t, 0, command.Main(t.Context(), []string{"/usr/local/bin/kubectl_complete-fed", "plan", "--output", ""}, scripttest.IO(nil, &out, &errOut, os.Getenv)))
	require.Contains(t, out.String(), "markdown\n")
}

func TestCode(t *testing.T) {
	require.Equal(t, 0, command.Code(nil))
	require.Equal(t, 2, command.Code(fmt.Errorf("wrapped: %w", command.ErrChanges)))
	require.Equal(t, 1, command.Code(errors.New("no")))
	var errOut bytes.Buffer
	command.Report(fmt.Errorf("outer: %w", errors.Join(errors.New("a"), errors.New("b"))), scripttest.IO(nil, nil, &errOut, nil))
	require.Equal(t, "error: outer: a\nerror: b\n", errOut.String())
}

// Another program mounts the table, with commands of its own beside it.
func ExampleTable() {
	root := &cobra.Command{Use: "platform", SilenceErrors: true, SilenceUsage: true}
	io := command.System()
	io.Name = "platform"
	for _, c := range command.Table() {
		root.AddCommand(c.New(io))
	}
	root.SetArgs([]string{"plan", "configmap", "-f", "testdata/files/objects.yaml", "--clusters", "testdata/files/clusters.yaml"})
	err := root.ExecuteContext(context.Background())
	fmt.Println("exit code", command.Code(err))
	// Output:
	// nothing to do; 0 objects
	// exit code 1
}
