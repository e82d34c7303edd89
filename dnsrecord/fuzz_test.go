package dnsrecord_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/confed-project/confed/dnsrecord"
)

// FuzzRecords looks for names, regions, zones and addresses that get past the checks.
func FuzzRecords(f *testing.F) {
	f.Add("nginx", "example.com", "web", "", "us", "us1", "192.0.2.1", "lb.example.net", int64(60), byte(0))
	f.Add("nginx", "example.com", "", "a.b", "US", "", "2001:DB8::1", "::ffff:1.2.3.4", int64(-1), byte(7))
	f.Add("n", "com", "n.test.galactic.svc", "n", "r", "z", "n.test.galactic.svc.com", "1.2.3.4.", int64(1<<40), byte(9))
	f.Fuzz(func(t *testing.T, name, domain, prefix, external, region, zone, first, second string, ttl int64, flags byte) {
		if strings.HasSuffix(first, ".example.net") || strings.HasSuffix(second, ".example.net") {
			t.Skip("the end of a chain for checkSet")
		}
		service := dnsrecord.Service{Name: name, Namespace: "test", Federation: "galactic", Domain: domain, Prefix: prefix, ExternalName: external}
		answers := dnsrecord.Answers{TTL: ttl, AllowEmpty: flags&1 > 0, KeepUnready: flags&2 > 0, Clusters: []dnsrecord.Cluster{
			{Name: "c1", Region: region, Zones: []string{zone, "z"}, Ready: flags&4 > 0, Addresses: []string{first}, Weight: ttl},
			{Name: "c2", Region: "eu", Zones: []string{"eu1", zone}, Ready: true, Addresses: []string{second}},
		}}
		if flags&8 > 0 {
			answers.Split = &dnsrecord.Split{Weight: "aws/weight"}
		}
		got, err := dnsrecord.Records(service, answers)
		swapped := answers
		swapped.Clusters = []dnsrecord.Cluster{answers.Clusters[1], answers.Clusters[0]}
		again, errAgain := dnsrecord.Records(service, swapped)
		require.Equal(t, got, again)
		require.Equal(t, err == nil, errAgain == nil)
		for _, e := range got {
			if e.RecordType == "CNAME" && (e.Targets[0] == first || e.Targets[0] == second) {
				// The host name of a load balancer ends the chain, so it must not be one of ours.
				require.False(t, slices.ContainsFunc(got, func(o dnsrecord.Endpoint) bool { return o.DNSName == e.Targets[0] }))
				return
			}
		}
		checkSet(t, got, map[bool]string{true: strings.Join([]string{coalesce(external, name), "test.galactic.svc", domain}, ".")}[answers.AllowEmpty])
	})
}

func coalesce(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// FuzzMerge looks for sets, read from JSON, that Merge cannot settle.
func FuzzMerge(f *testing.F) {
	f.Add([]byte(`[{"dnsName":"a","recordType":"CNAME","targets":["b"]},{"dnsName":"b","recordType":"CNAME","targets":["a"]}]`))
	f.Add([]byte(`[{"dnsName":"a","recordType":"A","targets":["192.0.2.1"],"setIdentifier":"x"},{"dnsName":"a","recordType":"A","targets":["192.0.2.1"]}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var set []dnsrecord.Endpoint
		if json.Unmarshal(data, &set) != nil {
			t.Skip()
		}
		got, _ := dnsrecord.Merge(set)
		checkMerged(t, set, got)
		twice, err := dnsrecord.Merge(got)
		require.NoError(t, err)
		require.Equal(t, got, twice)
		require.Empty(t, dnsrecord.Diff(got, twice))
		_ = dnsrecord.Table(set)
	})
}

// FuzzFromObject reads any object.
func FuzzFromObject(f *testing.F) {
	f.Add([]byte(`{"spec":{"endpoints":[{"dnsName":"a","recordType":"A","targets":["192.0.2.1"],"recordTTL":60,"providerSpecific":[{"name":"x","value":"y"}]}]}}`))
	f.Add([]byte(`{"spec":{"endpoints":null}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var object map[string]any
		if json.Unmarshal(data, &object) != nil {
			t.Skip()
		}
		endpoints, err := dnsrecord.FromObject(object)
		if err != nil {
			require.True(t, errors.Is(err, dnsrecord.ErrInvalidValue))
			return
		}
		back, err := dnsrecord.FromObject(dnsrecord.Object("a", "b", endpoints))
		require.NoError(t, err)
		require.Empty(t, dnsrecord.Diff(endpoints, back))
	})
}

// FuzzImportRecords looks for exports, read from JSON, whose records are not what the specification allows.
func FuzzImportRecords(f *testing.F) {
	f.Add([]byte(`[{"Cluster":"c1","Headless":true,"Ports":[{"Name":"http","Port":80}],"Backends":[{"Ready":true,"Addresses":["10.0.0.1","::1"]}]}]`))
	f.Add([]byte(`[{"Cluster":"c1","Ports":[{"Name":"http","Port":80}]},{"Cluster":"c2","Ports":[{"Name":"web","Port":80}]}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var exports []dnsrecord.Export
		if json.Unmarshal(data, &exports) != nil {
			t.Skip()
		}
		united, conditions, _ := dnsrecord.Unite("shop", "nginx", exports)
		united.IPs = []string{"10.42.0.1"}
		require.GreaterOrEqual(t, len(conditions), len(united.Exports)*2)
		raw := dnsrecord.Import{Namespace: "shop", Name: "raw", IPs: united.IPs, Headless: united.Headless, Exports: exports, Ports: united.Ports}
		got, _ := dnsrecord.ImportRecords("clusterset.local", 0, []dnsrecord.Import{united, raw})
		types := map[string]bool{}
		for i, e := range got {
			require.True(t, i == 0 || slices.Compare([]string{got[i-1].DNSName, got[i-1].RecordType}, []string{e.DNSName, e.RecordType}) < 0)
			require.LessOrEqual(t, len(e.DNSName), 253)
			for _, part := range strings.Split(e.DNSName, ".") {
				require.True(t, label.MatchString(strings.TrimPrefix(part, "_")) && len(part) <= 63, e.DNSName)
			}
			types[e.DNSName] = true
		}
		for _, e := range exports {
			require.False(t, types[e.Cluster+".nginx.shop.svc.clusterset.local"])
		}
	})
}
