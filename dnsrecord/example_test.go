package dnsrecord_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

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

// Traffic is divided by the number of replicas: the provider, here Route 53, chooses between the answers of the clusters.
func ExampleRecords_weighted() {
	endpoints, err := dnsrecord.Records(
		dnsrecord.Service{Name: "nginx", Namespace: "shop", Federation: "galactic", Domain: "example.com"},
		dnsrecord.Answers{
			Split: &dnsrecord.Split{Weight: "aws/weight"},
			Clusters: []dnsrecord.Cluster{
				{Name: "c1", Region: "us", Zones: []string{"us1"}, Ready: true, Addresses: []string{"192.0.2.1"}, Weight: 3},
				{Name: "c2", Region: "us", Zones: []string{"us1"}, Ready: true, Addresses: []string{"192.0.2.2"}, Weight: 1},
			},
		},
	)
	if err != nil {
		fmt.Println(err)
	}
	for _, e := range endpoints[:2] {
		fmt.Println(e.DNSName, e.SetIdentifier, e.Targets, e.ProviderSpecific)
	}
	// Output:
	// nginx.shop.galactic.svc.example.com c1 [192.0.2.1] [{aws/weight 3}]
	// nginx.shop.galactic.svc.example.com c2 [192.0.2.2] [{aws/weight 1}]
}

// Two ingresses want the same host; their records are united.
func ExampleMerge() {
	one, _ := dnsrecord.Hosts([]string{"shop.example.com"}, dnsrecord.Answers{Clusters: []dnsrecord.Cluster{{Name: "c1", Ready: true, Addresses: []string{"192.0.2.1"}}}})
	two, _ := dnsrecord.Hosts([]string{"shop.example.com"}, dnsrecord.Answers{Clusters: []dnsrecord.Cluster{{Name: "c2", Ready: true, Addresses: []string{"lb.example.net"}}}})
	endpoints, err := dnsrecord.Merge(one, two)
	fmt.Print(dnsrecord.Table(endpoints))
	fmt.Println(err)
	// Output:
	// NAME              TYPE  TTL  TARGETS    WHY
	// shop.example.com  A     180  192.0.2.1  c1
	// dnsrecord: "shop.example.com": host name beside other answers: CNAME to lb.example.net is left out
}

// A region loses its only address: its names now point upward.
func ExampleDiff() {
	service := dnsrecord.Service{Name: "nginx", Namespace: "shop", Federation: "galactic", Domain: "example.com"}
	clusters := []dnsrecord.Cluster{
		{Name: "c1", Region: "us", Zones: []string{"us1"}, Ready: true, Addresses: []string{"192.0.2.1"}},
		{Name: "c2", Region: "eu", Zones: []string{"eu1"}, Ready: true, Addresses: []string{"192.0.2.2"}},
	}
	before, _ := dnsrecord.Records(service, dnsrecord.Answers{Clusters: clusters})
	clusters[1].Ready = false
	after, _ := dnsrecord.Records(service, dnsrecord.Answers{Clusters: clusters})
	for _, change := range dnsrecord.Diff(before, after) {
		if change.Old != nil {
			fmt.Println("-", change.Old.DNSName, change.Old.RecordType, change.Old.Targets)
		}
		if change.New != nil {
			fmt.Println("+", change.New.DNSName, change.New.RecordType, change.New.Targets)
		}
	}
	// Output:
	// - nginx.shop.galactic.svc.eu.example.com A [192.0.2.2]
	// + nginx.shop.galactic.svc.eu.example.com CNAME [nginx.shop.galactic.svc.example.com]
	// - nginx.shop.galactic.svc.eu1.eu.example.com A [192.0.2.2]
	// + nginx.shop.galactic.svc.eu1.eu.example.com CNAME [nginx.shop.galactic.svc.eu.example.com]
	// - nginx.shop.galactic.svc.example.com A [192.0.2.1 192.0.2.2]
	// + nginx.shop.galactic.svc.example.com A [192.0.2.1]
}

