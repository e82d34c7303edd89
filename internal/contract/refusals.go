package contract

import (
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/confed-project/confed/federation"
)

// refusals is about what a member says no to.
func refusals() []Scenario {
	const job = `{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {suspend: true, template: {spec: {restartPolicy: Never, containers: [{name: a, image: IMAGE}]}}}}`
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
		{Name: "duplicate keys are found offline", Run: func(s *Stage) {
			s.wish(`{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{port: 80, name: a}, {port: 80, protocol: TCP, name: b}]}}`)
			plan := s.expect(federation.Hold, federation.ReasonInvalidManifest)
			require.Contains(s, plan.Steps[0].Message, "/spec/ports/1")
		}},
		{Name: "duplicate keys that only the member knows", Run: func(s *Stage) {
			s.created(`{apiVersion: v1, kind: ServiceAccount, metadata: {name: a}, secrets: [{name: x}]}`)
			s.wish(`{apiVersion: v1, kind: ServiceAccount, metadata: {name: a}, secrets: [{name: x}, {name: x}]}`)
			r := s.dispatch(s.expect(federation.Apply, federation.ReasonChanged))
			require.Equal(s, federation.Held, r.Outcome, "%v", r.Err)
			require.Equal(s, federation.ReasonInvalidManifest, r.Reason, "%v", r.Err)
		}},
		{Name: "a wrong value", Schema: true, Run: held(federation.ReasonInvalidManifest,
			`{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{port: 99999999}]}}`)},
		{Name: "a wrong type", Schema: true, Run: held(federation.ReasonInvalidManifest,
			`{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: yes}}`)},
		{Name: "an immutable field is found offline, and recreated only where that is allowed", Run: func(s *Stage) {
			s.created(deployment)
			s.wish(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: a}
spec:
  selector: {matchLabels: {app: other}}
  template: {metadata: {labels: {app: other}}, spec: {containers: [{name: web, image: nginx}]}}
`)
			plan := s.expect(federation.Hold, federation.ReasonImmutable)
			require.Contains(s, plan.Steps[0].Message, "/spec/selector")
			s.object.Recreate = true
			s.do(federation.Delete, federation.ReasonImmutable)
			s.do(federation.Create, federation.ReasonAbsent)
			s.atRest()
		}},
		{Name: "what only the member knows to be immutable is recreated where that is allowed", Run: func(s *Stage) {
			s.created(strings.Replace(job, "IMAGE", "one", 1))
			s.wish(strings.Replace(job, "IMAGE", "two", 1))
			r := s.try(federation.Apply, federation.ReasonChanged)
			require.Equal(s, federation.Held, r.Outcome)
			require.Equal(s, federation.ReasonImmutable, r.Reason, "%v", r.Err)
			s.object.Recreate = true
			plan, _ := federation.Guard(s.expect(federation.Apply, federation.ReasonChanged), federation.Allowance{})
			require.Equal(s, federation.ReasonImmutable, s.dispatch(plan).Reason, "nothing may be deleted")
			s.wish(strings.Replace(job, "IMAGE", "two", 1))
			r = s.try(federation.Apply, federation.ReasonChanged)
			require.Equal(s, federation.Done, r.Outcome, "%v", r.Err)
			require.Equal(s, federation.Delete, r.Step.Verb)
			require.Equal(s, federation.ReasonImmutable, r.Reason)
			s.do(federation.Create, federation.ReasonAbsent)
			s.atRest()
		}},
		{Name: "what could not be created again is not deleted", Schema: true, Run: func(s *Stage) {
			s.created(strings.Replace(job, "IMAGE", "one", 1))
			s.object.Recreate = true
			s.wish(strings.Replace(job, "IMAGE", `""`, 1))
			r := s.try(federation.Apply, federation.ReasonChanged)
			require.Equal(s, federation.Held, r.Outcome)
			require.Equal(s, federation.ReasonInvalidManifest, r.Reason, "%v", r.Err)
			require.NotNil(s, s.live())
		}},
		{Name: "a claim is never recreated", Run: func(s *Stage) {
			claim := `{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: a}, spec: {storageClassName: CLASS, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}`
			s.created(strings.Replace(claim, "CLASS", "fast", 1))
			s.object.Recreate = true
			s.wish(strings.Replace(claim, "CLASS", "slow", 1))
			s.dispatch(s.expect(federation.Hold, federation.ReasonImmutable))
			require.Equal(s, "fast", s.at("spec.storageClassName"))
		}},
		{Name: "an immutable field that only the server knows", Schema: true, Run: func(s *Stage) {
			s.created(`{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, immutable: true, data: {a: b}}`)
			s.wish(`{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, immutable: true, data: {a: c}}`)
			r := s.dispatch(s.expect(federation.Apply, federation.ReasonChanged))
			require.Equal(s, federation.Held, r.Outcome)
			require.Equal(s, federation.ReasonImmutable, r.Reason, "%v", r.Err)
		}},
	}
}
