package dnsrecord_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/confed-project/confed/dnsrecord"
)

// list takes a joined error apart.
func list(t *testing.T, err error) []*dnsrecord.Error {
	t.Helper()
	if err == nil {
		return nil
	}
	var out []*dnsrecord.Error
	for _, err := range err.(interface{ Unwrap() []error }).Unwrap() {
		var e *dnsrecord.Error
		require.ErrorAs(t, err, &e)
		out = append(out, e)
	}
	return out
}

func TestBadCluster(t *testing.T) {
	good := dnsrecord.Cluster{Name: "good", Region: "eu", Zones: []string{"eu1"}, Ready: true, Addresses: []string{"192.0.2.1"}}
	for name, row := range map[string]struct {
		edit  func(*dnsrecord.Cluster)
		error string // its name
		is    error
		lost  bool // whether the whole cluster is left out
	}{
		"no name":              {func(c *dnsrecord.Cluster) { c.Name = "" }, "cluster", dnsrecord.ErrInvalidName, true},
		"duplicate":            {func(c *dnsrecord.Cluster) { c.Name = "twin" }, "cluster", dnsrecord.ErrDuplicate, true},
		"no region":            {func(c *dnsrecord.Cluster) { c.Region = "" }, "region", dnsrecord.ErrNoTopology, false},
		"no zone":              {func(c *dnsrecord.Cluster) { c.Zones = nil }, "zones", dnsrecord.ErrNoTopology, false},
		"upper case":           {func(c *dnsrecord.Cluster) { c.Region = "US" }, "nginx.test.galactic.svc.US.example.com", dnsrecord.ErrInvalidName, false},
		"underscore":           {func(c *dnsrecord.Cluster) { c.Zones = []string{"us_1"} }, "nginx.test.galactic.svc.us_1.us.example.com", dnsrecord.ErrInvalidName, false},
		"long label":           {func(c *dnsrecord.Cluster) { c.Zones = []string{strings.Repeat("z", 64)} }, "nginx.test.galactic.svc." + strings.Repeat("z", 64) + ".us.example.com", dnsrecord.ErrInvalidName, false},
		"dotted zone":          {func(c *dnsrecord.Cluster) { c.Zones = []string{"a.b"} }, "nginx.test.galactic.svc.a.b.us.example.com", dnsrecord.ErrInvalidName, false},
		"not an address":       {func(c *dnsrecord.Cluster) { c.Addresses = append(c.Addresses, "192.0.2.256") }, "192.0.2.256", dnsrecord.ErrInvalidAddress, false},
		"empty address":        {func(c *dnsrecord.Cluster) { c.Addresses = append(c.Addresses, "") }, "", dnsrecord.ErrInvalidAddress, false},
		"any address":          {func(c *dnsrecord.Cluster) { c.Addresses = append(c.Addresses, "::") }, "::", dnsrecord.ErrInvalidAddress, false},
		"short address":        {func(c *dnsrecord.Cluster) { c.Addresses = append(c.Addresses, "10.1") }, "10.1", dnsrecord.ErrInvalidAddress, false},
		"host upper case":      {func(c *dnsrecord.Cluster) { c.Addresses = append(c.Addresses, "LB.example.net") }, "LB.example.net", dnsrecord.ErrInvalidAddress, false},
		"itself":               {func(c *dnsrecord.Cluster) { c.Addresses = append(c.Addresses, "web.example.com") }, "web.example.com", dnsrecord.ErrLoop, false},
		"weight below 0":       {func(c *dnsrecord.Cluster) { c.Weight = -1 }, "weight", dnsrecord.ErrInvalidValue, true},
		"property no name":     {func(c *dnsrecord.Cluster) { c.Properties = []dnsrecord.Property{{}} }, "properties", dnsrecord.ErrInvalidValue, false},
		"property given twice": {func(c *dnsrecord.Cluster) { c.Properties = []dnsrecord.Property{{"a", "1"}, {"a", "2"}} }, "a", dnsrecord.ErrDuplicate, false},
	} {
		t.Run(name, func(t *testing.T) {
			bad := dnsrecord.Cluster{Name: "bad", Region: "us", Zones: []string{"us1"}, Ready: true, Addresses: []string{"192.0.2.2"}}
			row.edit(&bad)
			clusters := []dnsrecord.Cluster{good, bad}
			if bad.Name == "twin" {
				clusters = append(clusters, bad)
			}
			got, err := dnsrecord.Records(nginx, dnsrecord.Answers{Clusters: clusters, Split: &dnsrecord.Split{Weight: "aws/weight"}})
			require.ErrorIs(t, err, row.is)
			errs := list(t, err)
			require.Len(t, errs, 1)
			require.Equal(t, bad.Name, errs[0].Cluster)
			require.Equal(t, row.error, errs[0].Name)

			byCluster := map[string]int{}
			for _, e := range got {
				byCluster[e.SetIdentifier]++
			}
			require.Equal(t, 3, byCluster["good"], "the sibling is published on every level")
			require.Equal(t, row.lost, byCluster["bad"] == 0)
			checkSet(t, got, "")
		})
	}
}

