package e2e_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/confed-project/confed/clusterregistry/kube"
	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/internal/e2e/cluster"
	"github.com/confed-project/confed/placement"
)

// sickness is a way in which a real member fails the program.
type sickness struct {
	name string
	// config reaches the server through the sickness.
	config func(testing.TB, *cluster.Server) *rest.Config
	// check looks at what becomes of a create; nil: it succeeds.
	check func(*testing.T, error)
}

const latency = 200 * time.Millisecond

func sicknesses() []sickness {
	return []sickness{
		{"silent", silentMember, func(t *testing.T, err error) { require.ErrorIs(t, err, context.DeadlineExceeded) }},
		{"slow", slowMember, nil},
		{"expired", func(_ testing.TB, s *cluster.Server) *rest.Config {
			c := s.Config()
			c.BearerToken = "expired"
			return c
		}, func(t *testing.T, err error) { require.True(t, apierrors.IsUnauthorized(err), "%v", err) }},
		{"throttling", throttlingMember, func(t *testing.T, err error) {
			require.True(t, apierrors.IsTooManyRequests(err), "%v", err)
			seconds, ok := apierrors.SuggestsClientDelay(err)
			require.True(t, ok)
			require.Equal(t, 1, seconds)
		}},
	}
}

// silentMember accepts connections and never says a word.
func silentMember(t testing.TB, s *cluster.Server) *rest.Config {
	return via(s, listen(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }))
}

// slowMember is a server to which every byte is under way for a while.
func slowMember(t testing.TB, s *cluster.Server) *rest.Config {
	target, err := url.Parse(s.URL)
	require.NoError(t, err)
	return via(s, listen(t, func(c net.Conn) {
		server, err := net.Dial("tcp", target.Host)
		if err != nil {
			return
		}
		defer func() { _ = server.Close() }()
		go func() {
			_, _ = io.Copy(c, server)
			_ = c.Close()
		}()
		delayed(server, c)
	}))
}

// delayed copies with a delay that does not add up: what is read later does not wait for what was read before.
func delayed(to io.Writer, from io.Reader) {
	type chunk struct {
		due  time.Time
		data []byte
	}
	chunks := make(chan chunk, 1024)
	go func() {
		defer close(chunks)
		for {
			buf := make([]byte, 32<<10)
			n, err := from.Read(buf)
			if n > 0 {
				chunks <- chunk{time.Now().Add(latency), buf[:n]}
			}
			if err != nil {
				return
			}
		}
	}()
	for c := range chunks {
		time.Sleep(time.Until(c.due))
		_, _ = to.Write(c.data) // a server that is gone is the client's problem
	}
}

// throttlingMember answers every request with 429.
func throttlingMember(t testing.TB, s *cluster.Server) *rest.Config {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	t.Cleanup(server.Close)
	c := s.Config()
	c.Host = server.URL
	c.TLSClientConfig = rest.TLSClientConfig{Insecure: true}
	return c
}

// listen serves connections on a loopback port until the test ends.
func listen(t testing.TB, serve func(net.Conn)) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = c.Close() })
			go func() {
				defer func() { _ = c.Close() }()
				serve(c)
			}()
		}
	}()
	return l
}

func via(s *cluster.Server, l net.Listener) *rest.Config {
	c := s.Config()
	c.Host = "https://" + l.Addr().String()
	return c
}

// crowd is the members of the shared fleet, and perhaps a sick one, for dispatches of objects that nobody has seen.
type crowd struct {
	clients map[string]federation.ClusterClient
	names   []string
	ns      string
}

const sickName = "sick"

func newCrowd(t testing.TB) *crowd {
	c := &crowd{clients: map[string]federation.ClusterClient{}, ns: fmt.Sprintf("crowd-%x", rand.Uint32())}
	for _, s := range append([]*cluster.Server{cluster.Shared(t).Host}, cluster.Shared(t).Members...) {
		client, err := kube.NewClient(s.Config(), kube.Options{})
		require.NoError(t, err)
		_, err = client.Create(t.Context(), decode(t, `{apiVersion: v1, kind: Namespace, metadata: {name: `+c.ns+`}}`), metav1.CreateOptions{})
		require.NoError(t, err)
		if s != cluster.Shared(t).Host {
			c.clients[s.Name], c.names = client, append(c.names, s.Name)
		}
	}
	return c
}

// fall makes the host a member with this sickness.
func (c *crowd) fall(t testing.TB, s sickness) {
	client, err := kube.NewClient(s.config(t, cluster.Shared(t).Host), kube.Options{})
	require.NoError(t, err)
	c.clients[sickName] = client
}

func (c *crowd) connect(name string) (federation.ClusterClient, error) { return c.clients[name], nil }

// plan creates n new config maps in each of the clusters.
func (c *crowd) plan(t testing.TB, n int, clusters ...string) federation.Plan {
	var facts []placement.Cluster
	for _, name := range clusters {
		facts = append(facts, placement.Cluster{Name: name})
	}
	fleet, err := placement.NewFleet(facts)
	require.NoError(t, err)
	planner := federation.Planner{Owner: federation.Owner{Value: "crowd"}}
	var plans []federation.Plan
	run := rand.Uint32()
	for i := range n {
		obj := federation.Object{Placement: everywhere(), Template: decode(t, fmt.Sprintf(
			`{apiVersion: v1, kind: ConfigMap, metadata: {name: n-%x-%d, namespace: %s}, data: {colour: blue, size: large}}`, run, i, c.ns))}
		snap := federation.Snapshot{Fleet: fleet, Holders: []string{}}
		observed := map[federation.Key]federation.Observation{}
		for _, ref := range planner.Targets(obj, snap) {
			observed[ref.Key()] = federation.Observation{State: federation.Absent}
		}
		plan, err := planner.Plan(obj, snap.With(observed))
		require.NoError(t, err)
		plans = append(plans, plan)
	}
	return federation.Join(plans...)
}

