package dnsrecord_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/confed-project/confed/dnsrecord"
)

// resolve returns what a client gets for a name: the addresses, or the host name of a load balancer, behind all CNAMEs.
func resolve(endpoints []dnsrecord.Endpoint, name string) []string {
	var found []string
	for _, e := range endpoints {
		switch {
		case e.DNSName != name:
		case e.RecordType == "CNAME":
			if behind := resolve(endpoints, e.Targets[0]); behind != nil {
				return behind
			}
			return e.Targets
		default:
			found = append(found, e.Targets...)
		}
	}
	slices.Sort(found)
	return found
}

// TestClientsGetTheNearest asks for the zone of every cluster and expects the addresses of the nearest level that has any: those of the
// clusters in the zone, else in the region, else anywhere.
func TestClientsGetTheNearest(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	levels := [3]int{}
	for range 5000 {
		a := dnsrecord.Answers{KeepUnready: r.IntN(4) == 0}
		for i := range 1 + r.IntN(6) {
			c := dnsrecord.Cluster{Name: fmt.Sprint("c", i), Region: pick(r, "us", "eu"), Zones: []string{pick(r, "a", "b"), pick(r, "b", "c")}, Ready: r.IntN(2) == 0}
			if r.IntN(2) == 0 {
				c.Addresses = []string{fmt.Sprintf("192.0.2.%d", i), fmt.Sprintf("2001:db8::%d", i+1)}[:1+r.IntN(2)]
			}
			a.Clusters = append(a.Clusters, c)
		}
		endpoints, err := dnsrecord.Records(nginx, a)
		if err != nil {
			require.ErrorIs(t, err, dnsrecord.ErrNoAddresses)
			require.False(t, slices.ContainsFunc(a.Clusters, func(c dnsrecord.Cluster) bool { return len(c.Addresses) > 0 }))
			continue
		}
		open := a.KeepUnready || !slices.ContainsFunc(a.Clusters, func(c dnsrecord.Cluster) bool { return c.Ready && len(c.Addresses) > 0 })
		gather := func(in func(dnsrecord.Cluster) bool) []string {
			var out []string
			for _, c := range a.Clusters {
				if in(c) && (c.Ready || open) {
					out = append(out, c.Addresses...)
				}
			}
			slices.Sort(out)
			return out
		}
		for _, c := range a.Clusters {
			for _, zone := range c.Zones {
				name := strings.Join([]string{"nginx.test.galactic.svc", zone, c.Region, "example.com"}, ".")
				for level, want := range [][]string{
					gather(func(o dnsrecord.Cluster) bool { return o.Region == c.Region && slices.Contains(o.Zones, zone) }),
					gather(func(o dnsrecord.Cluster) bool { return o.Region == c.Region }),
					gather(func(dnsrecord.Cluster) bool { return true }),
				} {
					if len(want) > 0 {
						levels[level]++
						require.Equal(t, want, resolve(endpoints, name))
						break
					}
				}
			}
		}
	}
	for _, n := range levels {
		require.Greater(t, n, 1000)
	}
}

func TestNoNames(t *testing.T) {
	previous := []dnsrecord.Endpoint{{DNSName: "a.example.com", RecordType: "A", Targets: []string{"192.0.2.9"}}}
	got, err := dnsrecord.Hosts(nil, dnsrecord.Answers{Clusters: fleet(1), Previous: previous})
	require.ErrorIs(t, err, dnsrecord.ErrInvalidName)
	require.Equal(t, previous, got)
	got, err = dnsrecord.Hosts(nil, dnsrecord.Answers{Clusters: fleet(1), Previous: previous, AllowEmpty: true})
	require.NoError(t, err)
	require.Empty(t, got)
	got, err = dnsrecord.Hosts([]string{"A"}, dnsrecord.Answers{Clusters: fleet(1), Previous: previous, AllowEmpty: true})
	require.ErrorIs(t, err, dnsrecord.ErrInvalidName)
	require.Equal(t, previous, got)
}
