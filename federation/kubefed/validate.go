package kubefed

import (
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Validate says what is wrong with an object of KubeFed's own kinds (KubeFedConfig, KubeFedCluster, FederatedTypeConfig,
// ReplicaSchedulingPreference, Domain, ServiceDNSRecord, IngressDNSRecord): what its webhooks refused, and for the others what
// their decoders do; what only programs write is not looked into. Old is the object before an update, nil when there was none. The error joins a *federation.Error for each
// field, in a stable order. A kind that is not known here is an error too; a federated object is checked by Decode.
//
// Differences from KubeFed: fields that have defaults may be absent, and plural names are among them; leases is a lock; a
// proxyURL needs a host; no value of a field with a password in it is quoted.
func Validate(obj, old *unstructured.Unstructured) error {
	n := read(obj)
	if n.m == nil {
		return n.err
	}
	if !strings.HasSuffix(obj.GroupVersionKind().Group, ".kubefed.io") {
		n.fail("apiVersion", "is not one of KubeFed's own")
		return n.err
	}
	switch check, known := checks()[obj.GetKind()]; {
	case known:
		return check(obj, old)
	case !slices.Contains([]string{"PropagatedVersion", "ClusterPropagatedVersion", "FederatedServiceStatus", "DNSEndpoint"}, obj.GetKind()):
		n.fail("kind", "%q is not a kind of KubeFed's own", obj.GetKind())
	}
	return n.err
}

func checks() map[string]func(obj, old *unstructured.Unstructured) error {
	return map[string]func(obj, old *unstructured.Unstructured) error{
		"KubeFedConfig":  validateConfig,
		"KubeFedCluster": func(obj, _ *unstructured.Unstructured) error { return validateCluster(obj) },
		"FederatedTypeConfig": func(obj, _ *unstructured.Unstructured) error {
			return validateType(obj)
		},
		"ReplicaSchedulingPreference": func(obj, _ *unstructured.Unstructured) error {
			_, err := DecodePreference(obj)
			return err
		},
		"Domain":      func(obj, _ *unstructured.Unstructured) error { _, _, err := DecodeDomain(obj); return err },
		serviceRecord: validateRecord,
		ingressRecord: validateRecord,
	}
}

func validateRecord(obj, _ *unstructured.Unstructured) error {
	_, err := DecodeDNSRecord(obj)
	return err
}

func validateConfig(obj, old *unstructured.Unstructured) error {
	_, err := DecodeConfig(obj)
	n := read(obj)
	scope, _, _ := unstructured.NestedString(obj.Object, "spec", "scope")
	if old != nil {
		if before, _, _ := unstructured.NestedString(old.Object, "spec", "scope"); before != scope {
			n.child("spec").fail("scope", "must not change")
		}
	}
	return join(err, n)
}

// join adds what was found in another reading of the same object.
func join(err error, n node) error {
	first, _ := err.(*faults)  //nolint:errorlint // it is ours, never wrapped
	more, _ := n.err.(*faults) //nolint:errorlint // it is ours, never wrapped
	if first == nil || more == nil {
		if first == nil && more != nil {
			return more
		}
		return err
	}
	all := append(append(faults{}, *first...), *more...)
	return &all
}

func validateType(obj *unstructured.Unstructured) error {
	_, err := DecodeType(obj)
	n := read(obj)
	status := n.child("status")
	if len(status.m) == 0 {
		return join(err, n)
	}
	status.count("observedGeneration")
	status.oneOf("propagationController", "Running", "NotRunning")
	if status.m["statusController"] != nil {
		status.oneOf("statusController", "Running", "NotRunning")
	}
	return join(err, n)
}

func validateCluster(obj *unstructured.Unstructured) error {
	n := readKind(obj, clusterKind())
	spec := n.child("spec")
	spec.like("apiEndpoint", endpointForm())
	spec.child("secretRef").like("name", subdomainForm())
	spec.like("proxyURL", proxyForm())
	spec.like("caBundle", base64Form())
	disabled := spec.strings("disabledTLSValidations")
	if len(disabled) > maxValidations {
		spec.fail("disabledTLSValidations", "has more than %d items", maxValidations)
	}
	for i, v := range disabled {
		if v != "*" && v != "SubjectName" && v != "ValidityPeriod" {
			spec.fail("disabledTLSValidations["+strconv.Itoa(i)+"]", "%q is none of *, SubjectName, ValidityPeriod", v)
		}
		if v == "*" && len(disabled) > 1 {
			spec.fail("disabledTLSValidations", "* stands for all and must be alone")
		}
	}
	status := n.child("status")
	for _, c := range status.nodes("conditions") {
		c.oneOf("type", "Ready", "Offline", "ConfigMalformed")
		c.oneOf("status", "True", "False", "Unknown")
		if probed := c.text("lastProbeTime"); probed != "" {
			c.time("lastProbeTime")
		}
		c.time("lastTransitionTime")
	}
	for _, key := range []string{"region", "kubernetesVersion"} {
		get[string](status, key)
	}
	status.strings("zones")
	return n.err
}
