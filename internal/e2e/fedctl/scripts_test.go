// Package fedctl_test runs the scripts of the command line against real API servers.
package fedctl_test

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"k8s.io/client-go/rest"

	"github.com/confed-project/confed/examples/fedctl/scripttest"
	"github.com/confed-project/confed/internal/e2e/cluster"
)

func TestMain(m *testing.M) { os.Exit(cluster.Main(m)) }

// TestScripts runs the scripts that run in memory too. They begin with nothing and leave nothing, one after the other.
func TestScripts(t *testing.T) {
	run(t, "../../../examples/fedctl/command/testdata/live", nil)
}

func run(t *testing.T, dir string, setup func(*testscript.Env) error) {
	fleet := cluster.Shared(t)
	clusters := map[string]*rest.Config{}
	for _, s := range fleet.Servers() {
		clusters[s.Name] = s.Config()
	}
	testscript.RunT(serial{t}, testscript.Params{
		Dir: dir, ContinueOnError: true, Cmds: scripttest.Commands(),
		Setup: func(env *testscript.Env) error {
			if setup != nil {
				if err := setup(env); err != nil {
					return err
				}
			}
			return scripttest.Kubeconfig(env, clusters)
		},
	})
}

// serial runs scripts one after the other: they share a host.
type serial struct{ *testing.T }

func (s serial) Parallel() {}

func (s serial) Run(name string, f func(testscript.T)) {
	s.T.Run(name, func(t *testing.T) { f(serial{t}) })
}

func (s serial) Verbose() bool { return testing.Verbose() }
