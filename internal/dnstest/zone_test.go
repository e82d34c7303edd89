package dnstest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/confed-project/confed/dnsrecord"
)

// records returns the resource records of endpoints, as a name server would hold them.
func records(t *testing.T, endpoints []dnsrecord.Endpoint) []dns.RR {
	t.Helper()
	var out []dns.RR
	for _, e := range endpoints {
		for _, target := range e.Targets {
			switch e.RecordType {
			case dnsrecord.TypeTXT:
				target = fmt.Sprintf("%q", target)
			case dnsrecord.TypeCNAME:
				target += "."
			}
			rr, err := dns.NewRR(fmt.Sprintf("%s. %d IN %s %s", e.DNSName, e.RecordTTL, e.RecordType, target))
			require.NoError(t, err)
			out = append(out, rr)
		}
	}
	return out
}

// endpoints is the way back: one endpoint for each name and type.
func endpoints(t *testing.T, rrs []dns.RR) []dnsrecord.Endpoint {
	t.Helper()
	var out []dnsrecord.Endpoint
	for _, rr := range rrs {
		h := rr.Header()
		target := strings.TrimPrefix(rr.String(), h.String())
		switch h.Rrtype {
		case dns.TypeTXT:
			target = strings.Trim(target, `"`)
		case dns.TypeCNAME:
			target = strings.TrimSuffix(target, ".")
		}
		out = append(out, dnsrecord.Endpoint{
			DNSName: strings.TrimSuffix(h.Name, "."), RecordType: dns.TypeToString[h.Rrtype], RecordTTL: int64(h.Ttl), Targets: []string{target},
		})
	}
	out, err := dnsrecord.Merge(out)
	require.NoError(t, err)
	return out
}

// zoneFile writes a zone for the file backend of a name server.
func zoneFile(origin string, serial int, rrs []dns.RR) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s. 30 IN SOA ns.%s. admin.%s. %d 60 60 60 5\n%s. 30 IN NS ns.%s.\nns.%s. 30 IN A 127.0.0.1\n",
		origin, origin, origin, serial, origin, origin, origin)
	for _, rr := range rrs {
		if dns.IsSubDomain(origin+".", rr.Header().Name) {
			fmt.Fprintln(&b, rr)
		}
	}
	return b.String()
}
