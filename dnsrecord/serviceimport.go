package dnsrecord

import "slices"

// Object returns the ServiceImport (multicluster.x-k8s.io/v1beta1) with spec and status.clusters, ready to be applied: a value of the types
// that encoding/json produces, except that integers are int64. It shares nothing with the receiver.
func (i Import) Object() map[string]any {
	metadata := map[string]any{"namespace": i.Namespace, "name": i.Name}
	if len(i.Labels) > 0 {
		metadata["labels"] = anyMap(i.Labels)
	}
	if len(i.Annotations) > 0 {
		metadata["annotations"] = anyMap(i.Annotations)
	}
	ports := make([]any, len(i.Ports))
	for n, p := range i.Ports {
		port := map[string]any{"port": int64(p.Port)}
		setString(port, "name", p.Name)
		setString(port, "protocol", p.Protocol)
		setString(port, "appProtocol", p.AppProtocol)
		ports[n] = port
	}
	spec := map[string]any{"type": "ClusterSetIP", "ports": ports}
	if i.Headless {
		spec["type"] = "Headless"
	} else if len(i.IPs) > 0 {
		spec["ips"] = anySlice(i.IPs)
	}
	setString(spec, "sessionAffinity", i.SessionAffinity)
	if i.SessionAffinitySeconds != 0 {
		spec["sessionAffinityConfig"] = map[string]any{"clientIP": map[string]any{"timeoutSeconds": i.SessionAffinitySeconds}}
	}
	if len(i.IPFamilies) > 0 {
		spec["ipFamilies"] = anySlice(i.IPFamilies)
	}
	setString(spec, "internalTrafficPolicy", i.InternalTrafficPolicy)
	setString(spec, "trafficDistribution", i.TrafficDistribution)

	clusters := make([]any, len(i.Exports))
	for n, e := range i.Exports {
		clusters[n] = map[string]any{"cluster": e.Cluster}
	}
	return map[string]any{
		"apiVersion": "multicluster.x-k8s.io/v1beta1",
		"kind":       "ServiceImport",
		"metadata":   metadata,
		"spec":       spec,
		"status":     map[string]any{"clusters": clusters},
	}
}

func setString(m map[string]any, key, value string) {
	if value != "" {
		m[key] = value
	}
}

func anySlice(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

func anyMap(m map[string]string) map[string]any {
	out := make(map[string]any, len(m))
	for key, value := range m {
		out[key] = value
	}
	return out
}

// sorted returns a sorted copy without duplicates.
func sorted(list []string) []string { return slices.Compact(slices.Sorted(slices.Values(list))) }
