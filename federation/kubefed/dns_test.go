package kubefed_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/dnsrecord"
	"github.com/confed-project/confed/federation/kubefed"
)

// TestDNSCases takes KubeFed's rows the whole way: the status as objects, records out of what is read back, and the
// DNSEndpoint.
func TestDNSCases(t *testing.T) {
	var table struct {
		Cases []struct {
			ID, Kind string
			Record   struct {
				Name, Namespace string
				Spec            map[string]any
				Status          struct {
					Domain string
					DNS    []struct {
						Cluster, Region string
						Zones, LB       []string
					}
				}
			}
			Expected []dnsrecord.Endpoint `json:"expected_endpoints"`
		}
	}
	load(t, "../../dnsrecord/testdata/kubefed_dns_cases.json", &table)
	require.Len(t, table.Cases, 17)
	for _, row := range table.Cases {
		t.Run(row.ID, func(t *testing.T) {
			obj := &unstructured.Unstructured{Object: map[string]any{
				"apiVersion": "multiclusterdns.kubefed.io/v1alpha1", "kind": row.Kind,
				"metadata": map[string]any{"name": row.Record.Name, "namespace": row.Record.Namespace, "uid": "u1"},
				"spec":     row.Record.Spec,
			}}
			var clusters []dnsrecord.Cluster
			for _, c := range row.Record.Status.DNS {
				clusters = append(clusters, dnsrecord.Cluster{Name: c.Cluster, Region: c.Region, Zones: c.Zones, Addresses: c.LB, Ready: true})
			}
			written := obj
			if out := kubefed.EncodeDNSStatus(obj, row.Record.Status.Domain, clusters); out != nil {
				written = out
			}
			require.NoError(t, kubefed.Validate(written, nil))
			record, err := kubefed.DecodeDNSRecord(written)
			require.NoError(t, err)
			require.Nil(t, kubefed.EncodeDNSStatus(written, row.Record.Status.Domain, record.Clusters), "encoding what was decoded changes nothing")
			endpoints, err := record.Endpoints(dnsrecord.Answers{AllowEmpty: true, Resolve: func(host string) ([]string, error) {
				require.Equal(t, "a9.us-west-2.elb.amazonaws.test", host)
				return []string{"10.20.30.3"}, nil
			}})
			require.NoError(t, err)
			for _, group := range []string{kubefed.DNSGroup, kubefed.ExternalDNSGroup} {
				out := kubefed.EncodeDNSEndpoint(nil, written, group, endpoints)
				require.Equal(t, group+"/v1alpha1", out.GetAPIVersion())
				require.Equal(t, map[string]string{"ServiceDNSRecord": "service-", "IngressDNSRecord": "ingress-"}[row.Kind]+row.Record.Name, out.GetName())
				require.Equal(t, row.Record.Namespace, out.GetNamespace())
				require.Equal(t, row.Kind, out.GetOwnerReferences()[0].Kind)
				require.Nil(t, kubefed.EncodeDNSEndpoint(out, written, group, endpoints))
				want, err := json.Marshal(row.Expected)
				require.NoError(t, err)
				got, err := json.Marshal(out.Object["spec"].(map[string]any)["endpoints"])
				require.NoError(t, err)
				require.JSONEq(t, string(want), string(got))
			}
		})
	}
}

const serviceDNS = `
apiVersion: multiclusterdns.kubefed.io/v1alpha1
kind: ServiceDNSRecord
metadata: {name: web, namespace: shop}
spec: {domainRef: galactic, recordTTL: 60, dnsPrefix: www, externalName: front, allowServiceWithoutEndpoints: true}
`

const domain = `
apiVersion: multiclusterdns.kubefed.io/v1alpha1
kind: Domain
metadata: {name: galactic, namespace: kube-federation-system}
domain: example.com
nameServer: ns1.example.com
`

const ingressDNS = `
apiVersion: multiclusterdns.kubefed.io/v1alpha1
kind: IngressDNSRecord
metadata: {name: web, namespace: shop}
spec: {hosts: [www.example.com]}
`

