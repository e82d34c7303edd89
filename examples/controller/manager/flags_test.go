package manager

import (
	"bytes"
	"flag"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestFlagsOfKubeFed: what KubeFed's manifests and its users pass is taken, and what means nothing here is said in one line.
func TestFlagsOfKubeFed(t *testing.T) {
	for line, ignored := range map[string]string{
		"--v=2":                        "",
		"--v 2 --kubefed-namespace=ns": "",
		"--logtostderr --v=4":          `["logtostderr"]`,
		"--logtostderr=true --alsologtostderr=false --stderrthreshold=INFO --vmodule=sync*=4 --log_backtrace_at=a.go:1 --log_dir=/x --log_file /y --log_file_max_size=1": `["logtostderr","alsologtostderr","stderrthreshold","vmodule","log_backtrace_at","log_dir","log_file","log_file_max_size"]`,
		"--add-dir-header --skip-headers --skip-log-headers=true --one-output --log-dir /x":                                                                              `["add-dir-header","skip-headers","skip-log-headers","one-output","log-dir"]`,
	} {
		t.Run(line, func(t *testing.T) {
			var f Flags
			fs := flag.NewFlagSet("", flag.ContinueOnError)
			f.Bind(fs)
			require.NoError(t, fs.Parse(strings.Fields(line)))
			require.Empty(t, fs.Args(), "no value was taken for the end of the flags")
			var out bytes.Buffer
			log := f.Logger(&out)
			require.Equal(t, f.Verbosity >= 2, log.V(2).Enabled())
			require.False(t, log.V(9).Enabled())
			if ignored == "" {
				require.Empty(t, out.String())
				return
			}
			require.Equal(t, 1, strings.Count(out.String(), "\n"))
			require.Contains(t, out.String(), `"flags":`+ignored)
		})
	}
}
