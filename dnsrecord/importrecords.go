package dnsrecord

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// ImportRecords returns the records of imported services in the zone of a cluster set, normally clusterset.local, by version 1.0.0 of the DNS
// specification for Multi-Cluster Services: with svc for <name>.<namespace>.svc.<zone>,
//
//	dns-version.<zone>                        TXT     1.0.0
//	svc                                       A AAAA  the IPs, or the addresses of all ready backends (headless)
//	_<port>._<protocol>.svc                   SRV     for named ports: svc, or every backend that listens there (headless)
//	<hostname>.<cluster>.svc                  A AAAA  one ready backend (headless)
//
// There is no record for <cluster>.svc: the specification reserves it. A service without addresses has no records, so its name does not
// exist. A backend is reached only on ports that it has with the name and protocol of the import's. TTL is in seconds, 0: DefaultTTL.
//
// The endpoints are sorted and are to be published beside an error, which joins an *Error for everything that had to be left out, with
// <namespace>/<name> at the start of its Name; they are nil when zone or TTL are unusable, for then nothing can be said. Imports without Exports are passed over; of two with one namespace and
// name neither is published.
func ImportRecords(zone string, ttl int64, imports []Import) ([]Endpoint, error) {
	var f faults
	if err := checkName(zone); err != nil {
		f.add("", "zone", fmt.Errorf("%w (%q)", err, zone))
	}
	if ttl < 0 || ttl > math.MaxInt32 {
		f.add("", "TTL", fmt.Errorf("%w: %d is not within 0 and %d", ErrInvalidValue, ttl, math.MaxInt32))
	}
	if len(f) > 0 {
		return nil, f.join()
	}
	seen := make(map[[2]string]int, len(imports))
	for _, i := range imports {
		seen[[2]string{i.Namespace, i.Name}]++
	}
	z := &zoneWriter{zone: zone, ttl: cmp.Or(ttl, DefaultTTL), faults: &f}
	z.add(z.name("", "dns-version."+zone), TypeTXT, []string{"1.0.0"}, "the specification")
	for _, i := range imports {
		id := i.Namespace + "/" + i.Name
		before := len(f)
		err := cmp.Or(checkLabel(i.Namespace), checkLabel(i.Name))
		if err == nil && seen[[2]string{i.Namespace, i.Name}] > 1 {
			err = ErrDuplicate
		}
		if err != nil {
			f.add("", "service", err)
		} else if len(i.Exports) > 0 {
			z.service(i)
		}
		for _, e := range f[before:] {
			e.Name = id + ": " + e.Name
		}
	}
	slices.SortFunc(z.out, compareKey)
	return z.out, f.join()
}

// zoneWriter collects the records of a cluster set.
type zoneWriter struct {
	zone   string
	ttl    int64
	out    []Endpoint
	faults *faults
}

// name returns a name, or nothing when it is too long.
func (z *zoneWriter) name(cluster, name string) string {
	if len(name) > maxName {
		z.faults.add(cluster, name, fmt.Errorf("%w: %d bytes, %d at most", ErrInvalidName, len(name), maxName))
		return ""
	}
	return name
}

// service adds the records of one import.
func (z *zoneWriter) service(i Import) {
	svc := z.name("", i.Name+"."+i.Namespace+".svc."+z.zone)
	i.Ports = checkPorts("", i.Ports, true, z.faults)
	i.Exports = checkExports(i.Exports, z.faults)
	switch {
	case svc == "":
	case i.Headless:
		z.headless(svc, i)
	default:
		z.clusterSetIP(svc, i)
	}
}

func (z *zoneWriter) add(name, recordType string, targets []string, why string) {
	if name != "" && len(targets) > 0 {
		z.out = append(z.out, Endpoint{DNSName: name, RecordType: recordType, Targets: sorted(targets), RecordTTL: z.ttl, Why: why})
	}
}

// addresses returns what is an IP address, by family.
func (z *zoneWriter) addresses(cluster string, list []string) (v4, v6 []string) {
	for _, s := range list {
		switch target, recordType, err := checkTarget(s); {
		case err != nil || recordType == TypeCNAME:
			z.faults.add(cluster, s, fmt.Errorf("%w: not an IP address", ErrInvalidAddress))
		case recordType == TypeA:
			v4 = append(v4, target)
		default:
			v6 = append(v6, target)
		}
	}
	return sorted(v4), sorted(v6)
}

