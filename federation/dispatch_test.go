package federation_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/fedtest"
	"github.com/confed-project/confed/placement"
	"github.com/confed-project/confed/status"
)

// manyPlans is one plan for n config maps in each member.
func manyPlans(p *program, n int) federation.Plan {
	var plan federation.Plan
	for i := range n {
		obj := federation.Object{Placement: everywhere(), Template: decode(p, fmt.Sprintf(
			`{apiVersion: v1, kind: ConfigMap, metadata: {name: n-%d, namespace: default}}`, i))}
		plan.Steps = append(plan.Steps, p.plan(obj).Steps...)
	}
	return plan
}

func names(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("m%03d", i)
	}
	return list
}

// TestDispatchOneResultPerStep: exactly one, in the order of the plan, keep and hold included.
func TestDispatchOneResultPerStep(t *testing.T) {
	p := newProgram(t, names(5)...)
	plan := manyPlans(p, 4)
	plan.Steps[3].Verb, plan.Steps[3].Reason = federation.Hold, federation.ReasonSuspended
	plan.Steps[7].Verb, plan.Steps[7].Reason = federation.Keep, federation.ReasonSettled
	results := federation.Dispatcher{Clients: p.members.Clients}.Dispatch(t.Context(), plan)
	require.Len(t, results, len(plan.Steps))
	for i, r := range results {
		require.Equal(t, plan.Steps[i].Ref, r.Step.Ref)
		require.NoError(t, r.Err)
		require.Equal(t, map[bool]federation.Outcome{true: federation.Held, false: federation.Done}[i == 3], r.Outcome)
	}
	require.Empty(t, federation.Dispatcher{}.Dispatch(t.Context(), federation.Plan{}))
}

// TestOrderInAMember: namespaces first; deletes before everything, what lives in a namespace before it.
func TestOrderInAMember(t *testing.T) {
	p := newProgram(t, "a")
	texts := []string{
		`{apiVersion: apps/v1, kind: Deployment, metadata: {name: d, namespace: ns}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}}}}`,
		`{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: ns}}`,
		`{apiVersion: v1, kind: Namespace, metadata: {name: ns}}`,
	}
	run := func(policy placement.Policy) []string {
		var plan federation.Plan
		for _, text := range texts {
			p.snap.Holders = nil
			plan.Steps = append(plan.Steps, p.plan(federation.Object{Template: decode(t, text), Placement: policy, Cascade: true}).Steps...)
		}
		before := len(p.members.Member("a").Requests())
		for _, r := range (federation.Dispatcher{Clients: p.members.Clients}).Dispatch(t.Context(), plan) {
			require.NoError(t, r.Err)
		}
		var kinds []string
		for _, r := range p.members.Member("a").Requests()[before:] {
			kinds = append(kinds, r.Kind)
		}
		return kinds
	}
	require.Equal(t, []string{"Namespace", "ConfigMap", "Deployment"}, run(everywhere()))
	require.Equal(t, []string{"Deployment", "ConfigMap", "Namespace"}, run(placement.Policy{}))
}

// TestDeadMembers: what hangs or refuses costs the others nothing, and says which member it is. The bubble has a clock of its
// own, and fails when a goroutine outlives the call.
func TestDeadMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProgram(t, names(20)...)
		plan := manyPlans(p, 5)
		p.members.Member("m003").Break(fedtest.Silent())
		p.members.Member("m004").Break(fedtest.Refused())
		d := federation.Dispatcher{Clients: p.members.Clients, Timeout: time.Minute, PerMember: 1}
		start := time.Now()
		seen := 0
		for r := range d.Run(t.Context(), plan) {
			hangs := r.Step.Ref.Cluster == "m003"
			dead := hangs || r.Step.Ref.Cluster == "m004"
			require.Equal(t, map[bool]federation.Outcome{true: federation.Failed, false: federation.Done}[dead], r.Outcome, "%v", r.Err)
			require.Equal(t, hangs, time.Since(start) > 0, "nobody waits for the one that hangs")
			seen++
		}
		require.Equal(t, 100, seen)
		require.Equal(t, 2*time.Minute, time.Since(start))
		require.Equal(t, 2, writes(p, "m003"), "the breaker spares what will not answer")
		require.Equal(t, 2, writes(p, "m004"))
	})
}

