package command

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/confed-project/confed/clusterregistry"
	"github.com/confed-project/confed/clusterregistry/kube"
	"github.com/confed-project/confed/placement"
)

func newGet(io IO) *cobra.Command {
	cmd := &cobra.Command{
		Use: "get clusters", Short: "List the members",
		Example: strings.ReplaceAll("  fedctl get clusters", "fedctl", io.Name),
		Args:    noSuchCommand, RunE: help,
	}
	clusters := newClusters(io)
	clusters.Aliases = []string{"cluster", "kubefedclusters", "members"}
	cmd.AddCommand(clusters)
	return cmd
}

func newClusters(io IO) *cobra.Command {
	forms := genericclioptions.NewPrintFlags("")
	var timeout time.Duration
	a, cmd := newCommand(io, &cobra.Command{
		Use:   "clusters [flags]",
		Short: "List the members, and whether they answer now",
		Example: `  fedctl clusters
  fedctl clusters -o yaml > clusters.yaml   # for plan --clusters
  fedctl clusters -o jsonpath='{.metadata.labels}'`,
		Long: `List the members, and whether they answer now.

With -o yaml or json the facts about them are printed, as plan --clusters reads them; the other forms print the KubeFedClusters.`,
		Args: exactly(0),
	}, func(a *app, cmd *cobra.Command, _ []string) error {
		return a.listClusters(cmd.Context(), forms, timeout)
	})
	a.hostFlags(cmd)
	forms.AddFlags(cmd)
	cmd.Flags().DurationVar(&timeout, "probe-timeout", 3*time.Second, "how long a member may take to answer")
	return cmd
}

func (a *app) listClusters(ctx context.Context, forms *genericclioptions.PrintFlags, timeout time.Duration) error {
	h, err := a.host()
	if err != nil {
		return err
	}
	members, err := h.members(ctx)
	if err != nil {
		return err
	}
	slices.SortFunc(members, func(x, y member) int { return cmp.Compare(x.Cluster.Name, y.Cluster.Name) })
	format := *forms.OutputFormat
	if format != "" && format != "json" && format != "yaml" {
		printer, err := forms.ToPrinter()
		for _, m := range members {
			if err == nil {
				err = printer.PrintObj(m.record, a.io.Out)
			}
		}
		return err
	}
	r, _ := registry(members) // what is wrong with one shows in its line
	probes := kube.ProbeAll(ctx, r, timeout)
	var clusters []placement.Cluster
	rows := [][]string{{"NAME", "READY", "VERSION", "REGION", "AGE", "ERROR"}}
	for _, m := range members {
		probe := probes[m.Cluster.Name]
		c := clusterregistry.Health{}.After(probe, clusterregistry.Thresholds{}).Describe(m.Cluster, probe.At, clusterregistry.Thresholds{})
		clusters = append(clusters, c)
		problem := ""
		if probe.Outcome != clusterregistry.Healthy {
			problem = string(probe.Outcome) + ": " + probe.Message
		}
		version := c.Properties[clusterregistry.VersionProperty]
		age := duration.HumanDuration(a.io.Now().Sub(m.record.GetCreationTimestamp().Time))
		rows = append(rows, []string{c.Name, cmp.Or(string(c.Ready.State), "Unknown"), version, c.Region, age, problem})
	}
	if done, err := a.data(format, map[string]any{"clusters": clusters}); done {
		return err
	}
	if len(members) == 0 {
		a.note("no cluster has joined; fedctl join NAME makes it a member")
		return nil
	}
	return a.table(rows)
}
