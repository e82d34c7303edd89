package federation_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/fedtest"
	"github.com/confed-project/confed/placement"
)

// liar answers every write with the same object.
type liar struct {
	federation.ClusterClient
	answer *object
}

func (l liar) Create(context.Context, *object, metav1.CreateOptions) (*object, error) {
	return l.answer, nil
}

func (l liar) Patch(context.Context, *object, []byte, metav1.PatchOptions) (*object, error) {
	return l.answer, nil
}

// TestAnswersThatSayNothing: neither an object nor an error, or another object. It is looked at again, and nothing is settled.
func TestAnswersThatSayNothing(t *testing.T) {
	p := newProgram(t, "a", "b")
	obj := federation.Object{Template: decode(t, configYAML), Placement: everywhere()}
	create := p.plan(obj)
	p.reconcile(obj)
	obj.Template = decode(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: default}, data: {colour: red}}`)
	other := decode(t, configYAML)
	other.SetName("other")
	other.SetResourceVersion("7")
	for _, answer := range []*object{nil, {}, other} {
		for _, plan := range []federation.Plan{create, p.plan(obj)} {
			results := federation.Dispatcher{Clients: func(name string) (federation.ClusterClient, error) {
				if name == "a" {
					return liar{answer: answer}, nil
				}
				return p.members.Clients(name)
			}}.Dispatch(t.Context(), plan)
			require.Equal(t, federation.Failed, results[0].Outcome)
			require.ErrorIs(t, results[0].Err, federation.ErrInvalid)
			require.ErrorContains(t, results[0].Err, `cluster "a": client: `)
			require.Zero(t, results[0].Settled)
			require.NotErrorIs(t, results[1].Err, federation.ErrInvalid)
		}
	}
}

// TestIntervalInAStep: a step of several requests keeps the distance too, and its requests have a time-out each.
func TestIntervalInAStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProgram(t, "a")
		obj := federation.Object{Template: decode(t, configYAML), Placement: everywhere()}
		p.reconcile(obj)
		obj.Template.SetLabels(map[string]string{"x": "y"})
		plan := p.plan(obj)
		require.NotNil(t, plan.Steps[0].Patch, "managed fields are moved before")
		var at []time.Time
		p.members.Member("a").Break(fedtest.Fault{Before: func(context.Context, fedtest.Request) error {
			at = append(at, time.Now())
			return nil
		}})
		d := federation.Dispatcher{Clients: p.members.Clients, Interval: time.Minute, Timeout: time.Second}
		require.NoError(t, d.Dispatch(t.Context(), plan)[0].Err)
		require.Len(t, at, 2)
		require.Equal(t, time.Minute, at[1].Sub(at[0]))
	})
}

// TestAnyNumberOfRetries is a number of retries.
func TestAnyNumberOfRetries(t *testing.T) {
	for _, n := range []int{math.MinInt, -1, math.MaxInt} {
		p := newProgram(t, "a")
		for _, r := range (federation.Dispatcher{Clients: p.members.Clients, Retries: n}).Dispatch(t.Context(), manyPlans(p, 2)) {
			require.NoError(t, r.Err)
		}
	}
}

// TestRetryNextYear: a member that asks for longer than a request may take is left to the next plan.
func TestRetryNextYear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProgram(t, "a")
		plan := manyPlans(p, 1)
		p.members.Member("a").Break(fedtest.Failing(apierrors.NewTooManyRequests("next year", 365*24*3600)))
		start := time.Now()
		r := federation.Dispatcher{Clients: p.members.Clients, Retries: 5}.Dispatch(t.Context(), plan)[0]
		require.Equal(t, federation.Failed, r.Outcome)
		require.True(t, apierrors.IsTooManyRequests(r.Err))
		require.Zero(t, time.Since(start))
	})
}

// TestBreakerKeepsSecrets: what a member said of one Secret is not told with the next.
func TestBreakerKeepsSecrets(t *testing.T) {
	p := newProgram(t, "a")
	var plan federation.Plan
	for i := range 4 {
		plan = federation.Join(plan, p.plan(federation.Object{Placement: everywhere(), Template: decode(t,
			fmt.Sprintf(`{apiVersion: v1, kind: Secret, metadata: {name: s%d, namespace: default}, stringData: {a: %s}}`, i, canary))}))
	}
	p.members.Member("a").Break(fedtest.Failing(apierrors.NewServiceUnavailable("cannot store " + canary)))
	results := federation.Dispatcher{Clients: p.members.Clients, PerMember: 1}.Dispatch(t.Context(), plan)
	require.ErrorIs(t, results[3].Err, federation.ErrUnreachable)
	for _, r := range results {
		data, err := json.Marshal(r)
		require.NoError(t, err)
		require.NotContains(t, fmt.Sprintf("%v %+v %#v %v %s %s", r, r, r, r.Err, r.Message, data), canary)
	}
}

// TestUnmaskedByHand: a masked step stays refused in a plan that no longer says that it is redacted, and so is a step without
// a UID to go by.
func TestUnmaskedByHand(t *testing.T) {
	p := newProgram(t, "a")
	obj := federation.Object{Placement: everywhere(), Template: decode(t, `{apiVersion: v1, kind: Secret, metadata: {name: a, namespace: default}, type: Opaque}`)}
	data, err := json.Marshal(p.plan(obj))
	require.NoError(t, err)
	masked, err := federation.DecodePlan(data)
	require.NoError(t, err)
	d := federation.Dispatcher{Clients: p.members.Clients}
	require.ErrorIs(t, d.Dispatch(t.Context(), federation.Plan{Steps: masked.Steps})[0].Err, federation.ErrRedacted)
	p.reconcile(obj)
	obj.Template.SetLabels(map[string]string{"a": "b"})
	plan := p.plan(obj)
	plan.Steps[0].Precondition.UID = ptr(types.UID(""))
	require.ErrorIs(t, d.Dispatch(t.Context(), plan)[0].Err, federation.ErrInvalid)
}

// TestCutDownPlan: what was cut away is not known to be gone, and no copy is forgotten with it. A joined plan is whole when its
// parts are.
func TestCutDownPlan(t *testing.T) {
	p := newProgram(t, "a", "b")
	obj := federation.Object{Template: decode(t, configYAML), Placement: everywhere()}
	p.reconcile(obj)
	obj.Placement = placement.Policy{Clusters: []string{}}
	gone := p.plan(obj)
	require.Len(t, gone.Steps, 2)
	for _, r := range (federation.Dispatcher{Clients: p.members.Clients}).Dispatch(t.Context(), federation.Plan{Steps: gone.Steps[:1]}) {
		require.NoError(t, r.Err)
	}
	cut := p.plan(obj)
	require.Equal(t, []string{"b"}, cut.Holders())
	cut.Steps = cut.Steps[:1]
	for range 2 {
		require.False(t, cut.Gone())
		require.Nil(t, cut.Holders())
		data, err := federation.EncodePlan(cut)
		require.NoError(t, err)
		cut, err = federation.DecodePlan(data)
		require.NoError(t, err)
	}
	p.reconcile(obj)
	whole := p.plan(obj)
	require.True(t, whole.Gone())
	require.True(t, federation.Join(whole, whole).Gone())
	require.False(t, federation.Join(whole, federation.Plan{}).Gone())
	require.False(t, federation.Join().Gone())
}
