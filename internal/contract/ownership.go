package contract

import (
	"github.com/stretchr/testify/require"

	"github.com/confed-project/confed/federation"
)

const (
	configMap = `{apiVersion: v1, kind: ConfigMap, metadata: {name: a, labels: {app: x}}, data: {colour: blue, size: large}}`

	service = `
apiVersion: v1
kind: Service
metadata: {name: a}
spec:
  selector: {app: web}
  ports:
  - {name: http, port: 80, targetPort: 8080}
  - {name: dns, port: 53, protocol: UDP}
  - {name: dns-tcp, port: 53}
`
	deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: a, labels: {app: web}, creationTimestamp: null}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  strategy: {}
  template:
    metadata: {labels: {app: web}, creationTimestamp: null}
    spec:
      nodeSelector: {disk: ssd}
      tolerations: []
      containers:
      - name: web
        image: nginx:1.27
        args: [a, b]
        env: [{name: A, value: "1"}, {name: B, value: "2"}]
        ports: [{containerPort: 80}, {containerPort: 53, protocol: UDP}, {containerPort: 53, protocol: TCP}]
        resources: {limits: {cpu: 1000m, memory: 0.5Gi}}
        volumeMounts: [{name: tmp, mountPath: /tmp}]
      - {name: log, image: "log:1", command: null}
      volumes: [{name: tmp, emptyDir: {}}]
status: {replicas: 7}
`
)

// twice runs a scenario after a POST and after an apply, since the entries differ.
func twice(name string, text string, run func(*Stage)) []Scenario {
	return []Scenario{
		{Name: name + ", after a create", Run: func(s *Stage) { s.created(text); run(s) }},
		{Name: name + ", after an apply", Run: func(s *Stage) { s.applied(text); run(s) }},
	}
}

// ownership is about fields: which are ours, and what happens when others touch them.
func ownership() []Scenario {
	var all []Scenario
	for _, text := range []string{configMap, service, deployment} {
		all = append(all, twice("what the member normalises is no drift", text, func(s *Stage) { s.atRest() })...)
	}
	all = append(all, twice("what others add is theirs", deployment, func(s *Stage) {
		s.edit(`[{op: add, path: /metadata/labels/team, value: red},
			{op: add, path: /metadata/annotations/note, value: hello},
			{op: add, path: /spec/template/spec/containers/-, value: {name: sidecar, image: "proxy:1"}},
			{op: add, path: /spec/template/spec/containers/0/env/-, value: {name: C, value: "3"}}]`)
		s.atRest()
		s.object.Template = s.object.Template.DeepCopy()
		s.object.Template.SetLabels(map[string]string{"app": "web", "v": "2"})
		s.do(federation.Apply, federation.ReasonChanged)
		require.Equal(s, "red", s.at("metadata.labels.team"))
		require.Equal(s, "hello", s.at("metadata.annotations.note"))
		require.Equal(s, "sidecar", s.at("spec.template.spec.containers.2.name"))
		require.Equal(s, "C", s.at("spec.template.spec.containers.0.env.2.name"))
		s.atRest()
	})...)
	all = append(all, twice("a value that others change is mended", deployment, func(s *Stage) {
		s.edit(`[{op: replace, path: /spec/template/spec/containers/0/image, value: "evil:1"},
			{op: replace, path: /spec/template/spec/containers/0/env/1/value, value: "9"},
			{op: replace, path: /spec/replicas, value: 9}]`)
		s.mended("/spec/replicas", "/spec/template/spec/containers[name=web]/env[name=B]/value", "/spec/template/spec/containers[name=web]/image")
		require.Equal(s, "nginx:1.27", s.at("spec.template.spec.containers.0.image"))
	})...)
	all = append(all, twice("an item that others remove comes back", service, func(s *Stage) {
		s.edit(`[{op: remove, path: /spec/ports/1}]`)
		s.mended("/spec/ports/1")
		require.Len(s, s.at("spec.ports"), 3)
	})...)
	all = append(all, twice("a field that others remove comes back", configMap, func(s *Stage) {
		s.edit(`[{op: remove, path: /data/colour}]`)
		s.mended("/data/colour")
		require.Equal(s, "blue", s.at("data.colour"))
	})...)
	all = append(all, twice("all data that others remove comes back", configMap, func(s *Stage) {
		s.edit(`[{op: remove, path: /data}]`)
		s.mended("/data")
		require.Equal(s, "blue", s.at("data.colour"))
	})...)
	all = append(all, twice("containers that others reorder are put in order", deployment, func(s *Stage) {
		s.edit(`[{op: move, from: /spec/template/spec/containers/1, path: /spec/template/spec/containers/0}]`)
		require.Equal(s, "log", s.at("spec.template.spec.containers.0.name"))
		s.mended("/spec/template/spec/containers[name=log]")
		require.Equal(s, "web", s.at("spec.template.spec.containers.0.name"))
	})...)
	all = append(all, twice("a forced apply of others is taken back", configMap, func(s *Stage) {
		s.apply(somebody, `{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {colour: red, theirs: x}}`)
		s.mended("/data/colour")
		require.Equal(s, "x", s.at("data.theirs"))
		require.Equal(s, "blue", s.at("data.colour"))
	})...)
	all = append(all, twice("managed fields that somebody cleared are ours again after one apply", configMap, func(s *Stage) {
		s.edit(`[{op: replace, path: /metadata/managedFields, value: [{}]}]`)
		plan := s.expect(federation.Apply, federation.ReasonDrifted)
		require.NoError(s, s.dispatch(plan).Err)
		s.atRest()
	})...)
	return all
}
