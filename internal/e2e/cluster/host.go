package cluster

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// base holds the directories of all runs of this user, and the locks of the ports that they use.
func base() string { return filepath.Join(os.TempDir(), "confed-e2e-"+strconv.Itoa(os.Getuid())) }

func loopback(scheme string, port int) string { return fmt.Sprintf("%s://127.0.0.1:%d", scheme, port) }

// ports hands out free ports below the range from which the kernel takes those of outgoing connections. A locked
// file reserves each of them until release, so that runs side by side do not collide while a server restarts.
type ports struct {
	mu   sync.Mutex
	held []*os.File
}

func (p *ports) take() (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	const first, count = 20000, 12000
	dir := filepath.Join(base(), "ports")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, err
	}
	start := rand.IntN(count)
	for i := range count {
		port := first + (start+i)%count
		f, err := os.OpenFile(filepath.Join(dir, strconv.Itoa(port)), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return 0, err
		}
		if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil || !free(port) {
			f.Close()
			continue
		}
		p.held = append(p.held, f)
		return port, nil
	}
	return 0, errors.New("no free port")
}

func free(port int) bool {
	l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

func (p *ports) release() {
	for _, f := range p.held {
		f.Close()
	}
	p.held = nil
}

// newRunDir makes the directory of one run, with a data directory in it. It also removes what runs left that could
// not clean up: the data of all, and the logs of those older than a day.
func newRunDir() (string, error) {
	if err := os.MkdirAll(base(), 0o700); err != nil {
		return "", err
	}
	old, err := filepath.Glob(filepath.Join(base(), "run-*"))
	if err != nil {
		return "", err
	}
	for _, dir := range old {
		if err := sweep(dir); err != nil {
			return "", err
		}
	}
	return os.MkdirTemp(base(), fmt.Sprintf("run-%d-", os.Getpid()))
}

func sweep(run string) error {
	info, err := os.Stat(run)
	if err != nil || alive(run) {
		return nil //nolint:nilerr // another process was faster
	}
	if time.Since(info.ModTime()) > 24*time.Hour {
		return os.RemoveAll(run)
	}
	return os.RemoveAll(dataDir(run))
}

func dataDir(run string) string { return filepath.Join(run, "etcd-data") }

// alive says whether the process that made the directory still runs.
func alive(run string) bool {
	pid, err := strconv.Atoi(strings.Split(filepath.Base(run), "-")[1])
	return err == nil && syscall.Kill(pid, 0) == nil
}
