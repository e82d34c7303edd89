package kube

import (
	"bufio"
	"context"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/confed-project/confed/clusterregistry"
	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/placement"
)

// TestMain also is the program that plays a thousand members, in a process of its own so that its goroutines and memory
// are not taken for ours.
func TestMain(m *testing.M) {
	if os.Getenv("CONFED_TEST_FLEET") != "" {
		playFleet()
		return
	}
	os.Exit(m.Run())
}

// playFleet serves members under /m/NUMBER: in the kind "sick", of ten one hangs and one is slow. It ends with its input.
func playFleet() {
	server := httptest.NewUnstartedServer(http.HandlerFunc(serveMember))
	server.EnableHTTP2 = true
	server.StartTLS()
	fmt.Println(server.URL)
	fmt.Println(strconv.Quote(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))))
	_, _ = bufio.NewReader(os.Stdin).ReadByte()
}

func serveMember(w http.ResponseWriter, r *http.Request) {
	parts := strings.SplitN(r.URL.Path, "/", 5) // "", kind of fleet, number, rest
	number, _ := strconv.Atoi(parts[2])
	if parts[1] == "sick" {
		switch number % 10 {
		case 0:
			<-r.Context().Done()
			return
		case 1:
			time.Sleep(500 * time.Millisecond)
		}
	}
	w.Header().Set("Content-Type", "application/json")
	path := "/" + strings.Join(parts[3:], "/")
	switch {
	case path == "/api/v1":
		fmt.Fprint(w, `{"groupVersion":"v1","resources":[`)
		for i := range 5 {
			fmt.Fprintf(w, `{"name":"kind%ds","kind":"Kind%d","namespaced":true},`, i, i)
		}
		fmt.Fprint(w, `{"name":"others","kind":"Other"}]}`)
	case r.URL.Query().Get("watch") != "":
		w.WriteHeader(http.StatusOK)
		if r.URL.Query().Get("sendInitialEvents") == "true" {
			kind := strings.TrimSuffix(strings.TrimPrefix(path, "/api/v1/k"), "s")
			fmt.Fprintf(w, `{"type":"BOOKMARK","object":{"apiVersion":"v1","kind":"K%s","metadata":{"resourceVersion":"1","annotations":{"k8s.io/initial-events-end":"true"}}}}`, kind)
		}
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	default:
		fmt.Fprint(w, `{"apiVersion":"v1","kind":"List","metadata":{"resourceVersion":"1"},"items":[]}`)
	}
}

// playedFleet starts the other process.
func playedFleet(t testing.TB) (url string, ca []byte) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "CONFED_TEST_FLEET=1")
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(stdout)
	require.True(t, lines.Scan())
	url = lines.Text()
	require.True(t, lines.Scan())
	text, err := strconv.Unquote(lines.Text())
	require.NoError(t, err)
	return url, []byte(text)
}

// scale is what a fleet costs once it is in step.
type scale struct {
	planned                         time.Duration // until there is a plan that acts in all healthy members
	goroutines, memory, connections int64
}

// playedMembers registers members of a played fleet, and counts the connections to them.
func playedMembers(t testing.TB, fleet, url string, ca []byte, members int) (registry *clusterregistry.Registry[*Client], open *atomic.Int64) {
	registry, open = &clusterregistry.Registry[*Client]{}, &atomic.Int64{}
	for i := range members {
		config := &rest.Config{Host: fmt.Sprintf("%s/%s/%d", url, fleet, i), BearerToken: "t", TLSClientConfig: rest.TLSClientConfig{CAData: ca, ServerName: "example.com"}}
		config.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
			open.Add(1)
			return conn, err
		}
		client, err := NewClient(config, Options{})
		require.NoError(t, err)
		require.NoError(t, registry.Put(placement.Cluster{Name: fmt.Sprint(i)}, client))
	}
	return registry, open
}

func sick(i int) bool { return i%10 <= 1 }

