package override

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var templates = map[string][]string{
	"Rollout.argoproj.io":     {"/spec/template"},
	"PyTorchJob.kubeflow.org": {"/spec/pytorchReplicaSpecs/Master/template", "/spec/pytorchReplicaSpecs/Worker/template"},
}

// What a typed edit makes of real kinds: its trace, or why it was refused, and the object that comes out of all that held.
func TestTypedEditsGolden(t *testing.T) {
	edits := []struct {
		name string
		edit Edit
	}{
		{"registry", Container{Image: Image{Registry: "${registry}"}, Templates: templates}},
		{"tag", Container{Names: []string{"web", "db", "pytorch", "tools", "import"}, Image: Image{Tag: "2.0"}, Lenient: true, Templates: templates}},
		{"command", Container{Command: List{Set: []string{"/bin/run", "--region=${region}"}}, Args: List{Remove: []string{"--verbose"}, Append: []string{"--region=${region}"}}, Templates: templates}},
		{"env", Container{Env: []EnvVar{
			{Name: "REGION", Value: "${region}"}, {Name: "RANK", Value: "${size}"}, {Name: "POD_NAME"},
			{Name: "TOKEN", Value: map[string]any{"secretKeyRef": map[string]any{"name": "t-${region}", "key": "token"}}},
		}, Templates: templates}},
		{"resources", Container{Resources: map[string]any{"limits": map[string]any{"cpu": "${size}", "memory": nil}}, Templates: templates}},
		{"metadata", Metadata{
			Labels: map[string]any{"example.com/region": "${region}"}, Annotations: map[string]any{"size": "${size}", "example.com/team": nil},
			PodLabels: map[string]any{"tier": "front"}, PodAnnotations: map[string]any{"prometheus.io/scrape": nil}, Templates: templates,
		}},
		{"replicas", Replicas(7)},
		{"yaml", Document{Path: "/data/app.yaml", Edits: []Edit{
			Patch{Path: "/server/port", Value: 9090}, Patch{Op: "add", Path: "/server/hosts/-", Value: "${region}.example.com"}, Merge{"on": nil, "extra": map[string]any{"a": "no"}},
		}}},
		{"json", Document{Path: "/data/app.json", Edits: []Edit{Merge{"server": map[string]any{"port": 9090}}, Patch{Op: "add", Path: "/hosts/-", Value: "<${region}>"}}}},
		{"secret", Document{Path: "/data/config.json", Base64: true, Edits: []Edit{Patch{Path: "/region", Value: "${region}"}}}},
		{"merge", Merge{"apiVersion": "v1", "metadata": map[string]any{"name": "web", "finalizers": nil}, "spec": map[string]any{"type": "LoadBalancer"}}},
	}
	vars := func(name string) (any, bool) {
		v, ok := map[string]any{"region": "eu-1", "registry": "mirror.eu:5000", "size": 2}[name]
		return v, ok
	}
	files, err := filepath.Glob("testdata/kinds/*.yaml")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 10)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		text, err = yaml.YAMLToJSON(text)
		require.NoError(t, err)
		doc := object(t, string(text))
		var b strings.Builder
		for _, e := range edits {
			out, trace, err := ApplyLayers(doc, []Layer{{Name: e.name, Edits: []Edit{e.edit}}}, vars)
			if errors.Is(err, ErrNotFound) && filepath.Base(file) != "service.yaml" {
				continue // what a kind does not have is shown once
			}
			fmt.Fprintf(&b, "%s:\n", e.name)
			if err != nil {
				fmt.Fprintf(&b, "  %v\n", err)
				continue
			}
			for _, c := range trace {
				fmt.Fprintf(&b, "  %s %s:", c.Op, c.Path)
				if c.Op != "add" {
					b.WriteString(" " + show(t, c.Old))
				}
				if c.Op != "remove" {
					b.WriteString(" -> " + show(t, c.New))
				}
				b.WriteByte('\n')
			}
			doc = out
		}
		result, err := yaml.Marshal(doc)
		require.NoError(t, err)
		golden(t, strings.TrimSuffix(file, ".yaml")+".golden", b.String()+"---\n"+string(result))
	}
}

func show(t testing.TB, v any) string {
	if s, ok := v.(string); ok && strings.Contains(s, "\n") {
		return "text"
	}
	return text(t, v)
}

func golden(t testing.TB, file, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "run the tests with -update")
	require.Equal(t, string(want), got, file)
}
