package manager

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// ErrLeaseLost means that the Lease could not be renewed in time, so that another replica may work now.
var ErrLeaseLost = errors.New("the lease was lost")

// lockName is what KubeFed's lock is called.
const lockName = "kubefed-controller-manager"

// fence lets no write start after the deadline of the last renewal, whatever else of the process still runs: a process
// that was stopped and continued finds its fence closed before its timers fire.
type fence struct {
	mu    sync.Mutex
	until time.Time
}

// extend opens the fence until t.
func (f *fence) extend(t time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if t.After(f.until) {
		f.until = t
	}
}

// opened says whether the fence was ever open.
func (f *fence) opened() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.until.IsZero()
}

func (f *fence) check() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Now().After(f.until) {
		return fmt.Errorf("%w: nothing more is written", ErrLeaseLost)
	}
	return nil
}

// fenced is a transport behind the fence, of the host or of a member.
type fenced struct {
	http.RoundTripper
	fence *fence
}

// behind puts a transport behind the fence.
func (f *fence) behind(next http.RoundTripper) http.RoundTripper { return fenced{next, f} }

// RoundTrip sends reads, and writes while the fence is open. That is asked once more when there is a connection and the body
// is about to leave, since dialing may have taken long; without its body no API server carries a write out.
func (f fenced) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet {
		return f.RoundTripper.RoundTrip(r)
	}
	if err := f.fence.check(); err != nil {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, err
	}
	if r.Body != nil && r.Body != http.NoBody {
		late := *r // whoever sends may not change the request
		late.Body = lateBody{r.Body, f.fence}
		if again := r.GetBody; again != nil {
			late.GetBody = func() (io.ReadCloser, error) {
				body, err := again()
				return lateBody{body, f.fence}, err
			}
		}
		r = &late
	}
	return f.RoundTripper.RoundTrip(r)
}

// WrappedRoundTripper returns the transport, for who closes its connections.
func (f fenced) WrappedRoundTripper() http.RoundTripper { return f.RoundTripper }

// lateBody leaves while the fence is open.
type lateBody struct {
	io.ReadCloser
	fence *fence
}

// Read reads what may leave.
func (b lateBody) Read(p []byte) (int, error) {
	if err := b.fence.check(); err != nil {
		return 0, err
	}
	return b.ReadCloser.Read(p)
}

// timed notes when the lease was asked for, which is earlier than when it was granted.
type timed struct {
	resourcelock.Interface
	core *core
}

// Create takes a lease that nobody had.
func (t timed) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return t.noted(record, func() error { return t.Interface.Create(ctx, record) })
}

// Update takes or renews a lease, or gives it back.
func (t timed) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return t.noted(record, func() error { return t.Interface.Update(ctx, record) })
}

func (t timed) noted(record resourcelock.LeaderElectionRecord, send func() error) error {
	asked := time.Now()
	err := send()
	if err == nil && record.HolderIdentity == t.Identity() {
		t.core.fence.extend(asked.Add(t.core.config.RenewDeadline))
	}
	return err
}

// lead waits for the lease and works while it has it. When ctx ends, the work ends first and the lease is given back then,
// so that the next one need not wait for it.
func (c *core) lead(ctx context.Context, work func(context.Context) error) error {
	leases, err := coordination.NewForConfig(rest.AddUserAgent(c.Host, Manager))
	if err != nil {
		return err
	}
	lock := timed{&resourcelock.LeaseLock{
		LeaseMeta: metav1.ObjectMeta{Namespace: c.Namespace, Name: lockName}, Client: leases,
		LockConfig: resourcelock.ResourceLockConfig{Identity: c.Identity},
	}, c}
	electing, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	result := make(chan error, 1)
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: lock, Name: lockName, ReleaseOnCancel: true, WatchDog: c.watchdog(),
		LeaseDuration: c.config.LeaseDuration, RenewDeadline: c.config.RenewDeadline, RetryPeriod: c.config.RetryPeriod,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(leading context.Context) {
				defer stop()
				working, cancel := context.WithCancel(leading)
				defer cancel()
				defer context.AfterFunc(ctx, cancel)()
				c.log.Info("leading", "identity", c.Identity)
				result <- work(working)
			},
			OnStoppedLeading: func() {},
		},
	})
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() {
		if !c.fence.opened() {
			stop() // nothing to end before the lease may go
		}
	})()
	elector.Run(electing)
	if !c.fence.opened() {
		return ctx.Err()
	}
	if err := <-result; err != nil || ctx.Err() != nil {
		return err
	}
	return ErrLeaseLost
}

func (c *core) watchdog() *leaderelection.HealthzAdaptor {
	dog := leaderelection.NewLeaderHealthzAdaptor(c.config.LeaseDuration)
	c.live.set("leader-election", func() error { return dog.Check(nil) })
	return dog
}
