// Package contract holds what the planner and the dispatcher promise about writing to a member, as scenarios that run
// against any federation.ClusterClient: the member in memory, and a real API server. A scenario needs nothing but that
// client, since others are other field managers.
package contract

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/placement"
	"github.com/confed-project/confed/scheduling"
)

// Scenario is one promise.
type Scenario struct {
	Name string
	Run  func(*Stage)
	// Schema is true for what only a server with a schema and validation shows.
	Schema bool
}

// Scenarios returns all promises.
func Scenarios() []Scenario {
	var all []Scenario
	for _, list := range [][]Scenario{ownership(), change(), adoption(), lifecycle(), shared(), refusals()} {
		all = append(all, list...)
	}
	return all
}

// Run plays every scenario against a member, each in a namespace of its own.
func Run(t *testing.T, client federation.ClusterClient, schema bool) {
	for i, s := range Scenarios() {
		if s.Schema && !schema {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			s.Run(newStage(t, client, fmt.Sprintf("contract-%d-%x", i, rand.Uint32())))
		})
	}
}

// Stage is one member, one program and one object at a time.
type Stage struct {
	*testing.T
	client    federation.ClusterClient
	namespace string
	planner   federation.Planner
	holders   []string
	previous  []placement.Decision
	shares    []scheduling.Share
	object    federation.Object
}

const member = "member"

// somebody is another field manager.
const somebody = "somebody"

func newStage(t *testing.T, client federation.ClusterClient, namespace string) *Stage {
	s := &Stage{T: t, client: client, namespace: namespace, holders: []string{},
		planner: federation.Planner{Owner: federation.Owner{Value: "contract"}}}
	ns := s.decode(`{apiVersion: v1, kind: Namespace, metadata: {name: ` + namespace + `}}`)
	ns.SetNamespace("")
	_, err := client.Create(t.Context(), ns, metav1.CreateOptions{FieldManager: somebody})
	require.NoError(t, err)
	return s
}

// decode reads a manifest into the namespace of the scenario.
func (s *Stage) decode(text string) *unstructured.Unstructured {
	s.Helper()
	data, err := yaml.YAMLToJSON([]byte(text))
	require.NoError(s, err)
	u := &unstructured.Unstructured{}
	require.NoError(s, u.UnmarshalJSON(data))
	u.SetNamespace(s.namespace)
	return u
}

// wish sets the object to propagate, selected everywhere.
func (s *Stage) wish(text string) {
	s.Helper()
	s.object.Template = s.decode(text)
	s.object.Placement = placement.Policy{Selector: &placement.Selector{}}
}

func (s *Stage) clients(string) (federation.ClusterClient, error) { return s.client, nil }

// plan looks and plans, and keeps what a program keeps.
func (s *Stage) plan() federation.Plan {
	s.Helper()
	fleet, err := placement.NewFleet([]placement.Cluster{{Name: member}})
	require.NoError(s, err)
	snap := federation.Snapshot{Now: time.Unix(1, 0), Fleet: fleet, Holders: s.holders, Previous: s.previous, Shares: s.shares}
	snap = snap.With(federation.Observe(s.Context(), s.clients, s.planner.Targets(s.object, snap)))
	plan, err := s.planner.Plan(s.object, snap)
	require.NoError(s, err)
	s.holders, s.previous, s.shares = plan.Holders(), plan.Decisions, plan.Shares()
	return plan
}

// expect plans, requires the one step to be this, and returns it in its plan.
func (s *Stage) expect(verb federation.Verb, reason federation.Reason) federation.Plan {
	s.Helper()
	plan := s.plan()
	require.Len(s, plan.Steps, 1)
	require.Equal(s, verb, plan.Steps[0].Verb, "%s", plan)
	require.Equal(s, reason, plan.Steps[0].Reason, "%s", plan)
	return plan
}

func (s *Stage) dispatch(plan federation.Plan) federation.Result {
	s.Helper()
	results := federation.Dispatcher{Clients: s.clients}.Dispatch(s.Context(), plan)
	require.Len(s, results, 1)
	return results[0]
}

// try expects a step and carries it out; where a controller of the member wrote in between, once more.
func (s *Stage) try(verb federation.Verb, reason federation.Reason) federation.Result {
	s.Helper()
	r := s.dispatch(s.expect(verb, reason))
	for range 5 {
		if r.Outcome == federation.Failed && r.Reason == federation.ReasonConflict {
			r = s.dispatch(s.expect(verb, reason))
		}
	}
	return r
}

