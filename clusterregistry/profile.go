package clusterregistry

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/confed-project/confed/placement"
)

// ErrNotProfile means that an object is not a ClusterProfile with a name.
var ErrNotProfile = errors.New("not a ClusterProfile with a name")

// Names that sources write into the facts about a cluster.
const (
	VersionProperty = "confed.dev/kubernetes-version" // property: the version of Kubernetes, as the source spells it
	DrainingTaint   = "confed.dev/draining"           // NoSchedule: the cluster is leaving
	RegionLabel     = "topology.kubernetes.io/region"
	ZoneLabel       = "topology.kubernetes.io/zone"
)

// Profile is what a ClusterProfile (multicluster.x-k8s.io) says.
type Profile struct {
	// Cluster has the name namespace/name, the labels and properties of the profile, its region and zone, and the
	// condition ControlPlaneHealthy as readiness. A profile whose condition Joined is False has the DrainingTaint.
	Cluster     placement.Cluster
	DisplayName string
	Manager     string
	Observed    map[string]time.Time // when properties were observed on the member, as far as it is told
	Access      []Access             // sorted by provider
	Skipped     []string             // what could not be used, for people; sorted by place in the profile
}

// Access is one way to reach a cluster, without any credential: those come from the provider that it names.
type Access struct {
	Provider           string
	Server             string
	TLSServerName      string
	CA                 []byte // PEM
	Insecure           bool   // do not verify the server
	ProxyURL           string
	DisableCompression bool
	Extensions         map[string]json.RawMessage
}

// FromProfile reads a ClusterProfile from its JSON form. Parts that cannot be used are skipped and reported; the error
// is ErrNotProfile. Access providers win over the deprecated credential providers of the same name. obj is not changed,
// and nothing of it is shared.
func FromProfile(obj map[string]any) (Profile, error) {
	data, err := json.Marshal(obj)
	if err != nil {
		return Profile{}, ErrNotProfile
	}
	var o profileObject
	group, _, _ := strings.Cut(text(obj["apiVersion"]), "/")
	if json.Unmarshal(data, &o) != nil || group != "multicluster.x-k8s.io" || o.Kind != "ClusterProfile" || o.Metadata.Name == "" {
		return Profile{}, ErrNotProfile
	}
	p := Profile{DisplayName: o.Spec.DisplayName, Manager: o.Spec.ClusterManager.Name}
	p.Cluster = placement.Cluster{Name: o.Metadata.Name, Labels: o.Metadata.Labels}
	if o.Metadata.Namespace != "" {
		p.Cluster.Name = o.Metadata.Namespace + "/" + o.Metadata.Name
	}
	if label, ok := o.Metadata.Labels["x-k8s.io/cluster-manager"]; ok && label != p.Manager {
		p.skip("the label x-k8s.io/cluster-manager says %q, the profile %q", label, p.Manager)
	}
	p.conditions(o.Status.Conditions)
	p.properties(o.Status.Properties)
	if v := o.Status.Version.Kubernetes; v != "" {
		p.set(VersionProperty, v)
	}
	p.locate()
	p.access("accessProviders", o.Status.AccessProviders)
	p.access("credentialProviders", o.Status.CredentialProviders)
	slices.SortFunc(p.Access, func(a, b Access) int { return cmp.Compare(a.Provider, b.Provider) })
	return p, nil
}