func TestBadService(t *testing.T) {
	previous := []dnsrecord.Endpoint{{DNSName: "a.example.com", RecordType: "A", Targets: []string{"192.0.2.9"}}}
	for name, edit := range map[string]func(*dnsrecord.Service, *dnsrecord.Answers){
		"name":                  func(s *dnsrecord.Service, _ *dnsrecord.Answers) { s.Name = "" },
		"namespace":             func(s *dnsrecord.Service, _ *dnsrecord.Answers) { s.Namespace = "a.b" },
		"federation":            func(s *dnsrecord.Service, _ *dnsrecord.Answers) { s.Federation = "" },
		"domain":                func(s *dnsrecord.Service, _ *dnsrecord.Answers) { s.Domain = "" },
		"domain with dot":       func(s *dnsrecord.Service, _ *dnsrecord.Answers) { s.Domain = "example.com." },
		"domain is a number":    func(s *dnsrecord.Service, _ *dnsrecord.Answers) { s.Domain = "example.10" },
		"domain too long":       func(s *dnsrecord.Service, _ *dnsrecord.Answers) { s.Domain = strings.Repeat("abcdefg.", 30) + "com" },
		"no room for the owner": func(s *dnsrecord.Service, _ *dnsrecord.Answers) { s.Name = strings.Repeat("n", 58) },
		"external name":         func(s *dnsrecord.Service, _ *dnsrecord.Answers) { s.ExternalName = "a..b" },
		"TTL below 0":           func(_ *dnsrecord.Service, a *dnsrecord.Answers) { a.TTL = -1 },
		"TTL over 31 bits":      func(_ *dnsrecord.Service, a *dnsrecord.Answers) { a.TTL = 1 << 31 },
		"max weight below 0":    func(_ *dnsrecord.Service, a *dnsrecord.Answers) { a.Split = &dnsrecord.Split{MaxWeight: -1} },
	} {
		t.Run(name, func(t *testing.T) {
			service, answers := nginx, dnsrecord.Answers{Clusters: fleet(2), Previous: previous, AllowEmpty: true}
			edit(&service, &answers)
			got, err := dnsrecord.Records(service, answers)
			require.Len(t, list(t, err), 1)
			require.True(t, errors.Is(err, dnsrecord.ErrInvalidName) || errors.Is(err, dnsrecord.ErrInvalidValue))
			require.Equal(t, previous, got, "what is published stands")
		})
	}
}

