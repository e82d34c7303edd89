package command

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

func newExplain(io IO) *cobra.Command {
	var clusters []string
	a, cmd := newCommand(io, &cobra.Command{
		Use:   "explain KIND NAME [--cluster CLUSTER] [flags]",
		Short: "Explain why each cluster gets an object, or does not",
		Example: `  fedctl explain deployment web -n shop
  fedctl explain deployment/web --cluster boston -f objects.yaml --clusters clusters.yaml --state state/`,
	}, func(a *app, cmd *cobra.Command, args []string) error {
		if err := objectArgs(args); err != nil {
			return err
		}
		v, err := a.view(cmd.Context(), args)
		if err != nil {
			return err
		}
		p, err := v.one(cmd.Context(), a, args)
		if err != nil {
			return err
		}
		var known []string
		for _, d := range p.plan.Decisions {
			known = append(known, d.Cluster)
		}
		for _, name := range clusters {
			if !slices.Contains(known, name) {
				return hint(fmt.Errorf("there is no cluster %q", name), "the clusters are %s", strings.Join(known, ", "))
			}
		}
		if len(clusters) == 0 {
			clusters = known
		}
		for i, name := range clusters {
			if i > 0 {
				fmt.Fprintln(a.io.Out)
			}
			fmt.Fprint(a.io.Out, printable(p.plan.Explain(name)))
		}
		for _, err := range p.plan.Errs {
			fmt.Fprintln(a.io.Out, "error:", line(err.Error()))
		}
		v.note(a)
		return nil
	})
	a.wishFlags(cmd)
	cmd.Flags().StringSliceVar(&clusters, "cluster", nil, "only these clusters")
	return cmd
}
