package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// TestImage carries out what the Dockerfile says, as far as it can be without images of others, and holds it to the module
// and to the deployment.
func TestImage(t *testing.T) {
	text, err := os.ReadFile("Dockerfile")
	require.NoError(t, err)
	said := map[string][]string{}
	for _, line := range strings.Split(string(text), "\n") {
		if word, rest, ok := strings.Cut(line, " "); ok && word != "#" {
			said[word] = append(said[word], rest)
		}
	}
	module, err := os.ReadFile("go.mod")
	require.NoError(t, err)
	require.Regexp(t, `golang:(\d+\.\d+) `, said["FROM"][0])
	_, version, _ := strings.Cut(strings.Fields(said["FROM"][0])[1], ":")
	require.Contains(t, string(module), "\ngo "+version+".", "the image builds with the Go of the module")

	// The build, in the root of the repository, which is the context.
	out := filepath.Join(t.TempDir(), "controller-manager")
	require.Equal(t, []string{". ."}, said["COPY"][:1])
	slow := " -trimpath" // and no libc: both would compile everything once more
	require.Contains(t, said["RUN"][0], slow)
	require.Contains(t, said["ENV"][0], "CGO_ENABLED=0", "an empty image has none")
	command := strings.Fields(strings.NewReplacer("/out/controller-manager", out, slow, "").Replace(said["RUN"][0]))
	build := exec.CommandContext(t.Context(), command[0], command[1:]...)
	build.Dir = "../.."
	log, err := build.CombinedOutput()
	require.NoError(t, err, string(log))
	log, err = exec.CommandContext(t.Context(), out, "--version").CombinedOutput()
	require.NoError(t, err, string(log))

	_, program, _ := strings.Cut(said["COPY"][1], "/out/controller-manager ")
	require.Equal(t, []string{`["` + program + `"]`}, said["ENTRYPOINT"], "the deployment gives arguments only")
	var deployment struct {
		Spec struct {
			Template struct {
				Spec struct {
					SecurityContext struct{ RunAsUser int }
					Containers      []struct{ Command []string }
				}
			}
		}
	}
	text, err = os.ReadFile("deploy/base/deployment.yaml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &deployment))
	pod := deployment.Spec.Template.Spec
	require.Empty(t, pod.Containers[0].Command)
	require.Equal(t, 65532, pod.SecurityContext.RunAsUser)
	require.Equal(t, []string{"65532:65532"}, said["USER"])
}