func TestLabels(t *testing.T) {
	for _, region := range []string{"-us", "us-", "-", "u.s", "u_s", "Us", "ü", "u s", strings.Repeat("u", 64)} {
		clusters := fleet(2)
		clusters[1].Region = region
		got, err := dnsrecord.Records(nginx, dnsrecord.Answers{Clusters: clusters})
		require.Len(t, list(t, err), 1, region)
		require.ErrorIs(t, err, dnsrecord.ErrInvalidName)
		require.Len(t, got, 4, region)
	}
	for _, region := range []string{"u-s", "u--s", "1", "1u", strings.Repeat("u", 63)} {
		clusters := fleet(2)
		clusters[1].Region = region
		got, err := dnsrecord.Records(nginx, dnsrecord.Answers{Clusters: clusters})
		require.NoError(t, err, region)
		require.Len(t, got, 6, region)
	}
}

func TestHostNamesThatAreLeftOut(t *testing.T) {
	clusters := []dnsrecord.Cluster{
		{Name: "c1", Region: "us", Zones: []string{"a"}, Ready: true, Addresses: []string{"lb2.example.net", "lb3.example.net"}},
		{Name: "c2", Region: "us", Zones: []string{"a"}, Ready: true, Addresses: []string{"lb1.example.net"}},
	}
	report := func(split *dnsrecord.Split) map[string]int {
		out := map[string]int{}
		_, err := dnsrecord.Records(nginx, dnsrecord.Answers{Clusters: clusters, Split: split})
		for _, e := range list(t, err) {
			require.ErrorIs(t, e, dnsrecord.ErrMixed)
			out[e.Cluster]++
		}
		return out
	}
	require.Equal(t, map[string]int{"c1": 6}, report(nil), "one host name for all, on three levels")
	require.Equal(t, map[string]int{"c1": 3}, report(&dnsrecord.Split{}), "one host name for each")
	clusters[1].Addresses = []string{"192.0.2.1"}
	require.Equal(t, map[string]int{"c1": 6}, report(&dnsrecord.Split{}), "none beside an address")
}

func TestBadLookup(t *testing.T) {
	asked := 0
	answers := dnsrecord.Answers{
		Clusters: []dnsrecord.Cluster{
			{Name: "c1", Region: "us", Zones: []string{"a"}, Ready: true, Addresses: []string{"lb.example.net", "lb.example.net"}},
			{Name: "c2", Region: "us", Zones: []string{"b"}, Ready: true, Addresses: []string{"lb.example.net"}},
		},
		Resolve: func(string) ([]string, error) {
			asked++
			return []string{"192.0.2.1", "other.example.net", "192.0.2.256"}, nil
		},
	}
	got, err := dnsrecord.Records(nginx, answers)
	require.Equal(t, 1, asked, "a host is asked for once")
	require.Len(t, list(t, err), 4, "two wrong answers for two clusters")
	require.ErrorIs(t, err, dnsrecord.ErrLookup)
	require.Len(t, got, 5)
	for _, e := range got[:4] {
		require.Equal(t, []string{"192.0.2.1"}, e.Targets)
	}
	for _, nothing := range []error{nil, errors.New("time-out")} {
		answers.Resolve = func(string) ([]string, error) { return nil, nothing }
		got, err = dnsrecord.Records(nginx, answers)
		require.ErrorIs(t, err, dnsrecord.ErrLookup)
		require.ErrorIs(t, err, dnsrecord.ErrNoAddresses)
		require.Nil(t, got)
		if nothing != nil {
			require.ErrorIs(t, err, nothing)
		}
	}
}

func TestPreviousIsCopied(t *testing.T) {
	previous := []dnsrecord.Endpoint{{
		DNSName: "a.example.com", RecordType: "A", Targets: []string{"192.0.2.9"}, Labels: map[string]string{"a": "1"},
		ProviderSpecific: []dnsrecord.Property{{Name: "a", Value: "1"}},
	}}
	got, err := dnsrecord.Records(nginx, dnsrecord.Answers{Previous: previous})
	require.ErrorIs(t, err, dnsrecord.ErrNoAddresses)
	require.Equal(t, previous, got)
	got[0].DNSName, got[0].Targets[0], got[0].Labels["a"], got[0].ProviderSpecific[0].Value = "x", "x", "x", "x"
	require.Equal(t, "{a.example.com [192.0.2.9] A  0 map[a:1] [{a 1}] }", fmt.Sprint(previous[0]), "nothing is shared")
}

