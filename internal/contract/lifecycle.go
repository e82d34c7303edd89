package contract

import (
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/confed-project/confed/federation"
)

// lifecycle is about going away.
func lifecycle() []Scenario {
	all := twice("unselected is deleted, and then nothing is left", configMap, func(s *Stage) {
		s.unselect()
		r := s.do(federation.Delete, federation.ReasonUnselected)
		require.NotNil(s, r.Step.Precondition.UID)
		s.gone()
		require.True(s, s.plan().Gone())
		require.Empty(s, s.holders)
	})
	all = append(all, twice("released stays whole", deployment, func(s *Stage) {
		s.edit(`[{op: add, path: /metadata/labels/team, value: red}]`)
		before := s.live()
		s.unselect()
		s.object.Orphan = true
		s.do(federation.Release, federation.ReasonUnselected)
		require.True(s, s.plan().Gone())
		after := s.live()
		require.Equal(s, before.Object["spec"], after.Object["spec"])
		require.Equal(s, map[string]string{"app": "web", "team": "red"}, after.GetLabels())
		require.False(s, slices.ContainsFunc(s.entries(), func(e string) bool { return strings.HasPrefix(e, "confed.dev/") }), "%v", s.entries())
	})...)
	return append(all,
		Scenario{Name: "what was created again by others under our name is not deleted", Run: func(s *Stage) {
			s.created(configMap)
			s.unselect()
			plan := s.expect(federation.Delete, federation.ReasonUnselected)
			s.delete()
			s.create(somebody, theirs)
			r := s.dispatch(plan)
			require.Equal(s, federation.Failed, r.Outcome, "%v", r.Err)
			require.Equal(s, federation.ReasonConflict, r.Reason, "%v", r.Err)
			s.live()
		}},
		Scenario{Name: "what was created again by others under our name is not overwritten", Run: func(s *Stage) {
			s.created(configMap)
			s.edit(`[{op: replace, path: /data/colour, value: green}]`)
			plan := s.expect(federation.Apply, federation.ReasonDrifted)
			s.delete()
			s.create(somebody, theirs)
			r := s.dispatch(plan)
			require.Equal(s, federation.Failed, r.Outcome, "%v", r.Err)
			require.Equal(s, federation.ReasonConflict, r.Reason, "%v", r.Err)
			require.Equal(s, "red", s.at("data.colour"))
		}},
		Scenario{Name: "what was deleted between plan and apply is not half created", Run: func(s *Stage) {
			s.applied(configMap)
			s.edit(`[{op: replace, path: /data/colour, value: green}]`)
			plan := s.expect(federation.Apply, federation.ReasonDrifted)
			s.delete()
			r := s.dispatch(plan)
			require.NotEqual(s, federation.Done, r.Outcome)
			s.gone()
			s.do(federation.Create, federation.ReasonAbsent)
		}},
		Scenario{Name: "a copied label without our entry is not ours to delete", Run: func(s *Stage) {
			s.create(somebody, `{apiVersion: v1, kind: ConfigMap, metadata: {name: a, labels: {confed.dev/owner: contract}}, data: {a: b}}`)
			s.wish(configMap)
			s.unselect()
			s.holders = []string{member}
			plan := s.expect(federation.Hold, federation.ReasonNotOwned)
			require.Equal(s, []string{member}, plan.Holders())
			s.dispatch(plan)
			s.live()
		}},
		Scenario{Name: "deleting: held until it is gone, then created again", Run: func(s *Stage) {
			s.created(configMap)
			s.edit(`[{op: add, path: /metadata/finalizers, value: [example.com/wait]}]`)
			s.delete()
			s.dispatch(s.expect(federation.Hold, federation.ReasonDeleting))
			s.unselect()
			plan := s.expect(federation.Hold, federation.ReasonDeleting)
			require.False(s, plan.Gone())
			s.edit(`[{op: remove, path: /metadata/finalizers}]`)
			s.gone()
			require.True(s, s.plan().Gone())
			s.wish(configMap)
			s.do(federation.Create, federation.ReasonAbsent)
		}},
		Scenario{Name: "a namespace is guarded", Run: func(s *Stage) {
			s.wish(`{apiVersion: v1, kind: Namespace, metadata: {name: ` + s.namespace + `-more}}`)
			s.object.Template.SetNamespace("")
			s.do(federation.Create, federation.ReasonAbsent)
			s.atRest()
			s.unselect()
			plan := s.expect(federation.Hold, federation.ReasonGuarded)
			require.Equal(s, []string{member}, plan.Holders())
			s.object.Cascade = true
			s.do(federation.Delete, federation.ReasonUnselected)
		}},
	)
}
