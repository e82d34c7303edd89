package federation_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/fedtest"
	"github.com/confed-project/confed/override"
	"github.com/confed-project/confed/placement"
)

func key(group, kind, namespace, name string) federation.Key {
	return federation.Key{GroupKind: schema.GroupKind{Group: group, Kind: kind}, Namespace: namespace, Name: name}
}

// bundleProgram keeps a bundle the way a program does.
type bundleProgram struct {
	*program
	bundle federation.Bundle
}

func (p *bundleProgram) pass() (federation.Plan, []federation.Result) {
	p.Helper()
	var err error
	p.snap.Fleet, err = placement.NewFleet(p.facts)
	require.NoError(p, err)
	observed := map[federation.Key]federation.Observation{}
	for _, item := range p.bundle {
		own := p.snap
		own.Holders = item.Holders
		for k, o := range federation.Observe(p.Context(), p.members.Clients, p.planner.Targets(item.Object, own)) {
			observed[k] = o
		}
	}
	p.snap.Observed = nil
	plans, err := p.planner.PlanBundle(p.bundle, p.snap.With(observed))
	require.NoError(p, err)
	for i, plan := range plans {
		p.bundle[i].Holders, p.bundle[i].Previous, p.bundle[i].Shares = plan.Holders(), plan.Decisions, plan.Shares()
	}
	all := federation.Join(plans...)
	return all, federation.Dispatcher{Clients: p.members.Clients}.Dispatch(p.Context(), all)
}

func steps(plan federation.Plan) []string {
	var list []string
	for _, s := range plan.Steps {
		list = append(list, fmt.Sprintf("%s %s %s %s", s.Ref.Cluster, s.Verb, s.Ref, s.Reason))
	}
	return list
}

func TestBundleWaves(t *testing.T) {
	p := &bundleProgram{program: newProgram(t, "a")}
	job := `{apiVersion: batch/v1, kind: Job, metadata: {name: migrate, namespace: shop}, spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}}}`
	config := `{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: shop}}`
	none := []string{}
	p.bundle = federation.Bundle{
		{Object: federation.Object{Template: decode(t, config), Placement: everywhere()}, Holders: none, After: []federation.Key{key("batch", "Job", "shop", "migrate")}},
		{Object: federation.Object{Template: decode(t, job), Placement: everywhere()}, Holders: none},
		{Object: federation.Object{Template: decode(t, `{apiVersion: v1, kind: Namespace, metadata: {name: shop}}`), Placement: everywhere(), Cascade: true}, Holders: none},
	}
	plan, results := p.pass()
	require.Equal(t, []string{
		"a create Namespace shop Absent", "a hold ConfigMap shop/c Waiting", "a create Job.batch shop/migrate Absent",
	}, steps(plan))
	for _, r := range results {
		require.NoError(t, r.Err, "the namespace comes before what lives in it")
	}
	require.Contains(t, plan.Steps[1].Message, "waits for Job.batch shop/migrate")

	plan, _ = p.pass()
	require.Equal(t, "a hold ConfigMap shop/c Waiting", steps(plan)[1], "the job is there, and not done")
	done := decode(t, job)
	done.Object["status"] = map[string]any{"succeeded": int64(1), "conditions": []any{map[string]any{
		"type": "Complete", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}}}
	_, err := p.members.Member("a").Status(t.Context(), done, "kcm")
	require.NoError(t, err)
	plan, _ = p.pass()
	require.Equal(t, "a create ConfigMap shop/c Absent", steps(plan)[1])
	plan, _ = p.pass()
	require.Equal(t, []string{"a keep Namespace shop Settled", "a keep ConfigMap shop/c Settled", "a keep Job.batch shop/migrate Settled"}, steps(plan))

	for i := range p.bundle {
		p.bundle[i].Object.Placement = placement.Policy{}
	}
	plan, _ = p.pass()
	require.Contains(t, steps(plan), "a hold Job.batch shop/migrate Waiting", "what comes after goes first")
	require.Contains(t, steps(plan), "a delete ConfigMap shop/c Unselected")
}

