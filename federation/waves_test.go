package federation_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/fedtest"
	"github.com/confed-project/confed/placement"
)

// tower is a bundle of two: what is below, and what comes after it.
func tower(t *testing.T, names ...string) *bundleProgram {
	item := func(name string, after ...federation.Key) federation.Item {
		return federation.Item{Holders: []string{}, After: after, Object: federation.Object{Placement: everywhere(), Template: decode(t,
			`{apiVersion: v1, kind: ConfigMap, metadata: {name: `+name+`, namespace: default}}`)}}
	}
	below := item("below")
	return &bundleProgram{program: newProgram(t, names...), bundle: federation.Bundle{below, item("above", key("", "ConfigMap", "default", "below"))}}
}

// TestWaitingHoldsNothing: a copy that had to wait was never there, so its cluster may go without a trace.
func TestWaitingHoldsNothing(t *testing.T) {
	p := tower(t, "a", "b")
	p.pass()
	require.Equal(t, []string{"a", "b"}, p.bundle[0].Holders)
	require.Empty(t, p.bundle[1].Holders)

	foreign := decode(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: above, namespace: default}}`)
	_, err := p.members.Member("a").Create(t.Context(), foreign, metav1.CreateOptions{FieldManager: "somebody"})
	require.NoError(t, err)
	p.bundle[1].Object.Adopt = federation.AdoptAlways
	p.bundle[0].Object.Suspend = everywhere()
	p.bundle[0].Object.Template.SetLabels(map[string]string{"a": "b"})
	plan, _ := p.pass()
	require.Contains(t, steps(plan), "a hold ConfigMap default/above Waiting")
	require.Empty(t, p.bundle[1].Holders)
}

// TestWaitsForWhatIsGone: what ran, finished and expired, or is not wished in a cluster, is as wished there.
func TestWaitsForWhatIsGone(t *testing.T) {
	p := tower(t, "a", "b")
	p.bundle[0].Holders, p.bundle[1].Holders = nil, nil // unknown
	p.bundle[0].Object.Placement = placement.Policy{Clusters: []string{"a"}}
	plan, _ := p.pass()
	require.Contains(t, steps(plan), "a hold ConfigMap default/above Waiting")
	require.Contains(t, steps(plan), "b create ConfigMap default/above Absent")

	p = tower(t, "a")
	ttl := time.Minute
	p.bundle[0].Object.TTLAfterFinished = &ttl
	p.bundle[1].Object.TTLAfterFinished = &ttl // which has not finished
	p.bundle[0].Finished = p.snap.Now.Add(-time.Hour)
	plan, _ = p.pass()
	require.Equal(t, []string{"a create ConfigMap default/above Absent", "a keep ConfigMap default/below Expired"}, steps(plan))
}

// TestWaitingHasNoOrder: which of several reasons is told does not depend on the order of the items, nor on that of After.
func TestWaitingHasNoOrder(t *testing.T) {
	var want []string
	for _, reversed := range []bool{false, true} {
		p := tower(t, "a")
		p.bundle = append(p.bundle, p.bundle[0], p.bundle[1])
		for i, name := range []string{"lower", "upper"} {
			p.bundle[2+i].Object.Template = p.bundle[i].Object.Template.DeepCopy()
			p.bundle[2+i].Object.Template.SetName(name)
		}
		p.bundle[1].After = append(p.bundle[1].After, key("", "ConfigMap", "default", "lower"))
		if reversed {
			slices.Reverse(p.bundle)
			slices.Reverse(p.bundle[2].After)
		}
		plan, _ := p.pass()
		got := plan.String()
		p.pass()
		for i := range p.bundle {
			p.bundle[i].Object.Placement = placement.Policy{}
		}
		plan, _ = p.pass()
		want = append(want, got+plan.String())
		require.Contains(t, plan.String(), "waits until")
	}
	require.Empty(t, cmp.Diff(want[0], want[1]))
}

// TestStaysBelowWhatStays: what others come after does not go while they may be there.
func TestStaysBelowWhatStays(t *testing.T) {
	for name, keep := range map[string]func(p *bundleProgram){
		"unobserved": func(p *bundleProgram) {
			p.members.Member("a").Break(fedtest.Fault{Before: func(_ context.Context, r fedtest.Request) error {
				if r.Name == "above" {
					return errors.New("boom")
				}
				return nil
			}})
		},
		"suspended": func(p *bundleProgram) { p.bundle[1].Object.Suspend = everywhere() },
		"protected": func(p *bundleProgram) { p.bundle[1].Object.Protect = true },
	} {
		t.Run(name, func(t *testing.T) {
			p := tower(t, "a")
			p.pass()
			p.pass()
			require.Len(t, p.members.Member("a").Objects(), 2)
			p.bundle[0].Object.Placement, p.bundle[1].Object.Placement = placement.Policy{}, placement.Policy{}
			keep(p)
			plan, _ := p.pass()
			require.Contains(t, steps(plan), "a hold ConfigMap default/below Waiting")
			p.members.Member("a").Break(fedtest.Fault{})
			p.bundle[1].Object.Suspend, p.bundle[1].Object.Protect = placement.Policy{}, false
			for range 3 {
				p.pass()
			}
			require.Empty(t, p.members.Member("a").Objects())
		})
	}
}

// TestWaitsForWhatCannotBePlanned, both ways.
func TestWaitsForWhatCannotBePlanned(t *testing.T) {
	p := tower(t, "a")
	plans := func() []federation.Plan {
		snap := p.snap
		var err error
		snap.Fleet, err = placement.NewFleet(p.facts)
		require.NoError(t, err)
		for _, item := range p.bundle {
			own := snap
			own.Holders = item.Holders
			snap = snap.With(federation.Observe(t.Context(), p.members.Clients, p.planner.Targets(item.Object, own)))
		}
		plans, err := p.planner.PlanBundle(p.bundle, snap)
		require.ErrorIs(t, err, federation.ErrInvalid)
		return plans
	}
	p.bundle[0].Object.Retain = []string{"no path"}
	require.Equal(t, map[string]string{"a": "hold Waiting"}, verbs(plans()[1]))
	p.bundle[0].Object.Retain = nil
	p.pass()
	p.pass()
	p.bundle[0].Object.Placement = placement.Policy{}
	p.bundle[1].Object.Retain = []string{"no path"}
	require.Equal(t, map[string]string{"a": "hold Waiting"}, verbs(plans()[0]))
}

// TestNamespaceShelters: a namespace stays while what is in it may not go.
func TestNamespaceShelters(t *testing.T) {
	p := &bundleProgram{program: newProgram(t, "a"), bundle: federation.Bundle{
		{Object: federation.Object{Template: decode(t, `{apiVersion: v1, kind: Namespace, metadata: {name: shop}}`), Placement: everywhere(), Cascade: true}, Holders: []string{}},
		{Object: federation.Object{Template: decode(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: shop}}`), Placement: everywhere(), Protect: true}, Holders: []string{}},
	}}
	p.pass()
	for i := range p.bundle {
		p.bundle[i].Object.Placement = placement.Policy{}
	}
	plan, _ := p.pass()
	require.Equal(t, []string{"a hold Namespace shop Waiting", "a hold ConfigMap shop/c Guarded"}, steps(plan))
	require.Len(t, p.members.Member("a").Objects(), 2)

	p.bundle[1].Object.Protect = false
	plan, _ = p.pass()
	require.Equal(t, []string{"a delete Namespace shop Unselected", "a delete ConfigMap shop/c Unselected"}, steps(plan))
	require.Empty(t, p.members.Member("a").Objects())
}

// TestGuardKeepsTheNamespace: where not all may go, what would take the rest along does not.
func TestGuardKeepsTheNamespace(t *testing.T) {
	p := newProgram(t, "a")
	var all federation.Plan
	for _, text := range []string{`{apiVersion: v1, kind: Namespace, metadata: {name: shop}}`, `{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: shop}}`} {
		obj := federation.Object{Template: decode(t, text), Placement: everywhere(), Cascade: true}
		p.reconcile(obj)
		obj.Placement = placement.Policy{}
		all = federation.Join(all, p.plan(obj))
	}
	require.Equal(t, []string{"a delete Namespace shop Unselected", "a delete ConfigMap shop/c Unselected"}, steps(all))
	guarded, left := federation.Guard(all, federation.Allowance{Total: 1, PerCluster: 9})
	require.Equal(t, []string{"a hold Namespace shop Guarded", "a delete ConfigMap shop/c Unselected"}, steps(guarded))
	require.Equal(t, federation.Allowance{PerCluster: 9, Used: map[string]int{"a": 1}}, left)
}