// healthy carries a plan out and returns how long it takes until the healthy members have all that is theirs.
func (c *crowd) healthy(t testing.TB, plan federation.Plan) time.Duration {
	left := 0
	for _, s := range plan.Steps {
		if s.Ref.Cluster != sickName {
			left++
		}
	}
	start := time.Now()
	for r := range (federation.Dispatcher{Clients: c.connect, Timeout: 5 * time.Second}).Run(t.Context(), plan) {
		if r.Step.Ref.Cluster == sickName {
			continue
		}
		require.NoError(t, r.Err)
		if left--; left == 0 {
			return time.Since(start)
		}
	}
	require.Fail(t, "the healthy members have not answered")
	return 0
}

// TestSickMembers: a member that fails in whatever way fails alone, and says how.
func TestSickMembers(t *testing.T) {
	for _, s := range sicknesses() {
		t.Run(s.name, func(t *testing.T) {
			c := newCrowd(t)
			c.fall(t, s)
			d := federation.Dispatcher{Clients: c.connect, Timeout: 2 * time.Second}
			plan := c.plan(t, 3, append(c.names, sickName)...)
			for _, r := range d.Dispatch(t.Context(), plan) {
				switch {
				case r.Step.Ref.Cluster != sickName || s.check == nil:
					require.NoError(t, r.Err)
					require.Equal(t, federation.Done, r.Outcome)
				default:
					require.Equal(t, federation.Failed, r.Outcome)
					s.check(t, r.Err)
				}
			}
			target := plan.Steps[len(plan.Steps)-1].Ref
			require.Equal(t, sickName, target.Cluster)
			o := federation.Observe(t.Context(), c.connect, []federation.Ref{target})[target.Key()]
			if s.check == nil {
				require.Equal(t, federation.Present, o.State, "%v", o.Err)
				return
			}
			require.Equal(t, federation.Unknown, o.State)
			if s.name != "silent" { // a look takes longer until it gives up
				s.check(t, o.Err)
			}
		})
	}
}

// BenchmarkSickMember creates config maps in three members with and without a fourth that is sick, in turns. The ratio is
// the throughput of the three beside the sick one to that without it; beside a healthy one it tells what a fourth member
// costs a machine that all of them share.
func BenchmarkSickMember(b *testing.B) {
	healthy := sickness{"healthy", func(_ testing.TB, s *cluster.Server) *rest.Config { return s.Config() }, nil}
	for _, s := range append(sicknesses(), healthy) {
		b.Run(s.name, func(b *testing.B) {
			c := newCrowd(b)
			c.fall(b, s)
			var with, without time.Duration
			run := func(sum *time.Duration, clusters ...string) {
				plan := c.plan(b, 200, clusters...)
				*sum += c.healthy(b, plan)
			}
			run(new(time.Duration), c.names...)
			for b.Loop() {
				// Each goes first once, so that what slows down or warms up hits both alike.
				run(&with, append(c.names, sickName)...)
				run(&without, c.names...)
				run(&without, c.names...)
				run(&with, append(c.names, sickName)...)
			}
			b.ReportMetric(float64(without)/float64(with), "ratio")
		})
	}
}

// TestKilledMidDispatch: a member whose API server is killed while a plan is carried out costs the others nothing, every step
// has a truthful result, and once it is back the same wish ends in the right state.
func TestKilledMidDispatch(t *testing.T) {
	c := newCrowd(t)
	victim := cluster.Shared(t).Members[0]
	down := false
	t.Cleanup(func() {
		if down { // the other tests need it
			require.NoError(t, victim.Restart(context.WithoutCancel(t.Context())))
		}
	})
	plan := c.plan(t, 400, c.names...)
	done := map[federation.Key]bool{}
	failed, seen := 0, 0
	for r := range (federation.Dispatcher{Clients: c.connect, Timeout: 5 * time.Second}).Run(t.Context(), plan) {
		if seen++; seen == 200 {
			down = true
			victim.Kill()
		}
		switch {
		case r.Outcome == federation.Done:
			require.NotNil(t, r.Live)
			done[r.Step.Ref.Key()] = true
		case r.Step.Ref.Cluster == victim.Name:
			require.Equal(t, federation.Failed, r.Outcome)
			require.Error(t, r.Err)
			failed++
		default:
			require.NoError(t, r.Err, "%s is not the victim", r.Step.Ref.Cluster)
		}
	}
	require.Equal(t, len(plan.Steps), seen)
	require.Positive(t, failed, "killed too late")
	require.NoError(t, victim.Restart(t.Context()))
	down = false
	for key := range done {
		if key.Cluster == victim.Name {
			_, err := c.clients[key.Cluster].Get(t.Context(), gvkConfigMap, types.NamespacedName{Namespace: key.Namespace, Name: key.Name})
			require.NoError(t, err, "said to be done")
		}
	}
	for _, r := range (federation.Dispatcher{Clients: c.connect}).Dispatch(t.Context(), plan) {
		// What is there now was made by the first run, and a create never takes it for its own.
		if r.Outcome != federation.Done {
			require.Equal(t, federation.ReasonNotOwned, r.Reason, "%v", r.Err)
		}
		require.False(t, done[r.Step.Ref.Key()] && r.Outcome == federation.Done, "%s was made twice", r.Step.Ref)
	}
}
