// Package fedctl_test runs the scripts of the command line against real API servers.
package fedctl_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/confed-project/confed/clusterregistry/kube"
	"github.com/confed-project/confed/examples/fedctl/scripttest"
	"github.com/confed-project/confed/internal/e2e/cluster"
)

func TestMain(m *testing.M) { os.Exit(cluster.Main(m)) }

// begin waits until nothing is left on the host of what an earlier test took apart: definitions take a while to go. An API server
// that could not list the objects of one at once may forget about it for minutes, unless it changes.
func begin(t *testing.T) *cluster.Fleet {
	t.Helper()
	fleet := cluster.Shared(t)
	host, err := kube.NewClient(fleet.Host.Config(), kube.Options{})
	require.NoError(t, err)
	for started := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		definitions, err := host.List(t.Context(), schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"}, "", "")
		require.NoError(t, err)
		left := slices.DeleteFunc(definitions, func(d unstructured.Unstructured) bool { return !strings.HasSuffix(d.GetName(), "kubefed.io") })
		if len(left) == 0 {
			return fleet
		}
		require.Less(t, time.Since(started), 3*time.Minute, "%v", left[0].Object)
		if time.Since(started) > 10*time.Second {
			change := fmt.Sprintf(`[{"op":"add","path":"/metadata/annotations","value":{"now":%q}}]`, time.Now())
			_, err := host.Patch(t.Context(), &left[0], []byte(change), metav1.PatchOptions{})
			require.True(t, err == nil || apierrors.IsNotFound(err), err)
		}
	}
}

// TestScripts runs the scripts that run in memory too. They begin with nothing and leave nothing, one after the other.
func TestScripts(t *testing.T) {
	fleet := begin(t)
	clusters := map[string]*rest.Config{}
	for _, s := range fleet.Servers() {
		clusters[s.Name] = s.Config()
	}
	testscript.RunT(serial{t}, testscript.Params{
		Dir: "../../../examples/fedctl/command/testdata/live", ContinueOnError: true, Cmds: scripttest.Commands(),
		Setup: func(env *testscript.Env) error { return scripttest.Kubeconfig(env, clusters) },
	})
}

// TestTranscripts replays what the documentation shows. The README leaves everything behind, so it comes last, and the guide
// copies in paris, so that is another cluster then.
func TestTranscripts(t *testing.T) {
	fleet := begin(t)
	clusters := map[string]*rest.Config{"hub": fleet.Host.Config(), "berlin": fleet.Members[0].Config(), "paris": fleet.Members[1].Config()}
	for _, name := range []string{"examples/nginx/README.md", "docs/guide.md", "README.md"} {
		t.Run(name, func(t *testing.T) {
			if name == "README.md" {
				clusters["paris"] = fleet.Members[2].Config()
			}
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
