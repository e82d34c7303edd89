package pinned

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOnceBuildsOnce(t *testing.T) {
	parent := filepath.Join(t.TempDir(), "cache")
	// What an interrupted build left behind must not end up in the result.
	require.NoError(t, os.MkdirAll(filepath.Join(parent, "v1.tmp"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(parent, "v1.tmp", "half"), nil, 0o600))

	var builds atomic.Int32
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			dir, err := once(parent, "v1", io.Discard, func(tmp string) error {
				builds.Add(1)
				return os.WriteFile(filepath.Join(tmp, "tool"), nil, 0o600)
			})
			if err != nil || dir != filepath.Join(parent, "v1") {
				t.Errorf("%s: %v", dir, err)
			}
			if _, err := os.Stat(filepath.Join(dir, "tool")); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	require.EqualValues(t, 1, builds.Load())
	require.NoFileExists(t, filepath.Join(parent, "v1", "half"))
}

func TestOnceForgetsAFailedBuild(t *testing.T) {
	parent, broken := t.TempDir(), errors.New("broken")
	_, err := once(parent, "v1", io.Discard, func(string) error { return broken })
	require.ErrorIs(t, err, broken)
	dir, err := once(parent, "v1", io.Discard, func(string) error { return nil })
	require.NoError(t, err)
	require.DirExists(t, dir)
}

func TestKeyFollowsWhatChangesTheResult(t *testing.T) {
	dir := t.TempDir()
	key := func(mod, flags string) string {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte(mod), 0o600))
		out, err := Kube().key(dir, "v1.2.3", flags)
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(out, "v1.2.3-"), out)
		return out
	}
	require.Equal(t, key("module m", "-s"), key("module m", "-s"))
	require.NotEqual(t, key("module m", "-s"), key("module n", "-s"))
	require.NotEqual(t, key("module m", "-s"), key("module m", "-w"))
	with, err := KubeFed().key(dir, "v1", "-s")
	require.NoError(t, err)
	without, err := Module{}.key(dir, "v1", "-s")
	require.NoError(t, err)
	require.NotEqual(t, with, without, "tests are part of it")
}

func TestKubeTellsItsVersion(t *testing.T) {
	flags := Kube().LDFlags("v1.36.3")
	for _, want := range []string{"gitVersion=v1.36.3", "gitMajor=1", "gitMinor=36"} {
		require.Contains(t, flags, "-X k8s.io/component-base/version."+want)
	}
}
