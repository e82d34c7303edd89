package kube

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"

	"github.com/confed-project/confed/clusterregistry"
	"github.com/confed-project/confed/placement"
)

// countedServer knows how many connections it accepted, and how many of them are open.
type countedServer struct {
	*httptest.Server
	accepted, open atomic.Int64
}

// countedListener is asked instead of the server, whose hooks miss connections that end during a handshake.
type countedListener struct {
	net.Listener
	of *countedServer
}

type countedConn struct {
	net.Conn
	of     *countedServer
	closed atomic.Bool
}

func (l countedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.of.accepted.Add(1)
	l.of.open.Add(1)
	return &countedConn{Conn: conn, of: l.of}, nil
}

func (c *countedConn) Close() error {
	if c.closed.CompareAndSwap(false, true) {
		c.of.open.Add(-1)
	}
	return c.Conn.Close()
}

// newCountedServer serves over HTTP/2 as API servers do, or over HTTP/1.1.
func newCountedServer(t testing.TB, h http.Handler, http2 bool) *countedServer {
	s := &countedServer{Server: httptest.NewUnstartedServer(h)}
	s.Listener = countedListener{s.Listener, s}
	s.EnableHTTP2 = http2
	s.Config.ErrorLog = quiet()
	s.StartTLS()
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

func (s *countedServer) config(token string) *rest.Config {
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	return &rest.Config{Host: s.URL, BearerToken: token, TLSClientConfig: rest.TLSClientConfig{CAData: ca}}
}

func TestRequestsShareAConnection(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprint("HTTP/2 ", http2), func(t *testing.T) {
			s := newCountedServer(t, newFakeServerHandler(), http2)
			c, err := NewClient(s.config("t"), Options{})
			require.NoError(t, err)
			get := func() error { _, err := c.Get(t.Context(), configMaps, aB); return err }
			for range 100 {
				require.NoError(t, get())
			}
			require.Equal(t, int64(1), s.accepted.Load(), "one after the other")
			errs := make(chan error)
			for range 20 {
				go func() { errs <- get() }()
			}
			for range 20 {
				require.NoError(t, <-errs)
			}
			if http2 {
				require.Equal(t, int64(1), s.accepted.Load(), "side by side")
			}
			require.Less(t, s.accepted.Load(), int64(21))
			c.CloseIdleConnections()
			require.Eventually(t, func() bool { return s.open.Load() == 0 }, longTime, shortTime)
			require.NoError(t, get(), "it dials again")
			c.CloseIdleConnections()
		})
	}
}

// TestClientsOwnTheirConnections: what one Client closes is no other's, and no process-wide pool holds it.
func TestClientsOwnTheirConnections(t *testing.T) {
	s := newCountedServer(t, newFakeServerHandler(), true)
	var clients [2]*Client
	for i := range clients {
		c, err := NewClient(s.config("t"), Options{})
		require.NoError(t, err)
		_, err = c.Get(t.Context(), configMaps, aB)
		require.NoError(t, err)
		clients[i] = c
	}
	require.Equal(t, int64(2), s.open.Load())
	clients[0].CloseIdleConnections()
	require.Eventually(t, func() bool { return s.open.Load() == 1 }, longTime, shortTime)
	_, err := clients[1].Get(t.Context(), configMaps, aB)
	require.NoError(t, err)
	require.Equal(t, int64(2), s.accepted.Load())
	clients[1].CloseIdleConnections()
	(&Client{broken: ErrNoCredentials}).CloseIdleConnections()

	plain := httptest.NewServer(newFakeServerHandler())
	defer plain.Close()
	c, err := NewClient(&rest.Config{Host: plain.URL}, Options{})
	require.NoError(t, err)
	require.NotSame(t, http.DefaultTransport, c.wire.WrappedRoundTripper())

	// What a program wraps around is no obstacle, and a transport that cannot close is left alone.
	relaxed := KubeFedMember(kubeFedCluster(map[string]any{"apiEndpoint": s.URL, "disabledTLSValidations": []any{"SubjectName"},
		"caBundle": b64(string(s.config("t").CAData))}), newSecret(nil, map[string]string{"token": "t"})).Config
	own := s.config("t")
	for _, config := range []*rest.Config{relaxed, own} {
		config.Wrap(func(rt http.RoundTripper) http.RoundTripper {
			return roundTripper(func(r *http.Request) (*http.Response, error) { return rt.RoundTrip(r) })
		})
		c, err := NewClient(config, Options{})
		require.NoError(t, err)
		_, err = c.Get(t.Context(), configMaps, aB)
		require.NoError(t, err)
		c.CloseIdleConnections()
		require.Eventually(t, func() bool { return s.open.Load() == 0 }, longTime, shortTime)
	}
	c, err = NewClient(&rest.Config{Host: s.URL, Transport: roundTripper(nil)}, Options{})
	require.NoError(t, err)
	c.CloseIdleConnections()
}

