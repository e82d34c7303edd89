package e2e_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/internal/e2e/cluster"
	"github.com/confed-project/confed/override"
	"github.com/confed-project/confed/placement"
	"github.com/confed-project/confed/status"
)

const (
	shopYAML = `{apiVersion: v1, kind: Namespace, metadata: {name: shop}}`

	configYAML = `
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: shop}
data: {colour: blue, size: large}
`
	serviceYAML = `
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: 8080}]
`
	deploymentYAML = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, labels: {app: web}}
spec:
  replicas: 10
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: nginx:1.27
        env: [{name: COLOUR, value: blue}, {name: OLD, value: "1"}]
        ports: [{containerPort: 8080}]
        resources: {limits: {cpu: 1000m, memory: 0.5Gi}}
`
)

// story is the objects of one small application.
type story struct {
	*world
	namespace, config, service, deployment federation.Object
}

func (s *story) all() []federation.Object {
	return []federation.Object{s.namespace, s.config, s.service, s.deployment}
}

// TestStory follows one application through the life of a federation on real API servers.
func TestStory(t *testing.T) {
	s := &story{world: newWorld(t)}
	s.namespace = federation.Object{Template: decode(t, shopYAML), Placement: everywhere(), Cascade: true}
	s.config = federation.Object{Template: decode(t, configYAML), Placement: everywhere()}
	s.service = federation.Object{Template: decode(t, serviceYAML), Placement: everywhere()}
	s.deployment = federation.Object{
		Template: decode(t, deploymentYAML), Placement: everywhere(),
		Replicas: &federation.Replicas{Preferences: []federation.Preference{
			{Clusters: placement.Policy{Clusters: []string{s.servers[0].Name}}, Weight: 2},
			{Clusters: everywhere(), Weight: 1},
		}},
		Overrides: []federation.Override{{Clusters: region("us"), Layer: override.Layer{
			Name:  "us-image",
			Edits: []override.Edit{override.Patch{Path: "/spec/template/spec/containers/0/image", Value: "registry.us.example/nginx:1.27"}},
		}}},
	}
	for _, chapter := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"the application reaches the members", s.reaches},
		{"a second run writes nothing", s.writesNothing},
		{"foreign edits: ours are mended, theirs are left alone", s.foreignEdits},
		{"a field leaves the template and disappears", s.fieldLeaves},
		{"a foreign object of the same name is left untouched", s.foreignObject},
		{"a member dies during dispatch and comes back", s.memberDies},
		{"a second run writes nothing after all this", s.writesNothing},
		{"a cluster leaves the placement and loses only what is ours", s.clusterLeaves},
		{"a released object stays whole", s.released},
		{"deleting is planning for nowhere", s.deleted},
	} {
		if !t.Run(chapter.name, func(t *testing.T) {
			s.t = t
			chapter.run(t)
		}) {
			return
		}
	}
}

func (s *story) reaches(t *testing.T) {
	for _, obj := range s.all() {
		plan := s.plan(obj)
		for _, step := range plan.Steps {
			require.Equal(t, federation.Create, step.Verb, "%s", plan)
		}
		results := s.dispatcher.Dispatch(s.ctx, plan)
		for _, r := range results {
			require.NoError(t, r.Err)
			require.Equal(t, federation.Done, r.Outcome)
		}
		sum := status.Summarize(status.Summary{}, 1, federation.Statuses(results), time.Now())
		require.Len(t, sum.Clusters, len(s.servers))
		require.Equal(t, metav1.ConditionTrue, sum.Conditions[0].Status, "%+v", sum)
	}
	total := int64(0)
	for i, server := range s.servers {
		live := s.mustGet(server.Name, "deployments", s.deployment.Template)
		replicas, _, err := unstructured.NestedInt64(live.Object, "spec", "replicas")
		require.NoError(t, err)
		total += replicas
		if i == 0 {
			require.EqualValues(t, 5, replicas, "the member with twice the weight")
		}
		image := container(t, live, "web")["image"]
		if i == 2 {
			require.Equal(t, "registry.us.example/nginx:1.27", image)
		} else {
			require.Equal(t, "nginx:1.27", image)
		}
		require.Equal(t, "story", live.GetLabels()["confed.dev/owner"])
		service := s.mustGet(server.Name, "services", s.service.Template)
		ip, _, _ := unstructured.NestedString(service.Object, "spec", "clusterIP")
		require.NotEmpty(t, ip, "what the member allocates is the member's")
	}
	require.EqualValues(t, 10, total)
}

func container(t *testing.T, deployment *unstructured.Unstructured, name string) map[string]any {
	t.Helper()
	list, _, err := unstructured.NestedSlice(deployment.Object, "spec", "template", "spec", "containers")
	require.NoError(t, err)
	i := slices.IndexFunc(list, func(c any) bool { return c.(map[string]any)["name"] == name })
	require.GreaterOrEqual(t, i, 0, "no container %s", name)
	return list[i].(map[string]any)
}

// writesNothing proves rest by the members' own request counters.
func (s *story) writesNothing(t *testing.T) {
	for _, obj := range s.all() {
		s.settle(obj, federation.ReasonNotOwned)
	}
	mine := func(server *cluster.Server) cluster.Requests {
		writes, err := server.Writes(s.ctx)
		require.NoError(t, err)
		writes = writes.Of("namespaces", "configmaps", "services", "deployments.apps")
		maps.DeleteFunc(writes, func(w cluster.Request, _ int) bool { return w.Subresource != "" })
		return writes
	}
	// The members' own controllers write too, until the rollout of what was applied is recorded.
	before := map[string]cluster.Requests{}
	require.Eventually(t, func() bool {
		quiet := true
		for _, server := range s.servers {
			now := mine(server)
			quiet = quiet && before[server.Name] != nil && len(now.Since(before[server.Name])) == 0
			before[server.Name] = now
		}
		return quiet
	}, 30*time.Second, time.Second)
	for _, obj := range s.all() {
		for _, r := range s.reconcile(obj) {
			require.Equal(t, federation.Keep, r.Step.Verb, "%s", r.Step)
		}
	}
	time.Sleep(100 * time.Millisecond) // a server counts a request just after its answer
	for _, server := range s.servers {
		require.Empty(t, mine(server).Since(before[server.Name]), server.Name)
	}
}

func (s *story) foreignEdits(t *testing.T) {
	server := s.servers[1].Name
	s.foreignPatch(server, "deployments", s.deployment.Template, `{"metadata":{"labels":{"team":"red"}},"spec":{"template":{"spec":{
		"containers":[{"name":"web","image":"evil:1"},{"name":"sidecar","image":"proxy:1"}]}}}}`)
	s.foreignPatch(server, "configmaps", s.config.Template, `{"metadata":{"labels":{"team":"red"}},"data":{"colour":"red","theirs":"x"}}`)
	plan := s.plan(s.deployment)
	step := plan.Steps[1]
	require.Equal(t, federation.Apply, step.Verb, "%s", plan)
	require.Equal(t, federation.ReasonDrifted, step.Reason)
	require.Equal(t, []federation.Change{{
		Path: "/spec/template/spec/containers[name=web]/image", Have: "evil:1", Want: "nginx:1.27", Holders: []string{"somebody"},
	}}, step.Changes)
	require.Equal(t, federation.Keep, plan.Steps[0].Verb)

	s.settle(s.deployment)
	s.settle(s.config)
	live := s.mustGet(server, "deployments", s.deployment.Template)
	require.Equal(t, "nginx:1.27", container(t, live, "web")["image"])
	require.Equal(t, "proxy:1", container(t, live, "sidecar")["image"])
	require.Equal(t, "red", live.GetLabels()["team"])
	config := s.mustGet(server, "configmaps", s.config.Template)
	require.Equal(t, map[string]any{"colour": "blue", "size": "large", "theirs": "x"}, config.Object["data"])
	require.Equal(t, "red", config.GetLabels()["team"])
}

func (s *story) fieldLeaves(t *testing.T) {
	s.config.Template = s.config.Template.DeepCopy()
	unstructured.RemoveNestedField(s.config.Template.Object, "data", "size")
	s.deployment.Template = decode(t, deploymentYAML)
	list, _, err := unstructured.NestedSlice(s.deployment.Template.Object, "spec", "template", "spec", "containers")
	require.NoError(t, err)
	list[0].(map[string]any)["env"] = []any{map[string]any{"name": "COLOUR", "value": "blue"}}
	require.NoError(t, unstructured.SetNestedSlice(s.deployment.Template.Object, list, "spec", "template", "spec", "containers"))

	s.settle(s.config)
	s.settle(s.deployment)
	for _, server := range s.servers {
		data := s.mustGet(server.Name, "configmaps", s.config.Template).Object["data"]
		require.NotContains(t, data, "size", server.Name)
		require.Contains(t, data, "colour")
		web := container(t, s.mustGet(server.Name, "deployments", s.deployment.Template), "web")
		require.Equal(t, []any{map[string]any{"name": "COLOUR", "value": "blue"}}, web["env"], server.Name)
	}
}

func (s *story) foreignObject(t *testing.T) {
	taken := federation.Object{Template: decode(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: taken, namespace: shop}, data: {a: ours}}`), Placement: everywhere()}
	theirs := taken.Template.DeepCopy()
	theirs.Object["data"] = map[string]any{"a": "theirs"}
	server := s.servers[1].Name
	created, err := s.resource(server, "configmaps", theirs.GroupVersionKind(), "shop").Create(s.ctx, theirs, metav1.CreateOptions{})
	require.NoError(t, err)

	// Once as a surprise to a plan that was made before, once as a fact that the plan sees.
	plan := s.plan(taken)
	stale := plan
	stale.Steps = slices.Clone(plan.Steps)
	stale.Steps[1] = stale.Steps[0]
	stale.Steps[1].Ref.Cluster = server
	results := s.dispatcher.Dispatch(s.ctx, stale)
	require.Equal(t, federation.Held, results[1].Outcome)
	require.Equal(t, federation.ReasonNotOwned, results[1].Reason)
	require.Equal(t, federation.Hold, plan.Steps[1].Verb, "%s", plan)
	require.Equal(t, federation.ReasonNotOwned, plan.Steps[1].Reason)

	s.settle(taken, federation.ReasonNotOwned)
	after := s.mustGet(server, "configmaps", theirs)
	require.Equal(t, created.GetResourceVersion(), after.GetResourceVersion(), "untouched")
	require.Equal(t, map[string]any{"a": "ours"}, s.mustGet(s.servers[0].Name, "configmaps", theirs).Object["data"])

	taken.Placement = placement.Policy{}
	plan = s.settle(taken)
	require.True(t, plan.Gone(), "a foreign object does not keep ours from being gone:\n%s", plan)
	after = s.mustGet(server, "configmaps", theirs)
	require.Equal(t, created.GetResourceVersion(), after.GetResourceVersion(), "untouched")
}

