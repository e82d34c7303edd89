package override

import (
	"os"
	"runtime"
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

// What a cluster costs is what its patches touch: the budget of the hottest path, in allocations and in memory.
func TestCostOfACluster(t *testing.T) {
	doc := deployment(t)
	prog, err := Compile(threePatches())
	require.NoError(t, err)
	layers := []Layer{{Name: "eu", Edits: []Edit{prog}}}
	apply := func() {
		if _, err := prog.Apply(doc); err != nil {
			t.Fatal(err)
		}
	}
	applyLayers := func() {
		if _, _, err := ApplyLayers(doc, layers, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []func(){apply, applyLayers} {
		require.LessOrEqual(t, testing.AllocsPerRun(100, f), 25.0)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range 1000 {
			f()
		}
		runtime.ReadMemStats(&after)
		require.LessOrEqual(t, (after.TotalAlloc-before.TotalAlloc)/1000, uint64(3<<10))
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

func BenchmarkTypedEdit(b *testing.B) {
	doc := deployment(b)
	layers := []Layer{{Name: "eu", Edits: []Edit{Container{Image: Image{Tag: "2"}}}}}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := ApplyLayers(doc, layers, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	patches := threePatches()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Compile(patches); err != nil {
			b.Fatal(err)
		}
	}
}
