package controller_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/confed-project/confed/clusterregistry/kube"
	"github.com/confed-project/confed/federation/kubefed"
)

const deployDir = "../../../examples/controller/deploy"

// deploy applies what installs the controller, from Kustomize or, for lenient types, from the Helm chart, which can be told
// of other groups.
func (w *world) deploy() {
	w.Helper()
	text := w.kustomized()
	switch {
	case w.namespaced:
		text = w.charted(map[string]any{"scope": "Namespaced"})
	case w.lenient:
		text = w.charted(map[string]any{"groups": []any{"types.kubefed.io", w.group()}})
	}
	objects, err := kubefed.Documents(text)
	require.NoError(w, err)
	require.GreaterOrEqual(w, len(objects), 7)
	client, err := kube.NewClient(w.fleet.Host.Config(), kube.Options{})
	require.NoError(w, err)
	for _, obj := range objects {
		_, err := client.Patch(w.ctx, obj, nil, metav1.PatchOptions{FieldManager: "installer", Force: ptr(true)})
		require.NoError(w, err, "%s %s", obj.GetKind(), obj.GetName())
	}
}

// kustomized renders the base in the test's namespace.
func (w *world) kustomized() []byte {
	base, err := filepath.Abs(filepath.Join(deployDir, "base"))
	require.NoError(w, err)
	overlay, err := filepath.EvalSymlinks(w.TempDir())
	require.NoError(w, err)
	relative, err := filepath.Rel(overlay, base)
	require.NoError(w, err)
	text := "namespace: " + w.system + "\nresources: [" + relative + "]\n"
	require.NoError(w, os.WriteFile(filepath.Join(overlay, "kustomization.yaml"), []byte(text), 0o600))
	out, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), overlay)
	require.NoError(w, err)
	rendered, err := out.AsYaml()
	require.NoError(w, err)
	return rendered
}

// charted renders the chart as Helm does, with values over its own.
func (w *world) charted(values map[string]any) []byte {
	chart, err := loader.Load(filepath.Join(deployDir, "chart"))
	require.NoError(w, err)
	all, err := chartutil.ToRenderValues(chart, values, chartutil.ReleaseOptions{Name: "confed", Namespace: w.system}, chartutil.DefaultCapabilities)
	require.NoError(w, err)
	files, err := engine.Engine{Strict: true}.Render(chart, all)
	require.NoError(w, err)
	var out bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(files)) {
		out.WriteString("---\n" + files[name] + "\n")
	}
	return out.Bytes()
}

// asInstalled are the rights that the installation gives.
func (w *world) asInstalled() *rest.Config {
	config := w.fleet.Host.Config()
	config.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:" + w.system + ":kubefed-controller",
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:" + w.system, "system:authenticated"},
	}
	return config
}

// TestInstallationsAgree holds Kustomize's and Helm's installation to the same objects.
func TestInstallationsAgree(t *testing.T) {
	w := &world{TB: t, ctx: t.Context(), system: "kube-federation-system"}
	byName := func(text []byte) map[string]*unstructured.Unstructured {
		objects, err := kubefed.Documents(text)
		require.NoError(w, err)
		out := map[string]*unstructured.Unstructured{}
		for _, obj := range objects {
			if obj.GetKind() != "Namespace" { // Helm makes it itself
				out[obj.GetKind()+" "+obj.GetName()] = obj
			}
		}
		return out
	}
	base, chart := byName(w.kustomized()), byName(w.charted(nil))
	require.Equal(w, base, chart)
	require.True(w, strings.Contains(string(w.charted(map[string]any{"args": []any{"--shard"}})), "- --shard"))
}

func ptr[T any](v T) *T { return &v }
