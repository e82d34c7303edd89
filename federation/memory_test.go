package federation_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/fedtest"
	"github.com/confed-project/confed/override"
	"github.com/confed-project/confed/placement"
)

// optOut marks a copy as its member may.
func optOut(t *testing.T, m *fedtest.Member) {
	t.Helper()
	live := m.Objects()[0]
	annotations := live.GetAnnotations()
	annotations[federation.OptOutAnnotation] = "true"
	live.SetAnnotations(annotations)
	_, err := m.Update(t.Context(), live, "somebody")
	require.NoError(t, err)
}

// next plans with what the results say is settled.
func (p *program) next(obj federation.Object, results []federation.Result) federation.Plan {
	p.Helper()
	fleet, err := placement.NewFleet(p.facts)
	require.NoError(p, err)
	snap := p.snap
	snap.Fleet = fleet
	observed := federation.Observe(p.Context(), p.members.Clients, p.planner.Targets(obj, snap))
	for _, r := range results {
		o := observed[r.Step.Ref.Key()]
		o.Settled = r.Settled
		observed[r.Step.Ref.Key()] = o
	}
	plan, err := p.planner.Plan(obj, snap.With(observed))
	require.NoError(p, err)
	return plan
}

// TestReleasedIsNotSettled: what was released is not remembered as right.
func TestReleasedIsNotSettled(t *testing.T) {
	p := newProgram(t, "a")
	obj := federation.Object{Template: decode(t, configYAML), Placement: everywhere()}
	p.reconcile(obj)
	optOut(t, p.members.Member("a"))
	_, results := p.reconcile(obj)
	require.Equal(t, federation.Release, results[0].Step.Verb)
	require.Zero(t, results[0].Settled)
	require.Equal(t, map[string]string{"a": "hold OptedOut"}, verbs(p.next(obj, results)))
}

// TestOptOutDuringApply: what others asked for between looking and applying is seen at the next look.
func TestOptOutDuringApply(t *testing.T) {
	p := newProgram(t, "a")
	obj := federation.Object{Template: decode(t, configYAML), Placement: everywhere()}
	p.reconcile(obj)
	var once sync.Once
	p.members.Member("a").Break(fedtest.Fault{Before: func(_ context.Context, r fedtest.Request) error {
		if r.Verb == "apply" {
			once.Do(func() { optOut(t, p.members.Member("a")) })
		}
		return nil
	}})
	obj.Template = obj.Template.DeepCopy()
	obj.Template.SetLabels(map[string]string{"x": "y"})
	_, results := p.reconcile(obj)
	require.NoError(t, results[0].Err)
	require.Equal(t, map[string]string{"a": "release OptedOut"}, verbs(p.next(obj, results)))
}

// TestLostClusterThatNeverHeld: it was selected, never got a copy and left; that delays nothing.
func TestLostClusterThatNeverHeld(t *testing.T) {
	p := newProgram(t, "a", "b")
	p.members.Member("b").Break(fedtest.Refused())
	obj := federation.Object{Template: decode(t, configYAML), Placement: everywhere()}
	p.reconcile(obj)
	p.facts = p.facts[:1]
	p.reconcile(obj)
	obj.Placement = placement.Policy{Clusters: []string{"a", "b"}}
	require.Equal(t, map[string]string{"a": "keep Settled", "b": "hold UnknownCluster"}, verbs(p.plan(obj)), "a name that nobody bears is shown")
	obj.Placement = placement.Policy{}
	p.reconcile(obj)
	plan, _ := p.reconcile(obj)
	require.True(t, plan.Gone(), "%s", plan)
}

// TestUndecidedKeepsCopies: when the decisions were lost and the policy cannot be evaluated, every copy stays.
func TestUndecidedKeepsCopies(t *testing.T) {
	for name, spoil := range map[string]func(*program, *federation.Object){
		"a policy that does not compile": func(_ *program, obj *federation.Object) {
			obj.Placement = placement.Policy{Selector: &placement.Selector{MatchExpressions: []placement.Expression{{Key: "x", Operator: "Nonsense"}}}}
		},
		"a verdict that is missing": func(p *program, _ *federation.Object) { p.planner.Await = []string{"policy-engine"} },
	} {
		t.Run(name, func(t *testing.T) {
			p := newProgram(t, "a")
			obj := federation.Object{Template: decode(t, configYAML), Placement: everywhere()}
			p.reconcile(obj)
			p.snap.Holders, p.snap.Previous = nil, nil
			good := obj
			spoil(p, &obj)
			for _, orphan := range []bool{false, true} {
				obj.Orphan = orphan
				plan, _ := p.reconcile(obj)
				require.Equal(t, map[string]string{"a": "hold Undecided"}, verbs(plan))
				require.Equal(t, []string{"a"}, plan.Holders())
			}
			p.planner.Await = nil
			require.Equal(t, map[string]string{"a": "keep Settled"}, verbs(p.plan(good)))
		})
	}
}

