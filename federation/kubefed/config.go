package kubefed

import (
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// The feature gates, for Config.Features. The last two went from KubeFed in v0.7.0; they are known here, and off.
const (
	PushReconciler               = "PushReconciler"
	SchedulerPreferences         = "SchedulerPreferences"
	RawResourceStatusCollection  = "RawResourceStatusCollection"
	CrossClusterServiceDiscovery = "CrossClusterServiceDiscovery"
	FederatedIngress             = "FederatedIngress"
)

// Config is what a KubeFedConfig says.
type Config struct {
	Namespaced bool // the scope: only the system namespace, and nothing that is cluster-scoped

	AvailableDelay, UnavailableDelay, CacheSyncTimeout time.Duration

	LeaseDuration, RenewDeadline, RetryPeriod time.Duration
	// ResourceLock is configmaps, endpoints or leases. The first two are what KubeFed had; no client can hold such a lock any
	// more, so a program holds a Lease whatever is said here.
	ResourceLock string

	Features map[string]bool // every gate that is known, and what else the object names

	HealthPeriod, HealthTimeout        time.Duration
	FailureThreshold, SuccessThreshold int64

	SyncWorkers, StatusWorkers int64
	Adopt                      bool // take over what members already have
}

func defaults() Config {
	return Config{
		AvailableDelay: 20 * time.Second, UnavailableDelay: time.Minute, CacheSyncTimeout: 5 * time.Minute,
		LeaseDuration: 15 * time.Second, RenewDeadline: 10 * time.Second, RetryPeriod: 5 * time.Second, ResourceLock: "configmaps",
		Features: map[string]bool{
			PushReconciler: true, SchedulerPreferences: true, RawResourceStatusCollection: false,
			CrossClusterServiceDiscovery: false, FederatedIngress: false,
		},
		HealthPeriod: 10 * time.Second, HealthTimeout: 3 * time.Second, FailureThreshold: 3, SuccessThreshold: 1,
		SyncWorkers: 1, StatusWorkers: 1, Adopt: true,
	}
}

// setting is one field of the spec, and where it is kept: a *time.Duration or *int64, which must be above 0, a *string, which
// must be one of locks, or a *bool, which is Enabled or Disabled.
type setting struct {
	section, key string
	to           any
}

func (c *Config) settings() []setting {
	return []setting{
		{"controllerDuration", "availableDelay", &c.AvailableDelay},
		{"controllerDuration", "unavailableDelay", &c.UnavailableDelay},
		{"controllerDuration", "cacheSyncTimeout", &c.CacheSyncTimeout},
		{"leaderElect", "leaseDuration", &c.LeaseDuration},
		{"leaderElect", "renewDeadline", &c.RenewDeadline},
		{"leaderElect", "retryPeriod", &c.RetryPeriod},
		{"leaderElect", "resourceLock", &c.ResourceLock},
		{"clusterHealthCheck", "period", &c.HealthPeriod},
		{"clusterHealthCheck", "timeout", &c.HealthTimeout},
		{"clusterHealthCheck", "failureThreshold", &c.FailureThreshold},
		{"clusterHealthCheck", "successThreshold", &c.SuccessThreshold},
		{"syncController", "maxConcurrentReconciles", &c.SyncWorkers},
		{"syncController", "adoptResources", &c.Adopt},
		{"statusController", "maxConcurrentReconciles", &c.StatusWorkers},
	}
}

func locks() []string { return []string{"configmaps", "endpoints", "leases"} }

func configKind() schema.GroupKind { return schema.GroupKind{Group: coreGroup, Kind: "KubeFedConfig"} }

// DecodeConfig reads a KubeFedConfig, with KubeFed's defaults for what it does not say; an object that is older than a field
// is as good as any. The error joins a *federation.Error for every field that is wrong, by the rules of KubeFed's webhook;
// beside it stands what could be read, and the default of what could not. The scope has no default.
func DecodeConfig(obj *unstructured.Unstructured) (Config, error) {
	c := defaults()
	n := readKind(obj, configKind())
	if n.m == nil {
		return c, n.err
	}
	spec := n.child("spec")
	c.Namespaced = spec.oneOf("scope", "Cluster", "Namespaced") == "Namespaced"
	for _, s := range c.settings() {
		spec.child(s.section).setting(s)
	}
	lead := spec.child("leaderElect")
	if c.LeaseDuration <= c.RenewDeadline {
		lead.fail("leaseDuration", "%s is not above renewDeadline, %s", c.LeaseDuration, c.RenewDeadline)
	}
	// Renewals come up to a fifth later than the period says. Of whole numbers, this is exact.
	if c.RenewDeadline-c.RetryPeriod <= c.RetryPeriod/5 {
		lead.fail("renewDeadline", "%s is not above 1.2 times retryPeriod, %s", c.RenewDeadline, c.RetryPeriod)
	}
	spec.gates(c.Features)
	return c, n.err
}

// setting reads a field over its default.
func (n node) setting(s setting) {
	if n.m[s.key] == nil {
		return
	}
	switch to := s.to.(type) {
	case *time.Duration:
		faults := n.faulted()
		text := get[string](n, s.key)
		if n.faulted() > faults {
			return
		}
		d, err := time.ParseDuration(text)
		if err != nil || len(text) > maxDuration {
			n.fail(s.key, "%q is not a duration such as 1m30s", text)
			return
		}
		*to = d
		n.positive(s.key, int64(d))
	case *int64:
		if v := n.integer(s.key); v != nil {
			*to = *v
			n.positive(s.key, *v)
		}
	case *string:
		*to = n.oneOf(s.key, locks()...)
	case *bool:
		if v := n.oneOf(s.key, "Enabled", "Disabled"); v != "" {
			*to = v == "Enabled"
		}
	}
}

func (n node) positive(key string, v int64) {
	if v <= 0 {
		n.fail(key, "must be above 0")
	}
}

// oneOf returns the text if it is one of those, else none.
func (n node) oneOf(key string, values ...string) string {
	faults := n.faulted()
	v := get[string](n, key)
	if slices.Contains(values, v) {
		return v
	}
	if n.faulted() == faults {
		n.fail(key, "%q is none of %s", v, strings.Join(values, ", "))
	}
	return ""
}

func (n node) gates(into map[string]bool) {
	known := slices.Sorted(maps.Keys(into))
	seen := map[string]bool{}
	for _, gate := range n.nodes("featureGates") {
		name := gate.text("name")
		if name != "" && !slices.Contains(known, name) {
			gate.fail("name", "%q is none of %s", name, strings.Join(known, ", "))
		}
		if seen[name] && name != "" {
			gate.fail("name", "%q is there twice", name)
			continue
		}
		seen[name] = true
		if v := gate.oneOf("configuration", "Enabled", "Disabled"); v != "" && name != "" {
			into[name] = v == "Enabled"
		}
	}
}

// Encode returns obj with what c says, or nil when it says that already; a nil obj is a new object, for which the caller sets
// the namespace. Encoding what was decoded writes the defaults of what is absent, as KubeFed's webhook did: every gate is
// appended and the list sorted, and nothing that is there is changed. The same goes for what could not be read.
func (c Config) Encode(obj *unstructured.Unstructured) *unstructured.Unstructured {
	d := draftOf(obj, configKind(), "v1beta1", "kubefed")
	was, _ := DecodeConfig(d.object())
	spec := d.at("spec")
	if spec["scope"] == nil || was.Namespaced != c.Namespaced {
		spec["scope"] = map[bool]string{true: "Namespaced", false: "Cluster"}[c.Namespaced]
	}
	before := was.settings()
	for i, s := range c.settings() {
		section := d.at("spec", s.section)
		if section[s.key] == nil || plain(s.to) != plain(before[i].to) {
			section[s.key] = plain(s.to)
		}
	}
	if list, ok := spec["featureGates"].([]any); ok || spec["featureGates"] == nil {
		spec["featureGates"] = c.features(list, was.Features)
	}
	return d.changed()
}

// plain is a setting as it is written.
func plain(setting any) any {
	switch v := setting.(type) {
	case *time.Duration:
		return v.String()
	case *int64:
		return *v
	case *string:
		return *v
	case *bool:
		return configuration(*v)
	}
	return nil
}

func configuration(on bool) string { return map[bool]string{true: "Enabled", false: "Disabled"}[on] }

// features changes and completes the list of gates.
func (c Config) features(list []any, was map[string]bool) []any {
	list = slices.Clone(list)
	listed := map[string]bool{}
	name := func(gate any) string {
		m, _ := gate.(map[string]any)
		s, _ := m["name"].(string)
		return s
	}
	for i, gate := range list {
		n := name(gate)
		on, wanted := c.Features[n]
		if wanted && on != was[n] && !listed[n] {
			m := maps.Clone(gate.(map[string]any)) //nolint:forcetypeassert // it has a name
			m["configuration"] = configuration(on)
			list[i] = m
		}
		listed[n] = true
	}
	for _, n := range slices.Sorted(maps.Keys(c.Features)) {
		if !listed[n] {
			list = append(list, map[string]any{"name": n, "configuration": configuration(c.Features[n])})
		}
	}
	slices.SortStableFunc(list, func(a, b any) int { return strings.Compare(name(a), name(b)) })
	return list
}
