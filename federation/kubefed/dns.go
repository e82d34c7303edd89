package kubefed

import (
	"net/netip"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/confed-project/confed/dnsrecord"
)

// The groups of a DNSEndpoint. The first is KubeFed's own, the second that of external-dns, which reads both.
const (
	DNSGroup         = "multiclusterdns.kubefed.io"
	ExternalDNSGroup = "externaldns.k8s.io"
)

const (
	serviceRecord = "ServiceDNSRecord"
	ingressRecord = "IngressDNSRecord"
)

// DNSRecord is what a ServiceDNSRecord or an IngressDNSRecord says.
type DNSRecord struct {
	// Service is the service of a ServiceDNSRecord; Federation is its domainRef, the name of a Domain, and Domain is from the
	// status: empty until EncodeDNSStatus writes it.
	Service dnsrecord.Service
	// Hosts are those of an IngressDNSRecord.
	Hosts []string
	TTL   int64 // seconds; 0: dnsrecord.DefaultTTL
	// AllowWithoutEndpoints lets clusters answer where the service has no endpoint that is ready.
	AllowWithoutEndpoints bool
	// Clusters are those of the status. KubeFed lists only clusters that are ready, so they all are.
	Clusters []dnsrecord.Cluster
}

// DecodeDNSRecord reads a ServiceDNSRecord or an IngressDNSRecord. Each has the name and namespace of its Service or Ingress.
func DecodeDNSRecord(obj *unstructured.Unstructured) (DNSRecord, error) {
	kind := serviceRecord
	if obj != nil && obj.GetKind() == ingressRecord {
		kind = ingressRecord
	}
	n := readKind(obj, schema.GroupKind{Group: DNSGroup, Kind: kind})
	if n.m == nil {
		return DNSRecord{}, n.err
	}
	spec, status := n.child("spec"), n.child("status")
	var out DNSRecord
	if ttl := spec.count("recordTTL"); ttl != nil {
		out.TTL = *ttl
	}
	if kind == ingressRecord {
		out.Hosts = spec.strings("hosts")
	} else {
		out.Service = dnsrecord.Service{
			Name: obj.GetName(), Namespace: obj.GetNamespace(), Federation: spec.text("domainRef"), Domain: get[string](status, "domain"),
			Prefix: get[string](spec, "dnsPrefix"), ExternalName: get[string](spec, "externalName"),
		}
		out.AllowWithoutEndpoints = get[bool](spec, "allowServiceWithoutEndpoints")
	}
	for _, c := range status.nodes("dns") {
		cluster := dnsrecord.Cluster{
			Name: get[string](c, "cluster"), Region: get[string](c, "region"), Zones: c.strings("zones"), Ready: true,
		}
		for _, ingress := range c.child("loadBalancer").nodes("ingress") {
			for _, key := range []string{"ip", "hostname"} {
				if address := get[string](ingress, key); address != "" {
					cluster.Addresses = append(cluster.Addresses, address)
				}
			}
		}
		out.Clusters = append(out.Clusters, cluster)
	}
	return out, n.err
}

// Endpoints returns the records: dnsrecord.Records of a service, dnsrecord.Hosts of an ingress. What the record knows itself
// stands in for Clusters and TTL that a does not give; an error is theirs.
func (r DNSRecord) Endpoints(a dnsrecord.Answers) ([]dnsrecord.Endpoint, error) {
	if a.Clusters == nil {
		a.Clusters = r.Clusters
	}
	if a.TTL == 0 {
		a.TTL = r.TTL
	}
	if r.Service == (dnsrecord.Service{}) {
		return dnsrecord.Hosts(r.Hosts, a)
	}
	return dnsrecord.Records(r.Service, a)
}

// DecodeDomain reads a Domain: the DNS zone without a final dot, and the name server, which may be empty.
func DecodeDomain(obj *unstructured.Unstructured) (domain, nameServer string, err error) {
	n := readKind(obj, schema.GroupKind{Group: DNSGroup, Kind: "Domain"})
	if n.m == nil {
		return "", "", n.err
	}
	n.like("domain", domainForm())
	return strings.TrimSuffix(get[string](n, "domain"), "."), get[string](n, "nameServer"), n.err
}

// EncodeDNSStatus returns a ServiceDNSRecord or IngressDNSRecord with the status that lists those clusters, or nil when it
// does already. Domain is the zone, for services only. The clusters are sorted by name and their addresses by IP, then host
// name. One that is not ready is listed without addresses: KubeFed meant to, but dropped it.
func EncodeDNSStatus(obj *unstructured.Unstructured, domain string, clusters []dnsrecord.Cluster) *unstructured.Unstructured {
	if obj == nil || obj.Object == nil {
		return nil
	}
	d := draftOf(obj, schema.GroupKind{}, "", "")
	status := d.at("status")
	service := obj.GetKind() == serviceRecord
	if service {
		set(status, "domain", domain)
	}
	sorted := slices.SortedStableFunc(slices.Values(clusters), func(a, b dnsrecord.Cluster) int { return strings.Compare(a.Name, b.Name) })
	lines := make([]any, 0, len(sorted))
	for _, c := range sorted {
		line := map[string]any{"cluster": c.Name, "loadBalancer": loadBalancer(c)}
		if service && c.Region != "" {
			line["region"] = c.Region
		}
		if service && len(c.Zones) > 0 {
			line["zones"] = list(slices.Compact(slices.Sorted(slices.Values(c.Zones)))...)
		}
		lines = append(lines, line)
	}
	if old, _ := status["dns"].([]any); len(lines) > 0 || len(old) > 0 {
		status["dns"] = lines
	}
	if len(status) == 0 && obj.Object["status"] == nil {
		delete(d.doc, "status")
	}
	return d.changed()
}

func loadBalancer(c dnsrecord.Cluster) map[string]any {
	if !c.Ready {
		return map[string]any{}
	}
	var ips, hosts []any
	for _, address := range slices.Compact(slices.Sorted(slices.Values(c.Addresses))) {
		if _, err := netip.ParseAddr(address); err == nil {
			ips = append(ips, map[string]any{"ip": address})
		} else {
			hosts = append(hosts, map[string]any{"hostname": address})
		}
	}
	if len(ips)+len(hosts) == 0 {
		return map[string]any{}
	}
	return map[string]any{"ingress": append(ips, hosts...)}
}

// EncodeDNSEndpoint returns the DNSEndpoint that publishes a record, or nil when nothing in it changes. Last is the one that
// was read last, nil when there is none. Group is DNSGroup or ExternalDNSGroup. It is named service-<name> or ingress-<name>
// after the record, which owns it; KubeFed's had no owner and stayed behind. Everything in the spec of last is replaced.
func EncodeDNSEndpoint(last, record *unstructured.Unstructured, group string, endpoints []dnsrecord.Endpoint) *unstructured.Unstructured {
	if record == nil || record.Object == nil {
		return nil
	}
	prefix := map[bool]string{true: "ingress-", false: "service-"}[record.GetKind() == ingressRecord]
	d := draftOf(last, schema.GroupKind{Group: group, Kind: "DNSEndpoint"}, "v1alpha1", prefix+record.GetName())
	d.owned(record)
	spec, _ := dnsrecord.Object("", "", endpoints)["spec"].(map[string]any)
	d.doc["spec"] = spec
	return d.changed()
}
