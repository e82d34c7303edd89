package dnsrecord

import (
	"fmt"
	"slices"
	"strings"
)

// Service names a service in KubeFed's hierarchy: its global name is <service>.<namespace>.<federation>.svc.<domain>, and the name of a
// region or a zone has <region> or <zone>.<region> before the domain.
type Service struct {
	Name       string
	Namespace  string
	Federation string // the name of KubeFed's Domain object
	Domain     string // the DNS zone, without a final dot
	// Prefix adds the short name <prefix>.<domain>, a CNAME to the global name where that has records. Empty: none.
	Prefix string
	// ExternalName stands in the names instead of Name; the endpoints then carry the label serviceName with Name. Empty: Name.
	ExternalName string
}

// Answers is what names answer with: the clusters a service runs in, and how their addresses become records.
type Answers struct {
	Clusters []Cluster
	TTL      int64 // seconds, at most 2³¹-1; 0: DefaultTTL
	// KeepUnready lets clusters answer that are not ready. Otherwise they do so only when no cluster that is ready has an
	// address, AllowEmpty does not say that this may be, and Previous is not there to stand: wrong news of health must not take a
	// service off the net.
	KeepUnready bool
	// Resolve turns the host name of a load balancer into IP addresses. Nil: host names are published, as CNAME, under the names
	// where nothing else answers. It is called once for each host.
	Resolve func(host string) ([]string, error)
	// Split publishes the clusters as separate answers. Nil: one answer unites all.
	Split *Split
	// Previous is what is published now. It stands when nothing better can be said; see Records.
	Previous []Endpoint
	// AllowEmpty says that a service without any address is meant.
	AllowEmpty bool
}

// Cluster is what one cluster contributes.
type Cluster struct {
	Name   string // unique
	Region string
	Zones  []string // a set
	Ready  bool
	// Addresses are the IP addresses and host names of the load balancers; none is a fact, not ignorance: for a cluster
	// that cannot be asked, give what is remembered.
	Addresses []string
	// Weight is the cluster's part of the traffic, such as its number of replicas; 0: nothing while another has weight.
	Weight int64
	// Properties go with the cluster's own endpoints, for routing by place or failover.
	Properties []Property
}

// Split gives every cluster endpoints of its own, with the name of the cluster as set identifier, for DNS providers that
// choose between answers; they want a weight or Properties with it. Without Split, Weight and Properties of a Cluster mean nothing.
type Split struct {
	// Weight names the provider property that carries Cluster.Weight, such as aws/weight. Empty: weights are not published.
	Weight string
	// MaxWeight is the largest weight that the provider takes. 0: 255, as for Route 53. When a cluster has more, all weights are scaled
	// down together; one above zero stays above zero.
	MaxWeight int64
}

// Records returns the records of a service: for every zone, region and the whole the addresses of the clusters there that answer, as
// A and AAAA, else a CNAME one level up. The global name has no level above it. Host names of load balancers are published or
// resolved, see Answers.Resolve. A cluster without a usable region answers only for the whole, one without a usable zone also for
// its region; both are reported as ErrNoTopology or ErrInvalidName.
//
// The endpoints are sorted by name, type and set identifier and are to be published even when there is an error: it joins an
// *Error for everything that had to be left out. With one exception: what was published stands, as a copy of Answers.Previous,
//   - when the service cannot have records at all: its names, TTL or MaxWeight are unusable;
//   - with ErrNoAddresses, when no cluster that is ready has an address and Previous has; unless AllowEmpty is set and nothing was refused.
//     Without such a Previous all clusters answer, ready or not. When none has an address, that too is ErrNoAddresses.
//
// A caller that gives no Previous must publish nothing in these cases.
//
// Laws: no CNAME beside another type; every CNAME leads to addresses or a load balancer, or, with AllowEmpty, to the global name; order
// of clusters, zones and addresses irrelevant; what is right in one cluster is published whatever is wrong in another.
func Records(s Service, a Answers) ([]Endpoint, error) {
	var f faults
	base, global, labels := s.names(&f)
	set, ok := newAnswerSet(a, &f)
	if !ok || global == "" {
		return clone(a.Previous), f.join()
	}
	set.labels, set.subject = labels, global
	prefix := s.prefix(base, &f)
	set.own = func(host string) bool {
		rest, found := strings.CutPrefix(host, base+".")
		return host == prefix || found && (rest == s.Domain || strings.HasSuffix(rest, "."+s.Domain))
	}
	if !set.gather(&f) {
		return clone(a.Previous), f.join()
	}
	places := newPlaces(base, s.Domain, global)
	for i := range set.members {
		places.add(set.members[i], &f)
	}
	out := set.publishAll(places.list, &f)
	if prefix != "" && slices.ContainsFunc(out, func(e Endpoint) bool { return e.DNSName == global }) {
		e := Endpoint{DNSName: prefix, Targets: []string{global}, RecordType: TypeCNAME, RecordTTL: set.ttl, Why: "short name"}
		i, _ := slices.BinarySearchFunc(out, e, compareKey)
		out = slices.Insert(out, i, e)
	}
	return out, f.join()
}

