package federation_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/placement"
	"github.com/confed-project/confed/scheduling"
)

// TestTemplatesMadeInGo: values that are not decoded JSON count as what they are in JSON.
func TestTemplatesMadeInGo(t *testing.T) {
	p := newProgram(t, "a")
	template := func(replicas int, data map[string]string) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": "web", "namespace": "default", "labels": data},
			"spec": map[string]any{"replicas": replicas, "selector": map[string]any{"matchLabels": map[string]string{"a": "b"}},
				"template": map[string]any{"metadata": map[string]any{"labels": map[string]string{"a": "b"}},
					"spec": map[string]any{"containers": []map[string]any{{"name": "a", "args": []string{"x"}}}}}},
		}}
	}
	obj := federation.Object{Template: template(3, map[string]string{"x": "y"}), Placement: everywhere()}
	p.reconcile(obj)
	require.Equal(t, map[string]string{"a": "keep Settled"}, verbs(p.plan(obj)))
	obj.Template = template(300, map[string]string{"x": "y"})
	require.Equal(t, map[string]string{"a": "apply Changed"}, verbs(p.plan(obj)))
	obj.Template = template(3, map[string]string{"x": "z"})
	require.Equal(t, map[string]string{"a": "apply Changed"}, verbs(p.plan(obj)))
	require.IsType(t, 3, obj.Template.Object["spec"].(map[string]any)["replicas"], "the argument is left as it was")

	loop := map[string]any{}
	loop["loop"] = loop
	for name, bad := range map[string]any{"a channel": make(chan int), "no number": math.NaN(), "infinity": math.Inf(1), "a cycle": loop} {
		obj.Template = decode(t, configYAML)
		obj.Template.Object["data"] = bad
		_, err := planner().Plan(obj, p.snap)
		requireField(t, err, "template")
		require.Error(t, err, name)
	}
}

// TestStrategiesAreChecked: what a strategy must not return is an error, and nothing is divided or copied in full.
func TestStrategiesAreChecked(t *testing.T) {
	share := func(name string, n int64) scheduling.Share { return scheduling.Share{Name: name, Replicas: n} }
	for name, test := range map[string]struct {
		result scheduling.Result
		ok     bool
	}{
		"another order":   {scheduling.Result{Shares: []scheduling.Share{share("b", 4), share("a", 5)}}, true},
		"unplaced":        {scheduling.Result{Shares: []scheduling.Share{share("a", 0), share("b", 4)}, Unplaced: 5}, true},
		"nothing":         {scheduling.Result{}, false},
		"one missing":     {scheduling.Result{Shares: []scheduling.Share{share("a", 9)}}, false},
		"an unknown name": {scheduling.Result{Shares: []scheduling.Share{share("a", 4), share("x", 5)}}, false},
		"a name twice":    {scheduling.Result{Shares: []scheduling.Share{share("a", 4), share("a", 5)}}, false},
		"negative":        {scheduling.Result{Shares: []scheduling.Share{share("a", -7), share("b", 16)}}, false},
		"too many":        {scheduling.Result{Shares: []scheduling.Share{share("a", 5), share("b", 5)}}, false},
		"overflow":        {scheduling.Result{Shares: []scheduling.Share{share("a", math.MaxInt64), share("b", math.MaxInt64)}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProgram(t, "a", "b")
			p.planner.Strategies = map[string]scheduling.Strategy{"mine": func(scheduling.Request, []scheduling.Target) (scheduling.Result, error) {
				return test.result, nil
			}}
			obj := federation.Object{Template: decode(t, webYAML), Placement: everywhere(), Replicas: &federation.Replicas{Strategy: "mine"}}
			plan := p.plan(obj)
			if !test.ok {
				require.ErrorIs(t, plan.Err(), federation.ErrInvalid)
				require.Equal(t, map[string]string{"a": "hold InvalidManifest", "b": "hold InvalidManifest"}, verbs(plan))
				return
			}
			for i, s := range plan.Steps {
				n, _, _ := unstructured.NestedInt64(s.Manifest.Object, "spec", "replicas")
				require.Equal(t, s.Share.Replicas, n)
				require.Equal(t, []string{"a", "b"}[i], s.Share.Name)
			}
		})
	}
	p := newProgram(t, "a")
	p.planner.Strategies = map[string]scheduling.Strategy{"nil": nil}
	plan := p.plan(federation.Object{Template: decode(t, webYAML), Placement: everywhere(), Replicas: &federation.Replicas{Strategy: "nil"}})
	require.ErrorContains(t, plan.Err(), `no strategy "nil"`)
}