func writes(p *program, name string) int {
	n := 0
	for _, r := range p.members.Member(name).Requests() {
		if r.Writes() {
			n++
		}
	}
	return n
}

// TestBreakerErrors: the steps that were not sent say so.
func TestBreakerErrors(t *testing.T) {
	p := newProgram(t, "a")
	plan := manyPlans(p, 4)
	p.members.Member("a").Break(fedtest.Refused())
	results := federation.Dispatcher{Clients: p.members.Clients, PerMember: 1}.Dispatch(t.Context(), plan)
	require.NotErrorIs(t, results[1].Err, federation.ErrUnreachable)
	require.ErrorIs(t, results[2].Err, federation.ErrUnreachable)
	require.ErrorContains(t, results[3].Err, "refused")
}

// TestCancel: cancelled at any request, every step has a truthful result.
func TestCancel(t *testing.T) {
	for after := range 12 {
		p := newProgram(t, names(3)...)
		plan := manyPlans(p, 4)
		ctx, cancel := context.WithCancel(t.Context())
		var mu sync.Mutex
		left := after
		fault := fedtest.Fault{Before: func(context.Context, fedtest.Request) error {
			mu.Lock()
			defer mu.Unlock()
			if left--; left < 0 {
				cancel()
				return ctx.Err()
			}
			return nil
		}}
		for _, name := range p.members.Names() {
			p.members.Member(name).Break(fault)
		}
		results := federation.Dispatcher{Clients: p.members.Clients}.Dispatch(ctx, plan)
		cancel()
		done := 0
		for i, r := range results {
			require.Equal(t, plan.Steps[i].Ref, r.Step.Ref)
			there := slices.ContainsFunc(p.members.Member(r.Step.Ref.Cluster).Objects(), func(o *object) bool { return o.GetName() == r.Step.Ref.Name })
			require.Equal(t, there, r.Outcome == federation.Done, "%s", r)
			if there {
				done++
				continue
			}
			require.ErrorIs(t, r.Err, context.Canceled)
		}
		require.Equal(t, after, done)
	}
}

// TestStopEarly: a caller that breaks off waits for nobody and leaves nobody behind.
func TestStopEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProgram(t, names(10)...)
		plan := manyPlans(p, 5)
		p.members.Member("m001").Break(fedtest.Silent())
		start := time.Now()
		for r := range (federation.Dispatcher{Clients: p.members.Clients}).Run(t.Context(), plan) {
			require.NotEmpty(t, r.Outcome)
			break
		}
		require.Zero(t, time.Since(start))
	})
}

// TestLimit: never more than so many members are written to at a time.
func TestLimit(t *testing.T) {
	p := newProgram(t, names(12)...)
	plan := manyPlans(p, 2)
	var mu sync.Mutex
	now, most := 0, 0
	for _, name := range p.members.Names() {
		p.members.Member(name).Break(fedtest.Fault{Before: func(context.Context, fedtest.Request) error {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			time.Sleep(time.Millisecond)
			mu.Lock()
			now--
			mu.Unlock()
			return nil
		}})
	}
	federation.Dispatcher{Clients: p.members.Clients, Limit: 3, PerMember: 1}.Dispatch(t.Context(), plan)
	require.LessOrEqual(t, most, 3)
	require.Positive(t, most)
	plan = manyPlans(newProgram(t, "m000"), 20)
	most = 0
	federation.Dispatcher{Clients: p.members.Clients, PerMember: 5}.Dispatch(t.Context(), plan)
	require.LessOrEqual(t, most, 5)
	require.Positive(t, most)
}

// TestRetries: what a member put off is tried again, no sooner than it asks for, and as often as is allowed.
func TestRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProgram(t, "a")
		plan := manyPlans(p, 1)
		tries := 0
		p.members.Member("a").Break(fedtest.Fault{Before: func(context.Context, fedtest.Request) error {
			if tries++; tries < 3 {
				return apierrors.NewTooManyRequests("slow down", 7)
			}
			return nil
		}})
		start := time.Now()
		results := federation.Dispatcher{Clients: p.members.Clients, Retries: 2}.Dispatch(t.Context(), plan)
		require.NoError(t, results[0].Err)
		require.Equal(t, 14*time.Second, time.Since(start))

		plan, tries = manyPlans(newProgram(t, "a"), 1), -10
		results = federation.Dispatcher{Clients: p.members.Clients, Retries: 2}.Dispatch(t.Context(), plan)
		require.Equal(t, federation.Failed, results[0].Outcome)
		require.True(t, apierrors.IsTooManyRequests(results[0].Err))
		require.Equal(t, -7, tries)

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start = time.Now()
		results = federation.Dispatcher{Clients: p.members.Clients, Retries: 2}.Dispatch(ctx, plan)
		require.Equal(t, federation.Failed, results[0].Outcome)
		require.Equal(t, time.Second, time.Since(start), "a pause ends with the context")
	})
}

