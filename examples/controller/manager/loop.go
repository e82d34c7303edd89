package manager

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"

	"github.com/confed-project/confed/clusterregistry"
	"github.com/confed-project/confed/clusterregistry/kube"
)

// How long a failed key waits: doubled from the first to the last, as KubeFed's did.
const (
	firstRetry = 500 * time.Millisecond
	lastRetry  = time.Minute
)

// errAgain asks for another look, after the usual pauses, without being worth a log line.
var errAgain = errors.New("not done yet")

// loop is the pattern of every controller: a queue of names, each worked on once at a time and tried again until it is
// done. What a name's worker does depends on what it reads, never on what was told.
type loop struct {
	*core
	name  string
	queue workqueue.TypedRateLimitingInterface[types.NamespacedName]
	// reconcile works on one name. It returns when to look again (0: on the next change), or what failed.
	reconcile func(context.Context, types.NamespacedName) (time.Duration, error)
	// everyReplica is set where each replica has to act for itself.
	everyReplica bool
	busy         sync.Map // name → since when, for /healthz
}

func newLoop(c *core, name string, reconcile func(context.Context, types.NamespacedName) (time.Duration, error)) *loop {
	return &loop{core: c, name: name, reconcile: reconcile, queue: workqueue.NewTypedRateLimitingQueue(
		workqueue.NewTypedItemExponentialFailureRateLimiter[types.NamespacedName](firstRetry, lastRetry))}
}

// add asks for a look after a while; of several the earliest counts.
func (l *loop) add(name types.NamespacedName, after time.Duration) {
	l.queue.AddAfter(name, after)
}

// run works until ctx ends, and returns when the last worker has.
func (l *loop) run(ctx context.Context, workers int) {
	l.metrics.workers.WithLabelValues(l.name).Set(float64(workers))
	defer l.metrics.workers.DeleteLabelValues(l.name)
	stop := context.AfterFunc(ctx, l.queue.ShutDown)
	defer stop()
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for l.next(ctx) {
			}
		})
	}
	wg.Wait()
}

func (l *loop) next(ctx context.Context) bool {
	name, down := l.queue.Get()
	if down {
		return false
	}
	defer l.queue.Done(name)
	if !l.everyReplica {
		done, ok := l.shares.begin(name.String())
		if !ok {
			l.queue.Forget(name)
			return true // another replica's; every change of shares asks for all names again
		}
		defer done()
	}
	l.busy.Store(name, time.Now())
	defer l.busy.Delete(name)
	log := l.log.WithValues("controller", l.name, "object", name.String())
	started := time.Now()
	after, err := l.safely(logr.NewContext(ctx, log), name)
	l.metrics.reconciled(l.name, started, err)
	switch {
	case err == nil:
		l.queue.Forget(name)
		if after > 0 {
			l.queue.AddAfter(name, after)
		}
	case ctx.Err() != nil:
	default:
		// What was deleted just now the mirror does not know yet; of a mirror that is not in step /readyz or a status tells.
		if errors.Is(err, errAgain) || errors.Is(err, kube.ErrNotSynced) || errors.Is(err, clusterregistry.ErrUnknown) || apierrors.IsNotFound(err) {
			log.V(1).Info("will try again", "error", err.Error())
		} else {
			log.Error(err, "will try again")
		}
		l.queue.AddRateLimited(name)
	}
	return true
}

// safely keeps a bug in the work on one name from ending the work on all.
func (l *loop) safely(ctx context.Context, name types.NamespacedName) (after time.Duration, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("bug in the %s controller: %v", l.name, p)
		}
	}()
	return l.reconcile(ctx, name)
}

// stuck says whether a worker has been on one name for longer than any of its requests may take.
func (l *loop) stuck() error {
	var err error
	l.busy.Range(func(name, since any) bool {
		if t := time.Since(since.(time.Time)); t > 10*time.Minute {
			err = fmt.Errorf("%s has been on %s for %s", l.name, name, t.Round(time.Second))
		}
		return err == nil
	})
	return err
}