func TestDNSStatus(t *testing.T) {
	in := object(t, serviceDNS)
	clusters := []dnsrecord.Cluster{
		{Name: "rome", Region: "eu", Zones: []string{"b", "a", "b"}, Ready: true, Addresses: []string{"z.example", "10.0.0.2", "a.example", "10.0.0.1", "2001:db8::1"}},
		{Name: "berlin", Region: "eu", Zones: []string{"c"}, Addresses: []string{"10.0.0.9"}},
	}
	out := kubefed.EncodeDNSStatus(in, "example.com", clusters)
	require.Equal(t, object(t, serviceDNS+`
status:
  domain: example.com
  dns:
  - {cluster: berlin, region: eu, zones: [c], loadBalancer: {}}
  - {cluster: rome, region: eu, zones: [a, b], loadBalancer: {ingress: [{ip: 10.0.0.1}, {ip: 10.0.0.2}, {ip: "2001:db8::1"}, {hostname: a.example}, {hostname: z.example}]}}
`), out)
	record, err := kubefed.DecodeDNSRecord(out)
	require.NoError(t, err)
	require.Equal(t, kubefed.DNSRecord{
		Service: dnsrecord.Service{Name: "web", Namespace: "shop", Federation: "galactic", Domain: "example.com", Prefix: "www", ExternalName: "front"},
		TTL:     60, AllowWithoutEndpoints: true,
		Clusters: []dnsrecord.Cluster{
			{Name: "berlin", Region: "eu", Zones: []string{"c"}, Ready: true},
			{Name: "rome", Region: "eu", Zones: []string{"a", "b"}, Ready: true, Addresses: []string{"10.0.0.1", "10.0.0.2", "2001:db8::1", "a.example", "z.example"}},
		},
	}, record)
	require.Nil(t, kubefed.EncodeDNSStatus(out, "example.com", clusters))
	require.Equal(t, []any{}, kubefed.EncodeDNSStatus(out, "example.com", nil).Object["status"].(map[string]any)["dns"])
	require.Nil(t, kubefed.EncodeDNSStatus(object(t, ingressDNS), "", nil))
}

func TestDNSErrors(t *testing.T) {
	zone, server, err := kubefed.DecodeDomain(object(t, domain))
	require.NoError(t, err)
	require.Equal(t, []string{"example.com", "ns1.example.com"}, []string{zone, server})
	zone, _, err = kubefed.DecodeDomain(object(t, strings.Replace(domain, "domain: example.com", "domain: example.com.", 1)))
	require.NoError(t, err)
	require.Equal(t, "example.com", zone)
	for _, row := range [][4]string{
		{domain, "domain: example.com", "domain: a_b", "domain"},
		{domain, "domain: example.com", "other: 1", "domain"},
		{domain, "nameServer: ns1", "nameServer: [x]\nother: x", "nameServer"},
		{serviceDNS, "domainRef: galactic", "other: 1", "spec.domainRef"},
		{serviceDNS, "recordTTL: 60", "recordTTL: -1", "spec.recordTTL"},
		{serviceDNS, "recordTTL: 60", "recordTTL: soon", "spec.recordTTL"},
		{serviceDNS, "allowServiceWithoutEndpoints: true", "allowServiceWithoutEndpoints: 1", "spec.allowServiceWithoutEndpoints"},
		{serviceDNS, "}\nspec", "}\nstatus: {dns: [{loadBalancer: {ingress: [1]}}]}\nspec", "status.dns[0].loadBalancer.ingress[0]"},
		{ingressDNS, "[www.example.com]", "www", "spec.hosts"},
		{ingressDNS, "IngressDNSRecord", "Ingress", "kind"},
	} {
		text := strings.Replace(row[0], row[1], row[2], 1)
		require.NotEqual(t, row[0], text)
		require.Equal(t, []string{row[3]}, fields(t, kubefed.Validate(object(t, text), nil)), text)
	}
	record, err := kubefed.DecodeDNSRecord(object(t, strings.Replace(serviceDNS, "recordTTL: 60", "recordTTL: -1", 1)))
	require.Error(t, err)
	require.Equal(t, "front", record.Service.ExternalName, "what can be read is there")
}
