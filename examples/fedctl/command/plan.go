package command

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/confed-project/confed/federation"
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
	seen, failed := 0, failures{}
	for p, err := range v.plans(cmd.Context(), a) {
		seen++
		if err != nil {
			failed.add(err)
			err = w.Fail(err)
		} else {
			failed.count(p.plan)
			err = w.Plan(p.plan)
		}
		if err != nil {
			return err
		}
	}
	totals, err := w.Close()
	v.note(a)
	if seen == 0 && len(args) == 0 {
		a.noObjects()
	}
	switch {
	case err != nil:
		return err
	case cmd.Context().Err() != nil:
		return hint(cmd.Context().Err(), "it was stopped, so the output is only a part of the plan; nothing was changed")
	case failed.total > 0:
		return failed.error()
	case seen == 0 && len(args) > 0:
		return hint(fmt.Errorf("%s is not among the federated objects", strings.Join(args, " ")), "a kind comes first, such as deployment web; fedctl plan --all lists what there is")
	case totals.Steps.Writes():
		return ErrChanges
	}
	return nil
}

// noObjects says where nothing was found, since a wrong directory looks like a plan without changes.
func (a *app) noObjects() {
	switch {
	case len(a.files) > 0 && *a.flags.Namespace != "" && !a.allNamespaces:
		a.note("there is no federated object of namespace %s in %s", *a.flags.Namespace, strings.Join(a.files, ", "))
	case len(a.files) > 0:
		a.note("there is no federated object in %s; of a directory the files .yaml, .yml and .json are read", strings.Join(a.files, ", "))
	case !a.allNamespaces:
		a.note("there is no federated object in this namespace; -n names another, -A looks in all")
	}
}

// failures are what could not be planned, and what to do about it.
type failures struct {
	total int
	hints []string
}

func (f *failures) add(err error) {
	f.total++
	var next *hinted
	if errors.As(err, &next) && !slices.Contains(f.hints, next.next) && len(f.hints) < 3 {
		f.hints = append(f.hints, next.next)
	}
}

// count adds what a plan could not decide, and the copies that no manifest could be made for.
func (f *failures) count(p federation.Plan) {
	f.total += len(p.Errs)
	for _, s := range p.Steps {
		if s.Verb == federation.Hold && s.Reason == federation.ReasonInvalidManifest {
			f.total++
		}
	}
}

func (f *failures) error() error {
	err := fmt.Errorf("%d of the objects or clusters could not be planned; the output says which", f.total)
	if len(f.hints) == 0 {
		return err
	}
	return hint(err, "%s", strings.Join(f.hints, "; "))
}
