package main

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/confed-project/confed/federation/kubefed"
)

var update = flag.Bool("update", false, "rewrite the definitions")

// TestDefinitions holds the files that install KubeFed's own kinds to what the library defines.
func TestDefinitions(t *testing.T) {
	var want bytes.Buffer
	want.WriteString("# Written by go test . -update, from kubefed.CRDs.\n")
	for _, crd := range kubefed.CRDs() {
		text, err := yaml.Marshal(crd.Object)
		require.NoError(t, err)
		want.WriteString("---\n")
		want.Write(text)
	}
	for _, path := range []string{"deploy/crds/kubefed.yaml", "deploy/chart/crds/kubefed.yaml"} {
		if *update {
			require.NoError(t, os.WriteFile(path, want.Bytes(), 0o600))
		}
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, want.String(), string(got), "%s: run go test . -update", path)
	}
}

func TestVersionAndHelp(t *testing.T) {
	require.Zero(t, run([]string{"--version"}))
	require.Zero(t, run([]string{"--help"}))
	require.Equal(t, 2, run([]string{"--no-such-flag"}))
	require.Equal(t, 2, run([]string{"--kubeconfig=/nowhere"}))
}