func TestBundleOrderDoesNotMatter(t *testing.T) {
	p := newProgram(t, "a", "b")
	var bundle federation.Bundle
	for i := range 6 {
		item := federation.Item{Holders: []string{}, Object: federation.Object{Placement: everywhere(), Template: decode(t,
			fmt.Sprintf(`{apiVersion: v1, kind: ConfigMap, metadata: {name: c%d, namespace: default}}`, i))}}
		if i > 0 {
			item.After = []federation.Key{key("", "ConfigMap", "default", fmt.Sprintf("c%d", i/2))}
		}
		if i == 1 {
			item.After = []federation.Key{key("", "ConfigMap", "default", "c0")}
		}
		bundle = append(bundle, item)
	}
	p.plan(bundle[0].Object)
	snap := p.snap.With(nil)
	for _, item := range bundle {
		snap = snap.With(federation.Observe(t.Context(), p.members.Clients, p.planner.Targets(item.Object, p.snap)))
	}
	var want string
	rnd := rand.New(rand.NewPCG(1, 1))
	for range 10 {
		plans, err := p.planner.PlanBundle(bundle, snap)
		require.NoError(t, err)
		got := federation.Join(plans...).String()
		if want == "" {
			want = got
		}
		require.Empty(t, cmp.Diff(want, got))
		rnd.Shuffle(len(bundle), func(i, j int) { bundle[i], bundle[j] = bundle[j], bundle[i] })
	}
}

func TestBundleBadInput(t *testing.T) {
	item := func(name string, after ...string) federation.Item {
		it := federation.Item{Object: federation.Object{Placement: everywhere(), Template: decode(t,
			`{apiVersion: v1, kind: ConfigMap, metadata: {name: `+name+`, namespace: default}}`)}}
		for _, a := range after {
			it.After = append(it.After, key("", "ConfigMap", "default", a))
		}
		return it
	}
	for want, bundle := range map[string]federation.Bundle{
		`bundle[2]: invalid: the same target as bundle[0]`:                         {item("a"), item("b"), item("a")},
		`bundle[0].after[0]: invalid: ConfigMap x is not in the bundle`:            {item("a", "x")},
		`cycle: ConfigMap default/a -> ConfigMap default/b -> ConfigMap default/a`: {item("a", "b"), item("b", "a")},
		`cycle: ConfigMap default/a -> ConfigMap default/a`:                        {item("a", "a")},
	} {
		_, err := planner().PlanBundle(bundle, federation.Snapshot{})
		require.ErrorIs(t, err, federation.ErrInvalid)
		require.ErrorContains(t, err, want)
	}
}

// TestKindAppears: a missing API holds in that cluster only, and is planned again when it appears.
func TestKindAppears(t *testing.T) {
	p := newProgram(t, "a", "b")
	crd := `{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: games.example.com}, spec: {group: example.com,
		names: {plural: games, kind: Game}, scope: Namespaced, versions: [{name: v1, served: true, storage: true}]}}`
	game := federation.Object{Template: decode(t, `{apiVersion: example.com/v1, kind: Game, metadata: {name: g, namespace: default}}`), Placement: everywhere()}
	_, err := p.members.Member("a").Create(t.Context(), decode(t, crd), metav1.CreateOptions{FieldManager: "test"})
	require.NoError(t, err)
	plan, _ := p.reconcile(game)
	require.Equal(t, map[string]string{"a": "create Absent", "b": "hold KindNotServed"}, verbs(plan))
	_, err = p.members.Member("b").Create(t.Context(), decode(t, crd), metav1.CreateOptions{FieldManager: "test"})
	require.NoError(t, err)
	plan, _ = p.reconcile(game)
	require.Equal(t, map[string]string{"a": "keep Settled", "b": "create Absent"}, verbs(plan))
}

