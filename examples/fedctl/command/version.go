package command

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersion(io IO) *cobra.Command {
	_, cmd := newCommand(io, &cobra.Command{
		Use: "version", Short: "Print the version", Example: "  fedctl version", Args: exactly(0),
	}, func(a *app, _ *cobra.Command, _ []string) error {
		version := ""
		if info, ok := debug.ReadBuildInfo(); ok {
			version = info.Main.Version
		}
		_, err := fmt.Fprintf(a.io.Out, "%s (%s, %s/%s)\n", cmp.Or(version, "(devel)"), runtime.Version(), runtime.GOOS, runtime.GOARCH)
		return err
	})
	return cmd
}
