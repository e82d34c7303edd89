package dnstest_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/file"
	"github.com/coredns/coredns/plugin/pkg/log"
	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/confed-project/confed/dnsrecord"
)

// server is a CoreDNS that serves zones from files.
type server struct {
	instance *caddy.Instance
	udp, tcp string
	serial   int
}

// zones are served by every server; the load balancers live in the last.
func zones() []string { return []string{"example.com", "clusterset.local", "example.net"} }

// startServer starts a CoreDNS on loopback; it ends with the test.
func startServer(t *testing.T, endpoints []dnsrecord.Endpoint) *server {
	t.Helper()
	caddy.Quiet, dnsserver.Quiet = true, true
	log.Discard()
	s := &server{}
	s.publish(t, endpoints)
	t.Cleanup(func() { s.stop(t) })
	return s
}

func (s *server) stop(t *testing.T) {
	t.Helper()
	s.instance.ShutdownCallbacks()
	require.NoError(t, s.instance.Stop())
}

// publish puts a CoreDNS with new zones in the place of the one that runs. It does not reload the files, since doing that
// under questions is a data race in CoreDNS.
func (s *server) publish(t *testing.T, endpoints []dnsrecord.Endpoint) {
	t.Helper()
	s.serial++
	balancer, err := dns.NewRR("lb.example.net. 5 IN A 198.51.100.7")
	require.NoError(t, err)
	rrs := append(records(t, endpoints), balancer)
	dir, config := t.TempDir(), ""
	for _, zone := range zones() {
		path := filepath.Join(dir, zone)
		require.NoError(t, os.WriteFile(path, []byte(zoneFile(zone, s.serial, rrs)), 0o600))
		config += fmt.Sprintf("%s:0 {\n bind 127.0.0.1\n file %s %s {\n reload 0\n }\n}\n", zone, path, zone)
	}
	next, err := caddy.Start(caddy.CaddyfileInput{Contents: []byte(config), ServerTypeName: "dns"})
	require.NoError(t, err)
	if s.instance != nil {
		s.stop(t)
	}
	listeners := next.Servers()
	require.Len(t, listeners, 1, "one server for all zones")
	s.instance, s.tcp, s.udp = next, listeners[0].Addr().String(), listeners[0].LocalAddr().String()
}

// resolver asks the server as any Go program would.
func (s *server) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		address := s.udp
		if network == "tcp" {
			address = s.tcp
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
}

// lookup returns the addresses behind a name, sorted; nil when there is no such host.
func (s *server) lookup(t *testing.T, name string) []string {
	t.Helper()
	found, err := s.resolver().LookupHost(t.Context(), name+".")
	if e := (*net.DNSError)(nil); errors.As(err, &e) && e.IsNotFound {
		return nil
	}
	require.NoError(t, err)
	slices.Sort(found)
	return found
}

// answers requires that a name has these addresses.
func (s *server) answers(t *testing.T, name string, want ...string) {
	t.Helper()
	require.Equal(t, want, s.lookup(t, name), name)
}

// TestClientsFollowTheService lets a zone and then a region go dark under clients that never change the name they ask.
func TestClientsFollowTheService(t *testing.T) {
	s := startServer(t, service(t, nil))
	eu := []string{"192.0.2.10", "192.0.2.20", "2001:db8::10"}
	s.answers(t, zone1, "192.0.2.10", "2001:db8::10")
	s.answers(t, zone2, "192.0.2.20")
	s.answers(t, region, eu...)
	s.answers(t, global, eu...)
	s.answers(t, short, eu...)
	s.answers(t, "nginx.test.galactic.svc.asia-1.asia.example.com", "198.51.100.7")

	t.Log("the zone eu-1 goes dark")
	dark := func(names ...string) func(a *dnsrecord.Answers) {
		return func(a *dnsrecord.Answers) {
			for i := range a.Clusters {
				a.Clusters[i].Ready = !slices.Contains(names, a.Clusters[i].Name)
			}
		}
	}
	s.publish(t, service(t, dark("paris")))
	s.answers(t, zone1, "192.0.2.20")
	s.answers(t, region, "192.0.2.20")
	s.answers(t, short, "192.0.2.20")
	canonical, err := s.resolver().LookupCNAME(t.Context(), zone1+".")
	require.NoError(t, err)
	require.Equal(t, region+".", canonical, "the zone points to its region")

	t.Log("the region eu goes dark: only the load balancer of tokyo is left")
	s.publish(t, service(t, dark("paris", "berlin")))
	for _, name := range []string{zone1, zone2, region, global, short} {
		s.answers(t, name, "198.51.100.7")
	}

	t.Log("nobody is ready: better all than nobody")
	s.publish(t, service(t, dark("paris", "berlin", "tokyo")))
	s.answers(t, zone1, "192.0.2.10", "2001:db8::10")

	t.Log("the service is gone, and that is meant")
	s.publish(t, service(t, func(a *dnsrecord.Answers) { a.Clusters, a.AllowEmpty = nil, true }))
	for _, name := range []string{zone1, region, global, short} {
		s.answers(t, name)
	}
}

