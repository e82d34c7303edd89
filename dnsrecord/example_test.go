package dnsrecord_test

import (
	"fmt"

	"github.com/confed-project/confed/dnsrecord"
)

// A service in two regions. The cluster in the second one has no address left, so its names point upward.
func ExampleRecords() {
	endpoints, err := dnsrecord.Records(
		dnsrecord.Service{Name: "nginx", Namespace: "shop", Federation: "galactic", Domain: "example.com"},
		dnsrecord.Answers{Clusters: []dnsrecord.Cluster{
			{Name: "c1", Region: "us", Zones: []string{"us1"}, Ready: true, Addresses: []string{"192.0.2.1", "2001:db8::1"}},
			{Name: "c2", Region: "eu", Zones: []string{"eu1"}, Ready: true},
		}},
	)
	if err != nil {
		fmt.Println(err)
	}
	for _, e := range endpoints {
		fmt.Println(e.DNSName, e.RecordType, e.Targets)
	}
	// Output:
	// nginx.shop.galactic.svc.eu.example.com CNAME [nginx.shop.galactic.svc.example.com]
	// nginx.shop.galactic.svc.eu1.eu.example.com CNAME [nginx.shop.galactic.svc.eu.example.com]
	// nginx.shop.galactic.svc.example.com A [192.0.2.1]
	// nginx.shop.galactic.svc.example.com AAAA [2001:db8::1]
	// nginx.shop.galactic.svc.us.example.com A [192.0.2.1]
	// nginx.shop.galactic.svc.us.example.com AAAA [2001:db8::1]
	// nginx.shop.galactic.svc.us1.us.example.com A [192.0.2.1]
	// nginx.shop.galactic.svc.us1.us.example.com AAAA [2001:db8::1]
}

// The hosts of an ingress answer with the load balancers of all clusters.
func ExampleHosts() {
	endpoints, err := dnsrecord.Hosts([]string{"shop.example.com", "Bad_Host"}, dnsrecord.Answers{
		TTL: 60,
		Clusters: []dnsrecord.Cluster{
			{Name: "c1", Ready: true, Addresses: []string{"192.0.2.1"}},
			{Name: "c2", Ready: true, Addresses: []string{"192.0.2.2"}},
		},
	})
	fmt.Println(err)
	for _, e := range endpoints {
		fmt.Println(e.DNSName, e.RecordType, e.Targets, e.RecordTTL)
	}
	// Output:
	// dnsrecord: "Bad_Host": not a usable DNS name: 'B' in label "Bad_Host" (lower-case letters, digits, inner hyphens)
	// shop.example.com A [192.0.2.1 192.0.2.2] 60
}