// TestRefusedSecrets: what a member says about a Secret is withheld, but not what kind of refusal it is.
func TestRefusedSecrets(t *testing.T) {
	p := newProgram(t, "a")
	plan := p.plan(federation.Object{Placement: everywhere(), Template: decode(t, `{apiVersion: v1, kind: Secret, metadata: {name: s, namespace: default}}`)})
	refuse := func(err error) federation.Result {
		p.members.Member("a").Break(fedtest.Fault{Before: func(context.Context, fedtest.Request) error { return err }})
		r := federation.Dispatcher{Clients: p.members.Clients}.Dispatch(t.Context(), plan)[0]
		require.NotContains(t, fmt.Sprintf("%v %+v %s", r.Err, federation.Refused(r.Err), r.Message), "canary")
		return r
	}
	r := refuse(apierrors.NewTooManyRequests("canary", 7))
	require.Equal(t, federation.Refusal{Cause: federation.CauseThrottled, Delay: 7 * time.Second, Message: "the member refused it"}, federation.Refused(r.Err))
	require.NotErrorIs(t, r.Err, context.DeadlineExceeded)
	r = refuse(fmt.Errorf("canary: %w", context.DeadlineExceeded))
	require.Equal(t, federation.CauseUnreachable, federation.Refused(r.Err).Cause)
	require.ErrorIs(t, r.Err, context.DeadlineExceeded)
}

// TestLostAnswer: a create whose answer was lost and that is tried again finds what it made; it is looked at, not adopted.
func TestLostAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProgram(t, "a")
		obj := federation.Object{Template: decode(t, configYAML), Placement: everywhere()}
		lost := false
		plan := p.plan(obj)
		p.members.Member("a").Break(fedtest.Fault{After: func(_ context.Context, r fedtest.Request) error {
			if !lost && r.Verb == "create" {
				lost = true
				return context.DeadlineExceeded
			}
			return nil
		}})
		r := federation.Dispatcher{Clients: p.members.Clients, Retries: 1}.Dispatch(t.Context(), plan)[0]
		require.Equal(t, federation.Failed, r.Outcome)
		require.Equal(t, federation.ReasonConflict, r.Reason)
		p.snap.Holders = plan.Holders()
		require.Equal(t, map[string]string{"a": "keep Settled"}, verbs(p.plan(obj)))
	})
}

// TestInterval: requests to one member keep their distance, those to others do not wait for them.
func TestInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProgram(t, "a", "b", "c")
		plan := manyPlans(p, 5)
		start := time.Now()
		for _, r := range (federation.Dispatcher{Clients: p.members.Clients, Interval: time.Second}).Dispatch(t.Context(), plan) {
			require.NoError(t, r.Err)
		}
		require.Equal(t, 4*time.Second, time.Since(start))
	})
}

func TestNoConnection(t *testing.T) {
	p := newProgram(t, "a", "b")
	plan := manyPlans(p, 2)
	boom := errors.New("no credentials")
	d := federation.Dispatcher{Clients: func(name string) (federation.ClusterClient, error) {
		if name == "a" {
			return nil, boom
		}
		return p.members.Clients(name)
	}}
	for _, r := range d.Dispatch(t.Context(), plan) {
		if r.Step.Ref.Cluster == "a" {
			require.ErrorIs(t, r.Err, boom)
		} else {
			require.NoError(t, r.Err)
		}
	}
}

