package dnsrecord_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/confed-project/confed/dnsrecord"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares a text with testdata/<name>.golden.
func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(string(want), text))
}

// threeClusters is a fleet in two regions, all well.
func threeClusters() []dnsrecord.Cluster {
	return []dnsrecord.Cluster{
		{Name: "tokyo", Region: "asia", Zones: []string{"asia-1"}, Ready: true, Addresses: []string{"192.0.2.30"}, Weight: 1},
		{Name: "paris", Region: "eu", Zones: []string{"eu-1"}, Ready: true, Addresses: []string{"192.0.2.10", "2001:db8::10"}, Weight: 300},
		{Name: "berlin", Region: "eu", Zones: []string{"eu-2"}, Ready: true, Addresses: []string{"192.0.2.20"}, Weight: 600},
	}
}

func TestGoldenService(t *testing.T) {
	resolve := func(host string) ([]string, error) {
		if host == "lb-1.example.net" {
			return []string{"198.51.100.1"}, nil
		}
		return nil, fmt.Errorf("no such host")
	}
	var b strings.Builder
	for _, story := range []struct {
		title string
		edit  func(*dnsrecord.Answers)
	}{
		{"all is well", func(*dnsrecord.Answers) {}},
		{"a zone is dark", func(a *dnsrecord.Answers) { a.Clusters[1].Addresses = nil }},
		{"a region is dark", func(a *dnsrecord.Answers) { a.Clusters[1].Ready, a.Clusters[2].Addresses = false, nil }},
		{"nobody is ready: all answer", func(a *dnsrecord.Answers) {
			for i := range a.Clusters {
				a.Clusters[i].Ready = false
			}
		}},
		{"nobody has an address: what was published stands", func(a *dnsrecord.Answers) {
			a.Previous = []dnsrecord.Endpoint{{DNSName: "web.example.com", RecordType: "A", RecordTTL: 180, Targets: []string{"192.0.2.30"}}}
			for i := range a.Clusters {
				a.Clusters[i].Addresses = nil
			}
		}},
		{"nobody has an address, and that is meant", func(a *dnsrecord.Answers) {
			a.AllowEmpty = true
			for i := range a.Clusters {
				a.Clusters[i].Addresses = nil
			}
		}},
		{"clusters without region or zone", func(a *dnsrecord.Answers) { a.Clusters[0].Region, a.Clusters[1].Zones = "", nil }},
		{"host names, published", func(a *dnsrecord.Answers) {
			a.Clusters[0].Addresses = []string{"lb-1.example.net", "lb-2.example.net"}
		}},
		{"host names, resolved", func(a *dnsrecord.Answers) {
			a.Clusters[0].Addresses, a.Resolve = []string{"lb-1.example.net", "lb-2.example.net"}, resolve
		}},
		{"weights", func(a *dnsrecord.Answers) {
			a.Split = &dnsrecord.Split{Weight: "aws/weight"}
			a.Clusters[0].Properties = []dnsrecord.Property{{Name: "aws/region", Value: "ap-northeast-1"}}
		}},
	} {
		answers := dnsrecord.Answers{Clusters: threeClusters()}
		story.edit(&answers)
		endpoints, err := dnsrecord.Records(nginx, answers)
		checkSet(t, endpoints, "nginx.test.galactic.svc.example.com")
		fmt.Fprintf(&b, "# %s\n%s", story.title, dnsrecord.Table(endpoints))
		if err != nil {
			fmt.Fprintln(&b, err)
		}
		fmt.Fprintln(&b)
	}
	golden(t, "service", b.String())
}

func TestGoldenDiff(t *testing.T) {
	answers := dnsrecord.Answers{Clusters: threeClusters()}
	before, err := dnsrecord.Records(nginx, answers)
	require.NoError(t, err)
	answers.Clusters[0].Addresses, answers.Clusters[1].Ready = []string{"192.0.2.31"}, false
	after, err := dnsrecord.Records(nginx, answers)
	require.NoError(t, err)
	var b strings.Builder
	for _, c := range dnsrecord.Diff(before, after) {
		if c.Old != nil {
			fmt.Fprintln(&b, "-", c.Old.DNSName, c.Old.RecordType, c.Old.Targets)
		}
		if c.New != nil {
			fmt.Fprintln(&b, "+", c.New.DNSName, c.New.RecordType, c.New.Targets)
		}
	}
	golden(t, "diff", b.String())
}

