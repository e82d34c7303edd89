package e2e_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	"github.com/confed-project/confed/clusterregistry/kube"
	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/internal/e2e/cluster"
	"github.com/confed-project/confed/placement"
	"github.com/confed-project/confed/scheduling"
)

// world is a program that embeds the library, at its smallest: connections, facts, and what it remembers per object.
type world struct {
	t          *testing.T
	ctx        context.Context
	servers    []*cluster.Server
	clients    map[string]federation.ClusterClient
	direct     map[string]dynamic.Interface // somebody else's access to the members
	planner    federation.Planner
	dispatcher federation.Dispatcher
	fleet      *placement.Fleet
	memory     map[string]memory
}

type memory struct {
	holders  []string
	previous []placement.Decision
	shares   []scheduling.Share
}

func newWorld(t *testing.T) *world {
	servers := cluster.Shared(t).Members
	w := &world{
		t: t, ctx: t.Context(), servers: servers, memory: map[string]memory{},
		clients: map[string]federation.ClusterClient{}, direct: map[string]dynamic.Interface{},
		planner: federation.Planner{Owner: federation.Owner{Value: "story"}},
	}
	var facts []placement.Cluster
	for i, s := range servers {
		client, err := kube.NewClient(s.Config(), kube.Options{})
		require.NoError(t, err)
		w.clients[s.Name] = client
		w.direct[s.Name], err = dynamic.NewForConfig(s.Config())
		require.NoError(t, err)
		region := []string{"eu", "eu", "us"}[i%3]
		facts = append(facts, placement.Cluster{Name: s.Name, Region: region, Labels: map[string]string{"region": region}})
	}
	var err error
	w.fleet, err = placement.NewFleet(facts)
	require.NoError(t, err)
	w.dispatcher = federation.Dispatcher{Clients: w.connect, Timeout: 10 * time.Second}
	return w
}

func (w *world) connect(name string) (federation.ClusterClient, error) {
	client, ok := w.clients[name]
	if !ok {
		return nil, fmt.Errorf("no connection to %q", name)
	}
	return client, nil
}

func memoryKey(obj federation.Object) string {
	return obj.Template.GetKind() + " " + obj.Template.GetNamespace() + "/" + obj.Template.GetName()
}

// plan observes and plans.
func (w *world) plan(obj federation.Object) federation.Plan {
	w.t.Helper()
	m, known := w.memory[memoryKey(obj)]
	if !known {
		m.holders = []string{}
	}
	snap := federation.Snapshot{Now: time.Now(), Fleet: w.fleet, Holders: m.holders, Previous: m.previous, Shares: m.shares}
	snap = snap.With(federation.Observe(w.ctx, w.connect, w.planner.Targets(obj, snap)))
	plan, err := w.planner.Plan(obj, snap)
	require.NoError(w.t, err)
	require.NoError(w.t, plan.Err())
	w.memory[memoryKey(obj)] = memory{plan.Holders(), plan.Decisions, plan.Shares()}
	return plan
}

// reconcile runs one pass.
func (w *world) reconcile(obj federation.Object) []federation.Result {
	w.t.Helper()
	return w.dispatcher.Dispatch(w.ctx, w.plan(obj))
}

// settle reconciles until nothing is left to do, or only holds for the given reasons.
func (w *world) settle(obj federation.Object, allowed ...federation.Reason) federation.Plan {
	w.t.Helper()
	deadline := time.Now().Add(within) // controllers may need most of a minute to notice that a server was killed
	for {
		plan := w.plan(obj)
		open := slices.ContainsFunc(plan.Steps, func(s federation.Step) bool {
			return s.Verb != federation.Keep && (s.Verb != federation.Hold || !slices.Contains(allowed, s.Reason))
		})
		if !open {
			return plan
		}
		results := w.dispatcher.Dispatch(w.ctx, plan)
		require.True(w.t, time.Now().Before(deadline), "not settled:\n%s%v", plan, results)
	}
}

func (w *world) resource(server, plural string, gvk schema.GroupVersionKind, namespace string) dynamic.ResourceInterface {
	r := w.direct[server].Resource(gvk.GroupVersion().WithResource(plural))
	if namespace == "" {
		return r
	}
	return r.Namespace(namespace)
}

// get reads an object the way anybody would.
func (w *world) get(server, plural string, like *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	return w.resource(server, plural, like.GroupVersionKind(), like.GetNamespace()).Get(w.ctx, like.GetName(), metav1.GetOptions{})
}

func (w *world) mustGet(server, plural string, like *unstructured.Unstructured) *unstructured.Unstructured {
	w.t.Helper()
	live, err := w.get(server, plural, like)
	require.NoError(w.t, err)
	return live
}

// foreignPatch edits an object as another field manager.
func (w *world) foreignPatch(server, plural string, like *unstructured.Unstructured, patch string) {
	w.t.Helper()
	_, err := w.resource(server, plural, like.GroupVersionKind(), like.GetNamespace()).
		Patch(w.ctx, like.GetName(), types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "somebody"})
	require.NoError(w.t, err)
}

// decode reads a manifest as an API client would.
func decode(t testing.TB, text string) *unstructured.Unstructured {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(text))
	require.NoError(t, err)
	u := &unstructured.Unstructured{}
	require.NoError(t, u.UnmarshalJSON(data))
	return u
}

func everywhere() placement.Policy { return placement.Policy{Selector: &placement.Selector{}} }

func region(name string) placement.Policy {
	return placement.Policy{Selector: &placement.Selector{MatchLabels: map[string]string{"region": name}}}
}
