package controller_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/confed-project/confed/examples/controller/manager"
)

// process is the controller as a program of its own.
type process struct {
	*world
	cmd   *exec.Cmd
	out   *output
	ended chan struct{}
	err   error
}

type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write keeps what the program logs.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

// built builds the program once.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "confed-controller-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "controller-manager")
	cmd := exec.Command("go", "build", "-o", path, ".")
	cmd.Dir = filepath.Join("..", "..", "..", "examples", "controller")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), err
	}
	return path, nil
})

// process starts the program with its flags, under an identity.
func (w *world) process(identity string, change func(*manager.Options)) *process {
	w.Helper()
	path, err := built()
	require.NoError(w, err, path)
	var options manager.Options
	change(&options)
	config, err := yaml.Marshal(options.Config.Object)
	require.NoError(w, err)
	kubeconfig, err := w.fleet.Host.Kubeconfig()
	require.NoError(w, err)
	base := w.TempDir()
	require.NoError(w, os.WriteFile(filepath.Join(base, "config.yaml"), config, 0o600))
	require.NoError(w, os.WriteFile(filepath.Join(base, "kubeconfig"), kubeconfig, 0o600))
	args := []string{"--kubeconfig=" + filepath.Join(base, "kubeconfig"), "--kubefed-config=" + filepath.Join(base, "config.yaml"),
		"--kubefed-namespace=" + w.system, "--identity=" + identity, "--healthz-addr=", "--metrics-addr=", "--settle=100ms", "--v=3"}
	if options.Shard {
		args = append(args, "--shard")
	}
	return w.start(identity, exec.Command(path, args...))
}

// start starts any program, which ends with the test.
func (w *world) start(identity string, cmd *exec.Cmd) *process {
	w.Helper()
	p := &process{world: w, cmd: cmd, out: &output{}, ended: make(chan struct{})}
	p.cmd.Stderr = p.out
	p.cmd.SysProcAttr = tied()
	require.NoError(w, p.cmd.Start())
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	w.Cleanup(func() {
		p.kill()
		if w.Failed() {
			w.Logf("%s said:\n%s", identity, p.log())
		}
	})
	return p
}

func (p *process) log() string {
	p.out.mu.Lock()
	defer p.out.mu.Unlock()
	text := p.out.buf.String()
	return text[max(0, len(text)-20_000):]
}

func (p *process) kill() {
	_ = p.cmd.Process.Signal(syscall.SIGCONT)
	_ = p.cmd.Process.Kill()
	<-p.ended
}

func (p *process) stop() { require.NoError(p, p.cmd.Process.Signal(syscall.SIGSTOP)) }
func (p *process) cont() { require.NoError(p, p.cmd.Process.Signal(syscall.SIGCONT)) }

// end asks it to end and says how it did.
func (p *process) end() error {
	require.NoError(p, p.cmd.Process.Signal(syscall.SIGTERM))
	return p.wait()
}

func (p *process) wait() error {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, within)
	defer cancel()
	select {
	case <-p.ended:
	case <-ctx.Done():
		require.FailNow(p, "the program does not end", time.Now())
	}
	return p.err
}
