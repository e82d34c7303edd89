package dnstest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/confed-project/confed/dnsrecord"
)

const (
	zone1  = "nginx.test.galactic.svc.eu-1.eu.example.com"
	zone2  = "nginx.test.galactic.svc.eu-2.eu.example.com"
	region = "nginx.test.galactic.svc.eu.example.com"
	global = "nginx.test.galactic.svc.example.com"
	short  = "web.example.com"
)

// nginx is a service with every kind of name.
func nginx() dnsrecord.Service {
	return dnsrecord.Service{Name: "nginx", Namespace: "test", Federation: "galactic", Domain: "example.com", Prefix: "web"}
}

// fleet is three clusters in two regions; the third has only the host name of a load balancer.
func fleet() []dnsrecord.Cluster {
	return []dnsrecord.Cluster{
		{Name: "paris", Region: "eu", Zones: []string{"eu-1"}, Ready: true, Addresses: []string{"192.0.2.10", "2001:db8::10"}, Weight: 300},
		{Name: "berlin", Region: "eu", Zones: []string{"eu-2"}, Ready: true, Addresses: []string{"192.0.2.20"}, Weight: 600},
		{Name: "tokyo", Region: "asia", Zones: []string{"asia-1"}, Ready: true, Addresses: []string{"lb.example.net"}, Weight: 1},
	}
}

// service returns the records of nginx. Only the host name beside addresses may be left out.
func service(t *testing.T, edit func(*dnsrecord.Answers)) []dnsrecord.Endpoint {
	t.Helper()
	answers := dnsrecord.Answers{Clusters: fleet(), TTL: 5}
	if edit != nil {
		edit(&answers)
	}
	endpoints, err := dnsrecord.Records(nginx(), answers)
	if err != nil {
		require.ErrorIs(t, err, dnsrecord.ErrMixed)
	}
	return endpoints
}

// clusterSet returns the records of imports.
func clusterSet(t *testing.T) []dnsrecord.Endpoint {
	t.Helper()
	endpoints, err := dnsrecord.ImportRecords("clusterset.local", 5, imports(t))
	require.NoError(t, err)
	return endpoints
}

// imports returns one service with a ClusterSetIP, one headless, and one headless without a ready backend.
func imports(t *testing.T) []dnsrecord.Import {
	t.Helper()
	http, metrics := dnsrecord.Port{Name: "http", Port: 80}, dnsrecord.Port{Name: "metrics", Protocol: "UDP", Port: 9090}
	unite := func(name string, exports ...dnsrecord.Export) dnsrecord.Import {
		united, _, err := dnsrecord.Unite("shop", name, exports)
		require.NoError(t, err)
		return united
	}
	web := unite("web", dnsrecord.Export{Cluster: "paris", Ports: []dnsrecord.Port{http, metrics}}, dnsrecord.Export{Cluster: "tokyo", Ports: []dnsrecord.Port{http}})
	web.IPs = []string{"10.42.0.1", "2001:db8:42::1"}
	db := unite("db",
		dnsrecord.Export{Cluster: "paris", Headless: true, Ports: []dnsrecord.Port{http}, Backends: []dnsrecord.Backend{
			{Hostname: "db-0", Ready: true, Addresses: []string{"10.1.0.1", "2001:db8:1::1"}},
			{Hostname: "db-1", Addresses: []string{"10.1.0.2"}},
		}},
		dnsrecord.Export{Cluster: "tokyo", Headless: true, Ports: []dnsrecord.Port{http}, Backends: []dnsrecord.Backend{
			{Hostname: "db-0", Ready: true, Addresses: []string{"10.2.0.1"}},
			{Ready: true, Addresses: []string{"10.2.0.2", "2001:db8:2::2"}, Ports: []dnsrecord.Port{{Name: "http", Port: 8080}}},
		}})
	idle := unite("idle", dnsrecord.Export{Cluster: "paris", Headless: true, Ports: []dnsrecord.Port{http}, Backends: []dnsrecord.Backend{{Hostname: "x", Addresses: []string{"10.1.0.9"}}}})
	return []dnsrecord.Import{web, db, idle}
}