func TestBadHost(t *testing.T) {
	got, err := dnsrecord.Hosts([]string{"A.example.com", "b.example.com", "*", "a.*.com", "*.example.com", strings.Repeat("c", 58) + ".com", "10.0.0.1"}, dnsrecord.Answers{Clusters: fleet(1)})
	require.Len(t, list(t, err), 5)
	require.Len(t, got, 2, "the rest is published")

	long := strings.Repeat("abcdefg.", 30) + "com" // 243 bytes
	for name, fits := range map[string]bool{
		strings.Repeat("c", 57) + ".com": true, strings.Repeat("c", 58) + ".com": false,
		"a." + strings.Repeat("c", 63) + ".com": true, "a." + strings.Repeat("c", 64) + ".com": false,
		"abc." + long: true, "abcd." + long: false,
	} {
		got, err := dnsrecord.Hosts([]string{name}, dnsrecord.Answers{Clusters: fleet(1)})
		require.Equal(t, fits, err == nil, name)
		require.Equal(t, fits, len(got) == 1)
	}
}

func TestDeletedServiceLeavesNothing(t *testing.T) {
	got, err := dnsrecord.Records(nginx, dnsrecord.Answers{AllowEmpty: true, Previous: []dnsrecord.Endpoint{{DNSName: "web.example.com"}}})
	require.NoError(t, err)
	require.Empty(t, got)
	require.NotNil(t, got)
}

func TestBadPrefix(t *testing.T) {
	for _, prefix := range []string{"nginx.test.galactic.svc", "nginx.test.galactic.svc.us", "*", "Web", strings.Repeat("p", 58)} {
		service := nginx
		service.Prefix = prefix
		got, err := dnsrecord.Records(service, dnsrecord.Answers{Clusters: fleet(2)})
		require.Len(t, list(t, err), 1, prefix)
		require.Len(t, got, 5, "the rest is published")
	}
}

func TestWildcardHostCannotPointToItself(t *testing.T) {
	answers := dnsrecord.Answers{Clusters: []dnsrecord.Cluster{
		{Name: "c1", Addresses: []string{"a.b.example.com"}},
		{Name: "c2", Addresses: []string{"example.com"}},
	}}
	got, err := dnsrecord.Hosts([]string{"*.example.com"}, answers)
	require.ErrorIs(t, err, dnsrecord.ErrLoop)
	require.Len(t, got, 1)
	require.Equal(t, []string{"example.com"}, got[0].Targets)
}

func TestEndpointsShareNothing(t *testing.T) {
	service := nginx
	service.ExternalName = "shop"
	clusters := []dnsrecord.Cluster{
		{Name: "c1", Region: "us", Zones: []string{"us1"}, Ready: true, Addresses: []string{"192.0.2.1"}, Properties: []dnsrecord.Property{{Name: "a", Value: "1"}}},
		{Name: "c2", Region: "eu", Zones: []string{"eu1"}, Ready: true},
	}
	for _, split := range []*dnsrecord.Split{nil, {}} {
		compute := func() []dnsrecord.Endpoint {
			got, err := dnsrecord.Records(service, dnsrecord.Answers{Clusters: clusters, Split: split})
			require.NoError(t, err)
			return got
		}
		for i := range compute() {
			got := compute()
			got[i].Targets[0] = "changed"
			if got[i].Labels != nil {
				got[i].Labels["changed"] = ""
			}
			if got[i].ProviderSpecific != nil {
				got[i].ProviderSpecific[0].Value = "changed"
			}
			want := compute()
			require.Equal(t, append(want[:i:i], want[i+1:]...), append(got[:i:i], got[i+1:]...))
		}
	}
}
