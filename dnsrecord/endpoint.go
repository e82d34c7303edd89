package dnsrecord

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// The record types of an Endpoint.
const (
	TypeA     = "A"
	TypeAAAA  = "AAAA"
	TypeCNAME = "CNAME"
	TypeSRV   = "SRV"
	TypeTXT   = "TXT"
)

// DefaultTTL is the time to live of a record, in seconds, when none is asked for.
const DefaultTTL = 180

// Endpoint is the answer to one question: everything published under one name, record type and set identifier. Its JSON is that of
// an endpoint of external-dns's DNSEndpoint (externaldns.k8s.io/v1alpha1).
type Endpoint struct {
	DNSName    string   `json:"dnsName,omitempty"`
	Targets    []string `json:"targets,omitempty"` // sorted, without duplicates, never empty; one for a CNAME
	RecordType string   `json:"recordType,omitempty"`
	// SetIdentifier tells apart the answers between which the provider chooses; empty: there is only one.
	SetIdentifier    string            `json:"setIdentifier,omitempty"`
	RecordTTL        int64             `json:"recordTTL,omitempty"` // seconds
	Labels           map[string]string `json:"labels,omitempty"`
	ProviderSpecific []Property        `json:"providerSpecific,omitempty"` // sorted by name
	// Why says for people where the answer comes from. It is not published and never compared.
	Why string `json:"-"`
}

// Property is a setting that only some DNS providers know, such as aws/weight.
type Property struct {
	Name  string `json:"name,omitempty"`
	Value string `json:"value,omitempty"`
}

// compareKey orders endpoints by what must be unique: name, type and set identifier.
func compareKey(a, b Endpoint) int {
	return cmp.Or(strings.Compare(a.DNSName, b.DNSName), strings.Compare(a.RecordType, b.RecordType), strings.Compare(a.SetIdentifier, b.SetIdentifier))
}

// clone returns a copy that shares nothing with its argument.
func clone(endpoints []Endpoint) []Endpoint {
	endpoints = slices.Clone(endpoints)
	for i := range endpoints {
		e := &endpoints[i]
		e.Targets = slices.Clone(e.Targets)
		e.Labels = maps.Clone(e.Labels)
		e.ProviderSpecific = slices.Clone(e.ProviderSpecific)
	}
	return endpoints
}
