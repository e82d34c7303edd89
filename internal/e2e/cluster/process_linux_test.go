package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestChildrenDieWithUs runs this binary again as a parent of a long sleep and ends it in the ways that no deferred
// function survives.
func TestChildrenDieWithUs(t *testing.T) {
	if how := os.Getenv("CONFED_TEST_DIE"); how != "" {
		p, err := startProcess(filepath.Join(t.TempDir(), "log"), "/bin/sleep", "600")
		require.NoError(t, err)
		fmt.Printf("child=%d\n", p.cmd.Process.Pid)
		if how == "panic" {
			panic("on purpose")
		}
		require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGKILL))
	}
	for _, how := range []string{"panic", "kill"} {
		t.Run(how, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestChildrenDieWithUs$")
			cmd.Env = append(os.Environ(), "CONFED_TEST_DIE="+how)
			out, err := cmd.CombinedOutput()
			require.Error(t, err)
			_, rest, found := strings.Cut(string(out), "child=")
			require.True(t, found, "%s", out)
			line, _, _ := strings.Cut(rest, "\n")
			pid, err := strconv.Atoi(line)
			require.NoError(t, err)
			require.Eventually(t, func() bool { return gone(pid) }, 10*time.Second, 10*time.Millisecond)
		})
	}
}

// gone says whether a process has ended; one that nobody reaped has ended too.
func gone(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(stat), ") Z ")
}
