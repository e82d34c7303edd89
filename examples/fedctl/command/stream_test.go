package command_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/confed-project/confed/examples/fedctl/command"
	"github.com/confed-project/confed/examples/fedctl/scripttest"
	"github.com/stretchr/testify/require"
)

// thousands writes a file of so many federated ConfigMaps and returns its name.
func thousands(t testing.TB, n int) string {
	t.Helper()
	var text bytes.Buffer
	for i := range n {
		fmt.Fprintf(&text, `apiVersion: types.kubefed.io/v1beta1
kind: FederatedConfigMap
metadata: {name: settings-%05d, namespace: shop}
spec:
  placement: {clusterSelector: {}}
  template: {data: {a: "%d", b: "something to hold"}}
---
`, i, i)
	}
	name := filepath.Join(t.TempDir(), "many.yaml")
	require.NoError(t, os.WriteFile(name, text.Bytes(), 0o600))
	return name
}

// spy counts what is written, and calls at with the count.
type spy struct {
	lines int
	at    func(lines int)
}

func (s *spy) Write(p []byte) (int, error) {
	s.lines += bytes.Count(p, []byte("\n"))
	s.at(s.lines)
	return len(p), nil
}

// The first page is out before the rest is planned: who stops there has seen it, and no second one was made.
func TestFirstPageIsFast(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	out := &spy{at: func(int) { cancel() }}
	var errOut bytes.Buffer
	code := command.Main(ctx, []string{"fedctl", "plan", "-f", thousands(t, 10_000), "--clusters", "testdata/files/clusters.yaml"},
		scripttest.IO(strings.NewReader(""), out, &errOut, func(string) string { return "" }))
	require.Equal(t, 1, code)
	require.Contains(t, errOut.String(), context.Canceled.Error())
	require.Positive(t, out.lines)
	require.Less(t, out.lines, 1000)
}

// Memory does not grow with the number of objects, but for the names by which a second object of one name is found.
func TestTenThousandObjects(t *testing.T) {
	for format, objects := range map[string]int{"text": 10_000, "html": 3000, "json": 3000, "markdown": 3000} {
		t.Run(format, func(t *testing.T) {
			heap := func() int {
				var m runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&m)
				return int(m.HeapAlloc)
			}
			early, late := 0, 0
			out := &spy{at: func(lines int) {
				if early == 0 && lines > 300 {
					early = heap()
				}
				if late == 0 && lines > 2_500 {
					late = heap()
				}
			}}
			var errOut bytes.Buffer
			code := command.Main(t.Context(), []string{"fedctl", "plan", "-f", thousands(t, objects), "--clusters", "testdata/files/clusters.yaml", "-o", format},
				scripttest.IO(strings.NewReader(""), out, &errOut, func(string) string { return "" }))
			require.Equal(t, 2, code, "%s", &errOut)
			if format != "markdown" { // which is short whatever the plan
				require.Positive(t, late)
				require.Less(t, late-early, 8<<20, "bytes")
			}
		})
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestOutputFails(t *testing.T) {
	var errOut bytes.Buffer
	for _, args := range [][]string{{"plan"}, {"diff"}, {"status"}, {"plan", "-o", "html"}} {
		args = append(append([]string{"fedctl"}, args...), "-f", "testdata/files/objects.yaml", "--clusters", "testdata/files/clusters.yaml")
		require.Equal(t, 1, command.Main(t.Context(), args, scripttest.IO(nil, full{}, &errOut, os.Getenv)))
		require.Contains(t, errOut.String(), "no space left on device")
	}
}