// TestKindGoes: a member that held a copy and no longer serves the version may hold it still. Only an explicit act forgets it.
func TestKindGoes(t *testing.T) {
	p := newProgram(t, "a", "b")
	crd := decode(t, `{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: games.example.com}, spec: {group: example.com,
		names: {plural: games, kind: Game}, scope: Namespaced, versions: [{name: v1, served: true, storage: true}]}}`)
	game := federation.Object{Template: decode(t, `{apiVersion: example.com/v1, kind: Game, metadata: {name: g, namespace: default}}`),
		Placement: placement.Policy{Clusters: []string{"a"}}}
	_, err := p.members.Member("a").Create(t.Context(), crd, metav1.CreateOptions{})
	require.NoError(t, err)
	p.reconcile(game)
	require.NoError(t, p.members.Member("a").Delete(t.Context(), crd.GroupVersionKind(), types.NamespacedName{Name: crd.GetName()}, metav1.DeleteOptions{}))
	game.Placement = placement.Policy{}
	plan, _ := p.reconcile(game)
	require.Equal(t, map[string]string{"a": "hold KindNotServed"}, verbs(plan))
	require.Equal(t, []string{"a"}, plan.Holders())
	p.planner.Forget = []string{"a"}
	plan, _ = p.reconcile(game)
	require.True(t, plan.Gone())
}

// TestMetadataOnly: enough to see drift; not enough to divide by or to retain values of.
func TestMetadataOnly(t *testing.T) {
	p := newProgram(t, "a", "b")
	obj := federation.Object{Template: decode(t, webYAML), Placement: everywhere(), Replicas: &federation.Replicas{}}
	p.reconcile(obj)
	partial := func() federation.Snapshot {
		var err error
		p.snap.Fleet, err = placement.NewFleet(p.facts)
		require.NoError(t, err)
		snap := p.snap.With(federation.Observe(t.Context(), p.members.Clients, p.planner.Targets(obj, p.snap)))
		for key, o := range snap.Observed {
			for field := range o.Live.Object {
				if field != "apiVersion" && field != "kind" && field != "metadata" {
					delete(o.Live.Object, field)
				}
			}
			snap.Observed[key] = o
		}
		return snap
	}
	plan, err := p.planner.Plan(obj, partial())
	require.NoError(t, err)
	require.Equal(t, map[string]string{"a": "keep Settled", "b": "keep Settled"}, verbs(plan))
	require.Equal(t, p.snap.Shares[0].Replicas+p.snap.Shares[1].Replicas, plan.Shares()[0].Replicas+plan.Shares()[1].Replicas)

	obj.Replicas, obj.Retain = nil, []string{"/spec/replicas"}
	plan, err = p.planner.Plan(obj, partial())
	require.NoError(t, err)
	require.Equal(t, map[string]string{"a": "hold Unobserved", "b": "hold Unobserved"}, verbs(plan))
}

func TestProtect(t *testing.T) {
	p := newProgram(t, "a", "b")
	obj := federation.Object{Template: decode(t, configYAML), Placement: everywhere(), Protect: true}
	p.reconcile(obj)
	obj.Placement = placement.Policy{Clusters: []string{"a"}}
	for _, orphan := range []bool{false, true} {
		obj.Orphan = orphan
		plan, _ := p.reconcile(obj)
		require.Equal(t, map[string]string{"a": "keep Settled", "b": "hold Guarded"}, verbs(plan))
	}
	obj.Protect, obj.Orphan = false, false
	plan, _ := p.reconcile(obj)
	require.Equal(t, "delete Unselected", verbs(plan)["b"])
}

func TestLazy(t *testing.T) {
	p := newProgram(t, "a", "b", "c")
	obj := federation.Object{Template: decode(t, configYAML), Placement: placement.Policy{Clusters: []string{"a", "b"}}, Lazy: true}
	p.reconcile(obj)
	obj.Placement = placement.Policy{Clusters: []string{"b", "c"}}
	for range 2 {
		plan, _ := p.reconcile(obj)
		require.Equal(t, map[string]string{"a": "hold Waiting", "b": "keep Settled", "c": "hold Waiting"}, verbs(plan))
	}
	obj.Template = obj.Template.DeepCopy()
	obj.Template.SetLabels(map[string]string{"new": "template"})
	plan, _ := p.reconcile(obj)
	require.Equal(t, map[string]string{"a": "delete Unselected", "b": "apply Changed", "c": "create Absent"}, verbs(plan))
	obj.Placement = placement.Policy{}
	plan, _ = p.reconcile(obj)
	require.Equal(t, "delete Unselected", verbs(plan)["b"], "planning for nowhere does not wait")
}

