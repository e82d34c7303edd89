package dnsrecord_test

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/confed-project/confed/dnsrecord"
)

// kubeFedRow is one row of KubeFed's own unit tests.
type kubeFedRow struct {
	ID     string `json:"id"`
	Kind   string `json:"kind"`
	Record struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
		Spec      struct {
			DomainRef    string   `json:"domainRef"`
			RecordTTL    int64    `json:"recordTTL"`
			DNSPrefix    string   `json:"dnsPrefix"`
			ExternalName string   `json:"externalName"`
			Hosts        []string `json:"hosts"`
		} `json:"spec"`
		Status struct {
			Domain string `json:"domain"`
			DNS    []struct {
				Cluster string   `json:"cluster"`
				Region  string   `json:"region"`
				Zones   []string `json:"zones"`
				LB      []string `json:"lb"`
			} `json:"dns"`
		} `json:"status"`
	} `json:"record"`
	Expected []dnsrecord.Endpoint `json:"expected_endpoints"`
}

func TestKubeFed(t *testing.T) {
	data, err := os.ReadFile("testdata/kubefed_dns_cases.json")
	require.NoError(t, err)
	var file struct {
		Cases []kubeFedRow `json:"cases"`
	}
	require.NoError(t, json.Unmarshal(data, &file))
	require.Len(t, file.Cases, 17)
	for _, row := range file.Cases {
		t.Run(row.ID, func(t *testing.T) {
			record := row.Record
			answers := dnsrecord.Answers{
				TTL:        record.Spec.RecordTTL,
				AllowEmpty: true,
				Resolve: func(host string) ([]string, error) {
					require.Equal(t, "a9.us-west-2.elb.amazonaws.test", host)
					return []string{"10.20.30.3"}, nil
				},
			}
			for _, c := range record.Status.DNS {
				answers.Clusters = append(answers.Clusters, dnsrecord.Cluster{
					Name: c.Cluster, Region: c.Region, Zones: c.Zones, Addresses: c.LB, Ready: true,
				})
			}
			var got []dnsrecord.Endpoint
			var err error
			if row.Kind == "IngressDNSRecord" {
				got, err = dnsrecord.Hosts(record.Spec.Hosts, answers)
			} else {
				got, err = dnsrecord.Records(dnsrecord.Service{
					Name: record.Name, Namespace: record.Namespace, Federation: record.Spec.DomainRef, Domain: record.Status.Domain,
					Prefix: record.Spec.DNSPrefix, ExternalName: record.Spec.ExternalName,
				}, answers)
			}
			require.NoError(t, err)
			want, err := json.MarshalIndent(row.Expected, "", " ")
			require.NoError(t, err)
			have, err := json.MarshalIndent(got, "", " ")
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(string(want), string(have)))
		})
	}
}

// fleet returns n clusters over 50 regions with three zones each.
func fleet(n int) []dnsrecord.Cluster {
	clusters := make([]dnsrecord.Cluster, n)
	for i := range clusters {
		region := fmt.Sprintf("region-%d", i%50)
		clusters[i] = dnsrecord.Cluster{
			Name: fmt.Sprintf("cluster-%04d", i), Region: region, Zones: []string{fmt.Sprintf("%s-%c", region, 'a'+i/50%3)},
			Ready: true, Addresses: []string{fmt.Sprintf("10.%d.%d.1", i/250, i%250)},
		}
	}
	return clusters
}

func BenchmarkRecords(b *testing.B) {
	service := dnsrecord.Service{Name: "nginx", Namespace: "test", Federation: "galactic", Domain: "example.com"}
	for _, row := range []struct {
		name  string
		n     int
		split *dnsrecord.Split
	}{{"clusters=10", 10, nil}, {"clusters=1000", 1000, nil}, {"clusters=1000,weighted", 1000, &dnsrecord.Split{Weight: "aws/weight"}}} {
		b.Run(row.name, func(b *testing.B) {
			answers := dnsrecord.Answers{Clusters: fleet(row.n), Split: row.split}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := dnsrecord.Records(service, answers); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkServices makes the records of 10,000 services in ten clusters.
func BenchmarkServices(b *testing.B) {
	answers := dnsrecord.Answers{Clusters: fleet(10)}
	b.ReportAllocs()
	for b.Loop() {
		for i := range 10000 {
			service := dnsrecord.Service{Name: fmt.Sprintf("nginx-%d", i), Namespace: "test", Federation: "galactic", Domain: "example.com"}
			if _, err := dnsrecord.Records(service, answers); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkImportRecords makes the records of a headless service with 10,000 backends in 100 clusters.
func BenchmarkImportRecords(b *testing.B) {
	exports := make([]dnsrecord.Export, 100)
	for i := range exports {
		e := dnsrecord.Export{Cluster: fmt.Sprintf("c%d", i), Headless: true, Ports: []dnsrecord.Port{{Name: "http", Port: 80}}}
		for n := range 100 {
			e.Backends = append(e.Backends, dnsrecord.Backend{
				Hostname: fmt.Sprintf("web-%d", n), Ready: true, Addresses: []string{fmt.Sprintf("10.1.%d.%d", i, n)},
			})
		}
		exports[i] = e
	}
	united, _, err := dnsrecord.Unite("shop", "nginx", exports)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := dnsrecord.ImportRecords("clusterset.local", 0, []dnsrecord.Import{united}); err != nil {
			b.Fatal(err)
		}
	}
}
