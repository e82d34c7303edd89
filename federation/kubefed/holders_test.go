package kubefed_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/kubefed"
)

func TestHolders(t *testing.T) {
	fed := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "types.kubefed.io/v1beta1", "kind": "FederatedConfigMap",
		"metadata": map[string]any{"name": "a", "namespace": "n", "finalizers": []any{"other"}}, "spec": map[string]any{"x": int64(1)},
	}}
	was := fed.DeepCopy()
	require.Equal(t, []string{}, kubefed.ReadHolders(fed), "never seen")
	require.Nil(t, kubefed.ReadHolders(nil))
	require.Nil(t, kubefed.WriteHolders(fed, nil), "unknown holders are not written")
	require.Nil(t, kubefed.UndoHolders(fed))

	for _, holders := range [][]string{{}, {"a"}, {"a", "b"}} {
		out := kubefed.WriteHolders(fed, holders)
		require.Equal(t, holders, kubefed.ReadHolders(out))
		require.Equal(t, []string{"other", kubefed.SyncFinalizer}, out.GetFinalizers())
		require.Nil(t, kubefed.WriteHolders(out, holders), "there already")
		require.Equal(t, was, fed, "arguments stay")

		undone := kubefed.UndoHolders(out)
		require.Equal(t, []string{"other"}, undone.GetFinalizers())
	}
	kubefeds := fed.DeepCopy()
	kubefeds.SetFinalizers([]string{kubefed.SyncFinalizer})
	require.Nil(t, kubefed.ReadHolders(kubefeds), "KubeFed wrote nothing down")
	require.Equal(t, map[string]any{"name": "a", "namespace": "n"}, kubefed.UndoHolders(kubefeds).Object["metadata"])
}

func TestOptedOut(t *testing.T) {
	live := &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"name": "a"}}}
	seen := federation.Observation{State: federation.Present, Live: live}
	require.Equal(t, seen, kubefed.OptedOut(seen))
	require.Equal(t, federation.Observation{}, kubefed.OptedOut(federation.Observation{}))
	live.SetLabels(map[string]string{"kubefed.io/managed": "false"})
	out := kubefed.OptedOut(seen)
	require.Equal(t, "true", out.Live.GetAnnotations()[federation.OptOutAnnotation])
	require.Empty(t, live.GetAnnotations(), "arguments stay")
}
