package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/rest"

	"github.com/confed-project/confed/clusterregistry"
	"github.com/confed-project/confed/clusterregistry/kube"
)

// membership is what join and unjoin are told.
type membership struct {
	context, hostName, secret string
	errorOnExisting, force    bool
}

func (m *membership) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&m.context, "cluster-context", "", "the context of the member's administrator; empty: the name of the cluster")
	cmd.Flags().StringVar(&m.hostName, "host-cluster-name", "", "the name of the host in names on the member; empty: that of its context")
}

func newJoin(io IO) *cobra.Command {
	var m membership
	a, cmd := newCommand(io, &cobra.Command{
		Use:   "join NAME [--cluster-context CONTEXT] [flags]",
		Short: "Make a cluster a member",
		Long: `Make a cluster a member: a service account there with the rights that propagation needs and no others, and on the host a
KubeFedCluster with its credentials. The control plane's namespace and definitions are made on the host if need be.

With --error-on-existing=false a member gets new credentials, and the rights for types that were enabled since.`,
		Example: `  fedctl join berlin --host-cluster-context hub
  fedctl join berlin --cluster-context kind-berlin --host-cluster-context kind-hub`,
		Args: exactly(1),
	}, func(a *app, cmd *cobra.Command, args []string) error { return a.join(cmd.Context(), args[0], m) })
	a.hostFlags(cmd)
	a.dryRunFlag(cmd)
	m.flags(cmd)
	cmd.Flags().StringVar(&m.secret, "secret-name", "", "the name of the Secret on the host; empty: that of the cluster")
	cmd.Flags().BoolVar(&m.errorOnExisting, "error-on-existing", true, "fail when there is a member of this name")
	return cmd
}

// grant is what propagation needs in a member.
func (a *app) grant(cluster string, m membership) (kube.Grant, error) {
	if m.hostName == "" {
		raw, err := a.flags.ToRawKubeConfigLoader().RawConfig()
		if err != nil {
			return kube.Grant{}, err
		}
		if m.hostName = raw.CurrentContext; *a.flags.Context != "" {
			m.hostName = *a.flags.Context
		}
	}
	return kube.Grant{Name: joined(cluster, m.hostName), Namespace: a.system, Topology: true, LongLived: true}, nil
}

// administrator is a client of a member with all rights.
type administrator struct {
	*kube.Client
	config *rest.Config
}

// administrator connects to a member as its administrator does.
func (a *app) administrator(cluster string, m membership) (*administrator, error) {
	name := m.context
	if name == "" {
		name = cluster
	}
	flags := genericclioptions.NewConfigFlags(true)
	flags.KubeConfig, flags.Context = a.flags.KubeConfig, &name
	config, err := flags.ToRESTConfig()
	if err != nil {
		return nil, a.configHint(fmt.Errorf("the administrator of %s: %w", cluster, err))
	}
	client, err := kube.NewClient(config, kube.Options{UserAgent: "fedctl"})
	return &administrator{client, config}, err
}

func (a *app) join(ctx context.Context, cluster string, m membership) error {
	h, err := a.host()
	if err != nil {
		return err
	}
	member, err := a.administrator(cluster, m)
	if err != nil {
		return err
	}
	if probe := member.Probe(ctx); probe.Outcome != clusterregistry.Healthy {
		return hint(fmt.Errorf("%s: %s: %s", cluster, probe.Outcome, probe.Message), "nothing was done; --cluster-context names another context")
	}
	if err := a.ensureControlPlane(ctx, h); err != nil {
		return err
	}
	name := types.NamespacedName{Namespace: h.system, Name: cluster}
	_, err = h.Get(ctx, clusterKind, name)
	switch {
	case err == nil && m.errorOnExisting:
		return hint(fmt.Errorf("%s is a member already", cluster), "--error-on-existing=false gives it new credentials")
	case err != nil && !apierrors.IsNotFound(err) && !(a.dryRun && meta.IsNoMatchError(err)):
		return h.hint(err)
	}
	grant, err := a.grant(cluster, m)
	if err == nil {
		grant.Kinds, err = h.granted(ctx)
		grant.Reads = watched()
	}
	if err != nil {
		return err
	}
	if err := a.give(ctx, member.Client, &grant); err != nil {
		return hint(fmt.Errorf("%s: %w", cluster, err), "fedctl join %s --error-on-existing=false goes on where it stopped", cluster)
	}
	if a.dryRun {
		a.did("%s would be joined", cluster)
		return nil
	}
	records, err := member.records(ctx, grant, name)
	if err != nil {
		return hint(fmt.Errorf("%s: %w", cluster, err), "fedctl join %s --error-on-existing=false goes on where it stopped", cluster)
	}
	if m.secret != "" {
		records[0].SetName(m.secret)
		_ = unstructured.SetNestedField(records[1].Object, m.secret, "spec", "secretRef", "name")
	}
	for _, obj := range records {
		if err := a.put(ctx, h.Client, obj); err != nil {
			return h.hint(err)
		}
	}
	a.did("%s joined", cluster)
	return nil
}

