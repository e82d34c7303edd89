package cluster

import (
	"fmt"
	"os"
	"sync"
	"testing"
)

// shared is the fleet of one test binary.
var shared struct {
	sync.Mutex
	fleet *Fleet
	err   error
}

// Shared returns the fleet that all tests of the package share, with host and three members, and starts it when t is
// the first to ask. Tests keep apart by namespaces of their own. An API server that an earlier test left dead is
// restarted. The package needs a TestMain that calls Main.
func Shared(t testing.TB) *Fleet {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.fleet == nil && shared.err == nil {
		shared.fleet, shared.err = Start(t.Context(), Options{})
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	for _, s := range shared.fleet.Servers() {
		if !s.apiserver.ended() {
			continue
		}
		t.Logf("%s was left dead, restarting it", s.Name)
		if err := s.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return shared.fleet
}

// Main runs the tests and stops the fleet that they shared. It returns the exit code for os.Exit. After a failure
// it prints the directory with the logs, else it removes them.
func Main(m *testing.M) int {
	code := m.Run()
	shared.Lock()
	defer shared.Unlock()
	if shared.fleet == nil {
		return code
	}
	if err := shared.fleet.Stop(code != 0); err != nil {
		fmt.Fprintln(os.Stderr, "stopping the fleet:", err)
		return 1
	}
	if code != 0 {
		fmt.Fprintln(os.Stderr, "cluster: the logs of the failed run are in", shared.fleet.Dir)
	}
	return code
}