func (s *story) memberDies(t *testing.T) {
	const many = 40
	victim := s.servers[1]
	var objects []federation.Object
	var plan federation.Plan
	for i := range many {
		obj := federation.Object{Placement: everywhere(), Template: decode(t, fmt.Sprintf(
			`{apiVersion: v1, kind: ConfigMap, metadata: {name: many-%d, namespace: shop}, data: {i: "%d"}}`, i, i))}
		objects = append(objects, obj)
		plan.Steps = append(plan.Steps, s.plan(obj).Steps...)
	}
	done, failed := map[string]int{}, 0
	for r := range s.dispatcher.Run(s.ctx, plan) {
		if done[victim.Name] == 5 && failed == 0 {
			victim.Kill()
		}
		switch r.Outcome {
		case federation.Done:
			done[r.Step.Ref.Cluster]++
		default:
			failed++
			require.Equal(t, victim.Name, r.Step.Ref.Cluster, "%v", r.Err)
			require.Equal(t, federation.Failed, r.Outcome)
		}
	}
	require.Equal(t, many, done[s.servers[0].Name])
	require.Equal(t, many, done[s.servers[2].Name])
	require.Equal(t, many, done[victim.Name]+failed)
	require.Positive(t, failed)

	plan = s.plan(objects[0])
	require.Equal(t, federation.Hold, plan.Steps[1].Verb, "%s", plan)
	require.Equal(t, federation.ReasonUnobserved, plan.Steps[1].Reason)
	require.Equal(t, federation.Keep, plan.Steps[0].Verb)

	require.NoError(t, victim.Restart(s.ctx))
	for _, obj := range objects {
		s.settle(obj)
		s.mustGet(victim.Name, "configmaps", obj.Template)
		obj.Placement = placement.Policy{}
		require.True(t, s.settle(obj).Gone())
	}
}

