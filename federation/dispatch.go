package federation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"golang.org/x/sync/semaphore"
)

// Dispatcher carries plans out. Every member has its own lane, deadline and breaker, so a member that is dead or slow
// costs the others nothing. The zero value but for Clients is ready; it holds no state and is safe for concurrent use.
type Dispatcher struct {
	// Clients finds the connection to a cluster.
	Clients Clients
	// Limit is how many members are written to at a time; default 128. A member that hangs takes one place until Timeout.
	Limit int
	// Timeout is how long one request may take; default 30 seconds.
	Timeout time.Duration
}

// Result is what became of one step.
type Result struct {
	Step    Step
	Outcome Outcome
	// Reason says why a step was held: the step's own, or what the member's refusal means.
	Reason  Reason
	Message string
	// Live is what the member answered, or the observed object when nothing was sent. It is read-only.
	Live *unstructured.Unstructured
	// Settled is what to keep for the next Observation.
	Settled Settled
	// Err is the refusal or the failure; nil for Done and for steps that were held by the plan.
	Err error
}

// Outcome says how a step ended.
type Outcome string

// The outcomes.
const (
	Done   Outcome = "Done"   // carried out, or nothing to do
	Held   Outcome = "Held"   // by the plan, or the member refused for good
	Failed Outcome = "Failed" // may be observed, planned and tried again
)

// Dispatch carries the plan out and returns exactly one Result per Step, in the order of the plan, keep and hold
// included. It returns when every step has ended; when ctx ends, the rest fail with its error. No goroutine outlives the
// call. Nothing is tried twice: what failed is observed and planned again.
func (d Dispatcher) Dispatch(ctx context.Context, plan Plan) []Result {
	results := make([]Result, len(plan.Steps))
	for i, r := range d.run(ctx, plan) {
		results[i] = r
	}
	return results
}

// Run is Dispatch that yields each Result as its step ends. A caller that stops early cancels what has not ended.
func (d Dispatcher) Run(ctx context.Context, plan Plan) iter.Seq[Result] {
	return func(yield func(Result) bool) {
		for _, r := range d.run(ctx, plan) {
			if !yield(r) {
				return
			}
		}
	}
}

// run yields the index of each step with its result.
func (d Dispatcher) run(ctx context.Context, plan Plan) iter.Seq2[int, Result] {
	return func(yield func(int, Result) bool) {
		if plan.Redacted {
			for i, s := range plan.Steps {
				if !yield(i, s.end(Failed, "", nil, ErrRedacted)) {
					return
				}
			}
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		type ended struct {
			i int
			r Result
		}
		// Room for all: a lane never waits for the reader, so that stopping early strands nobody.
		results := make(chan ended, len(plan.Steps))
		var lanes sync.WaitGroup
		defer lanes.Wait()
		defer cancel()
		places := semaphore.NewWeighted(int64(cmp.Or(max(d.Limit, 0), 128)))
		for _, steps := range lanesOf(plan.Steps) {
			lanes.Go(func() {
				l := lane{Dispatcher: d, places: places}
				for _, i := range steps {
					results <- ended{i, l.do(ctx, plan.Steps[i])}
				}
				l.leave()
			})
		}
		for range plan.Steps {
			e := <-results
			if !yield(e.i, e.r) {
				return
			}
		}
	}
}

// lanesOf groups the indices of the steps by cluster: deletes first, from high rank to low, then the rest by rank.
func lanesOf(steps []Step) [][]int {
	byCluster := map[string]int{}
	var lanes [][]int
	for i, s := range steps {
		n, ok := byCluster[s.Ref.Cluster]
		if !ok {
			n = len(lanes)
			byCluster[s.Ref.Cluster] = n
			lanes = append(lanes, nil)
		}
		lanes[n] = append(lanes[n], i)
	}
	for _, lane := range lanes {
		slices.SortStableFunc(lane, func(a, b int) int { return cmp.Compare(steps[a].order(), steps[b].order()) })
	}
	return lanes
}

// order puts deletes, from high rank to low, before everything else.
func (s Step) order() int {
	const deletes = -1000
	if s.Verb == Delete {
		return deletes - s.Rank
	}
	return s.Rank
}

// breakAfter is how many requests in a row may fail to reach a member before its lane gives up.
const breakAfter = 2

// lane carries out the steps of one member, one after the other.
type lane struct {
	Dispatcher
	places   *semaphore.Weighted
	held     bool // a place among those who write
	client   ClusterClient
	err      error // of finding the client
	failures int
	last     error
}

func (l *lane) leave() {
	if l.held {
		l.places.Release(1)
	}
}

func (l *lane) do(ctx context.Context, s Step) Result {
	switch s.Verb {
	case Keep:
		r := s.end(Done, s.Reason, s.live, nil)
		if s.live != nil && s.Digest != "" {
			r.Settled = Settled{s.Digest, s.live.GetResourceVersion()}
		}
		return r
	case Hold:
		return s.end(Held, s.Reason, s.live, nil)
	}
	if !l.held {
		if err := l.places.Acquire(ctx, 1); err != nil {
			return s.end(Failed, s.Reason, s.live, err)
		}
		l.held = true
		l.client, l.err = l.Clients(s.Ref.Cluster)
	}
	switch {
	case l.err != nil:
		return s.end(Failed, s.Reason, s.live, l.err)
	case l.failures >= breakAfter:
		return s.end(Failed, s.Reason, s.live, fmt.Errorf("%w: %w", ErrUnreachable, l.last))
	case ctx.Err() != nil:
		return s.end(Failed, s.Reason, s.live, ctx.Err())
	}
	live, err := l.send(ctx, s)
	if err == nil {
		l.failures = 0
		r := s.end(Done, s.Reason, live, nil)
		if live != nil && s.Digest != "" {
			r.Settled = Settled{s.Digest, live.GetResourceVersion()}
		}
		return r
	}
	return l.refused(s, err)
}

// refused turns the member's refusal into a result.
func (l *lane) refused(s Step, err error) Result {
	c := classify(err)
	if c.breaker {
		l.failures, l.last = l.failures+1, err
	} else {
		l.failures = 0
	}
	if s.secret() {
		// A member may quote what it refuses.
		c.message, err = "the member refused it", &Error{Object: s.Ref.String(), Cluster: s.Ref.Cluster, Err: errWithheld}
	}
	outcome := Failed
	if c.reason != "" && !c.stale {
		outcome = Held
	}
	r := s.end(outcome, cmp.Or(c.reason, s.Reason), s.live, err)
	r.Message = c.message
	return r
}

var errWithheld = errors.New("refused; the answer is withheld because it may quote the Secret")

func (s Step) end(outcome Outcome, reason Reason, live *unstructured.Unstructured, err error) Result {
	r := Result{Step: s, Outcome: outcome, Reason: reason, Message: s.Message, Live: live, Err: err}
	if err != nil {
		r.Message = err.Error()
	}
	return r
}