// do is try for what must succeed.
func (s *Stage) do(verb federation.Verb, reason federation.Reason) federation.Result {
	s.Helper()
	r := s.try(verb, reason)
	require.NoError(s, r.Err)
	require.Equal(s, federation.Done, r.Outcome)
	return r
}

// created propagates the object for the first time, and proves that this is all there is to do.
func (s *Stage) created(text string) {
	s.Helper()
	s.wish(text)
	s.do(federation.Create, federation.ReasonAbsent)
	s.atRest()
}

// applied propagates the object twice, so that our entry is one of an apply.
func (s *Stage) applied(text string) {
	s.Helper()
	s.wish(text)
	s.object.Template.SetAnnotations(map[string]string{"v": "0"})
	s.do(federation.Create, federation.ReasonAbsent)
	s.wish(text)
	s.do(federation.Apply, federation.ReasonChanged)
	s.atRest()
}

func (s *Stage) atRest() {
	s.Helper()
	s.expect(federation.Keep, federation.ReasonSettled)
}

// mended carries out one apply for the drift on these paths, and proves that it was enough.
func (s *Stage) mended(paths ...string) {
	s.Helper()
	r := s.do(federation.Apply, federation.ReasonDrifted)
	var changed []string
	for _, c := range r.Step.Changes {
		changed = append(changed, c.Path)
	}
	require.Equal(s, paths, changed)
	s.atRest()
}

func (s *Stage) live() *unstructured.Unstructured {
	s.Helper()
	t := s.object.Template
	live, err := s.client.Get(s.Context(), t.GroupVersionKind(), types.NamespacedName{Namespace: t.GetNamespace(), Name: t.GetName()})
	require.NoError(s, err)
	return live
}

func (s *Stage) gone() {
	s.Helper()
	t := s.object.Template
	_, err := s.client.Get(s.Context(), t.GroupVersionKind(), types.NamespacedName{Namespace: t.GetNamespace(), Name: t.GetName()})
	require.True(s, apierrors.IsNotFound(err), "%v", err)
}

// edit is a JSON patch of somebody else.
func (s *Stage) edit(patch string) {
	s.Helper()
	s.editAs(somebody, patch)
}

func (s *Stage) editAs(manager, patch string) {
	s.Helper()
	data, err := yaml.YAMLToJSON([]byte(patch))
	require.NoError(s, err)
	_, err = s.client.Patch(s.Context(), s.object.Template, data, metav1.PatchOptions{FieldManager: manager})
	require.NoError(s, err)
}

// apply is a forced server-side apply of somebody else.
func (s *Stage) apply(manager, text string) {
	s.Helper()
	force := true
	_, err := s.client.Patch(s.Context(), s.decode(text), nil, metav1.PatchOptions{FieldManager: manager, Force: &force})
	require.NoError(s, err)
}

// create is a POST of somebody else.
func (s *Stage) create(manager, text string) *unstructured.Unstructured {
	s.Helper()
	live, err := s.client.Create(s.Context(), s.decode(text), metav1.CreateOptions{FieldManager: manager})
	require.NoError(s, err)
	return live
}

// delete is a DELETE of somebody else.
func (s *Stage) delete() {
	s.Helper()
	t := s.object.Template
	require.NoError(s, s.client.Delete(s.Context(), t.GroupVersionKind(),
		types.NamespacedName{Namespace: t.GetNamespace(), Name: t.GetName()}, metav1.DeleteOptions{}))
}

func (s *Stage) unselect() { s.object.Placement = placement.Policy{} }

// at returns the live value at a path of map keys and list indices joined by dots.
func (s *Stage) at(path string) any {
	s.Helper()
	var v any = s.live().Object
	for _, key := range strings.Split(path, ".") {
		switch t := v.(type) {
		case map[string]any:
			v = t[key]
		case []any:
			var i int
			_, err := fmt.Sscan(key, &i)
			require.NoError(s, err)
			if i >= len(t) {
				return nil
			}
			v = t[i]
		default:
			return nil
		}
	}
	return v
}

// entries lists the managers of the live object, as "manager operation".
func (s *Stage) entries() []string {
	var list []string
	for _, e := range s.live().GetManagedFields() {
		list = append(list, e.Manager+" "+string(e.Operation))
	}
	return list
}
