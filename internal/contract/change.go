package contract

import (
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/override"
	"github.com/confed-project/confed/placement"
)

// change is about the wish: what the program changes, and what belongs to the member.
func change() []Scenario {
	all := twice("a field that leaves the template disappears", deployment, func(s *Stage) {
		s.wish(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: a}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: "nginx:1.28", env: [{name: B, value: "2"}], ports: [{containerPort: 53, protocol: TCP}]}
`)
		s.do(federation.Apply, federation.ReasonChanged)
		s.atRest()
		require.Nil(s, s.at("metadata.labels.app"))
		require.Nil(s, s.at("spec.template.spec.nodeSelector"))
		require.Len(s, s.at("spec.template.spec.containers"), 1)
		require.Equal(s, []any{map[string]any{"name": "B", "value": "2"}}, s.at("spec.template.spec.containers.0.env"))
		require.Len(s, s.at("spec.template.spec.containers.0.ports"), 1)
		require.Equal(s, []string{"confed.dev/contract Apply"}, s.entries())
	})
	all = append(all, twice("the member keeps a retained field that somebody took", deployment, func(s *Stage) {
		s.object.Retain = []string{"/spec/replicas"}
		s.do(federation.Apply, federation.ReasonChanged) // what is retained does not count in the digest
		s.edit(`[{op: replace, path: /spec/replicas, value: 9}]`)
		s.atRest()
		s.object.Template = s.object.Template.DeepCopy()
		s.object.Template.SetLabels(map[string]string{"app": "web", "v": "2"})
		s.do(federation.Apply, federation.ReasonChanged)
		require.EqualValues(s, 9, s.at("spec.replicas"))
		s.atRest()
	})...)
	all = append(all,
		Scenario{Name: "the member keeps a retained field that nobody took", Run: func(s *Stage) {
			s.object.Retain = []string{"/spec/replicas"}
			s.created(deployment)
			s.object.Template = s.object.Template.DeepCopy()
			require.NoError(s, setReplicas(s.object, 5))
			s.atRest()
			s.object.Template.SetLabels(map[string]string{"app": "web", "v": "2"})
			plan := s.expect(federation.Apply, federation.ReasonChanged)
			require.NotNil(s, plan.Steps[0].Precondition.ResourceVersion)
			s.edit(`[{op: replace, path: /spec/replicas, value: 9}]`)
			r := s.dispatch(plan)
			require.Equal(s, federation.Failed, r.Outcome, "%v", r.Err)
			require.Equal(s, federation.ReasonConflict, r.Reason, "the member scaled between plan and dispatch")
			s.do(federation.Apply, federation.ReasonChanged)
			require.EqualValues(s, 9, s.at("spec.replicas"))
			s.atRest()
		}},
		Scenario{Name: "a member's own value inside a keyed list", Run: func(s *Stage) {
			s.object.Retain = federation.DefaultRetain(schema.GroupKind{Kind: "Service"})
			s.created(`{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {type: NodePort, ports: [{name: http, port: 80}]}}`)
			s.edit(`[{op: add, path: /spec/ports/0/nodePort, value: 30099}]`)
			s.atRest()
			s.wish(`{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {type: NodePort, ports: [{name: http, port: 80, nodePort: 30098}], sessionAffinity: ClientIP}}`)
			s.do(federation.Apply, federation.ReasonChanged)
			require.EqualValues(s, 30099, s.at("spec.ports.0.nodePort"))
			require.Equal(s, "ClientIP", s.at("spec.sessionAffinity"))
			s.atRest()
			s.delete() // the port is free again
		}},
		Scenario{Name: "what others may take is left to them, and ours until then", Run: func(s *Stage) {
			s.object.Ignore = []string{"/spec/template/spec/containers[name=web]/image"}
			s.created(deployment)
			s.edit(`[{op: replace, path: /spec/template/spec/containers/0/image, value: "theirs:1"}]`)
			s.atRest()
			s.object.Template = s.object.Template.DeepCopy()
			s.object.Template.SetLabels(map[string]string{"app": "web", "v": "2"})
			s.do(federation.Apply, federation.ReasonChanged)
			require.Equal(s, "theirs:1", s.at("spec.template.spec.containers.0.image"))
			s.atRest()
		}},
		Scenario{Name: "an override that fails holds the cluster and writes nothing", Run: func(s *Stage) {
			s.created(configMap)
			before := s.live().GetResourceVersion()
			s.object.Overrides = []federation.Override{{
				Clusters: placement.Policy{Selector: &placement.Selector{}},
				Layer:    override.Layer{Name: "bad", Edits: []override.Edit{override.Patch{Op: "remove", Path: "/data/nope"}}},
			}}
			plan := s.expect(federation.Hold, federation.ReasonInvalidManifest)
			require.Contains(s, plan.Steps[0].Message, `cluster "member"`)
			require.Contains(s, plan.Steps[0].Message, "/data/nope")
			s.dispatch(plan)
			require.Equal(s, before, s.live().GetResourceVersion())
		}},
		Scenario{Name: "suspended: nothing is written, and it says what would be", Run: func(s *Stage) {
			s.object.Suspend = placement.Policy{Selector: &placement.Selector{}}
			s.wish(configMap)
			s.dispatch(s.expect(federation.Hold, federation.ReasonSuspended))
			s.gone()
			s.object.Suspend = placement.Policy{}
			s.do(federation.Create, federation.ReasonAbsent)
			s.object.Suspend = placement.Policy{Selector: &placement.Selector{}}
			s.atRest()
			s.edit(`[{op: replace, path: /data/colour, value: red}]`)
			s.expect(federation.Hold, federation.ReasonSuspended)
			s.unselect()
			s.dispatch(s.expect(federation.Hold, federation.ReasonSuspended))
			require.Equal(s, "red", s.at("data.colour"))
		}},
		Scenario{Name: "a secret's stringData becomes data", Run: func(s *Stage) {
			s.created(`{apiVersion: v1, kind: Secret, metadata: {name: a}, data: {a: QQ==}, stringData: {b: x}}`)
			require.Equal(s, map[string]any{"a": "QQ==", "b": "eA=="}, s.at("data"))
		}},
	)
	return all
}

func setReplicas(obj federation.Object, n int64) error {
	return unstructured.SetNestedField(obj.Template.Object, n, "spec", "replicas")
}
