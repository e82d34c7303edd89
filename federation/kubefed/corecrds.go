package kubefed

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// CRDs returns the CustomResourceDefinitions of KubeFed's own kinds, always in the same order. What Validate refuses their
// schemas and rules refuse too, so no webhook is needed; values that only an old object has stay as they are while nobody
// touches them. Defaults are not filled in: DecodeConfig knows them. The kinds of federated objects are Enable's.
func CRDs() []*unstructured.Unstructured {
	all := []crd{
		coreCRD("KubeFedConfig", "v1beta1", configSchema()),
		coreCRD("KubeFedCluster", "v1beta1", clusterSchema()).with("kfc", true,
			[3]string{"age", "date", ".metadata.creationTimestamp"},
			[3]string{"ready", "string", ".status.conditions[?(@.type=='Ready')].status"},
			[3]string{"kubernetes-version", "string", ".status.kubernetesVersion"}),
		coreCRD("FederatedTypeConfig", "v1beta1", typeSchema()).with("ftc", true,
			[3]string{"propagation", "string", ".spec.propagation"},
			[3]string{"controller", "string", ".status.propagationController"},
			[3]string{"reason", "string", ".status.conditions[?(@.type=='Running')].reason"},
			[3]string{"age", "date", ".metadata.creationTimestamp"}),
		coreCRD("PropagatedVersion", "v1alpha1", versionsSchema()).with("", true),
		coreCRD("ClusterPropagatedVersion", "v1alpha1", versionsSchema()).with("", true),
		coreCRD("FederatedServiceStatus", "v1alpha1", serviceStatusSchema()),
		ownCRD(schedulingGroup, "ReplicaSchedulingPreference", preferenceSchema()).with("rsp", true,
			[3]string{"target", "string", ".spec.targetKind"},
			[3]string{"replicas", "integer", ".spec.totalReplicas"},
			[3]string{"scheduled", "string", ".status.conditions[?(@.type=='Scheduled')].status"},
			[3]string{"reason", "string", ".status.conditions[?(@.type=='Scheduled')].reason"},
			[3]string{"age", "date", ".metadata.creationTimestamp"}),
		ownCRD(DNSGroup, "Domain", domainSchema()),
		ownCRD(DNSGroup, serviceRecord, recordSchema(serviceRecordSpec(), "domainRef")).with("", true),
		ownCRD(DNSGroup, ingressRecord, recordSchema(ingressRecordSpec())).with("", true),
		ownCRD(DNSGroup, "DNSEndpoint", dnsEndpointSchema()).with("", true),
	}
	out := make([]*unstructured.Unstructured, len(all))
	for i, c := range all {
		out[i] = c.object()
	}
	return out
}

func coreCRD(kind, version string, schema map[string]any) crd {
	c := ownCRD(coreGroup, kind, schema)
	c.GVK.Version = version
	c.Namespaced = kind != "ClusterPropagatedVersion"
	return c
}

func ownCRD(group, kind string, properties map[string]any) crd {
	root := rooted(properties)
	return crd{
		Resource: Resource{GVK: schema.GroupVersionKind{Group: group, Version: "v1alpha1", Kind: kind}, Plural: plural(kind), Namespaced: true},
		schema:   root,
	}
}

// rooted is the schema of a whole object, of which the properties of one are given as objectOf does.
func rooted(object map[string]any) map[string]any {
	properties, _ := object["properties"].(map[string]any)
	for _, key := range []string{"apiVersion", "kind"} {
		properties[key] = textOf("")
	}
	properties["metadata"] = objectOf(nil)
	return object
}

func (c crd) with(short string, status bool, columns ...[3]string) crd {
	if short != "" {
		c.shortNames = []string{short}
	}
	c.status, c.columns = status, columns
	return c
}

// formed is text of a form, with the words for those who miss it. Empty text passes where the field may be absent.
func formed(f form, optional bool) map[string]any {
	rule := "self.matches(r'" + f.pattern + "')"
	if optional {
		rule = "self == '' || " + rule
	}
	return ruled(and(textOf(""), map[string]any{"maxLength": int64(f.most)}), [2]string{rule, f.words})
}

func choice(values ...string) map[string]any {
	return and(textOf(""), map[string]any{"enum": list(values...)})
}

// number is a whole number of at least that.
func number(least int64) map[string]any {
	return map[string]any{"type": "integer", "format": "int64", "minimum": least}
}

func flag() map[string]any { return map[string]any{"type": "boolean"} }

// optional makes the properties nullable, since what is null is absent to readers.
func optional(properties map[string]any) map[string]any {
	out := map[string]any{}
	for key, schema := range properties {
		out[key] = nullable(schema.(map[string]any)) //nolint:forcetypeassert // each is a schema
	}
	return out
}

func merged(all ...map[string]any) map[string]any {
	out := map[string]any{}
	for _, m := range all {
		out = and(out, m)
	}
	return out
}

