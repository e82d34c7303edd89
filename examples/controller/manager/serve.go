package manager

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// checks are what /healthz or /readyz asks, by name.
type checks struct {
	mu  sync.Mutex
	all map[string]func() error
}

func (c *checks) set(name string, check func() error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil {
		c.all = map[string]func() error{}
	}
	c.all[name] = check
}

func (c *checks) remove(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.all, name)
}

// ServeHTTP says ok, or in words what is not.
func (c *checks) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	c.mu.Lock()
	all := maps.Clone(c.all)
	c.mu.Unlock()
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if err := all[name](); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprint(w, "ok")
}

// serve answers on addr until ctx ends; an empty addr is nowhere, and so is 0, as in KubeFed.
func serve(ctx context.Context, addr string, handlers map[string]http.Handler) error {
	if addr == "" || addr == "0" {
		<-ctx.Done()
		return nil
	}
	mux := http.NewServeMux()
	for path, handler := range handlers {
		mux.Handle(path, handler)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (c *outside) serve(ctx context.Context, options Options) error {
	errs := make(chan error, 2)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		errs <- serve(ctx, options.HealthAddr, map[string]http.Handler{"/healthz": &c.live, "/readyz": &c.ready, "/readyz/": &c.ready})
	}()
	go func() {
		handler := promhttp.HandlerFor(c.metrics.registry, promhttp.HandlerOpts{})
		errs <- serve(ctx, options.MetricsAddr, map[string]http.Handler{"/metrics": handler})
	}()
	first := <-errs
	cancel()
	return errors.Join(first, <-errs)
}