// TestLazyDeletesNothing: what waits for the template is not created again for it either.
func TestLazyDeletesNothing(t *testing.T) {
	p := newProgram(t, "a")
	obj := federation.Object{Template: decode(t, webYAML), Placement: everywhere(), Lazy: true, Recreate: true}
	p.reconcile(obj)
	obj.Overrides = []federation.Override{{Clusters: everywhere(), Layer: override.Layer{Name: "other", Edits: []override.Edit{
		override.Patch{Path: "/spec/selector/matchLabels/app", Value: "other"}, override.Patch{Path: "/spec/template/metadata/labels/app", Value: "other"}}}}}
	require.Equal(t, map[string]string{"a": "hold Waiting"}, verbs(p.plan(obj)))
	obj.Template.SetLabels(map[string]string{"now": "yes"})
	require.Equal(t, map[string]string{"a": "delete Immutable"}, verbs(p.plan(obj)))
}

func TestTTLAfterFinished(t *testing.T) {
	p := newProgram(t, "a", "b")
	text := `{apiVersion: batch/v1, kind: Job, metadata: {name: j, namespace: default}, spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}}}`
	obj := federation.Object{Template: decode(t, text), Placement: everywhere(), TTLAfterFinished: ptr(time.Hour)}
	p.reconcile(obj)
	finish := func(name, at string) {
		done := decode(t, text)
		done.Object["status"] = map[string]any{"conditions": []any{map[string]any{"type": "Complete", "status": "True", "lastTransitionTime": at}}}
		_, err := p.members.Member(name).Status(t.Context(), done, "kcm")
		require.NoError(t, err)
	}
	finish("a", "2026-01-01T00:10:00Z")
	plan, _ := p.reconcile(obj)
	require.Zero(t, plan.Finished, "one still runs")
	finish("b", "2026-01-01T00:20:00Z")
	plan, _ = p.reconcile(obj)
	require.Equal(t, time.Date(2026, 1, 1, 0, 20, 0, 0, time.UTC), plan.Finished)
	require.Equal(t, time.Date(2026, 1, 1, 1, 20, 0, 0, time.UTC), plan.Next)
	require.Equal(t, map[string]string{"a": "keep Settled", "b": "keep Settled"}, verbs(plan))
	p.snap.Finished, p.snap.Now = plan.Finished, plan.Next
	plan, _ = p.reconcile(obj)
	require.Equal(t, map[string]string{"a": "delete Expired", "b": "delete Expired"}, verbs(plan))
	plan, _ = p.reconcile(obj)
	require.Equal(t, map[string]string{"a": "keep Expired", "b": "keep Expired"}, verbs(plan), "and is not made again")
	require.True(t, plan.Gone())
}

func TestGuard(t *testing.T) {
	p := newProgram(t, names(10)...)
	var plans []federation.Plan
	for i := range 4 {
		obj := federation.Object{Placement: everywhere(), Template: decode(t, fmt.Sprintf(`{apiVersion: v1, kind: ConfigMap, metadata: {name: c%d, namespace: default}}`, i))}
		p.reconcile(obj)
		obj.Placement = placement.Policy{}
		plans = append(plans, p.plan(obj))
	}
	allowance := federation.Allowance{Total: 25, PerCluster: 3}
	deletes, perCluster := 0, map[string]int{}
	for _, plan := range plans {
		before := plan.String()
		var guarded federation.Plan
		guarded, allowance = federation.Guard(plan, allowance)
		require.Equal(t, before, plan.String(), "the argument is left as it was")
		for _, s := range guarded.Steps {
			switch s.Verb {
			case federation.Delete:
				deletes++
				perCluster[s.Ref.Cluster]++
			default:
				require.Equal(t, federation.ReasonGuarded, s.Reason)
				require.True(t, s.Holds)
			}
		}
	}
	require.Equal(t, 25, deletes, "plans of one object each share one allowance")
	for name, n := range perCluster {
		require.LessOrEqual(t, n, 3, name)
	}
	none, _ := federation.Guard(plans[0], federation.Allowance{})
	require.NotContains(t, verbs(none), "delete Unselected", "the zero allowance allows nothing")
}