// profileObject keeps the elements of lists raw, so that a broken one breaks nothing else.
type profileObject struct {
	Kind     string
	Metadata struct {
		Name, Namespace string
		Labels          map[string]string
	}
	Spec struct {
		DisplayName    string
		ClusterManager struct{ Name string }
	}
	Status struct {
		Version             struct{ Kubernetes string }
		Conditions          []json.RawMessage
		Properties          []json.RawMessage
		AccessProviders     []json.RawMessage
		CredentialProviders []json.RawMessage
	}
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

func (p *Profile) skip(format string, args ...any) {
	p.Skipped = append(p.Skipped, fmt.Sprintf(format, args...))
}

func (p *Profile) set(name, value string) {
	if p.Cluster.Properties == nil {
		p.Cluster.Properties = map[string]string{}
	}
	p.Cluster.Properties[name] = value
}

func (p *Profile) conditions(list []json.RawMessage) {
	for i, raw := range list {
		var c struct {
			Type, Status, Reason string
			LastTransitionTime   time.Time
		}
		if json.Unmarshal(raw, &c) != nil {
			p.skip("status.conditions[%d]: does not decode", i)
			continue
		}
		switch {
		case c.Type == "ControlPlaneHealthy":
			p.Cluster.Ready = placement.Readiness{Since: c.LastTransitionTime, Reason: c.Reason}
			if c.Status == "True" || c.Status == "False" {
				p.Cluster.Ready.State = placement.ReadyState(c.Status)
			}
		case c.Type == "Joined" && c.Status == "False":
			p.Cluster.Taints = []placement.Taint{{Key: DrainingTaint, Effect: "NoSchedule", Since: c.LastTransitionTime}}
		}
	}
}

func (p *Profile) properties(list []json.RawMessage) {
	for i, raw := range list {
		var prop struct {
			Name, Value      string
			LastObservedTime *time.Time
		}
		if json.Unmarshal(raw, &prop) != nil || prop.Name == "" {
			p.skip("status.properties[%d]: does not decode, or has no name", i)
			continue
		}
		if _, ok := p.Cluster.Properties[prop.Name]; ok {
			p.skip("status.properties[%d]: %q is there already", i, prop.Name)
			continue
		}
		p.set(prop.Name, prop.Value)
		if prop.LastObservedTime != nil {
			if p.Observed == nil {
				p.Observed = map[string]time.Time{}
			}
			p.Observed[prop.Name] = *prop.LastObservedTime
		}
	}
}

// locate takes region and zone from the labels, else from properties of either spelling.
func (p *Profile) locate() {
	find := func(label, property string) string {
		return cmp.Or(p.Cluster.Labels[label], p.Cluster.Properties[label], p.Cluster.Properties[property])
	}
	p.Cluster.Region = find(RegionLabel, "region.topology.k8s.io")
	if zone := find(ZoneLabel, "zone.topology.k8s.io"); zone != "" {
		p.Cluster.Zones = []string{zone}
	}
}

func (p *Profile) access(field string, list []json.RawMessage) {
	for i, raw := range list {
		var entry struct {
			Name    string
			Cluster struct {
				Server             string            `json:"server"`
				TLSServerName      string            `json:"tls-server-name"`
				CA                 []byte            `json:"certificate-authority-data"`
				CAFile             string            `json:"certificate-authority"`
				Insecure           bool              `json:"insecure-skip-tls-verify"`
				ProxyURL           string            `json:"proxy-url"`
				DisableCompression bool              `json:"disable-compression"`
				Extensions         []json.RawMessage `json:"extensions"`
			}
		}
		known := func(a Access) bool { return a.Provider == entry.Name }
		switch err := json.Unmarshal(raw, &entry); {
		case err != nil || entry.Name == "":
			p.skip("status.%s[%d]: does not decode, or has no name", field, i)
		case slices.ContainsFunc(p.Access, known):
			if field == "accessProviders" {
				p.skip("status.%s[%d]: %q is there already", field, i, entry.Name)
			}
		case entry.Cluster.Server == "":
			p.skip("status.%s[%d]: %q has no server", field, i, entry.Name)
		case entry.Cluster.CAFile != "":
			p.skip("status.%s[%d]: %q names a file", field, i, entry.Name)
		default:
			c := entry.Cluster
			p.Access = append(p.Access, Access{Provider: entry.Name, Server: c.Server, TLSServerName: c.TLSServerName, CA: c.CA,
				Insecure: c.Insecure, ProxyURL: c.ProxyURL, DisableCompression: c.DisableCompression, Extensions: extensions(c.Extensions)})
		}
	}
}

func extensions(list []json.RawMessage) map[string]json.RawMessage {
	var named map[string]json.RawMessage
	for _, raw := range list {
		var e struct {
			Name      string
			Extension json.RawMessage
		}
		if json.Unmarshal(raw, &e) != nil || e.Name == "" {
			continue
		}
		if named == nil {
			named = map[string]json.RawMessage{}
		}
		named[e.Name] = e.Extension
	}
	return named
}
