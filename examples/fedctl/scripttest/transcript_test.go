package scripttest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/confed-project/confed/examples/fedctl/scripttest"
)

// The transcripts of the documentation are true. They run on real API servers in internal/e2e too.
func TestTranscripts(t *testing.T) {
	for _, name := range []string{"../../../README.md", "../../nginx/README.md", "../../../docs/guide.md"} {
		t.Run(filepath.Base(filepath.Dir(name))+"/"+filepath.Base(name), func(t *testing.T) {
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			require.NoError(t, replay(t, string(text)))
		})
	}
}

// A transcript that is not true is found out.
func TestReplayFails(t *testing.T) {
	for want, text := range map[string]string{
		"there is no transcript":                         "# Nothing\n```sh\n$ fedctl clusters\n```\n",
		"line 2: fedctl join berlin: the transcript has": "```console\n$ fedctl join berlin\nberlin joins\n```\n",
		"exit code 1, want 0":                            "```console\n$ fedctl join nowhere\n```\n",
		"exit code 0, want 2":                            "```console\n$ fedctl join berlin\nberlin joined\nexit code 2\n```\n",
		"kubectl [frobnicate]: not known here":           "```console\n$ kubectl frobnicate\n```\n",
		"no context \"rome\"":                            "```console\n$ kubectl --context rome apply -f x.yaml\n```\n",
		"no such file":                                   "```console\n$ kubectl apply -f x.yaml\n```\n",
		"paris joined":                                   "```console\n$ fedctl join berlin\n…\n$ fedctl join paris\n…\nmore\n```\n",
	} {
		require.ErrorContains(t, replay(t, text), want)
	}
	require.NoError(t, replay(t, "```console\n$ go away\n$ fedctl join paris # a comment\npa… join…\n```\n"))
}

func replay(t *testing.T, text string) error {
	t.Helper()
	_, clusters, stop := scripttest.Memory("hub", "berlin", "paris")
	t.Cleanup(stop)
	dir := t.TempDir() // as the root of the repository
	require.NoError(t, os.CopyFS(filepath.Join(dir, "examples", "nginx"), os.DirFS("../../nginx")))
	return scripttest.Replay(t.Context(), text, dir, clusters)
}

// The README keeps its promise.
func TestUnderTenCommands(t *testing.T) {
	text, err := os.ReadFile("../../../README.md")
	require.NoError(t, err)
	steps := scripttest.Transcript(string(text))
	require.Less(t, len(steps), 10)
	require.True(t, strings.HasPrefix(steps[len(steps)-1].Command, "fedctl status"))
}
