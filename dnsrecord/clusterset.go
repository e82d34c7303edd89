package dnsrecord

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Export is a ServiceExport of one cluster (multicluster.x-k8s.io, KEP-1645) with what matters of the Service behind it.
type Export struct {
	Cluster string    // the cluster id, a DNS label
	Created time.Time // creationTimestamp of the ServiceExport; of two conflicting exports the older wins, then the lesser cluster id

	NoService    bool // there is no such Service
	ExternalName bool // the Service is an ExternalName, which cannot be exported
	Headless     bool
	Ports        []Port

	SessionAffinity        string // ClientIP or None; empty: None
	SessionAffinitySeconds int64  // the time-out of ClientIP; 0: 10800
	InternalTrafficPolicy  string // Cluster or Local; empty: Cluster
	TrafficDistribution    string
	IPFamilies             []string // IPv4, IPv6, the preferred one first; empty: unknown

	Labels      map[string]string // spec.exportedLabels
	Annotations map[string]string // spec.exportedAnnotations

	Backends []Backend // the endpoints of a headless service
}

// Port is a port of a service.
type Port struct {
	Name        string // a DNS label; may be empty when it is the only one
	Protocol    string // TCP, UDP or SCTP; empty: TCP
	AppProtocol string
	Port        int32
}

// Backend is an endpoint of a headless service.
type Backend struct {
	Hostname  string   // a DNS label; empty: one is made of each address, such as 10-1-0-3
	Addresses []string // IP addresses
	Ready     bool
	Ports     []Port // where it listens; nil: on the ports of the Export. Only named ones count.
}

// Import is the service that the exports of all clusters make together, what a ServiceImport says.
type Import struct {
	Namespace, Name string

	Headless               bool
	Ports                  []Port
	IPs                    []string // the addresses of a ClusterSetIP, which Unite cannot know: to be filled in
	SessionAffinity        string   // ClientIP or None
	SessionAffinitySeconds int64    // with ClientIP only
	InternalTrafficPolicy  string   // Cluster or Local
	TrafficDistribution    string
	IPFamilies             []string
	Labels                 map[string]string
	Annotations            map[string]string

	Exports []Export // those it is made of, sorted by cluster; none: there is nothing to import
}

// Condition is what the owner of an export should know, as a condition of the ServiceExport. The time is the caller's to add.
type Condition struct {
	Cluster string `json:"cluster"`
	Type    string `json:"type"`   // Valid or Conflict
	Status  string `json:"status"` // True or False
	Reason  string `json:"reason"` // of the MCS API, several joined by commas
	Message string `json:"message"`
}

// The condition types and reasons of the MCS API that Unite gives.
const (
	ConditionValid    = "Valid"
	ConditionConflict = "Conflict"

	ReasonValid              = "Valid"
	ReasonNoService          = "NoService"
	ReasonInvalidServiceType = "InvalidServiceType"

	ReasonNoConflicts                   = "NoConflicts"
	ReasonPortConflict                  = "PortConflict"
	ReasonTypeConflict                  = "TypeConflict"
	ReasonSessionAffinityConflict       = "SessionAffinityConflict"
	ReasonSessionAffinityConfigConflict = "SessionAffinityConfigConflict"
	ReasonInternalTrafficPolicyConflict = "InternalTrafficPolicyConflict"
	ReasonTrafficDistributionConflict   = "TrafficDistributionConflict"
	ReasonIPFamilyConflict              = "IPFamilyConflict"
	ReasonLabelsConflict                = "LabelsConflict"
	ReasonAnnotationsConflict           = "AnnotationsConflict"
)