// TestNothingKnownIsNotGone: a registry that was not read and a plan that came with an error drop no finalizer and erase no
// memory.
func TestNothingKnownIsNotGone(t *testing.T) {
	obj := federation.Object{Template: decode(t, configYAML)}
	plan, err := planner().Plan(obj, federation.Snapshot{})
	requireField(t, err, "snapshot.fleet")
	require.False(t, plan.Gone())
	require.Nil(t, plan.Holders(), "nil is unknown")
	empty, err := placement.NewFleet(nil)
	require.NoError(t, err)
	plan, err = planner().Plan(obj, federation.Snapshot{Fleet: empty})
	require.NoError(t, err)
	require.Error(t, plan.Err())
	require.False(t, plan.Gone())
	plan, err = planner().Plan(obj, federation.Snapshot{Fleet: empty, Holders: []string{""}})
	require.NoError(t, err)
	require.True(t, plan.Gone())
	data, err := json.Marshal(plan)
	require.NoError(t, err)
	var back federation.Plan
	require.NoError(t, json.Unmarshal(data, &back))
	require.True(t, back.Gone())
	require.NotNil(t, back.Holders())
}

// TestStepsByHand: what no planner makes is refused, and stops nothing else.
func TestStepsByHand(t *testing.T) {
	p := newProgram(t, "a", "b")
	good := p.plan(federation.Object{Template: decode(t, configYAML), Placement: everywhere()})
	foreign := decode(t, configYAML)
	foreign.SetName("foreign")
	_, err := p.members.Member("a").Create(t.Context(), foreign, metav1.CreateOptions{FieldManager: "kubectl"})
	require.NoError(t, err)
	ref := func(name string) federation.Ref {
		r := good.Steps[0].Ref
		r.Name = name
		return r
	}
	other := good.Steps[0]
	other.Ref.Name = "other"
	plan := federation.Plan{Steps: []federation.Step{
		{Ref: ref("1"), Verb: federation.Apply, Manager: "m"},
		{Ref: ref("2"), Verb: federation.Create, Manager: "m"},
		{Ref: ref("3"), Verb: federation.Release, Manager: "m"},
		{Ref: ref("4"), Verb: "destroy"},
		{Ref: ref("5")},
		{Ref: ref("foreign"), Verb: federation.Delete},
		other,
		good.Steps[0],
		good.Steps[0],
		good.Steps[1],
	}}
	results := federation.Dispatcher{Clients: p.members.Clients}.Dispatch(t.Context(), plan)
	for i, r := range results {
		if i == 7 || i == 9 {
			require.NoError(t, r.Err)
			continue
		}
		require.Equal(t, federation.Failed, r.Outcome, "%d", i)
		require.ErrorIs(t, r.Err, federation.ErrInvalid, "%d", i)
	}
	require.Len(t, p.members.Member("a").Objects(), 2)
}

