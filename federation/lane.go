package federation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"golang.org/x/sync/semaphore"
)

// breakAfter is how many requests in a row may fail to reach a member before its lane gives up.
const breakAfter = 2

// lane carries out the steps of one member: those of one rank side by side, rank after rank.
type lane struct {
	Dispatcher
	places *semaphore.Weighted
	client ClusterClient
	err    error // of having no place or no client

	mu       sync.Mutex
	failures int
	last     error
	started  bool
	ticker   *time.Ticker // one tick for each request after the first; nil: no need to wait
}

// run yields a result for each step. Only a lane that has something to send takes a place.
func (l *lane) run(ctx context.Context, steps []Step, order []int, yield func(int, Result)) {
	var send []int
	for _, i := range order {
		if r, quiet := steps[i].quiet(); quiet {
			yield(i, r)
		} else {
			send = append(send, i)
		}
	}
	if len(send) == 0 {
		return
	}
	if l.err = l.places.Acquire(ctx, 1); l.err == nil {
		defer l.places.Release(1)
		l.client, l.err = l.Clients.find(steps[send[0]].Ref.Cluster)
	}
	if l.Interval > 0 {
		l.ticker = time.NewTicker(l.Interval)
		defer l.ticker.Stop()
	}
	for len(send) > 0 {
		n := 1
		for n < len(send) && steps[send[n]].order() == steps[send[0]].order() {
			n++
		}
		l.rank(ctx, steps, send[:n], yield)
		send = send[n:]
	}
}

// rank carries out steps that need not wait for each other.
func (l *lane) rank(ctx context.Context, steps []Step, order []int, yield func(int, Result)) {
	work := make(chan int, len(order))
	for _, i := range order {
		work <- i
	}
	close(work)
	var workers sync.WaitGroup
	for range min(orDefault(l.PerMember, 4), len(order)) {
		workers.Go(func() {
			for i := range work {
				yield(i, l.do(ctx, steps[i]))
			}
		})
	}
	workers.Wait()
}

// quiet is the result of a step that sends nothing.
func (s Step) quiet() (Result, bool) {
	switch s.Verb {
	case Keep:
		return s.done(s.live), true
	case Hold:
		return s.end(Held, s.Reason, s.live, nil), true
	}
	return Result{}, false
}

// valid refuses steps that no planner makes: made by hand, or read from somewhere and changed.
func (s Step) valid() error {
	writes := s.Verb == Create || s.Verb == Apply
	switch {
	case !writes && s.Verb != Release && s.Verb != Delete:
		return fmt.Errorf("%w: verb %q", ErrInvalid, s.Verb)
	case writes && (s.Manifest == nil || s.Manifest.Object == nil):
		return fmt.Errorf("%w: no manifest", ErrInvalid)
	case writes && (s.Manifest.GroupVersionKind() != s.Ref.GVK || s.Manifest.GetName() != s.Ref.Name || s.Manifest.GetNamespace() != s.Ref.Namespace):
		return fmt.Errorf("%w: the manifest is of another object", ErrInvalid)
	case s.Digest == masked:
		return ErrRedacted // of a plan that no longer says so
	case s.Verb == Release && s.Patch == nil:
		return fmt.Errorf("%w: no patch", ErrInvalid)
	case s.Verb != Delete && s.Manager == "":
		return fmt.Errorf("%w: no field manager", ErrInvalid)
	case s.Verb != Create && (s.Precondition.UID == nil || *s.Precondition.UID == ""):
		return fmt.Errorf("%w: a step that changes what is there needs the UID that was observed", ErrInvalid)
	}
	return nil
}

func (s Step) done(live *unstructured.Unstructured) Result {
	r := s.end(Done, s.Reason, live, nil)
	// What others asked for between the plan and the answer must be looked at, so it is not settled.
	if live != nil && s.Digest != "" && !optedOut(live) && live.GetDeletionTimestamp() == nil {
		r.Settled = Settled{s.compared(), live.GetResourceVersion()}
	}
	return r
}

