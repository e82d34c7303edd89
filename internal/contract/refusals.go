package contract

import (
	"github.com/stretchr/testify/require"

	"github.com/confed-project/confed/federation"
)

// refusals is about what a member says no to.
func refusals() []Scenario {
	held := func(reason federation.Reason, text string) func(*Stage) {
		return func(s *Stage) {
			s.wish(text)
			r := s.dispatch(s.expect(federation.Create, federation.ReasonAbsent))
			require.Equal(s, federation.Held, r.Outcome, "%v", r.Err)
			require.Equal(s, reason, r.Reason, "%v", r.Err)
			s.gone()
		}
	}
	return []Scenario{
		{Name: "a kind that is not served is held", Run: func(s *Stage) {
			s.wish(`{apiVersion: nowhere.example/v1, kind: Nothing, metadata: {name: a}}`)
			s.expect(federation.Hold, federation.ReasonKindNotServed)
			s.unselect()
			require.True(s, s.plan().Gone(), "a member without the kind holds nothing of it")
		}},
		{Name: "a missing namespace is waited for", Run: func(s *Stage) {
			s.wish(configMap)
			s.object.Template.SetNamespace("nowhere")
			r := s.dispatch(s.expect(federation.Create, federation.ReasonAbsent))
			require.Equal(s, federation.Held, r.Outcome, "%v", r.Err)
			require.Equal(s, federation.ReasonWaiting, r.Reason, "%v", r.Err)
		}},
		{Name: "a name that is no name", Run: func(s *Stage) {
			s.wish(`{apiVersion: v1, kind: ConfigMap, metadata: {name: Not_A_Name}}`)
			r := s.dispatch(s.expect(federation.Create, federation.ReasonAbsent))
			require.Equal(s, federation.ReasonInvalidManifest, r.Reason, "%v", r.Err)
		}},
		{Name: "an unknown field on creation", Schema: true, Run: held(federation.ReasonInvalidManifest,
			`{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, spec: {x: y}}`)},
		{Name: "an unknown field in an apply", Schema: true, Run: func(s *Stage) {
			s.created(configMap)
			s.wish(`{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {colour: blue}, spec: {x: y}}`)
			r := s.dispatch(s.expect(federation.Apply, federation.ReasonChanged))
			require.Equal(s, federation.Held, r.Outcome)
			require.Equal(s, federation.ReasonInvalidManifest, r.Reason, "%v", r.Err)
			require.Equal(s, "large", s.at("data.size"))
		}},
		{Name: "duplicate keys in an apply", Run: func(s *Stage) {
			s.created(service)
			s.wish(`{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{port: 80, name: a}, {port: 80, name: b}]}}`)
			r := s.dispatch(s.expect(federation.Apply, federation.ReasonChanged))
			require.Equal(s, federation.Held, r.Outcome, "%v", r.Err)
			require.Equal(s, federation.ReasonInvalidManifest, r.Reason, "%v", r.Err)
		}},
		{Name: "a wrong value", Schema: true, Run: held(federation.ReasonInvalidManifest,
			`{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{port: 99999999}]}}`)},
		{Name: "a wrong type", Schema: true, Run: held(federation.ReasonInvalidManifest,
			`{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: yes}}`)},
		{Name: "an immutable field", Schema: true, Run: func(s *Stage) {
			s.created(deployment)
			s.object.Template = s.decode(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: a}
spec:
  selector: {matchLabels: {app: other}}
  template: {metadata: {labels: {app: other}}, spec: {containers: [{name: web, image: nginx}]}}
`)
			r := s.dispatch(s.expect(federation.Apply, federation.ReasonChanged))
			require.Equal(s, federation.Held, r.Outcome)
			require.Equal(s, federation.ReasonImmutable, r.Reason, "%v", r.Err)
		}},
	}
}
