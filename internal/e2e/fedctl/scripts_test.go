// Package fedctl_test runs the scripts of the command line against real API servers.
package fedctl_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"

	"github.com/confed-project/confed/examples/fedctl/scripttest"
	"github.com/confed-project/confed/internal/e2e/cluster"
)

func TestMain(m *testing.M) { os.Exit(cluster.Main(m)) }

// TestScripts runs the scripts that run in memory too. They begin with nothing and leave nothing, one after the other.
func TestScripts(t *testing.T) {
	fleet := cluster.Shared(t)
	clusters := map[string]*rest.Config{}
	for _, s := range fleet.Servers() {
		clusters[s.Name] = s.Config()
	}
	testscript.RunT(serial{t}, testscript.Params{
		Dir: "../../../examples/fedctl/command/testdata/live", ContinueOnError: true, Cmds: scripttest.Commands(),
		Setup: func(env *testscript.Env) error { return scripttest.Kubeconfig(env, clusters) },
	})
}

// TestTranscripts replays what the documentation shows. Only the README leaves something behind, so it comes last.
func TestTranscripts(t *testing.T) {
	fleet := cluster.Shared(t)
	clusters := map[string]*rest.Config{"hub": fleet.Host.Config(), "berlin": fleet.Members[0].Config(), "paris": fleet.Members[1].Config()}
	for _, name := range []string{"examples/nginx/README.md", "docs/guide.md", "README.md"} {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("../../..", name))
			require.NoError(t, err)
			dir := t.TempDir()
			require.NoError(t, os.CopyFS(filepath.Join(dir, "examples", "nginx"), os.DirFS("../../../examples/nginx")))
			require.NoError(t, scripttest.Replay(t.Context(), string(text), dir, clusters))
		})
	}
}

// serial runs scripts one after the other: they share a host.
type serial struct{ *testing.T }

func (s serial) Parallel() {}

func (s serial) Run(name string, f func(testscript.T)) {
	s.T.Run(name, func(t *testing.T) { f(serial{t}) })
}

func (s serial) Verbose() bool { return testing.Verbose() }
