package controller_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/stretchr/testify/require"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"

	"github.com/confed-project/confed/federation/kubefed"
	"github.com/confed-project/confed/internal/pinned"
)

// chartTypes are the types that KubeFed's chart enables, and perhaps others.
func chartTypes(others ...string) []kind {
	chart := []string{"namespaces", "configmaps", "deployments", "secrets", "services", "serviceaccounts", "replicasets", "jobs", "ingresses", "clusterroles"}
	return slices.DeleteFunc(defaultTypes(), func(k kind) bool { return !slices.Contains(append(chart, others...), k.plural) })
}

// installKubeFed installs what KubeFed's own chart has, less its programs and webhooks: definitions, types and configuration,
// in which its sync controllers may be changed.
func (w *world) installKubeFed(sync map[string]any) {
	w.Helper()
	source, err := pinned.KubeFed().Source(w.ctx)
	require.NoError(w, err)
	chart, err := loader.Load(filepath.Join(source, "charts", "kubefed"))
	require.NoError(w, err)
	for _, file := range chart.CRDObjects() {
		crds, err := kubefed.Documents(file.File.Data)
		require.NoError(w, err)
		for _, crd := range crds {
			w.established(hostName, crd)
		}
	}
	quick := map[string]any{"controllermanager": map[string]any{
		"clusterAvailableDelay": "1s", "clusterUnavailableDelay": "1s", "clusterHealthCheckPeriod": "1s", "leaderElectRetryPeriod": "1s",
		"syncController": sync,
		"featureGates":   map[string]any{"PushReconciler": "Enabled"}, // an empty list is what the webhook would mend
	}}
	require.NoError(w, chartutil.ProcessDependencies(chart, quick))
	all, err := chartutil.ToRenderValues(chart, quick, chartutil.ReleaseOptions{Name: "kubefed", Namespace: w.system}, chartutil.DefaultCapabilities)
	require.NoError(w, err)
	files, err := engine.Engine{}.Render(chart, all)
	require.NoError(w, err)
	plurals := map[string]string{"FederatedTypeConfig": "federatedtypeconfigs", "KubeFedConfig": "kubefedconfigs"}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		objects, err := kubefed.Documents([]byte(files[name]))
		require.NoError(w, err, name)
		for _, obj := range objects {
			if plural := plurals[obj.GetKind()]; plural != "" {
				obj.SetNamespace(w.system)
				w.ensure(hostName, plural, obj)
			}
		}
	}
}

// kubefedTool is one of KubeFed's programs with its arguments, for the host.
func (w *world) kubefedTool(name string, args ...string) *exec.Cmd {
	w.Helper()
	dir, err := pinned.KubeFed().Build(w.ctx, os.Stderr)
	require.NoError(w, err)
	path := filepath.Join(w.TempDir(), name)
	require.NoError(w, os.Symlink(filepath.Join(dir, "hyperfed"), path)) // which goes by its name
	return exec.Command(path, append(args, "--kubeconfig="+w.kubeconfig(w.fleet.Host.Config()), "--kubefed-namespace="+w.system)...)
}

// kubefedManager starts KubeFed's controller-manager.
func (w *world) kubefedManager(args ...string) *process {
	w.Helper()
	return w.start("KubeFed", w.kubefedTool("controller-manager", append(args, "--healthz-addr=127.0.0.1:0", "--metrics-addr=127.0.0.1:0")...))
}