// TestEveryRecord asks for every record of every set and compares what the server says, one question for each name and type.
func TestEveryRecord(t *testing.T) {
	dark := service(t, func(a *dnsrecord.Answers) { a.Clusters[0].Addresses = nil })
	for name, want := range map[string][]dnsrecord.Endpoint{"service": service(t, nil), "dark zone": dark, "cluster set": clusterSet(t)} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t, want)
			var got []dns.RR
			for _, e := range want {
				m := new(dns.Msg).SetQuestion(e.DNSName+".", dns.StringToType[e.RecordType])
				in, _, err := new(dns.Client).ExchangeContext(t.Context(), m, s.udp)
				require.NoError(t, err)
				require.Equal(t, dns.RcodeSuccess, in.Rcode)
				require.True(t, in.Authoritative)
				for _, rr := range in.Answer {
					if rr.Header().Name == e.DNSName+"." {
						got = append(got, rr)
					}
				}
			}
			require.Empty(t, dnsrecord.Diff(want, endpoints(t, got)))
		})
	}
}

// TestClusterSetNames asks by the DNS specification for Multi-Cluster Services.
func TestClusterSetNames(t *testing.T) {
	s := startServer(t, clusterSet(t))
	ctx, r := t.Context(), s.resolver()

	version, err := r.LookupTXT(ctx, "dns-version.clusterset.local.")
	require.NoError(t, err)
	require.Equal(t, []string{"1.0.0"}, version)

	s.answers(t, "web.shop.svc.clusterset.local", "10.42.0.1", "2001:db8:42::1")
	_, srv, err := r.LookupSRV(ctx, "metrics", "udp", "web.shop.svc.clusterset.local.")
	require.NoError(t, err)
	require.Equal(t, []*net.SRV{{Target: "web.shop.svc.clusterset.local.", Port: 9090, Weight: 100}}, srv)

	s.answers(t, "db.shop.svc.clusterset.local", "10.1.0.1", "10.2.0.1", "10.2.0.2", "2001:db8:1::1", "2001:db8:2::2")
	s.answers(t, "db-0.paris.db.shop.svc.clusterset.local", "10.1.0.1", "2001:db8:1::1")
	_, srv, err = r.LookupSRV(ctx, "http", "tcp", "db.shop.svc.clusterset.local.")
	require.NoError(t, err)
	var behind []string
	for _, one := range srv {
		require.Contains(t, []uint16{80, 8080}, one.Port)
		found, err := r.LookupHost(ctx, one.Target)
		require.NoError(t, err, "every target of a service is a host")
		behind = append(behind, found...)
	}
	slices.Sort(behind)
	require.Equal(t, s.lookup(t, "db.shop.svc.clusterset.local"), behind)

	for _, name := range []string{"paris.db.shop.svc.clusterset.local", "paris.web.shop.svc.clusterset.local"} {
		require.Nil(t, s.lookup(t, name), "the specification reserves this name")
	}
	m := new(dns.Msg).SetQuestion("idle.shop.svc.clusterset.local.", dns.TypeA)
	in, _, err := new(dns.Client).ExchangeContext(ctx, m, s.udp)
	require.NoError(t, err)
	require.Equal(t, dns.RcodeNameError, in.Rcode, "no backend is ready")
}
