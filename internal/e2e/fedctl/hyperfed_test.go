package fedctl_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"

	"github.com/confed-project/confed/examples/fedctl/scripttest"
)

// One binary under two names: the controller keeps what the command line has federated, and then the command line finds
// nothing to do.
func TestHyperfed(t *testing.T) {
	fleet := begin(t)
	dir := t.TempDir()
	binary, config := filepath.Join(dir, "hyperfed"), filepath.Join(dir, "kubeconfig")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".")
	build.Dir = "../../../examples/hyperfed"
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NoError(t, os.Symlink(binary, filepath.Join(dir, "controller-manager")))
	require.NoError(t, scripttest.WriteKubeconfig(config, "hub", map[string]*rest.Config{
		"hub": fleet.Host.Config(), "berlin": fleet.Members[0].Config(), "paris": fleet.Members[1].Config(),
	}))
	const system = "hyperfed-system"
	hyperfed := func(code int, args ...string) string {
		cmd := exec.CommandContext(t.Context(), binary, append(args, "--kubeconfig", config, "--kubefed-namespace", system, "--cache-dir", filepath.Join(dir, "cache"))...)
		out, err := cmd.CombinedOutput()
		require.Equal(t, code, cmd.ProcessState.ExitCode(), "%v: %v\n%s", args, err, out)
		return string(out)
	}
	hyperfed(0, "join", "berlin")
	hyperfed(0, "join", "paris")
	hyperfed(0, "enable", "namespaces", "configmaps")

	var log bytes.Buffer
	controller := exec.CommandContext(t.Context(), filepath.Join(dir, "controller-manager"), "--kubeconfig", config, "--kubefed-namespace", system, "--healthz-addr", "127.0.0.1:0", "--metrics-addr", "127.0.0.1:0")
	controller.Stderr = &log
	require.NoError(t, controller.Start())
	stopped := make(chan error, 1)
	go func() { stopped <- controller.Wait() }()
	t.Cleanup(func() { _ = controller.Process.Kill() })

	kubectl := func(commands string) {
		hub := map[string]*rest.Config{"hub": fleet.Host.Config()}
		require.NoError(t, scripttest.Replay(t.Context(), "```console\n"+commands+"\n```\n", t.TempDir(), hub))
	}
	kubectl("$ kubectl apply -f - <<EOF\napiVersion: v1\nkind: Namespace\nmetadata: {name: hyper}\n---\n" +
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: hyper}\ndata: {a: b}\nEOF")
	hyperfed(0, "federate", "namespace", "hyper", "--contents")
	require.Eventually(t, func() bool {
		return strings.Contains(hyperfed(0, "status", "configmap", "c", "-n", "hyper"), "2 of 2 clusters current")
	}, time.Minute, 200*time.Millisecond, "%s", &log)
	require.Contains(t, hyperfed(0, "plan", "-n", "hyper"), "4 keep; 2 objects")
	require.Contains(t, hyperfed(0, "clusters"), "berlin")

	kubectl("$ kubectl delete federatedconfigmap c -n hyper\n$ kubectl delete federatednamespace hyper -n hyper")
	require.Eventually(t, func() bool {
		return strings.Contains(hyperfed(0, "plan", "-n", "hyper"), "0 objects")
	}, time.Minute, 200*time.Millisecond, "%s", &log)
	hyperfed(0, "teardown", "--yes") // while the controller runs, since it holds its types by a finalizer
	require.NoError(t, controller.Process.Signal(syscall.SIGTERM))
	select {
	case <-stopped: // with an error or without: what it worked on is gone
	case <-time.After(time.Minute):
		t.Fatalf("the controller does not end: %s", &log)
	}
	kubectl("$ kubectl delete namespace hyper")
}