func (l *lane) do(ctx context.Context, s Step) Result {
	if l.err != nil {
		return s.end(Failed, s.Reason, s.live, l.err)
	}
	if err := s.valid(); err != nil {
		return s.end(Failed, s.Reason, s.live, &Error{Object: s.Ref.String(), Cluster: s.Ref.Cluster, Field: "step", Err: err})
	}
	var err error
	for try := 0; ; try++ {
		if err = l.wait(ctx); err != nil {
			return s.end(Failed, s.Reason, s.live, err)
		}
		var live *unstructured.Unstructured
		if live, err = l.send(ctx, s); err == nil {
			if err = s.answered(live); err != nil {
				return s.end(Failed, s.Reason, s.live, err)
			}
		}
		err = s.withhold(err)
		r := Refused(err)
		l.learn(err, r.away())
		switch {
		case err == nil:
			return s.done(live)
		case r.Cause == CauseImmutable && s.Verb == Apply && s.Delete != nil:
			return l.do(ctx, s.recreate(err))
		case try > 0 && s.Verb == Create && r.Cause == CauseAlreadyExists:
			r.Cause = CauseStale // perhaps made by the try before
			return s.refused(err, r)
		case !r.away() || try >= l.Retries || !l.pause(ctx, s, r.Delay, try):
			return s.refused(err, r)
		}
	}
}

// answered finds answers that say nothing of the object: it must be looked at again.
func (s Step) answered(live *unstructured.Unstructured) error {
	wrong := ""
	switch {
	case s.Verb == Delete:
		return nil
	case live == nil:
		wrong = "the client returned neither an object nor an error"
	case !s.Ref.is(live):
		wrong = "the client returned another object"
	default:
		return nil
	}
	return &Error{Object: s.Ref.String(), Cluster: s.Ref.Cluster, Field: "client", Err: fmt.Errorf("%w: %s", ErrInvalid, wrong)}
}

// recreate is the delete that an apply becomes when the member will not change a field.
func (s Step) recreate(refused error) Step {
	s.Verb, s.Reason, s.Message = Delete, ReasonImmutable, "cannot be changed; deleted to be created again"
	if !s.secret() {
		s.Message = refused.Error() + "; deleted to be created again"
	}
	s.Manifest, s.Changes, s.Patch, s.Mend = nil, nil, nil, nil
	return s
}

// wait gives the lane's verdict on the member, and keeps the interval between two requests.
func (l *lane) wait(ctx context.Context) error {
	l.mu.Lock()
	failures, last, started := l.failures, l.last, l.started
	l.started = true
	l.mu.Unlock()
	if failures-breakAfter >= max(l.Retries, 0) {
		return fmt.Errorf("%w: %w", ErrUnreachable, last)
	}
	if !started {
		return ctx.Err()
	}
	return l.turn(ctx)
}

// turn keeps the interval to the request before.
func (l *lane) turn(ctx context.Context) error {
	if l.ticker != nil {
		select {
		case <-l.ticker.C:
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

// learn counts failures in a row to reach the member.
func (l *lane) learn(err error, away bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !away {
		l.failures = 0
		return
	}
	l.failures, l.last = l.failures+1, err
}

// pause sleeps before another try: as long as the member asks for, else a doubling time, of which a part depends on the
// cluster and the object, so that not all come back at once. False: ctx ended, or the member asks for longer than a request
// may take.
func (l *lane) pause(ctx context.Context, s Step, delay time.Duration, try int) bool {
	if delay > l.timeout() {
		return false
	}
	const first, most = 200 * time.Millisecond, 30 * time.Second
	wait := min(first<<min(try, 10), most)
	h := fnv.New32a()
	_, _ = fmt.Fprint(h, s.Ref.Cluster, s.Ref, try)
	wait = wait/2 + wait/2*time.Duration(h.Sum32()%1000)/1000
	timer := time.NewTimer(max(wait, delay))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// refused turns a member's refusal into a result.
func (s Step) refused(err error, r Refusal) Result {
	outcome := Failed
	if r.reason() != "" && r.Cause != CauseStale {
		outcome = Held
	}
	out := s.end(outcome, cmp.Or(r.reason(), s.Reason), s.live, err)
	out.Message = r.words()
	return out
}

// withhold hides what a member says of a Secret, since it may quote what it refuses.
func (s Step) withhold(err error) error {
	if err == nil || !s.secret() {
		return err
	}
	r := Refused(err)
	withheld := withheldError{Refusal{Cause: r.Cause, Delay: r.Delay, Message: "the member refused it"}, errors.Is(err, context.DeadlineExceeded)}
	return &Error{Object: s.Ref.String(), Cluster: s.Ref.Cluster, Err: withheld}
}