// granted are the kinds that a member must let us write: those that are enabled, and those that KubeFed's chart enables.
func (h *host) granted(ctx context.Context) ([]schema.GroupVersionKind, error) {
	kinds := []schema.GroupVersionKind{
		{Version: "v1", Kind: "Namespace"}, {Version: "v1", Kind: "ConfigMap"}, {Version: "v1", Kind: "Secret"},
		{Version: "v1", Kind: "Service"}, {Version: "v1", Kind: "ServiceAccount"},
		{Group: "apps", Version: "v1", Kind: "Deployment"}, {Group: "apps", Version: "v1", Kind: "ReplicaSet"},
		{Group: "apps", Version: "v1", Kind: "StatefulSet"}, {Group: "apps", Version: "v1", Kind: "DaemonSet"},
		{Group: "batch", Version: "v1", Kind: "Job"}, {Group: "networking.k8s.io", Version: "v1", Kind: "Ingress"},
	}
	enabled, err := h.types(ctx)
	for _, t := range enabled {
		kinds = append(kinds, t.Target.GVK)
	}
	return kinds, err
}

// watched are the kinds that the controller looks at beside them: pods for scheduling preferences, endpoints for DNS records.
func watched() []schema.GroupVersionKind {
	return []schema.GroupVersionKind{{Version: "v1", Kind: "Pod"}, {Group: "discovery.k8s.io", Version: "v1", Kind: "EndpointSlice"}}
}

// give grants what the member serves of the kinds.
func (a *app) give(ctx context.Context, member *kube.Client, g *kube.Grant) error {
	for {
		objects, err := g.Objects(ctx, member)
		var unknown *meta.NoKindMatchError
		if errors.As(err, &unknown) {
			a.note("the cluster does not serve %s, so that is not granted", unknown.GroupKind)
			before := len(g.Kinds) + len(g.Reads)
			unserved := func(gvk schema.GroupVersionKind) bool { return gvk.GroupKind() == unknown.GroupKind }
			g.Kinds, g.Reads = slices.DeleteFunc(g.Kinds, unserved), slices.DeleteFunc(g.Reads, unserved)
			if len(g.Kinds)+len(g.Reads) == before {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		if !a.dryRun {
			if err := gone(ctx, member, objects[0]); err != nil { // the namespace of a member that has just left
				return err
			}
			return kube.Join(ctx, member, *g)
		}
		for _, obj := range objects {
			fmt.Fprintf(a.io.Out, "would write %s in the member\n", named(obj))
		}
		return nil
	}
}

// records are what the host remembers of the member: its credentials, once the member has made a token, and where it is.
func (m *administrator) records(ctx context.Context, g kube.Grant, name types.NamespacedName) ([]*unstructured.Unstructured, error) {
	var token string
	err := poll(ctx, 30*time.Second, func() (bool, error) {
		var err error
		token, _, err = g.Token(ctx, m.Client, 0)
		return err == nil, err
	})
	if err != nil {
		return nil, err
	}
	return kube.KubeFedRecords(name, &rest.Config{
		Host: m.config.Host, BearerToken: token, Proxy: m.config.Proxy,
		TLSClientConfig: rest.TLSClientConfig{CAData: m.config.CAData, CAFile: m.config.CAFile, Insecure: m.config.Insecure},
	})
}

func newUnjoin(io IO) *cobra.Command {
	var m membership
	a, cmd := newCommand(io, &cobra.Command{
		Use:   "unjoin NAME [--cluster-context CONTEXT] [flags]",
		Short: "Let a member go",
		Long: `Let a member go: what join made there is removed, then what the host knows of it. Copies stay where they are.

With --force the host forgets a member that cannot be reached.`,
		Example: `  fedctl unjoin berlin --host-cluster-context hub
  fedctl unjoin berlin --force`,
		Args: exactly(1),
	}, func(a *app, cmd *cobra.Command, args []string) error { return a.unjoin(cmd.Context(), args[0], m) })
	a.hostFlags(cmd)
	a.dryRunFlag(cmd)
	m.flags(cmd)
	cmd.Flags().BoolVar(&m.force, "force", false, "go on when the member cannot be reached")
	return cmd
}

func (a *app) unjoin(ctx context.Context, cluster string, m membership) error {
	h, err := a.host()
	if err != nil {
		return err
	}
	record, err := h.Get(ctx, clusterKind, types.NamespacedName{Namespace: h.system, Name: cluster})
	if apierrors.IsNotFound(err) {
		return hint(fmt.Errorf("%s is no member", cluster), "fedctl get clusters lists them")
	}
	if err != nil {
		return h.hint(err)
	}
	departure, err := a.departure(h, record, m)
	if err != nil {
		return err
	}
	if a.dryRun {
		a.did("%s would be let go", cluster)
		return nil
	}
	if err := kube.Leave(ctx, departure); err != nil && !errors.Is(err, kube.ErrNamespaceKept) {
		if !m.force {
			return hint(err, "--force forgets a member that is gone for good")
		}
		a.note("%s", line(err.Error()))
	}
	a.did("%s left", cluster)
	return nil
}

// departure is a member on its way out.
func (a *app) departure(h *host, record *unstructured.Unstructured, m membership) (kube.Departure, error) {
	cluster := record.GetName()
	grant, err := a.grant(cluster, m)
	if err != nil {
		return kube.Departure{}, err
	}
	member, err := a.administrator(cluster, m)
	if err != nil && !m.force {
		return kube.Departure{}, err
	}
	var client *kube.Client
	if err == nil {
		client = member.Client
	}
	records := []*unstructured.Unstructured{record}
	if name, _, _ := unstructured.NestedString(record.Object, "spec", "secretRef", "name"); name != "" {
		secret := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Secret"}}
		secret.SetNamespace(h.system)
		secret.SetName(name)
		records = append(records, secret)
	}
	return kube.Departure{Cluster: cluster, Grant: grant, Member: client, Force: m.force, Host: h.Client, Records: records}, nil
}