func TestGoldenClusterSet(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	http := dnsrecord.Port{Name: "http", Port: 80}
	var b strings.Builder
	for _, story := range []struct {
		title   string
		exports []dnsrecord.Export
	}{
		{"two clusters agree", []dnsrecord.Export{
			{Cluster: "paris", Created: day(2), Ports: []dnsrecord.Port{http}, IPFamilies: []string{"IPv6", "IPv4"}},
			{Cluster: "tokyo", Created: day(1), Ports: []dnsrecord.Port{http}, IPFamilies: []string{"IPv4"}},
		}},
		{"ports are united, the older wins", []dnsrecord.Export{
			{Cluster: "paris", Created: day(2), Ports: []dnsrecord.Port{{Name: "http", Port: 8080}, {Name: "admin", Port: 81}, {Name: "web", Port: 80}}},
			{Cluster: "tokyo", Created: day(1), Ports: []dnsrecord.Port{http}},
		}},
		{"everything conflicts", []dnsrecord.Export{
			{Cluster: "paris", Created: day(1), Headless: true, Ports: []dnsrecord.Port{http}, SessionAffinity: "ClientIP", IPFamilies: []string{"IPv4"}, Labels: map[string]string{"a": "1"}},
			{Cluster: "tokyo", Created: day(1), Ports: []dnsrecord.Port{{Name: "http", Port: 80, AppProtocol: "h2c"}}, InternalTrafficPolicy: "Local",
				TrafficDistribution: "PreferClose", IPFamilies: []string{"IPv6"}, Annotations: map[string]string{"b": "2"}},
			{Cluster: "berlin", Created: day(2), Headless: true, Ports: []dnsrecord.Port{http}, SessionAffinity: "ClientIP", SessionAffinitySeconds: 60},
			{Cluster: "oslo", NoService: true},
			{Cluster: "rome", ExternalName: true},
		}},
		{"headless", []dnsrecord.Export{
			{Cluster: "paris", Headless: true, Ports: []dnsrecord.Port{http, {Name: "dns", Protocol: "UDP", Port: 53}}, Backends: []dnsrecord.Backend{
				{Hostname: "web-0", Ready: true, Addresses: []string{"10.1.0.1"}},
				{Hostname: "web-0", Ready: true, Addresses: []string{"2001:db8::1"}},
				{Hostname: "web-1", Addresses: []string{"10.1.0.2"}},
				{Ready: true, Addresses: []string{"10.1.0.3"}, Ports: []dnsrecord.Port{{Name: "http", Port: 8080}}},
			}},
			{Cluster: "tokyo", Headless: true, Ports: []dnsrecord.Port{http}, Backends: []dnsrecord.Backend{
				{Ready: true, Addresses: []string{"2001:db8::2", "10.2.0.256"}},
				{Hostname: "Web_1", Ready: true, Addresses: []string{"10.2.0.1"}},
			}},
		}},
	} {
		united, conditions, err := dnsrecord.Unite("shop", "nginx", story.exports)
		require.NoError(t, err)
		united.IPs = []string{"10.42.0.1", "2001:db8:42::1"}
		fmt.Fprintf(&b, "# %s\n", story.title)
		for _, c := range conditions {
			fmt.Fprintf(&b, "%s: %s=%s %s: %s\n", c.Cluster, c.Type, c.Status, c.Reason, c.Message)
		}
		fmt.Fprintln(&b, united.Object()["spec"])
		endpoints, err := dnsrecord.ImportRecords("clusterset.local", 5, []dnsrecord.Import{united})
		b.WriteString(dnsrecord.Table(endpoints))
		if err != nil {
			fmt.Fprintln(&b, err)
		}
		fmt.Fprintln(&b)
	}
	golden(t, "clusterset", b.String())
}