func TestTemplate(t *testing.T) {
	for name, test := range map[string]struct {
		live, want string
		owned      bool
	}{
		"service": {`
apiVersion: v1
kind: Service
metadata: {name: a, namespace: n, uid: u, resourceVersion: "1", creationTimestamp: "2026-01-01T00:00:00Z", labels: {a: b}, finalizers: [x],
  annotations: {kubectl.kubernetes.io/last-applied-configuration: "{}", confed.dev/digest: "v1:0"}, managedFields: [{manager: m}]}
spec: {clusterIP: 10.0.0.1, clusterIPs: [10.0.0.1], ipFamilies: [IPv4], ipFamilyPolicy: SingleStack, healthCheckNodePort: 30001,
  ports: [{port: 80, nodePort: 30000}, {port: 81}]}
status: {loadBalancer: {}}`, `
apiVersion: v1
kind: Service
metadata: {name: a, namespace: n, labels: {a: b}}
spec: {ports: [{port: 80}, {port: 81}]}`, false},
		"headless service": {`{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {clusterIP: None, clusterIPs: [None]}}`,
			`{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {clusterIP: None}}`, false},
		"job": {`
apiVersion: batch/v1
kind: Job
metadata: {name: a, labels: {batch.kubernetes.io/controller-uid: u, mine: x}}
spec:
  selector: {matchLabels: {batch.kubernetes.io/controller-uid: u}}
  template: {metadata: {labels: {controller-uid: u, batch.kubernetes.io/controller-uid: u, job-name: a, batch.kubernetes.io/job-name: a, mine: x}}}`, `
apiVersion: batch/v1
kind: Job
metadata: {name: a, labels: {mine: x}}
spec: {template: {metadata: {labels: {mine: x}}}}`, false},
		"claim": {`{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: a, annotations: {pv.kubernetes.io/bind-completed: "yes", mine: x}}, spec: {volumeName: v, storageClassName: s}}`,
			`{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: a, annotations: {mine: x}}, spec: {storageClassName: s}}`, false},
		"namespace": {`{apiVersion: v1, kind: Namespace, metadata: {name: a, labels: {kubernetes.io/metadata.name: a}}, spec: {finalizers: [kubernetes]}}`,
			`{apiVersion: v1, kind: Namespace, metadata: {name: a, labels: {}}}`, false},
		"owned": {`{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: a, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: d, uid: u, controller: true}]}}`,
			`{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: a}}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			live := decode(t, test.live)
			got, owned := federation.Template(live)
			require.Empty(t, cmp.Diff(decode(t, test.want).Object, got.Object))
			require.Equal(t, test.owned, owned)
			require.Empty(t, cmp.Diff(decode(t, test.live), live), "the argument is left as it was")
			again, _ := federation.Template(got)
			require.Empty(t, cmp.Diff(got, again))
		})
	}
}

// TestTemplateTravels: what comes out of one member can be created in another.
func TestTemplateTravels(t *testing.T) {
	from, to := &fedtest.Member{Name: "from"}, &fedtest.Member{Name: "to"}
	for _, text := range []string{webYAML, configYAML} {
		live, err := from.Create(t.Context(), decode(t, text), metav1.CreateOptions{FieldManager: "test"})
		require.NoError(t, err)
		template, _ := federation.Template(live)
		var made *unstructured.Unstructured
		made, err = to.Create(t.Context(), template, metav1.CreateOptions{FieldManager: "test"})
		require.NoError(t, err)
		require.Equal(t, live.Object["spec"], made.Object["spec"])
	}
}
