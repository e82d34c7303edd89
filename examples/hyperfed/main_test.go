package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/confed-project/confed/examples/fedctl/scripttest"
)

// One binary is what its name or its first argument says.
func TestNames(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		out  string
	}{
		{"hyperfed --help", 0, "controller-manager Keep the copies"},
		{"hyperfed --help", 0, "hyperfed [command]"},
		{"hyperfed plan -f ../fedctl/command/testdata/files/objects.yaml --clusters ../fedctl/command/testdata/files/clusters.yaml", 2, "8 create"},
		{"fedctl plan -f ../fedctl/command/testdata/files/objects.yaml --clusters ../fedctl/command/testdata/files/clusters.yaml", 2, "8 create"},
		{"hyperfed --help", 0, "changes a cluster. controller-manager does so all the time."},
		{"/usr/bin/kubectl_complete-fed plan --color=a", 0, "auto"},
		{"/usr/bin/kubectl-fed plan --help", 0, "kubectl fed plan"},
		{"/usr/bin/controller-manager --version", 0, "hyperfed"},
		{"hyperfed controller-manager --version", 0, "hyperfed"},
		{"hyperfed controller-manager --help", 0, "-kubefed-namespace"},
		{"controller-manager --v=2 --logtostderr --version", 0, "hyperfed"}, // as KubeFed's chart has it
		{"controller-manager --nonsense", 1, "flag provided but not defined"},
		{"hyperfed controller-manager --kubeconfig nowhere", 1, "nowhere"},
		{"hyperfed nonsense", 1, `unknown command "nonsense"`},
	} {
		var out bytes.Buffer
		code := run(t.Context(), strings.Fields(c.args), scripttest.IO(nil, &out, &out, os.Getenv))
		require.Equal(t, c.code, code, "%s: %s", c.args, &out)
		require.Contains(t, strings.Join(strings.Fields(out.String()), " "), c.out, c.args)
	}
}