// TestObserve: every target has an observation; a member that fails is unknown and costs the others nothing.
func TestObserve(t *testing.T) {
	p := newProgram(t, names(6)...)
	obj := federation.Object{Template: decode(t, configYAML), Placement: everywhere()}
	p.reconcile(obj)
	gr := schema.GroupResource{Resource: "configmaps"}
	fail := func(err error) fedtest.Fault {
		return fedtest.Fault{Before: func(context.Context, fedtest.Request) error { return err }}
	}
	p.members.Member("m001").Break(fedtest.Refused())
	p.members.Member("m002").Break(fail(apierrors.NewNotFound(gr, "a")))
	p.members.Member("m003").Break(fail(apierrors.NewGenericServerResponse(404, "GET", gr, "", "the server could not find the requested resource", 0, true)))
	p.members.Member("m004").Break(fail(apierrors.NewForbidden(gr, "a", errors.New("no"))))
	targets := p.planner.Targets(obj, p.snap)
	targets = append(targets, federation.Ref{Cluster: "nowhere", GVK: targets[0].GVK, Namespace: "default", Name: "a"})
	observed := federation.Observe(t.Context(), p.members.Clients, targets)
	require.Len(t, observed, 7)
	var states []federation.State
	for _, target := range targets {
		o := observed[target.Key()]
		require.Equal(t, o.State == federation.Unknown, o.Err != nil, target.Cluster)
		require.Equal(t, o.State == federation.Present, o.Live != nil, target.Cluster)
		states = append(states, o.State)
	}
	require.Equal(t, []federation.State{federation.Present, federation.Unknown, federation.Absent, federation.Unknown,
		federation.Unknown, federation.Present, federation.Unknown}, states, "a path that is not served says nothing about the object")
	require.ErrorIs(t, observed[targets[6].Key()].Err, fedtest.ErrUnknownCluster)
}

// TestObserveBrokenClient: neither an object nor an error is nothing to act on.
func TestObserveBrokenClient(t *testing.T) {
	target := federation.Ref{Cluster: "a", GVK: schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}, Namespace: "n", Name: "a"}
	observed := federation.Observe(t.Context(), func(string) (federation.ClusterClient, error) { return broken{}, nil }, []federation.Ref{target})
	require.Equal(t, federation.Unknown, observed[target.Key()].State)
	require.Error(t, observed[target.Key()].Err)
}

func TestStatuses(t *testing.T) {
	step := func(verb federation.Verb) federation.Step {
		return federation.Step{Ref: federation.Ref{Cluster: "a"}, Verb: verb}
	}
	tests := map[string]struct {
		result federation.Result
		want   status.State
	}{
		"created":        {federation.Result{Step: step(federation.Create), Outcome: federation.Done, Reason: federation.ReasonAbsent}, status.StateCurrent},
		"settled":        {federation.Result{Step: step(federation.Keep), Outcome: federation.Done, Reason: federation.ReasonSettled}, status.StateCurrent},
		"nothing wished": {federation.Result{Step: step(federation.Keep), Outcome: federation.Done, Reason: federation.ReasonUnselected}, status.StateGone},
		"deleted":        {federation.Result{Step: step(federation.Delete), Outcome: federation.Done, Reason: federation.ReasonUnselected}, status.StateRemoving},
		"released":       {federation.Result{Step: step(federation.Release), Outcome: federation.Done, Reason: federation.ReasonUnselected}, status.StateGone},
		"dark":           {federation.Result{Step: step(federation.Hold), Outcome: federation.Held, Reason: federation.ReasonUnobserved}, status.StateUnknown},
		"left the fleet": {federation.Result{Step: step(federation.Hold), Outcome: federation.Held, Reason: federation.ReasonUnknownCluster}, status.StateUnknown},
		"foreign":        {federation.Result{Step: step(federation.Hold), Outcome: federation.Held, Reason: federation.ReasonNotOwned}, status.StatePending},
		"deleting":       {federation.Result{Step: step(federation.Hold), Outcome: federation.Held, Reason: federation.ReasonDeleting}, status.StateRemoving},
		"invalid":        {federation.Result{Step: step(federation.Apply), Outcome: federation.Held, Reason: federation.ReasonInvalidManifest}, status.StateFailed},
		"failed":         {federation.Result{Step: step(federation.Apply), Outcome: federation.Failed, Reason: federation.ReasonChanged}, status.StateFailed},
		"raced":          {federation.Result{Step: step(federation.Apply), Outcome: federation.Failed, Reason: federation.ReasonConflict}, status.StatePending},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.want, federation.Statuses([]federation.Result{test.result})[0].State)
		})
	}
}
