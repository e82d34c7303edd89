package contract

import (
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/confed-project/confed/federation"
)

const (
	account = `{apiVersion: v1, kind: ServiceAccount, metadata: {name: a}, secrets: [{name: ours}]}`
	mounts  = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: a}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      volumes: [{name: v, emptyDir: {}}]
      containers: [{name: web, image: nginx, volumeMounts: [{name: v, mountPath: /a&b}, {name: v, mountPath: /<c>}, {name: v, mountPath: /d}]}]
`
)

// relabel changes the template but for what a scenario looks at.
func (s *Stage) relabel(value string) {
	s.Helper()
	s.object.Template = s.object.Template.DeepCopy()
	s.object.Template.SetLabels(map[string]string{"version": value})
	s.do(federation.Apply, federation.ReasonChanged)
	s.atRest()
}

// shared is about values of which several managers hold parts.
func shared() []Scenario {
	all := twice("a retained map of which others hold a part keeps all", configMap, func(s *Stage) {
		s.object.Retain = []string{"/data"}
		s.edit(`[{op: add, path: /data/theirs, value: x}]`)
		s.do(federation.Apply, federation.ReasonChanged) // of what is retained
		s.relabel("1")
		s.relabel("2")
		require.Equal(s, map[string]any{"colour": "blue", "size": "large", "theirs": "x"}, s.at("data"))
	})
	all = append(all, twice("a retained list of which others hold an item keeps all", account, func(s *Stage) {
		s.object.Retain = []string{"/secrets"}
		s.edit(`[{op: add, path: /secrets/-, value: {name: theirs}}]`)
		s.do(federation.Apply, federation.ReasonChanged)
		s.relabel("1")
		s.relabel("2")
		require.Equal(s, []any{map[string]any{"name": "ours"}, map[string]any{"name": "theirs"}}, s.at("secrets"))
	})...)
	all = append(all, twice("of a map that others may take a part is theirs, the rest ours", configMap, func(s *Stage) {
		s.object.Ignore = []string{"/data"}
		s.edit(`[{op: add, path: /data/theirs, value: x}, {op: replace, path: /data/colour, value: red}]`)
		s.relabel("1")
		s.relabel("2")
		require.Equal(s, map[string]any{"colour": "red", "size": "large", "theirs": "x"}, s.at("data"))
	})...)
	all = append(all, twice("keys of items that JSON escapes are no drift", mounts, func(s *Stage) {
		s.edit(`[{op: add, path: /spec/template/spec/containers/0/volumeMounts/0/readOnly, value: true}]`)
		s.atRest()
		s.edit(`[{op: remove, path: /spec/template/spec/containers/0/volumeMounts/1}]`)
		s.mended("/spec/template/spec/containers[name=web]/volumeMounts/1")
	})...)
	return append(all,
		Scenario{Name: "a field that leaves the template disappears though managed fields were cleared", Run: func(s *Stage) {
			s.created(configMap)
			s.edit(`[{op: add, path: /data/theirs, value: x}]`)
			s.edit(`[{op: replace, path: /metadata/managedFields, value: [{}]}]`)
			s.do(federation.Apply, federation.ReasonDrifted)
			s.atRest()
			s.wish(strings.Replace(configMap, "size: large", "", 1))
			s.do(federation.Apply, federation.ReasonChanged)
			s.atRest()
			require.Equal(s, map[string]any{"colour": "blue", "theirs": "x"}, s.at("data"))
		}},
		Scenario{Name: "a program that changed its manager takes over what it wrote before", Run: func(s *Stage) {
			s.planner.Manager = "old"
			s.created(configMap)
			s.edit(`[{op: add, path: /data/theirs, value: x}]`)
			s.planner.Manager, s.planner.FormerManagers = "new", []string{"old"}
			s.do(federation.Apply, federation.ReasonDrifted)
			s.atRest()
			s.wish(strings.Replace(configMap, "size: large", "", 1))
			s.do(federation.Apply, federation.ReasonChanged)
			s.atRest()
			require.Equal(s, map[string]any{"colour": "blue", "theirs": "x"}, s.at("data"))
		}},
		Scenario{Name: "a retained field of a former manager is the member's, not reset", Run: func(s *Stage) {
			s.object.Adopt = federation.AdoptAlways
			s.object.Retain = []string{"/spec/replicas"}
			s.planner.FormerManagers = []string{"kubefed"}
			s.create("kubefed", strings.Replace(mounts, "spec:", "spec:\n  replicas: 7", 1))
			s.wish(mounts)
			s.do(federation.Apply, federation.ReasonAdopted)
			s.atRest()
			require.EqualValues(s, 7, s.at("spec.replicas"))
		}},
		Scenario{Name: "what others may take and a former manager has is ours", Run: func(s *Stage) {
			s.object.Adopt = federation.AdoptAlways
			s.object.Ignore = []string{"/data"}
			s.planner.FormerManagers = []string{"kubefed"}
			s.create("kubefed", theirs)
			s.wish(configMap)
			s.do(federation.Apply, federation.ReasonAdopted)
			s.atRest()
			require.Equal(s, map[string]any{"colour": "blue", "size": "large"}, s.at("data"))
		}},
		Scenario{Name: "a retained field is not reset though managed fields were cleared", Run: func(s *Stage) {
			s.object.Retain = []string{"/spec/replicas"}
			s.created(deployment)
			s.edit(`[{op: replace, path: /spec/replicas, value: 9}]`)
			s.edit(`[{op: replace, path: /metadata/managedFields, value: [{}]}]`)
			s.do(federation.Apply, federation.ReasonDrifted)
			s.relabel("1")
			s.relabel("2")
			require.EqualValues(s, 9, s.at("spec.replicas"))
		}},
		Scenario{Name: "the host's own object is never deleted to be created again", Run: func(s *Stage) {
			s.wish(mounts)
			s.object.HostUID = s.create(somebody, mounts).GetUID()
			s.do(federation.Apply, federation.ReasonAdopted)
			s.object.Recreate = true
			s.wish(strings.ReplaceAll(mounts, "app: web", "app: other"))
			s.dispatch(s.expect(federation.Hold, federation.ReasonImmutable))
			s.live()
		}},
		Scenario{Name: "a protected copy that opts out is not released", Run: func(s *Stage) {
			s.created(configMap)
			s.edit(`[{op: add, path: /metadata/annotations/confed.dev~1opt-out, value: "true"}]`)
			s.object.Protect = true
			s.dispatch(s.expect(federation.Hold, federation.ReasonGuarded))
			s.object.Protect = false
			s.do(federation.Release, federation.ReasonOptedOut)
		}},
	)
}
