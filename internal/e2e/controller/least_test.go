package controller_test

import (
	"bytes"
	"path/filepath"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"

	"github.com/confed-project/confed/examples/fedctl/command"
	"github.com/confed-project/confed/examples/fedctl/scripttest"
)

// least has the members trust the program no more than "fedctl join" makes them: with rights for the enabled types, and to see
// pods and endpoints.
func (w *world) least() {
	w.Helper()
	contexts := map[string]*rest.Config{}
	for name, s := range w.servers {
		contexts[name] = s.Config()
	}
	kubeconfig := filepath.Join(w.TempDir(), "kubeconfig")
	require.NoError(w, scripttest.WriteKubeconfig(kubeconfig, hostName, contexts))
	for _, name := range w.everywhere() {
		var out bytes.Buffer
		io := command.System()
		io.Out, io.ErrOut = &out, &out
		code := command.Main(w.ctx, []string{"fedctl", "join", name, "--error-on-existing=false", "--kubeconfig", kubeconfig, "--kubefed-namespace", w.system, "--cache-dir", w.TempDir()}, io)
		require.Zero(w, code, "%s", &out)
	}
}
