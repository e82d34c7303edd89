package cluster

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseRequests(t *testing.T) {
	before, err := parseRequests(`# TYPE apiserver_request_total counter
apiserver_request_total{code="201",component="apiserver",dry_run="",group="",resource="configmaps",scope="resource",subresource="",verb="POST",version="v1"} 2
`, writing())
	require.NoError(t, err)
	after, err := parseRequests(`# TYPE apiserver_request_total counter
apiserver_request_total{code="201",component="apiserver",dry_run="",group="",resource="configmaps",scope="resource",subresource="",verb="POST",version="v1"} 2
apiserver_request_total{code="409",component="apiserver",dry_run="",group="",resource="configmaps",scope="resource",subresource="",verb="POST",version="v1"} 1
apiserver_request_total{code="200",component="apiserver",dry_run="All",group="apps",resource="deployments",scope="resource",subresource="scale",verb="APPLY",version="v1"} 1e+00
apiserver_request_total{code="200",component="apiserver",dry_run="",group="apps",resource="deployments",scope="resource",subresource="",verb="GET",version="v1"} 7
apiserver_request_total{code="200",component="apiserver",dry_run="",group="coordination.k8s.io",resource="leases",scope="resource",subresource="",verb="PUT",version="v1"} 9
`, writing())
	require.NoError(t, err)
	made := after.Since(before)
	require.Equal(t, "APPLY deployments.apps/scale: 1\nPOST configmaps: 1\n", made.String())
	require.Equal(t, 2, made.Total())
	require.Equal(t, 1, made.Of("deployments.apps").Total())
	require.Empty(t, after.Since(after))

	read, err := parseRequests(`apiserver_request_total{resource="pods",verb="GET"} 7
apiserver_request_total{resource="pods",verb="LIST"} 2
apiserver_request_total{resource="pods",verb="WATCH"} 5
`, reading())
	require.NoError(t, err)
	require.Equal(t, "GET pods: 7\nLIST pods: 2\n", read.String())

	_, err = parseRequests(`apiserver_request_total{verb="POST"} many`, writing())
	require.Error(t, err)
}

func TestPortsAreNotSharedWhileHeld(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var a, b ports
	seen := map[int]bool{}
	for range 20 {
		for _, p := range []*ports{&a, &b} {
			port, err := p.take()
			require.NoError(t, err)
			require.False(t, seen[port])
			require.Less(t, port, 32768)
			seen[port] = true
		}
	}
	a.release()
	b.release()
}

func TestRunDirRemovesDataOfDeadRuns(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	mine, err := newRunDir()
	require.NoError(t, err)
	dead := filepath.Join(base(), "run-0x-1") // no process has such a number
	for _, dir := range []string{mine, dead} {
		require.NoError(t, os.MkdirAll(dataDir(dir), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "etcd.log"), nil, 0o600))
	}
	_, err = newRunDir()
	require.NoError(t, err)
	require.DirExists(t, dataDir(mine))
	require.NoDirExists(t, dataDir(dead))
	require.FileExists(t, filepath.Join(dead, "etcd.log"))
}

func TestWaitForTellsWhyAProcessEnded(t *testing.T) {
	p, err := startProcess(filepath.Join(t.TempDir(), "log"), "/bin/sh", "-c", "echo no such flag; exit 3")
	require.NoError(t, err)
	err = p.waitFor(t.Context(), "is ready", func(context.Context) error { return os.ErrNotExist })
	require.ErrorContains(t, err, "sh ended before it is ready: exit status 3\nno such flag")
}
