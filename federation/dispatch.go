package federation

import (
	"cmp"
	"context"
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
	// Limit is how many members are written to at a time; default 256. A member that hangs takes one place until its
	// lane gives up.
	Limit int
	// PerMember is how many requests one member gets at a time, among steps of one rank; default 4.
	PerMember int
	// Interval is the least time between the starts of two requests to one member; default none.
	Interval time.Duration
	// Timeout is how long one request may take; default 30 seconds.
	Timeout time.Duration
	// Retries is how often a request is tried again that a member did not answer or put off (429, 502 to 504), after a
	// growing pause, different for each object, or the one that the member asks for, unless that is longer than Timeout;
	// default 0. What may have been done is not lost: a create that is tried again finds what the first try made, and is
	// Failed / Conflict, to be looked at again.
	Retries int
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
	// Err is the refusal or the failure, which Refused reads; nil for Done and for steps that were held by the plan.
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
// call. Unless Retries says so nothing is tried twice: what failed is observed and planned again. A step that no planner makes
// (without a manifest, of another object than it says, without the observed UID) and a second step for one object are
// Failed with ErrInvalid.
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
		places := semaphore.NewWeighted(int64(orDefault(d.Limit, 256)))
		steps := slices.Clone(plan.Steps)
		seen := make(map[Key]bool, len(steps))
		for i, s := range steps {
			if seen[s.Ref.Key()] && s.Verb != Keep && s.Verb != Hold {
				steps[i].Verb = twice
			}
			seen[s.Ref.Key()] = true
		}
		for _, order := range lanesOf(steps) {
			lanes.Go(func() {
				l := lane{Dispatcher: d, places: places}
				l.run(ctx, steps, order, func(i int, r Result) { results <- ended{i, r} })
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

// twice marks a second step for one object; it is no verb, so the step fails.
const twice Verb = "second step for one object"

func orDefault(n, def int) int {
	if n > 0 {
		return n
	}
	return def
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

func (s Step) end(outcome Outcome, reason Reason, live *unstructured.Unstructured, err error) Result {
	r := Result{Step: s, Outcome: outcome, Reason: reason, Message: s.Message, Live: live, Err: err}
	if err != nil {
		r.Message = err.Error()
	}
	return r
}