func TestBadConnections(t *testing.T) {
	p := newProgram(t, "a", "b")
	plan := p.plan(federation.Object{Template: decode(t, configYAML), Placement: everywhere()})
	for _, r := range (federation.Dispatcher{}).Dispatch(t.Context(), plan) {
		require.ErrorIs(t, r.Err, federation.ErrInvalid)
	}
	half := func(name string) (federation.ClusterClient, error) {
		if name == "a" {
			return nil, nil
		}
		return p.members.Clients(name)
	}
	results := federation.Dispatcher{Clients: half}.Dispatch(t.Context(), plan)
	require.ErrorIs(t, results[0].Err, federation.ErrInvalid)
	require.NoError(t, results[1].Err)
	targets := []federation.Ref{plan.Steps[0].Ref, plan.Steps[1].Ref}
	require.ErrorIs(t, federation.Observe(t.Context(), nil, targets)[targets[0].Key()].Err, federation.ErrInvalid)
	observed := federation.Observe(t.Context(), half, targets)
	require.ErrorIs(t, observed[targets[0].Key()].Err, federation.ErrInvalid)
	require.Equal(t, federation.Present, observed[targets[1].Key()].State)
}

func TestOddFields(t *testing.T) {
	p := newProgram(t, "a")
	p.plan(federation.Object{Template: decode(t, configYAML)})
	for field, text := range map[string]string{
		"template.metadata.namespace": `{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: 3}}`,
		"template.metadata.name":      `{apiVersion: v1, kind: ConfigMap, metadata: {name: 3}}`,
	} {
		_, err := planner().Plan(federation.Object{Template: decode(t, text)}, p.snap)
		requireField(t, err, field)
	}
	version := decode(t, configYAML)
	version.Object["apiVersion"] = "a/b/c"
	_, err := planner().Plan(federation.Object{Template: version}, p.snap)
	requireField(t, err, "template.apiVersion")
	obj := federation.Object{Template: decode(t, configYAML), Adopt: "Sometimes"}
	_, err = planner().Plan(obj, p.snap)
	requireField(t, err, "adopt")
	for field, owner := range map[string]federation.Owner{
		"planner.owner.value": {Value: "not a label!"}, "planner.owner.key": {Key: "bad key/x/y", Value: "a"},
	} {
		_, err := federation.Planner{Owner: owner}.Plan(federation.Object{Template: decode(t, configYAML)}, p.snap)
		requireField(t, err, field)
	}
	_, err = federation.Render(federation.Object{Template: decode(t, webYAML)}, placement.Cluster{Name: "a"}, ptr(int64(-5)))
	require.ErrorIs(t, err, federation.ErrInvalid)
	broken := federation.Object{Placement: everywhere(), Replicas: &federation.Replicas{},
		Template: decode(t, `{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, namespace: default}, spec: x}`)}
	require.Equal(t, map[string]string{"a": "hold InvalidManifest"}, verbs(p.plan(broken)))
	labels := federation.Object{Placement: everywhere(), Template: decode(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: default, labels: x}}`)}
	require.Contains(t, p.plan(labels).Steps[0].Message, "/metadata/labels")
	quits := federation.Object{Placement: everywhere(), Template: decode(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: q, namespace: default, annotations: {confed.dev/opt-out: "true"}}}`)}
	p.reconcile(quits)
	require.Equal(t, map[string]string{"a": "keep Settled"}, verbs(p.plan(quits)), "opting out is the member's word")
	template, _ := federation.Template(nil)
	require.Nil(t, template)
	require.NotEmpty(t, (&federation.Error{}).Error())
}

// TestBundleWithABrokenItem: the others are planned.
func TestBundleWithABrokenItem(t *testing.T) {
	p := newProgram(t, "a")
	good := federation.Object{Template: decode(t, configYAML), Placement: everywhere()}
	p.plan(good)
	plans, err := p.planner.PlanBundle(federation.Bundle{{}, {Object: good, Holders: []string{}}}, p.snap)
	require.ErrorContains(t, err, "bundle[0]: template: invalid: missing")
	require.Len(t, plans, 2)
	require.Empty(t, plans[0].Steps)
	require.Len(t, plans[1].Steps, 1)
}