// The object that external-dns reads, and the way back.
func ExampleObject() {
	endpoints, _ := dnsrecord.Hosts([]string{"shop.example.com"}, dnsrecord.Answers{Clusters: []dnsrecord.Cluster{{Name: "c1", Ready: true, Addresses: []string{"192.0.2.1"}}}})
	object := dnsrecord.Object("shop", "ingress-shop", endpoints)
	text, _ := json.MarshalIndent(object, "", " ")
	fmt.Println(string(text))

	previous, err := dnsrecord.FromObject(object)
	fmt.Println(len(dnsrecord.Diff(previous, endpoints)), err)
	// Output:
	// {
	//  "apiVersion": "externaldns.k8s.io/v1alpha1",
	//  "kind": "DNSEndpoint",
	//  "metadata": {
	//   "name": "ingress-shop",
	//   "namespace": "shop"
	//  },
	//  "spec": {
	//   "endpoints": [
	//    {
	//     "dnsName": "shop.example.com",
	//     "recordTTL": 180,
	//     "recordType": "A",
	//     "targets": [
	//      "192.0.2.1"
	//     ]
	//    }
	//   ]
	//  }
	// }
	// 0 <nil>
}

// A program that cannot see any address keeps what it published.
func ExampleFromObject() {
	live := map[string]any{"spec": map[string]any{"endpoints": []any{
		map[string]any{"dnsName": "shop.example.com", "recordType": "A", "recordTTL": int64(180), "targets": []any{"192.0.2.1"}},
	}}}
	previous, err := dnsrecord.FromObject(live)
	if err != nil {
		fmt.Println(err)
	}
	endpoints, err := dnsrecord.Hosts([]string{"shop.example.com"}, dnsrecord.Answers{Previous: previous})
	fmt.Println(endpoints[0].Targets, errors.Is(err, dnsrecord.ErrNoAddresses))
	// Output:
	// [192.0.2.1] true
}

// Two clusters export a service and do not agree on a port.
func ExampleUnite() {
	united, conditions, err := dnsrecord.Unite("shop", "nginx", []dnsrecord.Export{
		{Cluster: "c1", Created: time.Unix(1, 0), Ports: []dnsrecord.Port{{Name: "http", Port: 80}}},
		{Cluster: "c2", Created: time.Unix(2, 0), Ports: []dnsrecord.Port{{Name: "http", Port: 8080}, {Name: "admin", Port: 81}}},
	})
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(united.Ports)
	for _, c := range conditions {
		fmt.Println(c.Cluster, c.Type, c.Status, c.Reason)
	}
	// Output:
	// [{http TCP  80} {admin TCP  81}]
	// c1 Valid True Valid
	// c1 Conflict True PortConflict
	// c2 Valid True Valid
	// c2 Conflict True PortConflict
}

// The records of a cluster set, by the DNS specification for Multi-Cluster Services.
func ExampleImportRecords() {
	united, _, _ := dnsrecord.Unite("shop", "nginx", []dnsrecord.Export{{Cluster: "c1", Ports: []dnsrecord.Port{{Name: "http", Port: 80}}}})
	united.IPs = []string{"10.42.0.1"}
	endpoints, err := dnsrecord.ImportRecords("clusterset.local", 5, []dnsrecord.Import{united})
	if err != nil {
		fmt.Println(err)
	}
	fmt.Print(dnsrecord.Table(endpoints))
	// Output:
	// NAME                                        TYPE  TTL  TARGETS                                    WHY
	// _http._tcp.nginx.shop.svc.clusterset.local  SRV   5    0 100 80 nginx.shop.svc.clusterset.local.  ClusterSetIP of c1
	// dns-version.clusterset.local                TXT   5    1.0.0                                      the specification
	// nginx.shop.svc.clusterset.local             A     5    10.42.0.1                                  ClusterSetIP of c1
}
