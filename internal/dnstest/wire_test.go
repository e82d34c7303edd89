package dnstest_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/confed-project/confed/dnsrecord"
)

// anyFleet returns random clusters, some without addresses, some not ready.
func anyFleet(r *rand.Rand) []dnsrecord.Cluster {
	clusters := make([]dnsrecord.Cluster, 1+r.IntN(8))
	for i := range clusters {
		c := &clusters[i]
		*c = dnsrecord.Cluster{Name: fmt.Sprintf("c%d", i), Region: fmt.Sprintf("r%d", r.IntN(3)), Ready: r.IntN(5) > 0, Weight: r.Int64N(300)}
		for range 1 + r.IntN(2) {
			c.Zones = append(c.Zones, fmt.Sprintf("z%d", r.IntN(3)))
		}
		for range r.IntN(3) {
			c.Addresses = append(c.Addresses, []string{
				fmt.Sprintf("192.0.2.%d", 1+r.IntN(254)), fmt.Sprintf("2001:db8::%x", 1+r.IntN(9999)), fmt.Sprintf("lb%d.example.net", r.IntN(3)),
			}[r.IntN(3)])
		}
	}
	return clusters
}

// roundTrip sends records over the wire in one message and compares what arrives.
func roundTrip(t *testing.T, want []dnsrecord.Endpoint) {
	t.Helper()
	for _, e := range want {
		_, ok := dns.IsDomainName(e.DNSName)
		require.True(t, ok, e.DNSName)
	}
	packed, err := (&dns.Msg{Answer: records(t, want)}).Pack()
	require.NoError(t, err)
	var got dns.Msg
	require.NoError(t, got.Unpack(packed))
	require.Empty(t, cmp.Diff(want, endpoints(t, got.Answer), cmpopts.IgnoreFields(dnsrecord.Endpoint{}, "Why"), cmpopts.EquateEmpty()))
}

func TestWire(t *testing.T) {
	roundTrip(t, service(t, nil))
	roundTrip(t, clusterSet(t))
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		endpoints, _ := dnsrecord.Records(nginx(), dnsrecord.Answers{Clusters: anyFleet(r), AllowEmpty: true})
		roundTrip(t, endpoints)
	}
}
