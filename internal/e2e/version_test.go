package e2e_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/confed-project/confed/federation"
)

const gamesYAML = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: games.confed.example.com}
spec:
  group: confed.example.com
  scope: Namespaced
  names: {plural: games, singular: game, kind: Game, listKind: GameList}
  versions:
  - &v
    name: v1alpha1
    served: true
    storage: false
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {a: {type: string}, b: {type: string}}}}}}
  - <<: *v
    name: v1
    storage: true
`

// TestVersionLeaves: somebody's managed fields are in a version that the member stops serving. An API server then refuses
// every apply to the object, until they are mended.
func TestVersionLeaves(t *testing.T) {
	w := newWorld(t)
	server := w.servers[0].Name
	crds := w.direct[server].Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	crd := decode(t, gamesYAML)
	_, err := crds.Create(w.ctx, crd, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = crds.Delete(w.ctx, crd.GetName(), metav1.DeleteOptions{}) })

	game := federation.Object{Template: decode(t, `{apiVersion: confed.example.com/v1, kind: Game, metadata: {name: g, namespace: default}, spec: {a: x}}`)}
	game.Placement.Clusters = []string{server}
	w.settle(game) // once the kind is served
	game.Template = game.Template.DeepCopy()
	game.Template.SetLabels(map[string]string{"v": "1"})
	w.settle(game)
	old := w.direct[server].Resource(schema.GroupVersionResource{Group: "confed.example.com", Version: "v1alpha1", Resource: "games"}).Namespace("default")
	_, err = old.Patch(w.ctx, "g", types.MergePatchType, []byte(`{"spec":{"b":"theirs"}}`), metav1.PatchOptions{FieldManager: "somebody"})
	require.NoError(t, err)
	w.settle(game)

	live, err := crds.Get(w.ctx, crd.GetName(), metav1.GetOptions{})
	require.NoError(t, err)
	versions, _, err := unstructured.NestedSlice(live.Object, "spec", "versions")
	require.NoError(t, err)
	require.NoError(t, unstructured.SetNestedSlice(live.Object, versions[1:], "spec", "versions"))
	_, err = crds.Update(w.ctx, live, metav1.UpdateOptions{})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, err := old.Get(w.ctx, "g", metav1.GetOptions{})
		return err != nil
	}, 20*time.Second, 100*time.Millisecond)

	game.Template = game.Template.DeepCopy()
	game.Template.SetLabels(map[string]string{"v": "2"})
	plan := w.plan(game)
	require.Equal(t, federation.Apply, plan.Steps[0].Verb, "%s", plan)
	require.NotNil(t, plan.Steps[0].Mend)
	bare := plan
	bare.Steps = []federation.Step{plan.Steps[0]}
	bare.Steps[0].Mend = nil
	refused := w.dispatcher.Dispatch(w.ctx, bare)
	require.ErrorContains(t, refused[0].Err, "invalid group/version", "else there would be nothing to mend")
	for _, r := range w.dispatcher.Dispatch(w.ctx, plan) {
		require.NoError(t, r.Err)
	}
	w.settle(game)
	after := w.mustGet(server, "games", game.Template)
	require.Equal(t, "2", after.GetLabels()["v"])
	b, _, _ := unstructured.NestedString(after.Object, "spec", "b")
	require.Equal(t, "theirs", b)
}
