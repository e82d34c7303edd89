package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/confed-project/confed/clusterregistry"
	"github.com/confed-project/confed/dnsrecord"
	"github.com/confed-project/confed/placement"
)

func newDNS(io IO) *cobra.Command {
	var s dnsrecord.Service
	var answers dnsrecord.Answers
	var format string
	a, cmd := newCommand(io, &cobra.Command{
		Use:   "dns SERVICE --domain DOMAIN [flags]",
		Short: "Show the DNS records of a service as a tree",
		Long: `Show the DNS records of a service as a tree: the global name, its regions, their zones. The addresses are those of the
load balancers that the clusters have for the service now.`,
		Example: `  fedctl dns web -n shop --domain example.com
  fedctl dns web -n shop --domain example.com --clusters clusters.yaml --state state/
  fedctl dns web -n shop --domain example.com -o yaml   # a DNSEndpoint for external-dns`,
		Args: exactly(1),
	}, func(a *app, cmd *cobra.Command, args []string) error {
		s.Name, s.Namespace = args[0], *a.flags.Namespace
		if ns, name, ok := strings.Cut(args[0], "/"); ok {
			s.Namespace, s.Name = ns, name
		}
		if s.Namespace == "" {
			s.Namespace = "default"
		}
		if s.Domain == "" {
			return hint(errors.New("--domain is needed"), "the zone that the names are in, such as --domain example.com")
		}
		a.factsOnly = true
		v, err := a.view(cmd.Context(), nil)
		if err != nil {
			return err
		}
		v.note(a)
		var unknown error
		answers.Clusters, unknown = serviceClusters(cmd.Context(), v, s)
		if len(answers.Clusters) == 0 {
			return unknown
		}
		endpoints, err := dnsrecord.Records(s, answers)
		err = a.withoutTopology(err)
		if done, errData := a.data(format, dnsrecord.Object(s.Namespace, "service-"+s.Name, endpoints)); !done {
			errData = a.tree(s, endpoints)
			err = errors.Join(errData, err)
		} else {
			err = errors.Join(errData, err)
		}
		return errors.Join(unknown, err)
	})
	a.wishFlags(cmd)
	cmd.Flags().StringVar(&s.Domain, "domain", "", "the DNS zone")
	cmd.Flags().StringVar(&s.Federation, "federation", "default", "the name of the federation in the names (KubeFed: of the Domain object)")
	cmd.Flags().StringVar(&s.Prefix, "prefix", "", "adds the short name PREFIX.DOMAIN")
	cmd.Flags().Int64Var(&answers.TTL, "ttl", 0, fmt.Sprintf("seconds (default %d)", dnsrecord.DefaultTTL))
	dataFlag(cmd, &format)
	return cmd
}

// serviceClusters asks every cluster for the addresses of the service. One that cannot be asked is left out and reported:
// what it has is not known.
func serviceClusters(ctx context.Context, v *view, s dnsrecord.Service) ([]dnsrecord.Cluster, error) {
	var out []dnsrecord.Cluster
	var errs []error
	found := false
	for c := range v.fleet.All() {
		client, err := v.clients(c.Name)
		var live *unstructured.Unstructured
		if err == nil {
			live, err = client.Get(ctx, schema.GroupVersionKind{Version: "v1", Kind: "Service"}, types.NamespacedName{Namespace: s.Namespace, Name: s.Name})
		}
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", c.Name, err))
			continue
		}
		found = true
		out = append(out, dnsrecord.Cluster{
			Name: c.Name, Region: cmp.Or(c.Region, c.Labels[clusterregistry.RegionLabel]), Zones: zones(c), Ready: c.Ready.State != placement.NotReady, Addresses: addresses(live),
		})
	}
	if !found && len(errs) == 0 {
		errs = append(errs, hint(fmt.Errorf("no cluster has a Service %s/%s", s.Namespace, s.Name), "-n says the namespace; fedctl status service %s tells whether it was propagated", s.Name))
	}
	return out, errors.Join(errs...)
}

// withoutTopology turns errors about clusters of which no region or zone is known into notes: they answer for the rest.
func (a *app) withoutTopology(err error) error {
	var list interface{ Unwrap() []error }
	if !errors.As(err, &list) {
		return err
	}
	var rest []error
	for _, err := range list.Unwrap() {
		if errors.Is(err, dnsrecord.ErrNoTopology) {
			a.note("%s", line(err.Error()))
		} else {
			rest = append(rest, err)
		}
	}
	return errors.Join(rest...)
}

// zones are those that are known, or the one that the label says.
func zones(c placement.Cluster) []string {
	if zone := c.Labels[clusterregistry.ZoneLabel]; len(c.Zones) == 0 && zone != "" {
		return []string{zone}
	}
	return c.Zones
}

func addresses(service *unstructured.Unstructured) []string {
	ingress, _, _ := unstructured.NestedSlice(service.Object, "status", "loadBalancer", "ingress")
	var out []string
	for _, each := range ingress {
		m, _ := each.(map[string]any)
		for _, key := range []string{"ip", "hostname"} {
			if text, _ := m[key].(string); text != "" {
				out = append(out, text)
			}
		}
	}
	return out
}

// tree prints the records below the name that they are more special than.
func (a *app) tree(s dnsrecord.Service, endpoints []dnsrecord.Endpoint) error {
	head := strings.Join([]string{s.Name, s.Namespace, s.Federation, "svc"}, ".") + "."
	depth := func(e dnsrecord.Endpoint) int {
		return strings.Count(strings.TrimSuffix(strings.TrimPrefix(e.DNSName, head), s.Domain), ".")
	}
	key := func(e dnsrecord.Endpoint) []string {
		labels := strings.Split(strings.TrimSuffix(strings.TrimPrefix(e.DNSName, head), s.Domain), ".")
		slices.Reverse(labels)
		return labels
	}
	endpoints = slices.Clone(endpoints)
	slices.SortStableFunc(endpoints, func(x, y dnsrecord.Endpoint) int { return slices.Compare(key(x), key(y)) })
	rows := [][]string{{"NAME", "TYPE", "TTL", "TARGETS", "WHY"}}
	for _, e := range endpoints {
		rows = append(rows, []string{e.DNSName, e.RecordType, fmt.Sprint(e.RecordTTL), strings.Join(e.Targets, " "), e.Why})
		if d := depth(e); d > 0 && strings.HasPrefix(e.DNSName, head) {
			rows[len(rows)-1][0] = strings.Repeat("   ", d-1) + "└─ " + e.DNSName
		}
	}
	return a.table(rows)
}
