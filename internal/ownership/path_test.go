package ownership_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/confed-project/confed/internal/ownership"
)

func TestParsePath(t *testing.T) {
	for _, bad := range []string{"", "/", "a", "/a[", "/a[]/b", "/a[x]/b", "/a[x=y]", "/[x=y]/a", "/a[=y]/b"} {
		_, err := ownership.ParsePath(bad)
		require.ErrorIs(t, err, ownership.ErrPath, bad)
	}
}

func TestWithout(t *testing.T) {
	w := doc(t, wish)
	for text, want := range map[string]string{
		"/spec/replicas": `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec: {selector: {matchLabels: {app: web}}, template: {spec: {containers: [{name: web, image: "nginx:1",
  ports: [{containerPort: 80}, {containerPort: 53, protocol: UDP}, {containerPort: 53, protocol: TCP}]}]}}}`,
		"/spec/template/spec/containers[name=web]/ports[containerPort=53][protocol=UDP]/protocol": `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec: {replicas: 3, selector: {matchLabels: {app: web}}, template: {spec: {containers: [{name: web, image: "nginx:1",
  ports: [{containerPort: 80}, {containerPort: 53}, {containerPort: 53, protocol: TCP}]}]}}}`,
		"/spec/template/spec/containers[*]/image": `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec: {replicas: 3, selector: {matchLabels: {app: web}}, template: {spec: {containers: [{name: web,
  ports: [{containerPort: 80}, {containerPort: 53, protocol: UDP}, {containerPort: 53, protocol: TCP}]}]}}}`,
		"/spec/template/spec/containers[name=no]/image": wish,
		"/spec/replicas/x": wish,
		"/nowhere/x":       wish,
		"/spec[*]/x":       wish, // no list: nothing in it, and nothing lost
	} {
		path, err := ownership.ParsePath(text)
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(doc(t, want), path.Without(w)), text)
		require.Empty(t, cmp.Diff(doc(t, wish), w), "the argument is left as it was")
	}
}

func TestYield(t *testing.T) {
	l := doc(t, live)
	l["spec"].(map[string]any)["replicas"] = int64(9)
	containerList(l)[1].(map[string]any)["image"] = "nginx:9"
	ours := map[string]any{"manager": "us", "operation": "Apply", "fieldsV1": doc(t, fields)}
	hpa := map[string]any{"manager": "hpa", "subresource": "scale", "fieldsV1": doc(t, `{f:spec: {f:replicas: {}}}`)}
	image := "/spec/template/spec/containers[*]/image"
	for name, test := range map[string]struct {
		yield    ownership.Yield
		path     string
		managers []any
		adopted  bool
		want     func(w map[string]any)
	}{
		"the member's own, held by us alone": {ownership.ToMember, "/spec/replicas", []any{ours}, true,
			func(w map[string]any) { w["spec"].(map[string]any)["replicas"] = int64(9) }},
		"the member's own, held by another": {ownership.ToMember, "/spec/replicas", []any{ours, hpa}, false,
			func(w map[string]any) { delete(w["spec"].(map[string]any), "replicas") }},
		"the member's own, held by nobody": {ownership.ToMember, "/spec/replicas", nil, false,
			func(w map[string]any) { delete(w["spec"].(map[string]any), "replicas") }},
		"others may have it, and nobody has": {ownership.ToOthers, "/spec/replicas", []any{ours}, false, func(map[string]any) {}},
		"others may have it, and one has": {ownership.ToOthers, "/spec/replicas", []any{ours, hpa}, false,
			func(w map[string]any) { delete(w["spec"].(map[string]any), "replicas") }},
		"in the items of a list": {ownership.ToMember, image, []any{ours}, true,
			func(w map[string]any) { containerList(w)[0].(map[string]any)["image"] = "nginx:9" }},
		"not there": {ownership.ToMember, "/spec/paused", []any{ours}, false, func(map[string]any) {}},
	} {
		t.Run(name, func(t *testing.T) {
			l["metadata"].(map[string]any)["managedFields"] = test.managers
			path, err := ownership.ParsePath(test.path)
			require.NoError(t, err)
			w := doc(t, wish)
			got, adopted := test.yield.Apply(path, w, l, "us")
			require.Empty(t, cmp.Diff(doc(t, wish), w), "the argument is left as it was")
			test.want(w)
			require.Empty(t, cmp.Diff(w, got))
			require.Equal(t, test.adopted, adopted)
		})
	}
}
