package command

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/confed-project/confed/federation/report"
)

func newPlan(io IO) *cobra.Command {
	var o report.Options
	var format string
	a, cmd := newCommand(io, &cobra.Command{
		Use:   "plan [KIND [NAME...]] [-f FILE...] [flags]",
		Short: "Show what would be done in each cluster, and why",
		Long: `Show what would be done in each cluster, and why. Nothing is changed.

The exit code is 0 when nothing would change, 2 when something would, and 1 when something could not be planned.`,
		Example: `  # What would happen to these objects, if the clusters were empty?
  fedctl plan -f objects.yaml --clusters clusters.yaml

  # The same, with what the clusters hold: one directory of files for each
  fedctl plan -f objects.yaml --clusters clusters.yaml --state state/

  # For a pull request, and as a page to click through
  fedctl plan -f objects.yaml --clusters clusters.yaml -o markdown
  fedctl plan -f objects.yaml --clusters clusters.yaml -o html > plan.html

  # What a file would change in live clusters
  fedctl plan -f objects.yaml

  # The federated objects on the host
  fedctl plan -A
  fedctl plan deployment web -n shop`,
	}, func(a *app, cmd *cobra.Command, args []string) error {
		o.Format = report.Format(format)
		return a.plan(cmd, args, o)
	})
	a.wishFlags(cmd)
	cmd.Flags().StringVarP(&format, "output", "o", "text", "text, diff, markdown, html, json or yaml")
	cmd.Flags().BoolVar(&o.All, "all", false, "text: also what is kept as it is")
	cmd.Flags().BoolVar(&o.Changes, "changes", true, "text: the fields that change")
	cmd.Flags().StringVar(&o.Title, "title", "Plan", "markdown and html: the headline")
	cmd.Flags().IntVar(&o.Limit, "limit", 0, "markdown: bytes at most (default what a comment on a pull request can hold)")
	complete(cmd, "output", formats()...)
	return cmd
}

func formats() []string {
	var out []string
	for _, f := range report.Formats() {
		out = append(out, string(f))
	}
	return out
}

func newDiff(io IO) *cobra.Command {
	a, cmd := newCommand(io, &cobra.Command{
		Use:   "diff [KIND [NAME...]] [-f FILE...] [flags]",
		Short: "Show what would change in each cluster, line by line",
		Long: `Show what would change in each cluster, line by line: of an object that is created all of it, else field by field.

The exit code is that of plan: 2 when something would change.`,
		Example: `  fedctl diff -f objects.yaml --clusters clusters.yaml --state state/
  fedctl diff deployment web -n shop`,
	}, func(a *app, cmd *cobra.Command, args []string) error {
		return a.plan(cmd, args, report.Options{Format: report.Diff})
	})
	a.wishFlags(cmd)
	return cmd
}

func (a *app) plan(cmd *cobra.Command, args []string, o report.Options) error {
	v, err := a.view(cmd.Context(), args)
	if err != nil {
		return err
	}
	w, err := a.report(o)
	if err != nil {
		return err
	}
	seen := 0
	for p, err := range v.plans(cmd.Context(), a) {
		seen++
		if err != nil {
			err = w.Fail(err)
		} else {
			err = w.Plan(p.plan)
		}
		if err != nil {
			return err
		}
	}
	totals, err := w.Close()
	v.note(a)
	if seen == 0 && v.host != nil && len(args)+len(a.files) == 0 && !a.allNamespaces {
		a.note("there is no federated object in this namespace; -n names another, -A looks in all")
	}
	switch {
	case err != nil:
		return err
	case cmd.Context().Err() != nil:
		return cmd.Context().Err()
	case totals.Errors > 0:
		return fmt.Errorf("%d of the objects or clusters could not be planned; the output says which", totals.Errors)
	case seen == 0 && len(args) > 0:
		return hint(fmt.Errorf("no federated object is called %q", args), "fedctl plan --all lists what there is")
	case totals.Steps.Writes():
		return ErrChanges
	}
	return nil
}
