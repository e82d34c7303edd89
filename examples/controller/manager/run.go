package manager

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"golang.org/x/sync/errgroup"

	"github.com/confed-project/confed/clusterregistry"
	"github.com/confed-project/confed/clusterregistry/kube"
	"github.com/confed-project/confed/federation/kubefed"
	"github.com/confed-project/confed/placement"
)

// core is what all controllers share.
type core struct {
	Options
	log     logr.Logger
	config  kubefed.Config
	hosts   clusterregistry.Registry[*kube.Client] // the host alone, for mirrors
	members clusterregistry.Registry[*kube.Client]
	fence   fence
	shares  shares
	metrics *metrics
	live    checks
	ready   checks
}

// Run works until ctx ends, and returns when nothing of it runs any more. A lost lease is an ErrLeaseLost: whoever called
// starts anew, as does a replica that was stopped for too long. Other errors are about the options, the KubeFedConfig, or
// the addresses to listen on; what goes wrong with single objects is told in their statuses and logs, and tried again.
func Run(ctx context.Context, options Options) error {
	options, err := options.defaulted(strings.ToLower(rand.Text()[:8]))
	if err != nil {
		return err
	}
	c := &core{Options: options, log: options.Log, metrics: newMetrics()}
	if err := c.connect(); err != nil {
		return err
	}
	ctx = logr.NewContext(ctx, c.log)
	group, ctx := errgroup.WithContext(ctx)
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	group.Go(func() error { return c.serve(serving) })
	context.AfterFunc(ctx, func() { time.AfterFunc(drainTime, stop) })
	group.Go(func() error {
		defer stop()
		c.ready.set("config", func() error { return errors.New("the KubeFedConfig was not read yet") })
		if err := c.configure(ctx); err != nil {
			return ignoreEnd(ctx, err)
		}
		c.ready.remove("config")
		if c.Shard {
			return ignoreEnd(ctx, c.share(ctx, c.work))
		}
		return ignoreEnd(ctx, c.lead(ctx, c.work))
	})
	return group.Wait()
}

// drainTime bounds how long the health endpoints outlive the end, while the last requests are awaited.
const drainTime = 30 * time.Second

// ignoreEnd drops errors that only say that ctx has ended.
func ignoreEnd(ctx context.Context, err error) error {
	if ctx.Err() != nil && !errors.Is(err, ErrLeaseLost) {
		return nil
	}
	return err
}

// connect makes the client of the host. Its writes pass the fence.
func (c *core) connect() error {
	client, err := kube.NewClient(c.Host, kube.Options{UserAgent: Manager, Wrap: c.fence.behind})
	if err != nil {
		return fmt.Errorf("the host's client: %w", err)
	}
	return c.hosts.Put(placement.Cluster{Name: hostName}, client)
}

func (c *core) host() *kube.Client {
	client, _ := c.hosts.Conn(hostName) // connect put it
	return client
}

func coreKind(kind string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: "core.kubefed.io", Version: "v1beta1", Kind: kind}
}

// configName is that of the one KubeFedConfig that counts.
const configName = "kubefed"

// configure reads the KubeFedConfig; without one, the defaults of a cluster-scoped control plane count. It waits for a host
// that does not answer.
func (c *core) configure(ctx context.Context) error {
	obj := c.Config
	name := types.NamespacedName{Namespace: c.Namespace, Name: configName}
	for obj == nil {
		found, err := c.host().Get(ctx, coreKind("KubeFedConfig"), name)
		switch {
		case err == nil:
			obj = found
		case apierrors.IsNotFound(err):
			obj = &unstructured.Unstructured{}
			obj.SetGroupVersionKind(coreKind("KubeFedConfig"))
			obj.SetNamespace(c.Namespace)
			obj.SetName(configName)
			obj.Object["spec"] = map[string]any{"scope": "Cluster"}
		default:
			c.log.Error(err, "cannot read the KubeFedConfig yet", "object", name)
			if err := poll(ctx, time.Second, tries(2)); err != nil {
				return err
			}
		}
	}
	var err error
	if c.config, err = kubefed.DecodeConfig(obj); err != nil {
		return err
	}
	c.Workers = max(c.Workers, int(c.config.SyncWorkers))
	if len(c.config.Features) > 0 {
		c.log.Info("configured", "namespace", c.Namespace, "namespaced", c.config.Namespaced, "features", c.config.Features)
	}
	return nil
}

// tries says yes the nth time.
func tries(n int) func() bool {
	return func() bool { n--; return n <= 0 }
}

// scope is the namespace that everything is limited to; "" for a cluster-scoped control plane.
func (c *core) scope() string {
	if c.config.Namespaced {
		return c.Namespace
	}
	return ""
}

// system says whether a namespace is never federated.
func (c *core) system(namespace string) bool {
	return namespace == c.Namespace && !c.config.Namespaced || slices.Contains(c.SystemNamespaces, namespace)
}

// work runs all controllers until ctx ends.
func (c *core) work(ctx context.Context) error {
	c.metrics.leader.Set(1)
	defer c.metrics.leader.Set(0)
	if c.Compatible {
		if err := c.defaultConfig(ctx); err != nil {
			c.log.Error(err, "the defaults were not written into the KubeFedConfig")
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	clusters := newClusters(c)
	group.Go(func() error { return clusters.run(ctx) })
	if !c.config.Features[kubefed.PushReconciler] {
		return group.Wait()
	}
	types := newTypes(c)
	c.ready.set("types", func() error { return errors.New("the types were not read yet") }) // until it runs
	defer c.ready.remove("types")
	controllers := []func(context.Context) error{types.run}
	if c.config.Features[kubefed.SchedulerPreferences] {
		controllers = append(controllers, newSchedules(types).run)
	}
	for _, records := range newRecords(types) {
		controllers = append(controllers, records.run)
	}
	// An empty fleet is not a known one: nothing is planned before the clusters were read.
	if poll(ctx, 20*time.Millisecond, clusters.known.Load) == nil {
		for _, run := range controllers {
			group.Go(func() error { return run(ctx) })
		}
	}
	return group.Wait()
}