func configSchema() map[string]any {
	c := defaults()
	sections := map[string]any{}
	for _, s := range c.settings() {
		section, _ := sections[s.section].(map[string]any)
		if section == nil {
			section = map[string]any{}
			sections[s.section] = section
		}
		section[s.key] = settingSchema(s.to)
	}
	for name, properties := range sections {
		sections[name] = objectOf(optional(properties.(map[string]any))) //nolint:forcetypeassert // made above
	}
	or := func(field string) string {
		text := map[string]any{"leaseDuration": &c.LeaseDuration, "renewDeadline": &c.RenewDeadline, "retryPeriod": &c.RetryPeriod}
		return fmt.Sprintf("(has(self.%[1]s) ? duration(self.%[1]s) : duration('%[2]s'))", field, plain(text[field]))
	}
	spare := "(" + or("renewDeadline") + " - " + or("retryPeriod") + ")"
	sections["leaderElect"] = ruled(sections["leaderElect"].(map[string]any), //nolint:forcetypeassert // made above
		[2]string{or("leaseDuration") + " > " + or("renewDeadline"), "leaseDuration must be above renewDeadline"},
		[2]string{strings.Join([]string{spare, spare, spare, spare, spare}, " + ") + " > " + or("retryPeriod"),
			"renewDeadline must be above 1.2 times retryPeriod"})
	gates := make([]string, 0, len(c.Features))
	for _, item := range c.features(nil, nil) {
		name, _ := item.(map[string]any)["name"].(string)
		gates = append(gates, name)
	}
	sections["featureGates"] = keyed(objectOf(map[string]any{
		"name": choice(gates...), "configuration": choice("Enabled", "Disabled"),
	}, "name", "configuration"), "name", int64(len(gates)))
	spec := objectOf(merged(optional(sections), map[string]any{"scope": choice("Cluster", "Namespaced")}), "scope")
	return objectOf(map[string]any{
		"spec": ruled(spec, [2]string{"self.scope == oldSelf.scope", "scope must not change"}),
	}, "spec")
}

// settingSchema is what node.setting asks of a field.
func settingSchema(to any) map[string]any {
	switch to.(type) {
	case *int64:
		return number(1)
	case *string:
		return choice(locks()...)
	case *bool:
		return choice("Enabled", "Disabled")
	}
	return ruled(and(textOf(""), map[string]any{"maxLength": int64(maxDuration)}),
		[2]string{"duration(self) > duration('0s')", "must be a duration such as 1m30s, and above 0"})
}

func clusterSchema() map[string]any {
	condition := objectOf(merged(map[string]any{
		"type": choice("Ready", "Offline", "ConfigMalformed"), "status": choice("True", "False", "Unknown"),
		"lastProbeTime": timeSchema(),
	}, optional(map[string]any{"lastTransitionTime": timeSchema(), "reason": textOf(""), "message": textOf("")})),
		"type", "status", "lastProbeTime")
	all := ruled(and(listOf(choice("*", "SubjectName", "ValidityPeriod")), map[string]any{"maxItems": int64(maxValidations)}),
		[2]string{"!self.exists(v, v == '*') || size(self) == 1", "* stands for all and must be alone"})
	spec := objectOf(merged(map[string]any{
		"apiEndpoint": formed(endpointForm(), false),
		"secretRef":   objectOf(map[string]any{"name": formed(subdomainForm(), false)}, "name"),
	}, optional(map[string]any{
		"caBundle": and(textOf(""), map[string]any{"pattern": base64Form().pattern}), "proxyURL": formed(proxyForm(), false), "disabledTLSValidations": all,
	})), "apiEndpoint", "secretRef")
	return objectOf(map[string]any{
		"spec": spec,
		"status": nullable(objectOf(optional(map[string]any{
			"conditions": listOf(condition), "kubernetesVersion": textOf(""), "region": textOf(""), "zones": listOf(textOf("")),
		}))),
	}, "spec")
}

func timeSchema() map[string]any {
	return and(textOf("date-time"), map[string]any{"x-kubernetes-validations": list(map[string]any{
		"rule": "self > timestamp('0001-01-01T00:00:00Z')", "message": "must be a time",
	})})
}