// TestMembersLeaveNothingOpen follows connections and goroutines while members with running watches are replaced and
// removed, by a Feed and behind its back.
func TestMembersLeaveNothingOpen(t *testing.T) {
	const members = 6
	var servers [members]*countedServer
	for i := range servers {
		m := newFakeMember()
		servers[i] = newCountedServer(t, m, i%2 == 0)
	}
	before := runtime.NumGoroutine()
	f := newCachedFleet(t, &Caches{})
	feed := Feed[*Client]{Registry: &f.registry, Connect: func(c *Client) *Client { return c }}
	sync := func(count int, token string) {
		var list []Member
		for i, s := range servers[:count] {
			list = append(list, Member{Cluster: placement.Cluster{Name: fmt.Sprint(i)}, Config: s.config(token)})
		}
		require.NoError(t, feed.Sync(list))
		for i := range count {
			require.Eventually(t, func() bool { // the cache of the new connection, not that of the old
				conn, err := f.registry.Conn(fmt.Sprint(i))
				cached, notYet := f.Client(fmt.Sprint(i))
				return err == nil && notYet == nil && cached.Client == conn && cached.Synced() == nil
			}, longTime, shortTime)
		}
	}
	open := func() (n int64) {
		for _, s := range servers {
			n += s.open.Load()
		}
		return n
	}
	settle := func(want int64, why string) {
		t.Helper()
		require.Eventually(t, func() bool { return open() == want }, longTime, shortTime, "%s: %d connections, want %d", why, open(), want)
	}
	sync(members, "t0")
	one := open()
	require.LessOrEqual(t, one, int64(2*members), "a watch, and perhaps what listed before it")
	for round := range 5 {
		sync(members, fmt.Sprint("t", round+1))
		require.Eventually(t, func() bool { return open() < one+members }, longTime, shortTime, "a rotated token leaves a connection: %d, were %d", open(), one)
	}
	sync(2, "t5")
	require.Eventually(t, func() bool { return open() <= 4 }, longTime, shortTime, "removed members leave connections: %d", open())
	for i := 2; i < members; i++ {
		require.Eventually(t, func() bool { return servers[i].open.Load() == 0 }, longTime, shortTime, "member %d", i)
	}
	require.True(t, f.registry.Remove("0"), "behind the feed's back")
	require.NoError(t, feed.Sync(nil))
	settle(0, "nobody is left")
	f.stop()
	require.Eventually(t, func() bool {
		return runtime.NumGoroutine() <= before+1 // Eventually runs this in one of its own
	}, longTime, shortTime, "goroutines stay")
}

// TestNothingSecretIsPrinted prints what holds credentials in every way that fmt and JSON know.
func TestNothingSecretIsPrinted(t *testing.T) {
	proxy, err := parseProxy("http://u:canary-proxy@proxy.example")
	require.NoError(t, err)
	config := &rest.Config{Host: "https://member.example", BearerToken: "canary-token", Proxy: proxy}
	member := Member{Cluster: placement.Cluster{Name: "m"}, Origin: "test", Config: config}
	var registry clusterregistry.Registry[*Client]
	feed := Feed[*Client]{Registry: &registry, Connect: func(c *Client) *Client { return c }}
	require.NoError(t, feed.Sync([]Member{member}))
	client, err := registry.Conn("m")
	require.NoError(t, err)
	client.secrets().saw("canary-sent")
	cached := &Cached{Client: client}
	for name, value := range map[string]any{"client": client, "clients": []*Client{client}, "cached": cached, "feed": &feed, "feed value": feed, "registry": &registry,
		"members": []Member{member}, "departure": Departure{Member: client, Host: client}, "caches": &Caches{members: map[string]*Cached{"m": cached}}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			require.NotContains(t, fmt.Sprintf(verb, value), canary, "%s with %s", name, verb)
		}
		data, _ := json.Marshal(value) // some cannot be marshalled, which is fine
		require.NotContains(t, string(data), canary, name)
	}
}

// TestCredentialsInURLs are refused by sources, and not repeated by a client that is given them all the same.
func TestCredentialsInURLs(t *testing.T) {
	for _, server := range []string{"https://u:canary-u@h:1", "u:canary-u@h", "https://u:canary-%zz@h/p", "https://canary-u@h"} {
		text := strings.Replace(plainKubeconfig, "https://c.example", server, 1)
		for _, m := range []Member{SecretMember(newSecret(nil, map[string]string{"value": text})),
			SecretMember(newSecret(map[string]string{argoLabel: "cluster"}, map[string]string{"server": server, "config": "{}"})),
			KubeFedMember(kubeFedCluster(map[string]any{"apiEndpoint": server}), newSecret(nil, map[string]string{"token": "canary-t"}))} {
			require.ErrorIs(t, m.Err, ErrMalformed, m.Origin)
			requireNoCanary(t, m.Err)
		}
		client, err := NewClient(&rest.Config{Host: server}, Options{})
		if err == nil {
			_, err = client.Get(t.Context(), configMaps, aB)
		}
		require.Error(t, err)
		requireNoCanary(t, err)
	}
	require.NoError(t, noUserinfo("https://h/path/with@sign"))
}