func (s *story) clusterLeaves(t *testing.T) {
	server := s.servers[2].Name
	theirs := decode(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: theirs, namespace: shop}, data: {a: theirs}}`)
	_, err := s.resource(server, "configmaps", theirs.GroupVersionKind(), "shop").Create(s.ctx, theirs, metav1.CreateOptions{})
	require.NoError(t, err)

	eu := region("eu")
	s.config.Placement, s.service.Placement, s.deployment.Placement = eu, eu, eu
	s.settle(s.config)
	s.settle(s.service)
	s.settle(s.deployment)
	for plural, obj := range map[string]federation.Object{"configmaps": s.config, "services": s.service, "deployments": s.deployment} {
		_, err := s.get(server, plural, obj.Template)
		require.True(t, apierrors.IsNotFound(err), "%s: %v", plural, err)
	}
	s.mustGet(server, "configmaps", theirs)
	s.mustGet(server, "namespaces", s.namespace.Template)
	require.Equal(t, []string{s.servers[0].Name, s.servers[1].Name}, s.memory[memoryKey(s.deployment)].holders)

	// A namespace is a container: without Cascade it is guarded.
	guarded := s.namespace
	guarded.Placement, guarded.Cascade = eu, false
	plan := s.settle(guarded, federation.ReasonGuarded)
	require.Equal(t, federation.ReasonGuarded, plan.Steps[2].Reason, "%s", plan)
	s.mustGet(server, "configmaps", theirs)
}

func (s *story) released(t *testing.T) {
	server := s.servers[0].Name
	before := s.mustGet(server, "deployments", s.deployment.Template)
	orphan := s.deployment
	orphan.Placement, orphan.Orphan = placement.Policy{}, true
	plan := s.settle(orphan)
	require.True(t, plan.Gone(), "%s", plan)
	after := s.mustGet(server, "deployments", s.deployment.Template)
	require.Equal(t, before.Object["spec"], after.Object["spec"])
	require.Equal(t, before.GetUID(), after.GetUID())
	require.NotContains(t, after.GetLabels(), "confed.dev/owner")
	require.NotContains(t, after.GetAnnotations(), federation.DigestAnnotation)
	for _, entry := range after.GetManagedFields() {
		require.NotEqual(t, "confed.dev/story", entry.Manager)
	}
}

func (s *story) deleted(t *testing.T) {
	for _, obj := range []federation.Object{s.config, s.service, s.namespace} {
		obj.Placement = placement.Policy{}
		require.True(t, s.settle(obj).Gone())
	}
	for _, server := range s.servers {
		_, err := s.get(server.Name, "namespaces", s.namespace.Template)
		require.True(t, apierrors.IsNotFound(err), "%v", err)
	}
}
