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
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/confed-project/confed/clusterregistry"
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
	case r.URL.Query().Get("sendInitialEvents") != "":
		w.WriteHeader(http.StatusUnprocessableEntity)
		fmt.Fprint(w, `{"apiVersion":"v1","kind":"Status","status":"Failure","reason":"Invalid","code":422}`)
	case r.URL.Query().Get("watch") != "":
		w.WriteHeader(http.StatusOK)
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
	ready              time.Duration // until the last healthy member was in step
	goroutines, memory int64
	connections        int64
}

func measure(t testing.TB, fleet, url string, ca []byte, members, kinds int) scale {
	var open atomic.Int64
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	goroutines := runtime.NumGoroutine()
	started := time.Now()

	var registry clusterregistry.Registry[*Client]
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
	caches := &Caches{Selector: "owner=me"}
	for k := range kinds {
		caches.Kinds = append(caches.Kinds, CachedKind{GroupVersionKind: schema.GroupVersionKind{Version: "v1", Kind: fmt.Sprint("Kind", k)}})
	}
	f := newCachedFleet(t, caches)
	f.stop() // it followed a registry of its own
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = caches.Run(ctx, &registry)
	}()
	sick := func(i int) bool { return i%10 <= 1 }
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
	await(func(i int) bool { return !sick(i) }) // the same members in both fleets
	s := scale{ready: time.Since(started)}
	if fleet == "healthy" {
		await(sick)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	s.goroutines = int64(runtime.NumGoroutine() - goroutines)
	s.memory = int64(after.HeapInuse+after.StackInuse) - int64(before.HeapInuse+before.StackInuse)
	s.connections = open.Load()
	cancel()
	<-done
	for c := range registry.Fleet().All() {
		client, err := registry.Conn(c.Name)
		require.NoError(t, err)
		client.CloseIdleConnections()
	}
	return s
}

// BenchmarkThousandMembers reports what a fleet at rest costs per member, and what a tenth dead and a tenth slow
// members cost the others: the ratio of the times until the other eight tenths are in step.
func BenchmarkThousandMembers(b *testing.B) {
	url, ca := playedFleet(b)
	const members = 1000
	for _, kinds := range []int{1, 5} {
		b.Run(fmt.Sprintf("kinds=%d", kinds), func(b *testing.B) {
			for b.Loop() {
				healthy := measure(b, "healthy", url, ca, members, kinds)
				sick := measure(b, "sick", url, ca, members, kinds)
				b.ReportMetric(float64(healthy.goroutines)/members, "goroutines/member")
				b.ReportMetric(float64(healthy.connections)/members, "connections/member")
				b.ReportMetric(float64(healthy.memory)/members/1024, "KiB/member")
				b.ReportMetric(healthy.ready.Seconds(), "s/healthy")
				b.ReportMetric(sick.ready.Seconds(), "s/sick")
				b.ReportMetric(sick.ready.Seconds()/healthy.ready.Seconds(), "ratio")
			}
		})
	}
}

// TestTheSickCostTheOthersNothing needs the healthy ones in step while the rest hang.
func TestTheSickCostTheOthersNothing(t *testing.T) {
	url, ca := playedFleet(t)
	s := measure(t, "sick", url, ca, 40, 2)
	require.LessOrEqual(t, s.connections, int64(40), "one connection for each member")
}
