package bench

import (
	"encoding/json"
	"os"
	"testing"

	jsonpatchv4 "github.com/evanphx/json-patch"
	jsonpatch "github.com/evanphx/json-patch/v5"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/confed-project/confed/override"
)

func deployment(t testing.TB) *unstructured.Unstructured {
	text, err := os.ReadFile("../../override/testdata/deployment.yaml")
	require.NoError(t, err)
	text, err = yaml.YAMLToJSON(text)
	require.NoError(t, err)
	obj := &unstructured.Unstructured{}
	require.NoError(t, obj.UnmarshalJSON(text))
	return obj
}

func threePatches() []override.Patch {
	return []override.Patch{
		{Op: "replace", Path: "/spec/replicas", Value: 5},
		{Op: "replace", Path: "/spec/template/spec/containers/0/image", Value: "registry.eu/web:1.2.3"},
		{Op: "add", Path: "/metadata/annotations/example.com~1cluster", Value: "eu-1"},
	}
}

// likeKubeFed takes the steps of KubeFed v0.10.0, whose own function lives in a package that no longer builds beside
// today's API machinery: the overrides and a copy of the object become text, the json-patch that KubeFed pins runs on
// text, and the result is decoded.
func likeKubeFed(obj *unstructured.Unstructured, patches []override.Patch) (*unstructured.Unstructured, error) {
	text, err := json.Marshal(patches)
	if err != nil {
		return nil, err
	}
	patch, err := jsonpatchv4.DecodePatch(text)
	if err != nil {
		return nil, err
	}
	obj = obj.DeepCopy()
	doc, err := obj.MarshalJSON()
	if err != nil {
		return nil, err
	}
	if doc, err = patch.Apply(doc); err != nil {
		return nil, err
	}
	return obj, obj.UnmarshalJSON(doc)
}

func TestOverridesAreTheSame(t *testing.T) {
	obj := deployment(t)
	want, err := likeKubeFed(obj, threePatches())
	require.NoError(t, err)
	got, err := override.Apply(obj.Object, threePatches())
	require.NoError(t, err)
	require.Equal(t, want.Object, got)
}

// One cluster's overrides on a Deployment of some fifty lines.
func BenchmarkOverride(b *testing.B) {
	obj, patches := deployment(b), threePatches()
	run := func(name string, f func() error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := f(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	prog, err := override.Compile(patches)
	require.NoError(b, err)
	layer, err := override.Layer{Name: "eu", Edits: []override.Edit{patches[0], patches[1], patches[2]}}.Compile()
	require.NoError(b, err)
	text, err := json.Marshal(patches)
	require.NoError(b, err)
	decoded, err := jsonpatch.DecodePatch(text)
	require.NoError(b, err)
	doc, err := obj.MarshalJSON()
	require.NoError(b, err)

	run("Confed compiled", func() error { _, err := prog.Apply(obj.Object); return err })
	run("Confed layers with trace", func() error {
		_, _, err := override.ApplyLayers(obj.Object, []override.Layer{layer}, nil)
		return err
	})
	run("Confed uncompiled", func() error { _, err := override.Apply(obj.Object, patches); return err })
	run("KubeFed's way", func() error { _, err := likeKubeFed(obj, patches); return err })
	run("json-patch v5 on text", func() error { _, err := decoded.Apply(doc); return err })
}