func typeSchema() map[string]any {
	resource := func(group map[string]any, required ...string) map[string]any {
		return objectOf(map[string]any{
			"group": group, "version": formed(labelForm(), !slices.Contains(required, "version")), "kind": formed(kindForm(), false),
			"pluralName": formed(labelForm(), true), "scope": choice("Cluster", "Namespaced"),
		}, required...)
	}
	dotted := func(optional bool) map[string]any {
		f := subdomainForm()
		rule := "self.contains('.')"
		if optional {
			rule = "self == '' || " + rule
		}
		s := formed(f, optional)
		rules, _ := s["x-kubernetes-validations"].([]any)
		s["x-kubernetes-validations"] = append(rules, map[string]any{"rule": rule, "message": "must contain a dot"})
		return s
	}
	status := objectOf(optional(map[string]any{
		"observedGeneration": number(0), "propagationController": choice("Running", "NotRunning"),
		"statusController": choice("Running", "NotRunning"), "conditions": conditionsSchema(),
	}))
	root := objectOf(map[string]any{
		"spec": objectOf(merged(map[string]any{
			"targetType":    resource(formed(subdomainForm(), true), "version", "kind", "scope"),
			"federatedType": resource(dotted(false), "group", "version", "kind", "scope"),
			"propagation":   choice("Enabled", "Disabled"),
		}, optional(map[string]any{
			"statusType": resource(dotted(true), "kind", "scope"), "statusCollection": choice("Enabled", "Disabled"),
		})), "targetType", "federatedType", "propagation"),
		"status": nullable(ruled(status, [2]string{
			"has(self.propagationController) || !has(self.observedGeneration) && !has(self.statusController)",
			"propagationController is missing",
		})),
	}, "spec")
	const target, name = "self.spec.targetType.", "self.metadata.name"
	return ruled(root,
		[2]string{"has(" + target + "pluralName) && " + target + "pluralName != '' ? " + name + ".split('.')[0] == " + target + "pluralName : " +
			name + ".split('.')[0].matches(r'" + labelPattern + "') && size(" + name + ".split('.')[0]) <= 63", "metadata.name must begin with the plural name of the target"},
		[2]string{"!has(" + target + "group) || " + target + "group == '' || " + name + " == " + name + ".split('.')[0] + '.' + " + target + "group",
			"metadata.name must end with the group of the target"})
}

func versionsSchema() map[string]any {
	cluster := objectOf(map[string]any{"clusterName": textOf(""), "version": textOf("")}, "clusterName", "version")
	return objectOf(map[string]any{"status": nullable(objectOf(map[string]any{
		"templateVersion": textOf(""), "overridesVersion": textOf(""), "clusterVersions": nullable(listOf(cluster)),
	}, "templateVersion", "overridesVersion"))})
}

func serviceStatusSchema() map[string]any {
	cluster := objectOf(map[string]any{"clusterName": textOf(""), "status": anyObject()}, "clusterName", "status")
	return objectOf(map[string]any{"clusterStatus": nullable(listOf(cluster))})
}

func preferenceSchema() map[string]any {
	cluster := ruled(objectOf(optional(map[string]any{"minReplicas": number(0), "maxReplicas": number(0), "weight": number(0)})),
		[2]string{"!has(self.minReplicas) || !has(self.maxReplicas) || self.minReplicas <= self.maxReplicas", "minReplicas must not be above maxReplicas"})
	total := map[string]any{"type": "integer", "format": "int32", "minimum": int64(0)}
	return objectOf(map[string]any{
		"spec": objectOf(merged(map[string]any{
			"targetKind": choice("FederatedDeployment", "FederatedReplicaSet"), "totalReplicas": total,
		}, optional(map[string]any{
			"rebalance": flag(), "intersectWithClusterSelector": flag(),
			"clusters": and(mapOf(cluster), map[string]any{"maxProperties": int64(maxPreferences)}),
		})), "targetKind", "totalReplicas"),
		"status": nullable(objectOf(optional(map[string]any{
			"observedGeneration": number(0), "unplaced": number(0), "conditions": conditionsSchema(),
		}))),
	}, "spec")
}

func domainSchema() map[string]any {
	return objectOf(map[string]any{"domain": formed(domainForm(), false), "nameServer": nullable(textOf(""))}, "domain")
}

func serviceRecordSpec() map[string]any {
	return merged(map[string]any{"domainRef": and(textOf(""), map[string]any{"minLength": int64(1)})}, optional(map[string]any{
		"recordTTL": number(0), "dnsPrefix": textOf(""), "externalName": textOf(""), "allowServiceWithoutEndpoints": flag(),
	}))
}

func ingressRecordSpec() map[string]any {
	return optional(map[string]any{"hosts": listOf(textOf("")), "recordTTL": number(0)})
}

func recordSchema(spec map[string]any, required ...string) map[string]any {
	address := and(anyObject(), map[string]any{"properties": optional(map[string]any{"ip": textOf(""), "hostname": textOf("")})})
	cluster := objectOf(optional(map[string]any{
		"cluster": textOf(""), "region": textOf(""), "zones": listOf(textOf("")),
		"loadBalancer": objectOf(map[string]any{"ingress": nullable(listOf(address))}),
	}))
	s := objectOf(spec, required...)
	if len(required) == 0 {
		s = nullable(s)
	}
	out := objectOf(map[string]any{
		"spec":   s,
		"status": nullable(objectOf(optional(map[string]any{"domain": textOf(""), "dns": listOf(cluster)}))),
	})
	if len(required) > 0 {
		out["required"] = list("spec")
	}
	return out
}

func dnsEndpointSchema() map[string]any {
	property := objectOf(map[string]any{"name": textOf(""), "value": textOf("")})
	endpoint := objectOf(optional(map[string]any{
		"dnsName": textOf(""), "targets": listOf(textOf("")), "recordType": textOf(""), "setIdentifier": textOf(""),
		"recordTTL": number(0), "labels": mapOf(textOf("")), "providerSpecific": listOf(property),
	}))
	return objectOf(map[string]any{
		"spec":   nullable(objectOf(map[string]any{"endpoints": nullable(listOf(endpoint))})),
		"status": nullable(objectOf(optional(map[string]any{"observedGeneration": number(0)}))),
	})
}
