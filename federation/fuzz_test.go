package federation_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/placement"
	"github.com/confed-project/confed/scheduling"
)

type object = unstructured.Unstructured

// broken is a client that answers nothing at all.
type broken struct{}

func (broken) Get(context.Context, schema.GroupVersionKind, types.NamespacedName) (*object, error) {
	return nil, nil
}
func (broken) Create(context.Context, *object, metav1.CreateOptions) (*object, error) {
	return nil, nil
}
func (broken) Patch(context.Context, *object, []byte, metav1.PatchOptions) (*object, error) {
	return nil, nil
}
func (broken) Delete(context.Context, schema.GroupVersionKind, types.NamespacedName, metav1.DeleteOptions) error {
	return nil
}

// FuzzPlan: whatever the template and the live object are, a plan neither panics nor changes its arguments, equal input in
// any order gives equal bytes, and dispatching it with a client that answers nothing does not panic either.
func FuzzPlan(f *testing.F) {
	f.Add([]byte(configYAML), []byte(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","labels":{"confed.dev/owner":"test"}}}`), uint8(0))
	f.Add([]byte(`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"a"},"spec":{"replicas":3}}`),
		[]byte(`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"a","labels":{"confed.dev/owner":"test"},"managedFields":[{"manager":"confed.dev/test","operation":"Apply","apiVersion":"apps/v1","fieldsV1":{"f:spec":{}}}]}}`), uint8(255))
	f.Add([]byte(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a","labels":3},"stringData":{"a":1}}`), []byte(`{"metadata":null}`), uint8(7))
	f.Fuzz(func(t *testing.T, template, live []byte, bits uint8) {
		var tm, lm map[string]any
		if json.Unmarshal(template, &tm) != nil || json.Unmarshal(live, &lm) != nil || tm == nil || lm == nil {
			return
		}
		obj := federation.Object{
			Template: &object{Object: tm}, Placement: everywhere(), Orphan: bits&1 > 0, HoldConflicts: bits&2 > 0, Cascade: bits&4 > 0,
			Adopt: []federation.Adopt{federation.AdoptNever, federation.AdoptIfIdentical, federation.AdoptAlways}[bits%3],
		}
		if bits&8 > 0 {
			obj.Placement = placement.Policy{Clusters: []string{"a", "nowhere"}}
		}
		if bits&16 > 0 {
			obj.Replicas = &federation.Replicas{}
		}
		if bits&32 > 0 {
			obj.Retain = []string{"/spec/replicas", "/data/x"}
		}
		facts := []placement.Cluster{{Name: "a"}, {Name: "b"}, {Name: "c"}}
		snap := federation.Snapshot{Now: time.Unix(1, 0), Observed: map[federation.Key]federation.Observation{}}
		plan := func() (federation.Plan, string) {
			var err error
			snap.Fleet, err = placement.NewFleet(facts)
			require.NoError(t, err)
			p, err := planner().Plan(obj, snap)
			if err != nil {
				return p, err.Error()
			}
			data, err := federation.EncodePlan(p)
			require.NoError(t, err)
			return p, string(data) + p.String() + p.Explain("a")
		}
		snap.Fleet, _ = placement.NewFleet(facts)
		for _, ref := range planner().Targets(obj, snap) {
			snap.Observed[ref.Key()] = map[string]federation.Observation{
				"a": {State: federation.Present, Live: &object{Object: lm}}, "b": {State: federation.Absent},
			}[ref.Cluster]
		}
		before, err := json.Marshal([]any{tm, lm})
		require.NoError(t, err)
		p, first := plan()
		slices.Reverse(facts)
		_, second := plan()
		require.Equal(t, first, second)
		federation.Dispatcher{Clients: func(string) (federation.ClusterClient, error) { return broken{}, nil }}.Dispatch(t.Context(), p)
		after, err := json.Marshal([]any{tm, lm})
		require.NoError(t, err)
		require.Equal(t, string(before), string(after))
	})
}

func FuzzDecodePlan(f *testing.F) {
	f.Add([]byte(`{"steps":[{"cluster":"a","kind":"ConfigMap","name":"n","verb":"apply","manifest":{"a":1}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := federation.DecodePlan(data)
		if err != nil {
			return
		}
		federation.Dispatcher{Clients: func(string) (federation.ClusterClient, error) { return broken{}, nil }}.Dispatch(t.Context(), p)
		again, err := federation.EncodePlan(p)
		require.NoError(t, err)
		back, err := federation.DecodePlan(again)
		require.NoError(t, err)
		require.Equal(t, p.String(), back.String())
	})
}

// TestPlanIsOrderFree shuffles everything that has no order.
func TestPlanIsOrderFree(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8))
	p := newProgram(t, names(12)...)
	obj := federation.Object{Template: decode(t, webYAML), Placement: everywhere(), Replicas: &federation.Replicas{}}
	p.reconcile(obj)
	obj.Placement = placement.Policy{Clusters: names(9)}
	want, err := federation.EncodePlan(p.plan(obj))
	require.NoError(t, err)
	for range 20 {
		rnd.Shuffle(len(p.facts), func(i, j int) { p.facts[i], p.facts[j] = p.facts[j], p.facts[i] })
		rnd.Shuffle(len(p.snap.Holders), func(i, j int) {
			p.snap.Holders[i], p.snap.Holders[j] = p.snap.Holders[j], p.snap.Holders[i]
		})
		rnd.Shuffle(len(p.snap.Shares), func(i, j int) { p.snap.Shares[i], p.snap.Shares[j] = p.snap.Shares[j], p.snap.Shares[i] })
		obj.Placement.Clusters = slices.Clone(obj.Placement.Clusters)
		rnd.Shuffle(9, func(i, j int) {
			c := obj.Placement.Clusters
			c[i], c[j] = c[j], c[i]
		})
		got, err := federation.EncodePlan(p.plan(obj))
		require.NoError(t, err)
		require.Equal(t, string(want), string(got))
	}
}

// TestDuplicatesHaveNoOrder: what is said twice gives one step, and the same plan whatever is said first.
func TestDuplicatesHaveNoOrder(t *testing.T) {
	p := newProgram(t, names(3)...)
	obj := federation.Object{Template: decode(t, webYAML), Replicas: &federation.Replicas{}}
	obj.Placement.Clusters = []string{"x", "m001", "ghost", "m000", "x", "m001", "ghost"}
	p.snap.Holders = []string{"x", "m002", "old", "x", "m002", "old"}
	p.snap.Shares = []scheduling.Share{{Name: "m000", Replicas: 3}, {Name: "z", Replicas: 1}, {Name: "m000", Replicas: 5}, {Name: "m000", Replicas: 5, Bound: "max"}}
	p.plan(obj)
	p.snap.Observed = nil // all is unknown, so that the last shares count
	var want string
	for range 3 {
		plan, err := p.planner.Plan(obj, p.snap)
		require.NoError(t, err)
		require.Len(t, plan.Steps, 6)
		require.EqualValues(t, 5, plan.Steps[1].Share.Replicas)
		data, err := federation.EncodePlan(plan)
		require.NoError(t, err)
		if want == "" {
			want = string(data)
		}
		require.Equal(t, want, string(data))
		slices.Reverse(p.snap.Shares)
		slices.Reverse(p.snap.Holders)
		slices.Reverse(obj.Placement.Clusters)
	}
}
