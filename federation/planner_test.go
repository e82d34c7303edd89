package federation_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/fedtest"
	"github.com/confed-project/confed/override"
	"github.com/confed-project/confed/placement"
	"github.com/confed-project/confed/scheduling"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := "testdata/" + name + ".golden"
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(string(want), got))
}

func decode(t testing.TB, text string) *unstructured.Unstructured {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(text))
	require.NoError(t, err)
	u := &unstructured.Unstructured{}
	require.NoError(t, u.UnmarshalJSON(data))
	return u
}

const (
	configYAML = `{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: default}, data: {colour: blue}}`
	webYAML    = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 9
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: nginx}]}
`
)

func everywhere() placement.Policy { return placement.Policy{Selector: &placement.Selector{}} }

func planner() federation.Planner {
	return federation.Planner{Owner: federation.Owner{Value: "test"}}
}

// program is the smallest program around the library: members in memory, facts, and what it remembers of one object.
type program struct {
	*testing.T
	planner federation.Planner
	members *fedtest.Fleet
	facts   []placement.Cluster
	snap    federation.Snapshot
}

func newProgram(t *testing.T, names ...string) *program {
	p := &program{T: t, planner: planner(), members: fedtest.NewFleet(names...)}
	for _, name := range names {
		p.facts = append(p.facts, placement.Cluster{Name: name})
	}
	p.snap.Now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	p.snap.Holders = []string{}
	return p
}

func (p *program) plan(obj federation.Object) federation.Plan {
	p.Helper()
	var err error
	p.snap.Fleet, err = placement.NewFleet(p.facts)
	require.NoError(p, err)
	p.snap.Observed = nil
	snap := p.snap.With(federation.Observe(p.Context(), p.members.Clients, p.planner.Targets(obj, p.snap)))
	plan, err := p.planner.Plan(obj, snap)
	require.NoError(p, err)
	return plan
}

// reconcile plans, remembers and carries out.
func (p *program) reconcile(obj federation.Object) (federation.Plan, []federation.Result) {
	p.Helper()
	plan := p.plan(obj)
	p.snap.Holders, p.snap.Previous, p.snap.Shares = plan.Holders(), plan.Decisions, plan.Shares()
	return plan, federation.Dispatcher{Clients: p.members.Clients}.Dispatch(p.Context(), plan)
}

func verbs(plan federation.Plan) map[string]string {
	m := map[string]string{}
	for _, s := range plan.Steps {
		m[s.Ref.Cluster] = string(s.Verb) + " " + string(s.Reason)
	}
	return m
}

func TestPlanText(t *testing.T) {
	p := newProgram(t, "absent", "changed", "dark", "drifted", "foreign", "gone", "settled", "unselected")
	obj := federation.Object{Template: decode(t, webYAML), Placement: placement.Policy{
		Clusters: []string{"changed", "drifted", "settled", "unselected", "dark"},
	}, Replicas: &federation.Replicas{}}
	p.reconcile(obj)
	edit := func(name string, change func(*unstructured.Unstructured)) {
		live := p.members.Member(name).Objects()[0]
		change(live)
		_, err := p.members.Member(name).Update(t.Context(), live, "kubectl-edit")
		require.NoError(t, err)
	}
	edit("changed", func(live *unstructured.Unstructured) {
		live.SetAnnotations(map[string]string{federation.DigestAnnotation: "v1:old"})
	})
	edit("drifted", func(live *unstructured.Unstructured) {
		containers := []any{map[string]any{"name": "web", "image": "evil"}}
		require.NoError(t, unstructured.SetNestedSlice(live.Object, containers, "spec", "template", "spec", "containers"))
	})
	_, err := p.members.Member("foreign").Create(t.Context(), decode(t, webYAML), metav1.CreateOptions{FieldManager: "kubectl-create"})
	require.NoError(t, err)
	p.members.Member("dark").Break(fedtest.Refused())
	p.facts = slices.DeleteFunc(p.facts, func(c placement.Cluster) bool { return c.Name == "gone" })
	p.snap.Holders = append(p.snap.Holders, "gone")
	obj.Placement.Clusters = []string{"absent", "changed", "dark", "drifted", "foreign", "nowhere", "settled"}
	obj.Overrides = []federation.Override{{Clusters: placement.Policy{Clusters: []string{"absent"}},
		Layer: override.Layer{Name: "paused", Edits: []override.Edit{override.Patch{Path: "/spec/paused", Value: true}}}}}
	obj.Replicas.Preferences = []federation.Preference{
		{Clusters: placement.Policy{Clusters: []string{"absent"}}, Weight: 1, Max: ptr(int64(1))},
		{Clusters: everywhere(), Weight: 1},
	}
	plan := p.plan(obj)
	golden(t, "plan", plan.String())
	golden(t, "explain", plan.Explain("absent")+plan.Explain("drifted")+plan.Explain("gone")+plan.Explain("nobody"))
	require.Equal(t, plan.String(), fmt.Sprintf("%v", plan))
	require.Equal(t, plan.String(), p.plan(obj).String())
}

func ptr[T any](v T) *T { return &v }

// TestUnknownIsNotAbsent: without an observation nothing is written, and a cluster that never held a copy delays nothing.
func TestUnknownIsNotAbsent(t *testing.T) {
	fleet, err := placement.NewFleet([]placement.Cluster{{Name: "a"}, {Name: "b"}})
	require.NoError(t, err)
	obj := federation.Object{Template: decode(t, configYAML), Placement: everywhere()}
	plan, err := planner().Plan(obj, federation.Snapshot{Fleet: fleet, Holders: []string{}})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"a": "hold Unobserved", "b": "hold Unobserved"}, verbs(plan))
	require.Equal(t, []string{}, plan.Holders(), "looking in vain is not holding")

	obj.Placement = placement.Policy{}
	plan, err = planner().Plan(obj, federation.Snapshot{Fleet: fleet, Holders: []string{"b"}})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"b": "hold Unobserved"}, verbs(plan))
	require.Equal(t, []string{"b"}, plan.Holders())
	require.False(t, plan.Gone())

	plan, err = planner().Plan(obj, federation.Snapshot{Fleet: fleet})
	require.NoError(t, err)
	require.Len(t, plan.Steps, 2, "unknown holders: the whole fleet is looked at")
	require.Equal(t, []string{"a", "b"}, plan.Holders())

	plan, err = planner().Plan(obj, federation.Snapshot{Fleet: fleet, Holders: []string{}})
	require.NoError(t, err)
	require.True(t, plan.Gone())
}

func TestClusterLeavesTheFleet(t *testing.T) {
	p := newProgram(t, "a", "b")
	obj := federation.Object{Template: decode(t, configYAML), Placement: everywhere()}
	p.reconcile(obj)
	p.facts = p.facts[:1]
	obj.Placement = placement.Policy{}
	plan, _ := p.reconcile(obj)
	require.Equal(t, map[string]string{"a": "delete Unselected", "b": "hold UnknownCluster"}, verbs(plan))
	plan, _ = p.reconcile(obj)
	require.False(t, plan.Gone(), "only an explicit act forgets a cluster")
	p.planner.Forget = []string{"b"}
	plan, _ = p.reconcile(obj)
	require.True(t, plan.Gone())
}

// TestFailStatic: an error while deciding keeps what was decided, and is reported.
func TestFailStatic(t *testing.T) {
	p := newProgram(t, "a", "b")
	obj := federation.Object{Template: decode(t, configYAML), Placement: placement.Policy{Clusters: []string{"a"}}}
	p.reconcile(obj)
	obj.Placement = placement.Policy{Selector: &placement.Selector{MatchExpressions: []placement.Expression{{Key: "x", Operator: "Nonsense"}}}}
	plan, _ := p.reconcile(obj)
	require.Error(t, plan.Err())
	require.Contains(t, plan.Err().Error(), "operator")
	require.Equal(t, map[string]string{"a": "keep Settled"}, verbs(plan))
	require.Contains(t, plan.String(), "error: ConfigMap default/a: placement: ")
}

func TestBadOverrideHoldsItsClusterOnly(t *testing.T) {
	p := newProgram(t, "a", "b")
	obj := federation.Object{Template: decode(t, configYAML), Placement: everywhere(), Overrides: []federation.Override{{
		Clusters: placement.Policy{Clusters: []string{"b"}},
		Layer:    override.Layer{Name: "bad", Edits: []override.Edit{override.Patch{Op: "remove", Path: "/data/nope"}}},
	}}}
	plan, results := p.reconcile(obj)
	require.Equal(t, map[string]string{"a": "create Absent", "b": "hold InvalidManifest"}, verbs(plan))
	require.Empty(t, p.members.Member("b").Objects())
	require.Equal(t, federation.Done, results[0].Outcome)
	require.Contains(t, plan.Steps[1].Message, `cluster "b"`)
	require.Contains(t, plan.Steps[1].Message, "/data/nope")
}

func TestBadInput(t *testing.T) {
	fleet, err := placement.NewFleet([]placement.Cluster{{Name: "a"}})
	require.NoError(t, err)
	snap := federation.Snapshot{Fleet: fleet, Holders: []string{}}
	for field, text := range map[string]string{
		"template.apiVersion":    `{kind: ConfigMap, metadata: {name: a}}`,
		"template.kind":          `{apiVersion: v1, metadata: {name: a}, kind: ""}`,
		"template.metadata.name": `{apiVersion: v1, kind: ConfigMap}`,
	} {
		t.Run(field, func(t *testing.T) {
			var m map[string]any
			require.NoError(t, yaml.Unmarshal([]byte(text), &m))
			obj := federation.Object{Template: &unstructured.Unstructured{Object: m}, Placement: everywhere()}
			_, err := planner().Plan(obj, snap)
			requireField(t, err, field)
			require.Empty(t, planner().Targets(obj, snap))
		})
	}
	_, err = planner().Plan(federation.Object{}, snap)
	requireField(t, err, "template")
	obj := federation.Object{Template: decode(t, configYAML), Placement: everywhere()}
	_, err = federation.Planner{}.Plan(obj, snap)
	requireField(t, err, "planner.owner.value")
	retain := obj
	retain.Retain = []string{"/a", "nope"}
	_, err = planner().Plan(retain, snap)
	requireField(t, err, "retain[1]")
}

func requireField(t *testing.T, err error, field string) {
	t.Helper()
	require.ErrorIs(t, err, federation.ErrInvalid)
	var e *federation.Error
	require.True(t, errors.As(err, &e))
	require.Equal(t, field, e.Field)
}

// TestDivisionErrors: what cannot be divided holds, is never copied in full, and what runs stays.
func TestDivisionErrors(t *testing.T) {
	for name, test := range map[string]struct {
		template string
		replicas federation.Replicas
		want     string
	}{
		"kind without replicas": {configYAML, federation.Replicas{}, "no known replicas field: ConfigMap"},
		"negative weight":       {webYAML, federation.Replicas{Preferences: []federation.Preference{{Clusters: everywhere(), Weight: -1}}}, `"a"`},
		"unknown strategy":      {webYAML, federation.Replicas{Strategy: "Magic"}, `no strategy "Magic"`},
		"negative total":        {webYAML, federation.Replicas{Total: ptr(int64(-1))}, "replicas"},
		"bad preference": {webYAML, federation.Replicas{Preferences: []federation.Preference{{Clusters: placement.Policy{
			Selector: &placement.Selector{MatchExpressions: []placement.Expression{{Key: "x", Operator: "?"}}}}}}}, "replicas.preferences[0].clusters"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProgram(t, "a", "b")
			obj := federation.Object{Template: decode(t, test.template), Placement: everywhere(), Replicas: &test.replicas}
			plan, _ := p.reconcile(obj)
			require.Equal(t, map[string]string{"a": "hold InvalidManifest", "b": "hold InvalidManifest"}, verbs(plan))
			require.ErrorContains(t, plan.Err(), test.want)
			require.Empty(t, p.members.Member("a").Objects())

			good := obj
			good.Replicas = nil
			p.reconcile(good)
			plan, _ = p.reconcile(obj)
			require.NotContains(t, verbs(plan), "delete Unselected")
			require.Len(t, p.members.Member("a").Objects(), 1)
		})
	}
}

// TestSilentMember follows a member that goes dark and comes back, with an injected clock.
func TestSilentMember(t *testing.T) {
	p := newProgram(t, "a", "b", "c")
	p.planner.LostAfter = 10 * time.Minute
	obj := federation.Object{Template: decode(t, webYAML), Placement: everywhere(), Replicas: &federation.Replicas{}}
	shares := func() map[string]int64 {
		m := map[string]int64{}
		for _, s := range p.snap.Shares {
			m[s.Name] = s.Replicas
		}
		return m
	}
	p.reconcile(obj)
	require.Equal(t, map[string]int64{"a": 3, "b": 3, "c": 3}, shares())

	dark := p.snap.Now
	p.members.Member("b").Break(fedtest.Refused())
	p.facts[1].Ready = placement.Readiness{State: placement.NotReady, Since: dark}
	plan, _ := p.reconcile(obj)
	require.Equal(t, map[string]int64{"a": 3, "b": 3, "c": 3}, shares(), "its share is floor and ceiling")
	require.Equal(t, "hold Unobserved", verbs(plan)["b"])

	p.snap.Now = dark.Add(10 * time.Minute)
	plan, _ = p.reconcile(obj)
	require.Equal(t, "hold Unobserved", verbs(plan)["b"], "lost, and still selected")
	require.EqualValues(t, 9, shares()["a"]+shares()["c"], "others took its replicas")
	require.EqualValues(t, 3, shares()["b"], "what runs there is remembered")

	p.facts[1].Ready = placement.Readiness{State: placement.Ready, Since: p.snap.Now}
	for range 3 {
		plan, _ = p.reconcile(obj)
		require.Equal(t, map[string]string{"a": "keep Settled", "b": "hold Unobserved", "c": "keep Settled"}, verbs(plan), "nothing shrinks before it is seen")
	}

	p.members.Member("b").Break(fedtest.Fault{})
	p.facts[1].Ready = placement.Readiness{State: placement.Ready, Since: p.snap.Now}
	plan, _ = p.reconcile(obj)
	total := int64(0)
	for _, s := range plan.Shares() {
		total += s.Replicas
	}
	require.EqualValues(t, 9, total, "planned with what really runs there")
	require.NotContains(t, verbs(plan)["b"], "delete")
	plan, _ = p.reconcile(obj)
	require.Equal(t, map[string]string{"a": "keep Settled", "b": "keep Settled", "c": "keep Settled"}, verbs(plan))
}

// TestNewSilentMember: one that never held a copy gets no replicas before it answers, and takes none from others.
func TestNewSilentMember(t *testing.T) {
	p := newProgram(t, "a", "b")
	p.members.Member("b").Break(fedtest.Refused())
	plan, _ := p.reconcile(federation.Object{Template: decode(t, webYAML), Placement: everywhere(), Replicas: &federation.Replicas{}})
	require.Empty(t, cmp.Diff([]scheduling.Share{{Name: "a", Replicas: 9}, {Name: "b"}}, plan.Shares(),
		cmp.Comparer(func(a, b scheduling.Bound) bool { return true })))
	require.Equal(t, []string{"a"}, p.snap.Holders)
}

// TestSettledSavesTheComparison: a remembered comparison is used, and voided by any write.
func TestSettledSavesTheComparison(t *testing.T) {
	p := newProgram(t, "a")
	obj := federation.Object{Template: decode(t, configYAML), Placement: everywhere()}
	_, results := p.reconcile(obj)
	fleet, err := placement.NewFleet(p.facts)
	require.NoError(t, err)
	snap := federation.Snapshot{Fleet: fleet, Holders: []string{"a"}}
	observed := federation.Observe(t.Context(), p.members.Clients, p.planner.Targets(obj, snap))
	for key, o := range observed {
		o.Settled = results[0].Settled
		o.Live.SetManagedFields(nil) // would be drift, were it looked at
		observed[key] = o
	}
	plan, err := p.planner.Plan(obj, snap.With(observed))
	require.NoError(t, err)
	require.Equal(t, map[string]string{"a": "keep Settled"}, verbs(plan))
	for key, o := range observed {
		o.Live.SetResourceVersion("other")
		observed[key] = o
	}
	plan, err = p.planner.Plan(obj, snap.With(observed))
	require.NoError(t, err)
	require.Equal(t, map[string]string{"a": "apply Drifted"}, verbs(plan))
}

// TestWrongObservations: no object, another object, garbage. Nothing is written.
func TestWrongObservations(t *testing.T) {
	fleet, err := placement.NewFleet([]placement.Cluster{{Name: "a"}})
	require.NoError(t, err)
	obj := federation.Object{Template: decode(t, configYAML), Placement: everywhere()}
	snap := federation.Snapshot{Fleet: fleet, Holders: []string{"a"}}
	key := planner().Targets(obj, snap)[0].Key()
	other := decode(t, configYAML)
	other.SetName("b")
	for name, o := range map[string]federation.Observation{
		"present without an object": {State: federation.Present},
		"another object":            {State: federation.Present, Live: other},
		"an error":                  {Err: errors.New("boom")},
	} {
		plan, err := planner().Plan(obj, snap.With(map[federation.Key]federation.Observation{key: o}))
		require.NoError(t, err)
		require.Equal(t, map[string]string{"a": "hold Unobserved"}, verbs(plan), name)
	}
	garbage := decode(t, configYAML)
	garbage.Object["metadata"].(map[string]any)["managedFields"] = []any{"x", map[string]any{"manager": int64(3)}}
	garbage.SetLabels(map[string]string{"confed.dev/owner": "test"})
	plan, err := planner().Plan(obj, snap.With(map[federation.Key]federation.Observation{key: {State: federation.Present, Live: garbage}}))
	require.NoError(t, err)
	require.Equal(t, map[string]string{"a": "apply Changed"}, verbs(plan))
}

const canary = "c4n4ry-s3cr3t"

// TestSecretsAreMasked plants a value and looks for it in everything that prints.
func TestSecretsAreMasked(t *testing.T) {
	p := newProgram(t, "a", "b", "c")
	obj := federation.Object{Placement: everywhere(), Template: decode(t, `{apiVersion: v1, kind: Secret, metadata: {name: s, namespace: default,
		annotations: {kubectl.kubernetes.io/last-applied-configuration: `+canary+`}}, stringData: {k: `+canary+`}}`)}
	obj.Overrides = []federation.Override{{Clusters: placement.Policy{Clusters: []string{"b"}}, Layer: override.Layer{Name: "l",
		Edits: []override.Edit{override.Patch{Path: "/data/k", Value: "YzRuNHJ5LXMzY3IzdA=="}}}}}
	plan, results := p.reconcile(obj)
	digests := []string{plan.Steps[0].Digest, plan.Steps[1].Digest}
	live := p.members.Member("c").Objects()[0]
	live.Object["data"] = map[string]any{"k": "b3RoZXI="}
	_, err := p.members.Member("c").Update(t.Context(), live, "x")
	require.NoError(t, err)
	p.members.Member("a").Break(fedtest.Fault{Before: func(_ context.Context, r fedtest.Request) error {
		if r.Writes() {
			return apierrors.NewBadRequest(canary)
		}
		return nil
	}})
	obj.Template = obj.Template.DeepCopy()
	obj.Template.SetLabels(map[string]string{"x": "y"})
	changed, refused := p.reconcile(obj)
	full, err := federation.EncodePlan(changed)
	require.NoError(t, err)
	require.Contains(t, string(full), "YzRuNHJ5LXMzY3IzdA==", "the canary is there to be found")
	for _, plan := range []federation.Plan{plan, changed} {
		masked, err := json.Marshal(plan)
		require.NoError(t, err)
		printed := string(masked) + plan.String() + plan.Explain("a") + plan.Explain("b") + plan.Explain("c")
		for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
			printed += fmt.Sprintf(format, plan) + fmt.Sprintf(format, plan.Steps) + fmt.Sprintf(format, results) + fmt.Sprintf(format, refused)
			printed += fmt.Sprintf(format, plan.Steps[0]) + fmt.Sprintf(format, refused[0])
		}
		for _, secret := range append([]string{canary, "YzRuNHJ5LXMzY3IzdA=="}, digests...) {
			require.NotContains(t, printed, secret)
		}
		var back federation.Plan
		require.NoError(t, json.Unmarshal(masked, &back))
		require.True(t, back.Redacted)
		for _, r := range (federation.Dispatcher{Clients: p.members.Clients}).Dispatch(t.Context(), back) {
			require.ErrorIs(t, r.Err, federation.ErrRedacted)
		}
	}
	for _, c := range federation.Statuses(refused) {
		require.NotContains(t, c.Message, canary)
	}
}

// TestEncodePlan: a plan that was encoded and decoded does the same.
func TestEncodePlan(t *testing.T) {
	p := newProgram(t, "a", "b")
	obj := federation.Object{Template: decode(t, webYAML), Placement: everywhere(), Replicas: &federation.Replicas{}}
	p.reconcile(obj)
	obj.Template = obj.Template.DeepCopy()
	obj.Template.SetLabels(map[string]string{"x": "y"})
	obj.Placement = placement.Policy{Clusters: []string{"a"}}
	plan := p.plan(obj)
	data, err := federation.EncodePlan(plan)
	require.NoError(t, err)
	back, err := federation.DecodePlan(data)
	require.NoError(t, err)
	require.Equal(t, plan.String(), back.String())
	again, err := federation.EncodePlan(back)
	require.NoError(t, err)
	require.JSONEq(t, string(data), string(again))
	for _, r := range (federation.Dispatcher{Clients: p.members.Clients}).Dispatch(t.Context(), back) {
		require.NoError(t, r.Err)
	}
	require.Empty(t, p.members.Member("b").Objects())
	p.snap.Holders = plan.Holders()
	require.Equal(t, map[string]string{"a": "keep Settled", "b": "keep Unselected"}, verbs(p.plan(obj)))
	for _, bad := range []string{"", "[]", `{"steps":[{}]}`, `{"steps":[{"cluster":"a"}]}`} {
		_, err := federation.DecodePlan([]byte(bad))
		require.ErrorIs(t, err, federation.ErrInvalid, bad)
	}
}

// Who scales a copy is named, whether the field is retained or not: the scale subresource has an entry of its own.
func TestScaledByAnotherIsReportedByName(t *testing.T) {
	p := newProgram(t, "a")
	obj := federation.Object{Template: decode(t, webYAML), Placement: everywhere()}
	p.reconcile(obj)
	live := p.members.Member("a").Objects()[0]
	require.NoError(t, unstructured.SetNestedField(live.Object, int64(12), "spec", "replicas"))
	_, err := p.members.Member("a").Scale(t.Context(), live, "autoscaler")
	require.NoError(t, err)

	step := p.plan(obj).Steps[0]
	require.Equal(t, federation.ReasonDrifted, step.Reason)
	require.Equal(t, []federation.Change{{Path: "/spec/replicas", Have: int64(12), Want: int64(9), Holders: []string{"autoscaler"}}}, step.Changes)
	require.Contains(t, step.Message, "/spec/replicas (autoscaler)")

	obj.Retain = []string{"/spec/replicas"}
	p.reconcile(obj)
	require.Equal(t, federation.Keep, p.plan(obj).Steps[0].Verb)
	replicas, _, _ := unstructured.NestedInt64(p.members.Member("a").Objects()[0].Object, "spec", "replicas")
	require.EqualValues(t, 12, replicas)
}
