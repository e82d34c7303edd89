package command

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/status"
)

func newStatus(io IO) *cobra.Command {
	var format string
	a, cmd := newCommand(io, &cobra.Command{
		Use:   "status [KIND [NAME...]] [flags]",
		Short: "Show how far objects are in each cluster, and how they fare there",
		Long: `Show how far objects are in each cluster, and how they fare there. The clusters are looked at now; nothing is changed.

Of one object all clusters are listed, of several a line for each object.`,
		Example: `  fedctl status deployment web -n shop
  fedctl status -A
  fedctl status -f objects.yaml --clusters clusters.yaml --state state/ -o json`,
	}, func(a *app, cmd *cobra.Command, args []string) error {
		v, err := a.view(cmd.Context(), args)
		if err != nil {
			return err
		}
		var all []objectStatus
		var errs []error
		for p, err := range v.plans(cmd.Context(), a) {
			if err != nil {
				errs = append(errs, err)
				continue
			}
			generation := p.wish.source.GetGeneration()
			all = append(all, objectStatus{named(p.wish.source), status.Summarize(status.Summary{}, generation, federation.Statuses(p.plan.Results()), p.snap.Now)})
		}
		defer v.note(a)
		if len(all) == 0 && len(errs) == 0 {
			return hint(errors.New("no such federated object"), "fedctl plan --all lists what there is")
		}
		return errors.Join(append(errs, a.showStatus(all, format))...)
	})
	a.wishFlags(cmd)
	dataFlag(cmd, &format)
	return cmd
}

type objectStatus struct {
	Object string         `json:"object"`
	Status status.Summary `json:"status"`
}

func (a *app) showStatus(all []objectStatus, format string) error {
	if done, err := a.data(format, all); done {
		return err
	}
	if len(all) != 1 {
		rows := [][]string{{"OBJECT", "CURRENT", "HEALTHY", "MESSAGE"}}
		for _, o := range all {
			t := o.Status.Totals
			rows = append(rows, []string{o.Object, fmt.Sprintf("%d/%d", t.Current, t.Clusters), fmt.Sprintf("%d/%d", t.Healthy, t.Clusters), o.Status.Message})
		}
		return a.table(rows)
	}
	one := all[0]
	fmt.Fprintf(a.io.Out, "%s: %s\n\n", one.Object, line(one.Status.Message))
	rows := [][]string{{"CLUSTER", "STATE", "HEALTH", "REASON", "MESSAGE"}}
	for _, c := range one.Status.Clusters {
		state := string(c.State)
		if c.State == status.StateUnknown {
			state = "Unknown"
		}
		rows = append(rows, []string{c.Name, state, string(c.Health), c.Reason, c.Message})
	}
	return a.table(rows)
}
