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
	"k8s.io/apimachinery/pkg/runtime/schema"

	"golang.org/x/sync/errgroup"

	"github.com/confed-project/confed/clusterregistry"
	"github.com/confed-project/confed/clusterregistry/kube"
	"github.com/confed-project/confed/federation/kubefed"
	"github.com/confed-project/confed/placement"
)

// core is what all controllers share while one KubeFedConfig counts.
type core struct {
	Options
	log     logr.Logger
	config  kubefed.Config
	hosts   clusterregistry.Registry[*kube.Client] // the host alone, for mirrors
	members clusterregistry.Registry[*kube.Client]
	fence   fence
	shares  shares
	events  events
	*outside
}

// outside is what others see of a process, whatever it works by.
type outside struct {
	metrics *metrics
	live    checks
	ready   checks
}

// Run works until ctx ends, and returns when nothing of it runs any more. A lost lease is an ErrLeaseLost: whoever called
// starts anew, as does a replica that was stopped for too long. Other errors are about the options, the KubeFedConfig as it is
// at the start, or the addresses to listen on; what goes wrong with single objects is told in their statuses and logs, and
// tried again. When the KubeFedConfig changes, the work ends and begins anew by it.
func Run(ctx context.Context, options Options) error {
	options, err := options.defaulted(strings.ToLower(rand.Text()[:8]))
	if err != nil {
		return err
	}
	seen := &outside{metrics: newMetrics()}
	ctx = logr.NewContext(ctx, options.Log)
	group, ctx := errgroup.WithContext(ctx)
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	group.Go(func() error { return seen.serve(serving, options) })
	context.AfterFunc(ctx, func() { time.AfterFunc(drainTime, stop) })
	group.Go(func() error {
		defer stop()
		var next *kubefed.Config // nil: to be read
		for ctx.Err() == nil {
			c := &core{Options: options, log: options.Log, outside: seen}
			if err := c.connect(); err != nil {
				return err
			}
			next, err = c.round(ctx, next)
			if c.disconnect(); err != nil {
				return ignoreEnd(ctx, err)
			}
		}
		return nil
	})
	return group.Wait()
}

// round works by one KubeFedConfig and returns the next one when that changes.
func (c *core) round(ctx context.Context, config *kubefed.Config) (next *kubefed.Config, err error) {
	if config == nil {
		c.ready.set("config", func() error { return errors.New("the KubeFedConfig was not read yet") })
		if config, err = c.configure(ctx); err != nil {
			return nil, err
		}
		c.ready.remove("config")
	}
	c.config, c.Workers = *config, max(c.Workers, int(config.SyncWorkers))
	c.log.Info("configured", "namespace", c.Namespace, "namespaced", config.Namespaced, "features", config.Features)
	working, cancel := context.WithCancel(ctx)
	defer cancel()
	changed := make(chan *kubefed.Config, 1)
	go func() {
		defer cancel()
		changed <- c.watchConfig(working)
	}()
	turn := c.lead
	if c.Shard {
		turn = c.share
	}
	err = turn(working, c.work)
	cancel()
	if next = <-changed; next != nil && !errors.Is(err, ErrLeaseLost) {
		return next, nil
	}
	return nil, err
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

// disconnect closes what a round that has ended leaves open.
func (c *core) disconnect() {
	c.host().CloseIdleConnections()
	for member := range c.members.Fleet().All() {
		if client, err := c.members.Conn(member.Name); err == nil {
			client.CloseIdleConnections()
		}
	}
}

func (c *core) host() *kube.Client {
	client, _ := c.hosts.Conn(hostName) // connect put it
	return client
}

func coreKind(kind string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: "core.kubefed.io", Version: "v1beta1", Kind: kind}
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
	if err := c.startEvents(ctx); err != nil {
		return err
	}
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
