package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/confed-project/confed/internal/pinned"
)

// Fleet is a set of running control planes.
type Fleet struct {
	Host    *Server   // where the program that embeds the library would run
	Members []*Server // named member-1, member-2, …
	Dir     string    // logs and data of this run

	bin   string // directory of the programs
	ports ports
	certs *certs
	etcd  *process
}

// Options says what Start starts. The zero value is one host, three members, each with its controllers.
type Options struct {
	Members       int       // 0: three
	NoControllers bool      // no controller-manager: nothing acts on objects, namespaces are never finalised
	Log           io.Writer // progress; nil: standard error
}

// startTimeout bounds the start of one server. It is long, since a loaded machine is slow and a dead server is
// noticed at once.
const startTimeout = 3 * time.Minute

// Start builds the servers if need be, starts a fleet and waits until every control plane answers. The caller must
// Stop it. When Start fails, it has stopped what it started; the error names the log to read.
func Start(ctx context.Context, opts Options) (*Fleet, error) {
	if opts.Members == 0 {
		opts.Members = 3
	}
	if opts.Log == nil {
		opts.Log = os.Stderr
	}
	bin, err := pinned.Kube().Build(ctx, opts.Log)
	if err != nil {
		return nil, err
	}
	f := &Fleet{bin: bin}
	begin := time.Now()
	if err := f.start(ctx, opts); err != nil {
		return nil, errors.Join(fmt.Errorf("starting the fleet, logs in %s: %w", f.Dir, err), f.stop())
	}
	fmt.Fprintf(opts.Log, "cluster: host and %d members ready after %s, logs in %s\n",
		opts.Members, time.Since(begin).Round(100*time.Millisecond), f.Dir)
	return f, nil
}

func (f *Fleet) start(ctx context.Context, opts Options) error {
	var err error
	if f.Dir, err = newRunDir(); err != nil {
		return err
	}
	if f.certs, err = newCerts(f.Dir); err != nil {
		return err
	}
	etcdURL, err := f.startEtcd(ctx)
	if err != nil {
		return err
	}
	f.Host = f.newServer("host", 0, etcdURL)
	for i := range opts.Members {
		f.Members = append(f.Members, f.newServer("member-"+strconv.Itoa(i+1), i+1, etcdURL))
	}
	var group sync.WaitGroup
	errs := make([]error, len(f.Servers()))
	for i, s := range f.Servers() {
		group.Go(func() { errs[i] = s.start(ctx, !opts.NoControllers) })
	}
	group.Wait()
	return errors.Join(errs...)
}

func (f *Fleet) startEtcd(ctx context.Context) (url string, err error) {
	client, err := f.ports.take()
	if err != nil {
		return "", err
	}
	peer, err := f.ports.take()
	if err != nil {
		return "", err
	}
	url = loopback("http", client)
	peerURL := loopback("http", peer)
	f.etcd, err = startProcess(filepath.Join(f.Dir, "etcd.log"), filepath.Join(f.bin, "server"),
		"--name=etcd", "--data-dir="+dataDir(f.Dir), "--unsafe-no-fsync", "--log-level=warn",
		"--listen-client-urls="+url, "--advertise-client-urls="+url,
		"--listen-peer-urls="+peerURL, "--initial-advertise-peer-urls="+peerURL, "--initial-cluster=etcd="+peerURL)
	if err != nil {
		return "", err
	}
	return url, f.etcd.waitFor(ctx, "answers", func(ctx context.Context) error {
		_, err := get(ctx, http.DefaultClient, url+"/health", "")
		return err
	})
}

// Servers returns the host and the members.
func (f *Fleet) Servers() []*Server {
	if f.Host == nil {
		return nil
	}
	return append([]*Server{f.Host}, f.Members...)
}

// Stop kills every server and removes the directory of the run, or its data only when keepLogs. It may be called
// more than once.
func (f *Fleet) Stop(keepLogs bool) error {
	if err := f.stop(); err != nil {
		return err
	}
	if keepLogs {
		return nil
	}
	return os.RemoveAll(f.Dir)
}

func (f *Fleet) stop() error {
	for _, s := range f.Servers() {
		s.stop()
	}
	f.etcd.kill()
	f.ports.release()
	if f.Dir == "" {
		return nil
	}
	return os.RemoveAll(dataDir(f.Dir))
}