// TestIgnoreNoMore: what others took while they might is taken back once they may not.
func TestIgnoreNoMore(t *testing.T) {
	p := newProgram(t, "a")
	obj := federation.Object{Template: decode(t, configYAML), Placement: everywhere(), Ignore: []string{"/data/colour"}}
	p.reconcile(obj)
	live := p.members.Member("a").Objects()[0]
	live.Object["data"] = map[string]any{"colour": "red"}
	_, err := p.members.Member("a").Update(t.Context(), live, "somebody")
	require.NoError(t, err)
	_, results := p.reconcile(obj)
	require.Equal(t, map[string]string{"a": "keep Settled"}, verbs(p.next(obj, results)))
	obj.Ignore = nil
	require.Equal(t, map[string]string{"a": "apply Drifted"}, verbs(p.next(obj, results)))
}

// TestForeignObjectIsNoCopy: an object of others makes its cluster no holder, whatever the step is held for.
func TestForeignObjectIsNoCopy(t *testing.T) {
	bad := []federation.Override{{Clusters: everywhere(), Layer: override.Layer{Edits: []override.Edit{override.Patch{Op: "remove", Path: "/data/nope"}}}}}
	for name, test := range map[string]struct {
		obj  federation.Object
		want string
	}{
		"not ours":     {federation.Object{}, "hold NotOwned"},
		"no manifest":  {federation.Object{Overrides: bad}, "hold InvalidManifest"},
		"suspended":    {federation.Object{Adopt: federation.AdoptAlways, Suspend: everywhere()}, "hold Suspended"},
		"not selected": {federation.Object{Placement: placement.Policy{Clusters: []string{}}}, "keep Unselected"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProgram(t, "a")
			_, err := p.members.Member("a").Create(t.Context(), decode(t, configYAML), metav1.CreateOptions{FieldManager: "somebody"})
			require.NoError(t, err)
			obj := test.obj
			obj.Template = decode(t, configYAML)
			if obj.Placement.Clusters == nil {
				obj.Placement = everywhere()
			}
			p.snap.Holders = nil
			plan := p.plan(obj)
			require.Equal(t, map[string]string{"a": test.want}, verbs(plan))
			require.Empty(t, plan.Holders())
		})
	}
}

// TestSilentMemberKeepsMoreThanThereIs: fewer replicas are wished than a silent member runs. What it runs is remembered, so
// that others do not run what it has once more are wished again.
func TestSilentMemberKeepsMoreThanThereIs(t *testing.T) {
	p := newProgram(t, "a", "b")
	obj := federation.Object{Template: decode(t, webYAML), Placement: everywhere(), Replicas: &federation.Replicas{Total: ptr(int64(8))}}
	shares := func(total int64) (a, b int64) {
		obj.Replicas = &federation.Replicas{Total: &total}
		p.reconcile(obj)
		return p.snap.Shares[0].Replicas, p.snap.Shares[1].Replicas
	}
	for _, step := range []struct{ total, a, b int64 }{{8, 4, 4}, {2, 0, 4}, {10, 6, 4}} {
		a, b := shares(step.total)
		require.Equal(t, []int64{step.a, step.b}, []int64{a, b}, "of %d", step.total)
		p.members.Member("b").Break(fedtest.Refused())
	}
	shares(2)
	p.members.Member("b").Break(fedtest.Fault{})
	a, b := shares(2)
	require.EqualValues(t, 2, a+b)
}

// TestRetainNoMore: what left the template while the member kept it goes once the member may not keep it.
func TestRetainNoMore(t *testing.T) {
	p := newProgram(t, "a")
	obj := federation.Object{Template: decode(t, configYAML), Placement: everywhere()}
	p.reconcile(obj)
	obj.Retain = []string{"/data/colour"}
	p.reconcile(obj)
	obj.Template = decode(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: default}}`)
	p.reconcile(obj)
	require.Equal(t, map[string]any{"colour": "blue"}, p.members.Member("a").Objects()[0].Object["data"])
	obj.Retain = nil
	p.reconcile(obj)
	require.Empty(t, p.members.Member("a").Objects()[0].Object["data"])
}

// TestEmptiedIsNoMetadata: a copy of which others removed everything is not taken for one that is known by its metadata.
func TestEmptiedIsNoMetadata(t *testing.T) {
	p := newProgram(t, "a")
	obj := federation.Object{Template: decode(t, configYAML), Placement: everywhere(), Retain: []string{"/data/size"}}
	p.reconcile(obj)
	live := p.members.Member("a").Objects()[0]
	delete(live.Object, "data")
	_, err := p.members.Member("a").Update(t.Context(), live, "somebody")
	require.NoError(t, err)
	plan, _ := p.reconcile(obj)
	require.Equal(t, map[string]string{"a": "apply Drifted"}, verbs(plan))
	require.Equal(t, map[string]string{"a": "keep Settled"}, verbs(p.plan(obj)))
}
