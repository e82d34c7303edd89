package federation_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/fedtest"
	"github.com/confed-project/confed/placement"
	"github.com/confed-project/confed/status"
)

// Results tells how things stand without touching them: what Dispatch says once all is settled is what it says then, and
// before that every step that would write is pending.
func TestPlanResults(t *testing.T) {
	members := fedtest.NewFleet("berlin", "paris")
	fleet, err := placement.NewFleet([]placement.Cluster{{Name: "berlin"}, {Name: "paris"}})
	require.NoError(t, err)
	snap := federation.Snapshot{Now: time.Unix(0, 0), Fleet: fleet}
	planner := federation.Planner{Owner: federation.Owner{Value: "test"}}
	obj := federation.Object{
		Template: &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "c", "namespace": "default"},
		}},
		Placement: placement.Policy{Selector: &placement.Selector{}},
	}
	plan := func() federation.Plan {
		p, err := planner.Plan(obj, snap.With(federation.Observe(t.Context(), members.Clients, planner.Targets(obj, snap))))
		require.NoError(t, err)
		return p
	}
	before := plan()
	require.True(t, before.Counts().Writes())
	require.Equal(t, federation.Counts{federation.Create: 2}, before.Counts())
	for i, r := range before.Results() {
		require.Equal(t, before.Steps[i].Ref, r.Step.Ref)
		require.Equal(t, federation.Held, r.Outcome)
		require.Equal(t, federation.ReasonAbsent, r.Reason)
	}
	require.Equal(t, status.StatePending, federation.Statuses(before.Results())[0].State)
	require.Empty(t, members.Member("berlin").Objects())

	dispatcher := federation.Dispatcher{Clients: members.Clients}
	dispatcher.Dispatch(t.Context(), before)
	after := plan()
	require.False(t, after.Counts().Writes())
	require.Equal(t, dispatcher.Dispatch(t.Context(), after), after.Results())

	obj.Template.SetLabels(map[string]string{"a": "b"})
	changed := plan()
	require.Equal(t, "/metadata/labels/a: nothing -> \"b\"", changed.Steps[0].Changes[0].String())
	require.NotNil(t, changed.Results()[0].Live, "what is there is known")
	require.Equal(t, changed.Steps[0].Columns()[:4], []string{"berlin", "ConfigMap default/c", "apply", "Changed"})
	require.Equal(t, "now held by hpa, kubectl",
		federation.Change{Holders: []string{"hpa", "kubectl"}}.String()[len(": nothing -> nothing, "):])
}