// plan observes the fleet through its caches and plans one object for it.
func plan(t testing.TB, caches *Caches, fleet *placement.Fleet) federation.Plan {
	template := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Kind0", "metadata": map[string]any{"namespace": "a", "name": "b"}}}
	obj := federation.Object{Template: template, Placement: placement.Policy{Selector: &placement.Selector{}}}
	planner := federation.Planner{Owner: federation.Owner{Value: "me"}}
	snap := federation.Snapshot{Fleet: fleet}
	connect := func(name string) (federation.ClusterClient, error) { return caches.Client(name) }
	plan, err := planner.Plan(obj, snap.With(federation.Observe(t.Context(), connect, planner.Targets(obj, snap))))
	require.NoError(t, err)
	return plan
}

// measure starts with nothing, and the clock with it. In both kinds of fleet it waits for the same members.
func measure(t testing.TB, fleet, url string, ca []byte, members, kinds int) (s scale) {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	goroutines := runtime.NumGoroutine()
	started := time.Now()

	registry, open := playedMembers(t, fleet, url, ca, members)
	caches := &Caches{Selector: "owner=me"}
	for k := range kinds {
		caches.Kinds = append(caches.Kinds, CachedKind{GroupVersionKind: schema.GroupVersionKind{Version: "v1", Kind: fmt.Sprint("Kind", k)}})
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- caches.Run(ctx, registry) }()
	await := func(include func(int) bool) {
		for i := range members {
			for include(i) {
				if c, err := caches.Client(fmt.Sprint(i)); err == nil && c.Synced() == nil {
					break
				}
				time.Sleep(time.Millisecond)
			}
		}
	}
	await(func(i int) bool { return !sick(i) })
	steps := map[federation.Verb]int{}
	for _, step := range plan(t, caches, registry.Fleet()).Steps {
		if i, _ := strconv.Atoi(step.Ref.Cluster); !sick(i) {
			steps[step.Verb]++
		}
	}
	s.planned = time.Since(started)
	require.Equal(t, map[federation.Verb]int{federation.Create: members / 10 * 8}, steps)
	if fleet == "healthy" {
		await(sick)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	s.goroutines = int64(runtime.NumGoroutine() - goroutines)
	s.memory = int64(after.HeapInuse+after.StackInuse) - int64(before.HeapInuse+before.StackInuse)
	s.connections = open.Load()
	cancel()
	require.NoError(t, <-done)
	for c := range registry.Fleet().All() {
		client, err := registry.Conn(c.Name)
		require.NoError(t, err)
		client.CloseIdleConnections()
	}
	return s
}

// BenchmarkThousandMembers reports what a fleet at rest costs for each member, and what a tenth dead and a tenth slow
// members cost the others: the ratio of the times until the other eight tenths are planned for, of the best rounds of
// each kind of fleet, which take turns.
func BenchmarkThousandMembers(b *testing.B) {
	url, ca := playedFleet(b)
	const members = 1000
	for _, kinds := range []int{1, 5} {
		b.Run(fmt.Sprintf("kinds=%d", kinds), func(b *testing.B) {
			best := map[string]time.Duration{"healthy": time.Hour, "sick": time.Hour}
			var rest scale
			for b.Loop() {
				for _, fleet := range []string{"healthy", "sick", "sick", "healthy"} {
					s := measure(b, fleet, url, ca, members, kinds)
					best[fleet] = min(best[fleet], s.planned)
					if fleet == "healthy" {
						rest = s
					}
				}
			}
			b.ReportMetric(float64(rest.goroutines)/members, "goroutines/member")
			b.ReportMetric(float64(rest.connections)/members, "connections/member")
			b.ReportMetric(float64(rest.memory)/members/1024, "KiB/member")
			b.ReportMetric(best["healthy"].Seconds(), "s/healthy")
			b.ReportMetric(best["sick"].Seconds(), "s/sick")
			b.ReportMetric(best["sick"].Seconds()/best["healthy"].Seconds(), "ratio")
		})
	}
}

// TestTheSickCostTheOthersNothing needs the healthy ones planned for while the rest hang, with one connection each and a
// bounded number of goroutines.
func TestTheSickCostTheOthersNothing(t *testing.T) {
	url, ca := playedFleet(t)
	s := measure(t, "sick", url, ca, 40, 2)
	require.LessOrEqual(t, s.connections, int64(40), "one connection for each member")
	require.LessOrEqual(t, s.goroutines, int64(40*(5+5*2)), "goroutines of 40 members with two kinds")
}
