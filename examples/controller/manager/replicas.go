package manager

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	v1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"
)

const (
	replicaLabel   = "confed.dev/replica-of" // on the Lease of every replica
	viewAnnotation = "confed.dev/view"       // by which replicas it divides
)

// replicas keeps this replica's Lease and follows those of the others.
type replicas struct {
	*core
	leases coordination.LeaseInterface
	self   string // the name of our Lease
	own    *v1.Lease
	seen   map[string]sighting
}

// sighting is when another replica's Lease was last seen to change.
type sighting struct {
	version string
	at      time.Time
}

// share works on a share of the objects until ctx ends, and then gives it back at once. A Lease that was not renewed in time
// is an ErrLeaseLost: others may have taken the share.
func (c *core) share(ctx context.Context, work func(context.Context) error) error {
	client, err := coordination.NewForConfig(rest.AddUserAgent(c.Host, Manager))
	if err != nil {
		return err
	}
	name := lockName + "-" + regexp.MustCompile(`[^a-z0-9-]+`).ReplaceAllString(strings.ToLower(c.Identity), "-")
	r := &replicas{core: c, leases: client.Leases(c.Namespace), self: strings.Trim(name, "-"), seen: map[string]sighting{}}
	c.shares.divided, c.shares.self = true, r.self
	if err := r.take(ctx); err != nil {
		return err
	}
	working, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		defer cancel()
		done <- work(working)
	}()
	err = r.keep(working)
	cancel()
	err = errors.Join(err, <-done)
	if !errors.Is(err, ErrLeaseLost) {
		ending, stop := context.WithTimeout(context.WithoutCancel(ctx), c.config.RenewDeadline)
		defer stop()
		err = errors.Join(err, r.leases.Delete(ending, r.self, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &r.own.UID}}))
	}
	return err
}

// take makes our Lease, with no view yet. One that an earlier run of this name left is taken when it has expired.
func (r *replicas) take(ctx context.Context) error {
	for {
		asked := time.Now()
		lease, err := r.leases.Create(ctx, r.lease(), metav1.CreateOptions{})
		if err == nil {
			r.own = lease
			r.fence.extend(asked.Add(r.config.RenewDeadline))
			r.log.Info("sharing", "identity", r.self)
			return nil
		}
		if ctx.Err() != nil {
			return err
		}
		r.log.Error(err, "no Lease yet")
		if old, getErr := r.leases.Get(ctx, r.self, metav1.GetOptions{}); getErr == nil && !r.alive(old) {
			_ = r.leases.Delete(ctx, r.self, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &old.UID, ResourceVersion: &old.ResourceVersion}})
			continue
		}
		if err := poll(ctx, r.config.RetryPeriod, tries(2)); err != nil {
			return err
		}
	}
}

func (r *replicas) lease() *v1.Lease {
	now, seconds := metav1.NowMicro(), int32(r.config.LeaseDuration.Seconds())
	return &v1.Lease{
		ObjectMeta: metav1.ObjectMeta{Name: r.self, Namespace: r.Namespace, Labels: map[string]string{replicaLabel: lockName}},
		Spec:       v1.LeaseSpec{HolderIdentity: &r.self, LeaseDurationSeconds: &seconds, AcquireTime: &now, RenewTime: &now},
	}
}

// keep renews our Lease and follows the others until ctx ends or the Lease is lost.
func (r *replicas) keep(ctx context.Context) error {
	r.live.set("lease", r.fence.check)
	defer r.live.remove("lease")
	for ctx.Err() == nil {
		if err := r.fence.check(); err != nil {
			return err // whatever we know of the others is too old
		}
		if err := r.round(ctx); err != nil && ctx.Err() == nil {
			r.log.Error(err, "cannot renew the Lease or read the others")
			if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
				return fmt.Errorf("%w: %w", ErrLeaseLost, err)
			}
		}
		_ = poll(ctx, r.config.RetryPeriod, tries(2))
	}
	return nil
}

// round renews, and moves our view to who is alive once nothing is under way that this gives away.
func (r *replicas) round(ctx context.Context) error {
	alive, _, err := r.others(ctx)
	if err != nil {
		return errors.Join(err, r.renew(ctx, r.shares.published))
	}
	view := alive
	if wait := r.shares.narrow(alive); wait != nil {
		view = r.shares.published // not yet
		r.log.V(1).Info("waiting for work that others will take")
	}
	if err := r.renew(ctx, view); err != nil {
		return err
	}
	_, views, err := r.others(ctx) // again, after our view was published
	if err != nil {
		return err
	}
	r.shares.widen(view, views)
	return nil
}

func (r *replicas) renew(ctx context.Context, view []string) error {
	ctx, cancel := context.WithTimeout(ctx, r.config.RenewDeadline)
	defer cancel()
	lease := r.own.DeepCopy()
	now := metav1.NowMicro()
	lease.Spec.RenewTime = &now
	lease.Annotations = map[string]string{viewAnnotation: strings.Join(view, ",")}
	asked := time.Now()
	lease, err := r.leases.Update(ctx, lease, metav1.UpdateOptions{})
	if err != nil {
		return err
	}
	r.own = lease
	r.fence.extend(asked.Add(r.config.RenewDeadline))
	return nil
}

// others reads who is alive, us included, sorted, and the views of all but us.
func (r *replicas) others(ctx context.Context) (alive []string, views map[string][]string, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.config.RenewDeadline)
	defer cancel()
	list, err := r.leases.List(ctx, metav1.ListOptions{LabelSelector: replicaLabel + "=" + lockName})
	if err != nil {
		return nil, nil, err
	}
	views = map[string][]string{}
	for i := range list.Items {
		lease := &list.Items[i]
		switch {
		case lease.Name == r.self:
			alive = append(alive, r.self)
		case r.alive(lease):
			alive = append(alive, lease.Name)
			views[lease.Name] = split(lease.Annotations[viewAnnotation])
		}
	}
	slices.Sort(alive)
	return alive, views, nil
}

// alive says whether a Lease changed within its duration, by our clock alone: clocks of others are not compared.
func (r *replicas) alive(lease *v1.Lease) bool {
	key := lease.Name + " " + string(lease.UID)
	last, known := r.seen[key]
	if !known || last.version != lease.ResourceVersion {
		r.seen[key] = sighting{lease.ResourceVersion, time.Now()}
		return true
	}
	duration := r.config.LeaseDuration
	if s := lease.Spec.LeaseDurationSeconds; s != nil {
		duration = max(duration, time.Duration(*s)*time.Second)
	}
	return time.Since(last.at) <= duration
}