// Hosts returns the records of given names, such as the hosts of an ingress: each answers with the addresses of all clusters.
// A name may have a wildcard as its first label. Without a usable name the endpoints are a copy of Answers.Previous, unless there are no
// names at all and AllowEmpty is set. Regions and zones mean nothing here; for the rest see Records.
func Hosts(names []string, a Answers) ([]Endpoint, error) {
	var f faults
	set, ok := newAnswerSet(a, &f)
	usable := make(map[string]bool, len(names))
	for _, name := range names {
		if err := checkPublished(name); err != nil {
			f.add("", name, err)
			continue
		}
		usable[name] = true
	}
	if len(names) == 0 && !a.AllowEmpty {
		f.add("", "names", fmt.Errorf("%w: there is none", ErrInvalidName))
	}
	if !ok || len(usable) == 0 && len(f) > 0 {
		return clone(a.Previous), f.join()
	}
	set.subject = fewNames(names)
	set.own = func(host string) bool {
		for suffix, more := host, true; more && !usable[host]; {
			_, suffix, more = strings.Cut(suffix, ".")
			if usable["*."+suffix] {
				return true
			}
		}
		return usable[host]
	}
	if !set.gather(&f) {
		return clone(a.Previous), f.join()
	}
	places := make([]*place, 0, len(usable))
	for name := range usable {
		places = append(places, &place{name: name, members: set.members})
	}
	return set.publishAll(places, &f), f.join()
}

// names returns the first part of all names, the global name (empty when there can be none) and the labels of the endpoints.
func (s Service) names(f *faults) (base, global string, labels map[string]string) {
	type part struct {
		field, value string
		check        func(string) error
	}
	parts := []part{
		{"name", s.Name, checkLabel},
		{"namespace", s.Namespace, checkLabel},
		{"federation", s.Federation, checkLabels},
		{"domain", s.Domain, checkName},
	}
	name := s.Name
	if s.ExternalName != "" {
		name = s.ExternalName
		labels = map[string]string{"serviceName": s.Name}
		parts = append(parts, part{"external name", name, checkLabels})
	}
	ok := true
	for _, part := range parts {
		if err := part.check(part.value); err != nil {
			f.add("", part.field, fmt.Errorf("%w (%q)", err, part.value))
			ok = false
		}
	}
	if !ok {
		return "", "", nil
	}
	base = name + "." + s.Namespace + "." + s.Federation + ".svc"
	global = base + "." + s.Domain
	if err := checkPublished(global); err != nil {
		f.add("", global, err)
		return "", "", nil
	}
	return base, global, labels
}

// prefix returns the short name, empty when there is none.
func (s Service) prefix(base string, f *faults) string {
	if s.Prefix == "" {
		return ""
	}
	name := s.Prefix + "." + s.Domain
	err := checkLabels(s.Prefix)
	if err == nil {
		err = checkPublished(name)
	}
	if err == nil && strings.HasPrefix(s.Prefix+".", base+".") {
		err = ErrLoop
	}
	if err != nil {
		f.add("", name, err)
		return ""
	}
	return name
}