// Unite makes the import of one service from the exports of all clusters, by the conflict rules of KEP-1645. The oldest export decides
// headlessness, session affinity, traffic policy and distribution, labels and annotations. Ports are united, matched by name and then by
// protocol and number; of two that do not agree the older one's stands, and a port without a name stays alone. IP families are those that all exports have, in the order of the
// oldest, so that every backend can be reached on each; when there is none, those of the oldest.
//
// The conditions are sorted by cluster: Valid for every export and Conflict for every valid one. A conflict is raised on all exports, with
// the reasons of all properties that are not the same in all of them; the message says who differs. IP families conflict only when they
// have none in common.
//
// An export without a usable cluster id is left out, as are two with the same; of one that is wrong otherwise the port in question is left out
// or the default stands for the field. Each is an *Error; the error joins them and the rest is valid beside it.
func Unite(namespace, name string, exports []Export) (Import, []Condition, error) {
	var f faults
	conditions, valid := []Condition{}, []Export{}
	for _, e := range checkExports(exports, &f) {
		c := Condition{Cluster: e.Cluster, Type: ConditionValid, Status: "False"}
		switch {
		case e.NoService:
			c.Reason, c.Message = ReasonNoService, "there is no such Service"
		case e.ExternalName:
			c.Reason, c.Message = ReasonInvalidServiceType, "a Service of type ExternalName cannot be exported"
		default:
			c.Status, c.Reason, c.Message = "True", ReasonValid, "the Service can be exported"
			valid = append(valid, e)
		}
		conditions = append(conditions, c)
	}
	for i, name := range []string{namespace, name} {
		if err := checkLabel(name); err != nil {
			f.add("", []string{"namespace", "name"}[i], fmt.Errorf("%w (%q)", err, name))
		}
	}
	slices.SortFunc(valid, func(a, b Export) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.Cluster, b.Cluster))
	})
	united, conflicts := unite(valid)
	united.Namespace, united.Name = namespace, name
	conditions = append(conditions, conflicts...)
	slices.SortFunc(conditions, func(a, b Condition) int {
		return cmp.Or(strings.Compare(a.Cluster, b.Cluster), -strings.Compare(a.Type, b.Type)) // Valid before Conflict
	})
	return united, conditions, f.join()
}

// checkExports returns the exports of one service that are right in themselves.
func checkExports(exports []Export, f *faults) []Export {
	seen := make(map[string]int, len(exports))
	for _, e := range exports {
		seen[e.Cluster]++
	}
	out := make([]Export, 0, len(exports))
	for _, e := range exports {
		err := checkLabel(e.Cluster)
		if err == nil && seen[e.Cluster] > 1 {
			err = ErrDuplicate
		}
		if err != nil {
			f.add(e.Cluster, "cluster", err)
			continue
		}
		out = append(out, e.checked(f))
	}
	return out
}

// checked returns the export with defaults filled in, and with them instead of what is wrong, and without ports that are wrong. It shares nothing with the receiver.
func (e Export) checked(f *faults) Export {
	choose := func(field, value string, known ...string) string {
		if value = cmp.Or(value, known[0]); slices.Contains(known, value) {
			return value
		}
		f.add(e.Cluster, field, fmt.Errorf("%w: %q is none of %q", ErrInvalidValue, value, known))
		return known[0]
	}
	e.SessionAffinity = choose("sessionAffinity", e.SessionAffinity, "None", "ClientIP")
	e.InternalTrafficPolicy = choose("internalTrafficPolicy", e.InternalTrafficPolicy, "Cluster", "Local")
	seconds := e.SessionAffinitySeconds
	if e.SessionAffinitySeconds = 0; e.SessionAffinity == "ClientIP" {
		e.SessionAffinitySeconds = cmp.Or(seconds, 10800)
		if seconds < 0 || seconds > 86400 {
			f.add(e.Cluster, "sessionAffinitySeconds", fmt.Errorf("%w: %d is not within 1 and 86400", ErrInvalidValue, seconds))
			e.SessionAffinitySeconds = 10800
		}
	}
	var families []string
	for _, family := range e.IPFamilies {
		if family = choose("ipFamilies", family, "", "IPv4", "IPv6"); family != "" && !slices.Contains(families, family) {
			families = append(families, family)
		}
	}
	e.IPFamilies = families
	e.Labels, e.Annotations = maps.Clone(e.Labels), maps.Clone(e.Annotations)
	e.Ports = checkPorts(e.Cluster, e.Ports, true, f)
	e.Backends = slices.Clone(e.Backends)
	for i := range e.Backends {
		b := &e.Backends[i]
		b.Addresses = slices.Clone(b.Addresses)
		if b.Ports != nil {
			b.Ports = checkPorts(e.Cluster, b.Ports, false, f)
		}
	}
	return e
}
