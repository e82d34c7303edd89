package override

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// deployment is an ordinary Deployment of some fifty lines.
func deployment(t testing.TB) map[string]any {
	text, err := os.ReadFile("testdata/deployment.yaml")
	require.NoError(t, err)
	text, err = yaml.YAMLToJSON(text)
	require.NoError(t, err)
	return object(t, string(text))
}

func threePatches() []Patch {
	return []Patch{
		{Path: "/spec/replicas", Value: 5},
		{Path: "/spec/template/spec/containers/0/image", Value: "registry.eu/web:1.2.3"},
		{Op: "add", Path: "/metadata/annotations/example.com~1cluster", Value: "eu-1"},
	}
}

func BenchmarkApplyPatches(b *testing.B) {
	doc := deployment(b)
	prog, err := Compile(threePatches())
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := prog.Apply(doc); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkApplyLayers(b *testing.B) {
	doc := deployment(b)
	prog, err := Compile(threePatches())
	require.NoError(b, err)
	layers := []Layer{{Name: "eu", Edits: []Edit{prog}}}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := ApplyLayers(doc, layers, nil); err != nil {
			b.Fatal(err)
		}
	}
}
