package contract

import (
	"github.com/stretchr/testify/require"

	"github.com/confed-project/confed/federation"
)

const theirs = `{apiVersion: v1, kind: ConfigMap, metadata: {name: a, labels: {app: other}}, data: {colour: red, old: x}}`

// adoption is about objects of our name that are not ours.
func adoption() []Scenario {
	return []Scenario{
		{Name: "a foreign object is held and untouched", Run: func(s *Stage) {
			before := s.create(somebody, theirs)
			s.wish(configMap)
			s.dispatch(s.expect(federation.Hold, federation.ReasonNotOwned))
			require.Equal(s, before.GetResourceVersion(), s.live().GetResourceVersion())
			s.unselect()
			plan := s.plan()
			require.True(s, plan.Gone(), "%s", plan)
			require.Equal(s, before.GetResourceVersion(), s.live().GetResourceVersion())
		}},
		{Name: "a foreign object that appears between plan and dispatch is held and untouched", Run: func(s *Stage) {
			s.wish(configMap)
			plan := s.expect(federation.Create, federation.ReasonAbsent)
			before := s.create(somebody, theirs)
			r := s.dispatch(plan)
			require.Equal(s, federation.Held, r.Outcome)
			require.Equal(s, federation.ReasonNotOwned, r.Reason)
			require.Equal(s, before.GetResourceVersion(), s.live().GetResourceVersion())
		}},
		{Name: "an object of another program of ours is held", Run: func(s *Stage) {
			s.create(somebody, `{apiVersion: v1, kind: ConfigMap, metadata: {name: a, labels: {confed.dev/owner: other}}}`)
			s.wish(configMap)
			plan := s.expect(federation.Hold, federation.ReasonNotOwned)
			require.Contains(s, plan.Steps[0].Message, "confed.dev/owner=other")
		}},
		{Name: "adopt if identical", Run: func(s *Stage) {
			s.object.Adopt = federation.AdoptIfIdentical
			s.create(somebody, deployment)
			s.wish(deployment)
			require.NoError(s, setReplicas(s.object, 4))
			s.expect(federation.Hold, federation.ReasonNotOwned)
			s.wish(deployment)
			s.do(federation.Apply, federation.ReasonAdopted)
			s.atRest()
		}},
		{Name: "what another program owns is not adopted for being identical", Run: func(s *Stage) {
			s.created(configMap)
			other := *s
			other.planner.Owner.Value, other.holders, other.previous = "another", []string{}, nil
			other.object.Adopt = federation.AdoptIfIdentical
			plan := other.expect(federation.Hold, federation.ReasonNotOwned)
			require.Contains(s, plan.Steps[0].Message, "belongs to")
			s.atRest()
		}},
		{Name: "adopt always; what a human added stays", Run: func(s *Stage) {
			s.object.Adopt = federation.AdoptAlways
			s.create(somebody, theirs)
			s.wish(configMap)
			s.do(federation.Apply, federation.ReasonAdopted)
			s.atRest()
			require.Equal(s, "blue", s.at("data.colour"))
			require.Equal(s, "x", s.at("data.old"))
			s.wish(`{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {size: large}}`)
			s.do(federation.Apply, federation.ReasonChanged)
			require.Nil(s, s.at("data.colour"))
			require.Equal(s, "x", s.at("data.old"))
		}},
		{Name: "adopt from a former manager: what leaves the template disappears", Run: func(s *Stage) {
			s.object.Adopt = federation.AdoptAlways
			s.planner.FormerManagers = []string{"kubefed"}
			s.create("kubefed", theirs)
			s.wish(configMap)
			s.edit(`[{op: add, path: /data/human, value: "yes"}]`)
			s.do(federation.Apply, federation.ReasonAdopted)
			s.atRest()
			require.Nil(s, s.at("data.old"), "it was the former manager's, and is not wished")
			require.Equal(s, "yes", s.at("data.human"))
		}},
		{Name: "a predecessor wrote with our label: what leaves the template disappears", Run: func(s *Stage) {
			s.planner.FormerManagers = []string{"kubefed"}
			s.create("kubefed", `{apiVersion: v1, kind: ConfigMap, metadata: {name: a, labels: {confed.dev/owner: contract}}, data: {colour: red, old: x}}`)
			s.wish(configMap)
			s.edit(`[{op: add, path: /data/human, value: "yes"}]`)
			s.do(federation.Apply, federation.ReasonChanged)
			s.atRest()
			require.Nil(s, s.at("data.old"), "it was the former manager's, and is not wished")
			require.Equal(s, "yes", s.at("data.human"))
		}},
		{Name: "a foreign edit between looking and adopting is not lost", Run: func(s *Stage) {
			s.object.Adopt = federation.AdoptAlways
			s.create(somebody, theirs)
			s.wish(configMap)
			plan := s.expect(federation.Apply, federation.ReasonAdopted)
			s.edit(`[{op: replace, path: /data/old, value: z}]`)
			r := s.dispatch(plan)
			require.Equal(s, federation.Failed, r.Outcome, "%v", r.Err)
			require.Equal(s, federation.ReasonConflict, r.Reason, "%v", r.Err)
			require.Equal(s, "red", s.at("data.colour"))
		}},
		{Name: "our label taken away: held, and untouched", Run: func(s *Stage) {
			s.created(configMap)
			s.edit(`[{op: remove, path: /metadata/labels/confed.dev~1owner}, {op: replace, path: /data/colour, value: red}]`)
			s.dispatch(s.expect(federation.Hold, federation.ReasonNotOwned))
			require.Equal(s, "red", s.at("data.colour"))
			s.unselect()
			require.True(s, s.plan().Gone())
			s.live()
		}},
		{Name: "a copy that opts out is released and left alone", Run: func(s *Stage) {
			s.object.Adopt = federation.AdoptAlways
			s.created(configMap)
			s.edit(`[{op: add, path: /metadata/annotations/confed.dev~1opt-out, value: "true"}, {op: replace, path: /data/colour, value: red}]`)
			s.do(federation.Release, federation.ReasonOptedOut)
			before := s.live().GetResourceVersion()
			s.dispatch(s.expect(federation.Hold, federation.ReasonOptedOut))
			s.unselect()
			require.True(s, s.plan().Gone())
			require.Equal(s, before, s.live().GetResourceVersion())
			require.Equal(s, "red", s.at("data.colour"))
		}},
		{Name: "the host's own object is labelled, released, never deleted", Run: func(s *Stage) {
			s.object.HostUID = s.create(somebody, theirs).GetUID()
			s.wish(`{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}`)
			s.do(federation.Apply, federation.ReasonAdopted)
			s.atRest()
			require.Equal(s, "contract", s.live().GetLabels()["confed.dev/owner"])
			s.unselect()
			s.do(federation.Release, federation.ReasonUnselected)
			require.True(s, s.plan().Gone())
			require.Equal(s, "red", s.at("data.colour"))
		}},
		{Name: "conflicts are held where the object says so, with the managers' names", Run: func(s *Stage) {
			s.object.HoldConflicts = true
			s.created(configMap)
			s.edit(`[{op: replace, path: /data/colour, value: red}]`)
			r := s.dispatch(s.expect(federation.Apply, federation.ReasonDrifted))
			require.Equal(s, federation.Held, r.Outcome, "%v", r.Err)
			require.Equal(s, federation.ReasonConflict, r.Reason)
			require.Contains(s, r.Message, somebody)
			require.Equal(s, "red", s.at("data.colour"))
			s.object.HoldConflicts = false
			s.mended("/data/colour")
		}},
	}
}
