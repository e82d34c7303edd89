package command_test

import (
	"context"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/confed-project/confed/examples/fedctl/command"
	"github.com/creack/pty"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	if os.Getenv("BE_FEDCTL") != "" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		code := command.Main(ctx, os.Args, command.System())
		stop()
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// TestTerminal runs the program in a pseudo-terminal, as a process of its own.
func TestTerminal(t *testing.T) {
	args := []string{"plan", "-f", "testdata/files/objects.yaml", "--clusters", "testdata/files/clusters.yaml"}
	for _, c := range []struct {
		name   string
		width  uint16
		env    []string
		colors bool
		why    string
	}{
		{"narrow", 80, []string{"TERM=xterm"}, true, "    no cluster of this name is in the fleet"},
		{"wide", 200, []string{"TERM=xterm"}, true, "-         no cluster of this name is in the fleet"},
		{"narrow without colours", 80, []string{"TERM=xterm", "NO_COLOR=1"}, false, "    no cluster of this name is in the fleet"},
		{"wide without colours", 200, []string{"TERM=xterm", "NO_COLOR=1"}, false, "-         no cluster of this name is in the fleet"},
		{"dumb", 80, []string{"TERM=dumb"}, false, "    no cluster of this name is in the fleet"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := inTerminal(t, c.width, c.env, args...)
			require.Equal(t, c.colors, strings.Contains(text, "\x1b["), "%q", text)
			for _, line := range strings.Split(plainText(text), "\n") {
				require.LessOrEqual(t, utf8.RuneCountInString(line), int(c.width), "%q", line)
			}
			require.Contains(t, plainText(text), c.why)
		})
	}
	t.Run("forced", func(t *testing.T) {
		require.Contains(t, inTerminal(t, 80, []string{"NO_COLOR=1"}, append(args, "--color=always")...), "\x1b[")
		require.NotContains(t, inTerminal(t, 80, []string{"TERM=xterm"}, append(args, "--color=never")...), "\x1b[")
	})
}

// inTerminal runs the program in a terminal of a width, and returns what appears there.
func inTerminal(t *testing.T, width uint16, env []string, args ...string) string {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), exe, args...)
	cmd.Env = append([]string{"BE_FEDCTL=1", "HOME=" + t.TempDir()}, env...)
	screen, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: width, Rows: 40})
	require.NoError(t, err)
	defer screen.Close()
	text, _ := io.ReadAll(screen) // ends with an error of the device when the program has gone
	_ = cmd.Wait()                // the exit code is a matter of other tests
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

// plainText is a text without colours.
func plainText(text string) string {
	var out strings.Builder
	for text != "" {
		before, after, found := strings.Cut(text, "\x1b[")
		out.WriteString(before)
		if !found {
			break
		}
		_, text, _ = strings.Cut(after, "m")
	}
	return out.String()
}
