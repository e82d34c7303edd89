package command_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"

	"github.com/confed-project/confed/examples/fedctl/command"
	"github.com/confed-project/confed/examples/fedctl/scripttest"
	"github.com/confed-project/confed/federation/fedtest"
)

// propagating is a federation in memory with objects to propagate, and the arguments that do it.
func propagating(t *testing.T, objects int) (*fedtest.Fleet, []string) {
	t.Helper()
	fleet, clusters, stop := scripttest.Memory("host", "member-1", "member-2")
	t.Cleanup(stop)
	config := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, scripttest.WriteKubeconfig(config, "host", clusters))
	common := []string{"--kubeconfig", config, "--cache-dir", t.TempDir()}
	for _, args := range [][]string{{"join", "member-1"}, {"join", "member-2"}} {
		var out bytes.Buffer
		require.Equal(t, 0, command.Main(t.Context(), append(append([]string{"fedctl"}, args...), common...), scripttest.IO(nil, &out, &out, os.Getenv)), "%s", &out)
	}
	var text bytes.Buffer
	text.WriteString("apiVersion: types.kubefed.io/v1beta1\nkind: FederatedNamespace\nmetadata: {name: shop, namespace: shop}\nspec: {placement: {clusterSelector: {}}}\n")
	for i := range objects {
		fmt.Fprintf(&text, "---\napiVersion: types.kubefed.io/v1beta1\nkind: FederatedConfigMap\nmetadata: {name: c%d, namespace: shop}\n"+
			"spec: {placement: {clusterSelector: {}}, template: {data: {a: b}}}\n", i)
	}
	file := filepath.Join(t.TempDir(), "objects.yaml")
	require.NoError(t, os.WriteFile(file, text.Bytes(), 0o600))
	return fleet, append([]string{"apply", "-f", file}, common...)
}

// slow makes a member take its creates up slowly: no more than one before the test lets go of the rest.
func slow(done <-chan struct{}) fedtest.Fault {
	return fedtest.Fault{Before: func(ctx context.Context, r fedtest.Request) error {
		if r.Verb != "create" {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-done:
			return nil
		}
	}}
}

// watched is an output that tells when a text has been written to it.
type watched struct {
	mu   sync.Mutex
	text bytes.Buffer
	want string
	seen func()
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.text.Write(p)
	if w.seen != nil && strings.Contains(w.text.String(), w.want) {
		w.seen()
		w.seen = nil
	}
	return n, err
}

// An interruption stops at once, and says what was done and what was not.
func TestInterrupt(t *testing.T) {
	fleet, args := propagating(t, 3)
	fleet.Member("member-2").Break(slow(nil))
	ctx, cancel := context.WithCancelCause(t.Context())
	out, errOut := &watched{want: "[4/8] member-1: ", seen: func() { cancel(errors.New("Ctrl-C")) }}, &bytes.Buffer{}
	require.Equal(t, 1, command.Main(ctx, append([]string{"fedctl"}, args...), scripttest.IO(nil, out, errOut, os.Getenv)))
	text := out.text.String()
	require.Contains(t, text, "member-1: create ConfigMap shop/c2: done")
	require.Contains(t, text, "4 done, 0 held, 0 failed, 4 not done")
	for i := range 3 {
		require.Contains(t, text, fmt.Sprintf("not done, or not known to be done: member-2: create ConfigMap shop/c%d\n", i))
		require.NotContains(t, text, fmt.Sprintf("member-2: create ConfigMap shop/c%d: done", i))
	}
	require.Equal(t, "error: interrupted: Ctrl-C\nhint: fedctl apply again looks first, and does what is left\n", errOut.String())

	fleet.Member("member-2").Break(fedtest.Fault{})
	var again bytes.Buffer
	require.Equal(t, 0, command.Main(t.Context(), append([]string{"fedctl"}, args...), scripttest.IO(nil, &again, &again, os.Getenv)), "%s", &again)
	require.Contains(t, again.String(), "4 done, 0 held, 0 failed\n")
}

// On a terminal the progress is a bar that stays in its line; an interrupt from the keyboard ends it.
func TestProgressBar(t *testing.T) {
	for _, c := range []struct {
		width     uint16
		env       string
		interrupt bool
	}{{80, "TERM=xterm", false}, {200, "NO_COLOR=1", false}, {80, "TERM=xterm", true}} {
		t.Run(fmt.Sprintf("%d %s %v", c.width, c.env, c.interrupt), func(t *testing.T) {
			fleet, args := propagating(t, 20)
			release := make(chan struct{})
			fleet.Member("member-2").Break(slow(release))
			exe, err := os.Executable()
			require.NoError(t, err)
			cmd := exec.CommandContext(t.Context(), exe, args...)
			cmd.Env = []string{"BE_FEDCTL=1", "HOME=" + t.TempDir(), c.env}
			screen, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: c.width, Rows: 40})
			require.NoError(t, err)
			defer screen.Close()
			out := &watched{want: "] 21/42", seen: func() {
				if c.interrupt {
					_, _ = screen.Write([]byte{3}) // Ctrl-C
				} else {
					close(release)
				}
			}}
			_, _ = io.Copy(out, screen) // ends with an error of the device when the program has gone
			_ = cmd.Wait()
			text := strings.ReplaceAll(out.text.String(), "\r\n", "\n")
			require.Contains(t, text, "\r\x1b[K[##########..........] 21/42 member-1: create ")
			for _, line := range strings.FieldsFunc(plainText(text), func(r rune) bool { return r == '\n' || r == '\r' }) {
				require.LessOrEqual(t, len([]rune(line)), int(c.width), "%q", line)
			}
			if c.interrupt {
				require.Equal(t, 1, cmd.ProcessState.ExitCode(), "%s", text)
				require.Contains(t, text, "21 done, 0 held, 0 failed, 21 not done")
				return
			}
			require.Equal(t, 0, cmd.ProcessState.ExitCode(), "%s", text)
			require.Contains(t, text, "[####################] 42/42")
			require.Equal(t, "42 done, 0 held, 0 failed", strings.TrimSpace(text[strings.LastIndex(text, "\x1b[K")+len("\x1b[K"):]))
		})
	}
}
