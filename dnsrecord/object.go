package dnsrecord

import (
	"encoding/json"
	"fmt"
)

// Object returns a DNSEndpoint (externaldns.k8s.io/v1alpha1) with the endpoints, ready to be applied: a value of the types that
// encoding/json produces, except that integers are int64, as apimachinery's unstructured objects want it. Labels, owner and the like are
// the caller's to add. It shares nothing with its arguments.
func Object(namespace, name string, endpoints []Endpoint) map[string]any {
	list := make([]any, len(endpoints))
	for i, e := range endpoints {
		list[i] = e.object()
	}
	return map[string]any{
		"apiVersion": "externaldns.k8s.io/v1alpha1",
		"kind":       "DNSEndpoint",
		"metadata":   map[string]any{"namespace": namespace, "name": name},
		"spec":       map[string]any{"endpoints": list},
	}
}

func (e Endpoint) object() map[string]any {
	targets := make([]any, len(e.Targets))
	for i, target := range e.Targets {
		targets[i] = target
	}
	o := map[string]any{"dnsName": e.DNSName, "recordType": e.RecordType, "targets": targets}
	if e.SetIdentifier != "" {
		o["setIdentifier"] = e.SetIdentifier
	}
	if e.RecordTTL != 0 {
		o["recordTTL"] = e.RecordTTL
	}
	if len(e.Labels) > 0 {
		labels := make(map[string]any, len(e.Labels))
		for key, value := range e.Labels {
			labels[key] = value
		}
		o["labels"] = labels
	}
	if len(e.ProviderSpecific) > 0 {
		properties := make([]any, len(e.ProviderSpecific))
		for i, p := range e.ProviderSpecific {
			properties[i] = map[string]any{"name": p.Name, "value": p.Value}
		}
		o["providerSpecific"] = properties
	}
	return o
}

// FromObject returns the endpoints of a DNSEndpoint, as an object decoded from JSON: what a program hands back as Answers.Previous.
// They come as they stand, in the order of the object.
func FromObject(object map[string]any) ([]Endpoint, error) {
	spec, ok := object["spec"].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("dnsrecord: spec: %w: not an object", ErrInvalidValue)
	}
	data, err := json.Marshal(spec["endpoints"])
	if err != nil {
		return nil, fmt.Errorf("dnsrecord: spec.endpoints: %w: %w", ErrInvalidValue, err)
	}
	var endpoints []Endpoint
	if err := json.Unmarshal(data, &endpoints); err != nil {
		return nil, fmt.Errorf("dnsrecord: spec.endpoints: %w: %w", ErrInvalidValue, err)
	}
	return endpoints, nil
}