// clusterSetIP adds the records of a service with addresses of its own.
func (z *zoneWriter) clusterSetIP(svc string, i Import) {
	v4, v6 := z.addresses("", i.IPs)
	var clusters []string
	for _, e := range i.Exports {
		clusters = append(clusters, e.Cluster)
	}
	why := "ClusterSetIP of " + fewNames(clusters)
	z.add(svc, TypeA, v4, why)
	z.add(svc, TypeAAAA, v6, why)
	if len(v4)+len(v6) == 0 {
		return
	}
	for _, p := range i.Ports {
		if p.Name != "" {
			z.add(z.portName(p, svc), TypeSRV, []string{srvData(p.Port, svc)}, why)
		}
	}
}

// headless adds the records of a service whose backends are asked for themselves.
func (z *zoneWriter) headless(svc string, i Import) {
	var v4, v6, clusters []string
	srv := make([][]string, len(i.Ports))
	for _, e := range i.Exports {
		hosts := z.hosts(e, svc)
		if len(hosts) > 0 {
			clusters = append(clusters, e.Cluster)
		}
		for _, h := range hosts {
			v4, v6 = append(v4, h.v4...), append(v6, h.v6...)
			z.add(h.name, TypeA, h.v4, e.Cluster)
			z.add(h.name, TypeAAAA, h.v6, e.Cluster)
			for n, p := range i.Ports {
				for _, own := range h.ports {
					if p.Name != "" && h.name != "" && own.Name == p.Name && own.Protocol == p.Protocol {
						srv[n] = append(srv[n], srvData(own.Port, h.name))
					}
				}
			}
		}
	}
	why := fewNames(clusters)
	z.add(svc, TypeA, v4, why)
	z.add(svc, TypeAAAA, v6, why)
	for n, p := range i.Ports {
		if len(srv[n]) > 0 {
			z.add(z.portName(p, svc), TypeSRV, srv[n], why)
		}
	}
}

// host is a backend with a name of its own; the name is empty when it would be too long.
type host struct {
	name   string
	v4, v6 []string
	ports  []Port
}

// hosts returns the ready backends of one export by name: those with a host name together under it, the rest by address.
func (z *zoneWriter) hosts(e Export, svc string) []host {
	byName := map[string]*host{}
	enter := func(label string, v4, v6 []string, ports []Port) {
		h := byName[label]
		if h == nil {
			h = &host{name: z.name(e.Cluster, label+"."+e.Cluster+"."+svc)}
			byName[label] = h
		}
		h.v4, h.v6, h.ports = append(h.v4, v4...), append(h.v6, v6...), append(h.ports, ports...)
	}
	for _, b := range e.Backends {
		if !b.Ready {
			continue
		}
		v4, v6 := z.addresses(e.Cluster, b.Addresses)
		ports := b.Ports
		if ports == nil {
			ports = e.Ports
		}
		if b.Hostname != "" {
			if err := checkLabel(b.Hostname); err != nil {
				z.faults.add(e.Cluster, b.Hostname, err)
			} else if len(v4)+len(v6) > 0 {
				enter(b.Hostname, v4, v6, ports)
			}
			continue
		}
		for _, a := range v4 {
			enter(hostLabel(a), []string{a}, nil, ports)
		}
		for _, a := range v6 {
			enter(hostLabel(a), nil, []string{a}, ports)
		}
	}
	out := make([]host, 0, len(byName))
	for _, label := range slices.Sorted(maps.Keys(byName)) {
		out = append(out, *byName[label])
	}
	return out
}

// hostLabel names a backend that has no host name by its address, as CoreDNS does: 10-1-0-3, 2001-db8--1.
func hostLabel(address string) string {
	label := strings.NewReplacer(".", "-", ":", "-").Replace(address)
	if strings.HasPrefix(label, "-") {
		label = "0" + label
	}
	if strings.HasSuffix(label, "-") {
		label += "0"
	}
	return label
}

// portName returns the name that a port is looked up by, or nothing when there can be none.
func (z *zoneWriter) portName(p Port, svc string) string {
	if len(p.Name) >= maxLabel {
		z.faults.add("", "port "+p.Name, fmt.Errorf("%w: no room for the underscore in a label of %d bytes", ErrInvalidName, maxLabel))
		return ""
	}
	return z.name("", "_"+p.Name+"._"+strings.ToLower(p.Protocol)+"."+svc)
}

// srvData writes the data of an SRV record: priority, weight, port, target.
func srvData(port int32, target string) string { return fmt.Sprintf("0 100 %d %s.", port, target) }
