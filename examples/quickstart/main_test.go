package main

import (
	"bytes"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the golden file")

func TestQuickstart(t *testing.T) {
	const golden = "testdata/quickstart.golden"
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out))
	got := settled(out.String())
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(got), 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(string(want), got))
}

// settled puts the progress lines, which come as the members answer, into a stable order.
func settled(text string) string {
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		from := i
		for ; i < len(lines) && strings.HasPrefix(lines[i], "["); i++ {
			_, lines[i], _ = strings.Cut(lines[i], "] ")
		}
		slices.Sort(lines[from:i])
	}
	return strings.Join(lines, "\n")
}
