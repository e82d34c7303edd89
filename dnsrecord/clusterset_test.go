package dnsrecord_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/confed-project/confed/dnsrecord"
)

func anyPorts(r *rand.Rand) []dnsrecord.Port {
	var ports []dnsrecord.Port
	for range r.IntN(4) {
		ports = append(ports, dnsrecord.Port{
			Name: pick(r, "http", "dns", "web", "x", "x_y", ""), Protocol: pick(r, "", "TCP", "UDP", "UDP", "tcp"),
			AppProtocol: pick(r, "", "", "", "h2c"), Port: pick[int32](r, 80, 80, 53, 8080, 443, 70000),
		})
	}
	return ports
}

func anyExport(r *rand.Rand, i int) dnsrecord.Export {
	e := dnsrecord.Export{
		Cluster: fmt.Sprintf("c%d", i), Created: time.Unix(r.Int64N(4), 0).UTC(), Headless: r.IntN(2) == 0,
		NoService: r.IntN(9) == 0, ExternalName: r.IntN(9) == 0, Ports: anyPorts(r),
		SessionAffinity: pick(r, "", "None", "ClientIP", "Client"), SessionAffinitySeconds: pick[int64](r, 0, 0, 10800, 60, -1),
		InternalTrafficPolicy: pick(r, "", "Cluster", "Local"), TrafficDistribution: pick(r, "", "PreferClose"),
		IPFamilies: pick(r, nil, []string{"IPv4"}, []string{"IPv6", "IPv4"}, []string{"IPv4", "IPv6"}, []string{"IPv6"}, []string{"IPv5"}),
	}
	if r.IntN(12) == 0 {
		e.Cluster = pick(r, "", "c0", "C1", "a.b")
	}
	if r.IntN(4) == 0 {
		e.Labels, e.Annotations = map[string]string{"a": pick(r, "1", "2")}, map[string]string{"b": "1"}
	}
	for range r.IntN(4) {
		b := dnsrecord.Backend{Hostname: pick(r, "", "web-0", "web-1", "Web"), Ready: r.IntN(3) > 0}
		for range r.IntN(3) {
			b.Addresses = append(b.Addresses, pick(r, "10.0.0.1", "10.0.0.2", "2001:db8::1", "2001:DB8::2", "10.0.0.256", "lb.example.net"))
		}
		if r.IntN(3) == 0 {
			b.Ports = anyPorts(r)
		}
		e.Backends = append(e.Backends, b)
	}
	return e
}

func anyExports(r *rand.Rand) []dnsrecord.Export {
	exports := []dnsrecord.Export{}
	for i := range r.IntN(6) {
		exports = append(exports, anyExport(r, i))
	}
	return exports
}

func TestUniteLaws(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	conflicts, harmony := 0, 0
	for range 3000 {
		exports := anyExports(r)
		before := fmt.Sprintf("%#v", exports)
		got, conditions, err := dnsrecord.Unite("shop", "nginx", exports)
		require.Equal(t, before, fmt.Sprintf("%#v", exports), "the argument was changed")

		r.Shuffle(len(exports), func(i, j int) { exports[i], exports[j] = exports[j], exports[i] })
		again, conditionsAgain, errAgain := dnsrecord.Unite("shop", "nginx", exports)
		require.Equal(t, got, again, "the order of exports matters")
		require.Equal(t, conditions, conditionsAgain)
		require.Equal(t, fmt.Sprint(err), fmt.Sprint(errAgain))

		twice, conditionsTwice, err := dnsrecord.Unite("shop", "nginx", got.Exports)
		require.NoError(t, err, "what comes out is right in itself")
		require.Equal(t, got, twice)
		require.Subset(t, conditions, conditionsTwice)

		reasons := map[string]bool{}
		for i, c := range conditions {
			require.Equal(t, c.Status == "True", c.Type == "Valid" && c.Reason == "Valid" || c.Type == "Conflict" && c.Reason != "NoConflicts")
			if c.Type == "Conflict" {
				reasons[c.Reason] = true
				require.Equal(t, c.Cluster, conditions[i-1].Cluster, "a conflict without a verdict before it")
			}
		}
		require.LessOrEqual(t, len(reasons), 1, "all exports are told the same")
		if len(got.Exports) > 0 {
			if reason := slowConflicts(got.Exports, got.IPFamilies); reason == "" {
				harmony++
				require.True(t, reasons["NoConflicts"])
			} else {
				conflicts++
				require.True(t, reasons[reason], "%s: %v", reason, reasons)
			}
			checkUnited(t, got)
		}
	}
	require.Greater(t, conflicts, 1000)
	require.Greater(t, harmony, 250)
}

// slowConflicts compares all pairs.
func slowConflicts(exports []dnsrecord.Export, families []string) string {
	ports := func(e dnsrecord.Export) string {
		var lines []string
		for _, p := range e.Ports {
			lines = append(lines, fmt.Sprint(p))
		}
		slices.Sort(lines)
		return strings.Join(lines, "\n")
	}
	found := map[string]bool{}
	for _, a := range exports {
		for _, b := range exports {
			found["PortConflict"] = found["PortConflict"] || ports(a) != ports(b)
			found["TypeConflict"] = found["TypeConflict"] || a.Headless != b.Headless
			found["SessionAffinityConflict"] = found["SessionAffinityConflict"] || a.SessionAffinity != b.SessionAffinity
			found["InternalTrafficPolicyConflict"] = found["InternalTrafficPolicyConflict"] || a.InternalTrafficPolicy != b.InternalTrafficPolicy
			found["TrafficDistributionConflict"] = found["TrafficDistributionConflict"] || a.TrafficDistribution != b.TrafficDistribution
			found["LabelsConflict"] = found["LabelsConflict"] || fmt.Sprint(a.Labels) != fmt.Sprint(b.Labels)
			found["AnnotationsConflict"] = found["AnnotationsConflict"] || fmt.Sprint(a.Annotations) != fmt.Sprint(b.Annotations)
		}
		oldest := slowOldest(exports)
		if oldest.SessionAffinity == "ClientIP" && a.SessionAffinity == "ClientIP" && a.SessionAffinitySeconds != oldest.SessionAffinitySeconds {
			found["SessionAffinityConfigConflict"] = true
		}
		for _, family := range families {
			found["IPFamilyConflict"] = found["IPFamilyConflict"] || len(a.IPFamilies) > 0 && !slices.Contains(a.IPFamilies, family)
		}
	}
	var out []string
	for _, reason := range []string{
		"PortConflict", "TypeConflict", "SessionAffinityConflict", "SessionAffinityConfigConflict", "InternalTrafficPolicyConflict",
		"TrafficDistributionConflict", "IPFamilyConflict", "LabelsConflict", "AnnotationsConflict",
	} {
		if found[reason] {
			out = append(out, reason)
		}
	}
	return strings.Join(out, ",")
}

func slowOldest(exports []dnsrecord.Export) dnsrecord.Export {
	oldest := exports[0] // they are sorted by cluster, so the first of equal age is the one with the least id
	for _, e := range exports {
		if e.Created.Before(oldest.Created) {
			oldest = e
		}
	}
	return oldest
}

// checkUnited holds an import against the exports it is made of.
func checkUnited(t *testing.T, got dnsrecord.Import) {
	t.Helper()
	oldest := slowOldest(got.Exports)
	require.Equal(t, oldest.Headless, got.Headless)
	require.Equal(t, oldest.SessionAffinity, got.SessionAffinity)
	require.Equal(t, oldest.SessionAffinitySeconds, got.SessionAffinitySeconds)
	require.Equal(t, oldest.InternalTrafficPolicy, got.InternalTrafficPolicy)
	require.Equal(t, oldest.TrafficDistribution, got.TrafficDistribution)
	require.Equal(t, oldest.Labels, got.Labels)
	require.Equal(t, oldest.Annotations, got.Annotations)
	for i, p := range got.Ports {
		for _, q := range got.Ports[:i] {
			require.False(t, p.Name == "" || q.Name == "" || p.Name == q.Name || p.Protocol == q.Protocol && p.Port == q.Port)
		}
		require.True(t, slices.ContainsFunc(got.Exports, func(e dnsrecord.Export) bool { return slices.Contains(e.Ports, p) }))
	}
	for _, p := range oldest.Ports {
		require.Contains(t, got.Ports, p)
	}
	for _, e := range got.Exports {
		for _, p := range e.Ports {
			require.True(t, slices.ContainsFunc(got.Ports, func(q dnsrecord.Port) bool {
				return p.Name == q.Name || p.Protocol == q.Protocol && p.Port == q.Port || p.Name == "" || q.Name == ""
			}), "a port is lost without another in its place")
		}
	}
}

func TestImportRecordsLaws(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	name := regexp.MustCompile(`^(_[a-z0-9-]+\._(tcp|udp|sctp)\.)?[a-z0-9-]+(\.[a-z0-9-]+)*$`)
	srv := 0
	for range 3000 {
		var imports []dnsrecord.Import
		for range r.IntN(4) {
			i, _, _ := dnsrecord.Unite(pick(r, "shop", "test", "Bad"), pick(r, "nginx", "db", "x"), anyExports(r))
			i.IPs = pick(r, nil, []string{"10.42.0.1"}, []string{"10.42.0.1", "2001:db8:42::1"}, []string{"x"})
			imports = append(imports, i)
		}
		got, err := dnsrecord.ImportRecords("clusterset.local", 0, imports)
		slices.Reverse(imports)
		again, errAgain := dnsrecord.ImportRecords("clusterset.local", 0, imports)
		require.Equal(t, got, again)
		require.Equal(t, fmt.Sprint(err), fmt.Sprint(errAgain))

		types := map[string][]string{}
		for i, e := range got {
			require.True(t, name.MatchString(e.DNSName), e.DNSName)
			require.EqualValues(t, 180, e.RecordTTL)
			require.True(t, i == 0 || slices.Compare([]string{got[i-1].DNSName, got[i-1].RecordType}, []string{e.DNSName, e.RecordType}) < 0)
			require.True(t, len(e.Targets) > 0 && slices.IsSorted(e.Targets))
			types[e.DNSName] = append(types[e.DNSName], e.RecordType)
		}
		require.Equal(t, []string{"TXT"}, types["dns-version.clusterset.local"])
		for _, e := range got {
			for _, target := range e.Targets {
				if e.RecordType == "SRV" {
					srv++
					require.NotEmpty(t, types[strings.TrimSuffix(strings.Fields(target)[3], ".")], "%s leads to nothing", target)
				}
			}
		}
		for _, i := range imports {
			svc := i.Name + "." + i.Namespace + ".svc.clusterset.local"
			for _, e := range i.Exports {
				require.Empty(t, types[e.Cluster+"."+svc], "the specification reserves this name")
			}
		}
	}
	require.Greater(t, srv, 500)
}

func TestBadClusterSet(t *testing.T) {
	http := dnsrecord.Port{Name: "http", Port: 80}
	good := dnsrecord.Export{Cluster: "good", Ports: []dnsrecord.Port{http}}
	for name, row := range map[string]struct {
		export dnsrecord.Export
		error  string
		is     error
	}{
		"no cluster":        {dnsrecord.Export{}, "cluster", dnsrecord.ErrInvalidName},
		"dotted cluster":    {dnsrecord.Export{Cluster: "a.b"}, "cluster", dnsrecord.ErrInvalidName},
		"port 0":            {dnsrecord.Export{Cluster: "bad", Ports: []dnsrecord.Port{{Name: "x"}, http}}, "port x", dnsrecord.ErrInvalidValue},
		"protocol":          {dnsrecord.Export{Cluster: "bad", Ports: []dnsrecord.Port{{Name: "x", Port: 1, Protocol: "ICMP"}, http}}, "port x", dnsrecord.ErrInvalidValue},
		"port without name": {dnsrecord.Export{Cluster: "bad", Ports: []dnsrecord.Port{{Port: 1}, http}}, "port 1", dnsrecord.ErrInvalidName},
		"ports in conflict": {dnsrecord.Export{Cluster: "bad", Ports: []dnsrecord.Port{{Name: "x", Port: 1}, {Name: "x", Port: 2}, http}}, "port x", dnsrecord.ErrDuplicate},
		"affinity":          {dnsrecord.Export{Cluster: "bad", Ports: []dnsrecord.Port{http}, SessionAffinity: "Sticky"}, "sessionAffinity", dnsrecord.ErrInvalidValue},
		"seconds":           {dnsrecord.Export{Cluster: "bad", Ports: []dnsrecord.Port{http}, SessionAffinity: "ClientIP", SessionAffinitySeconds: -1}, "sessionAffinitySeconds", dnsrecord.ErrInvalidValue},
		"family":            {dnsrecord.Export{Cluster: "bad", Ports: []dnsrecord.Port{http}, IPFamilies: []string{"IPv5"}}, "ipFamilies", dnsrecord.ErrInvalidValue},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := dnsrecord.Unite("shop", "nginx", []dnsrecord.Export{good, row.export})
			require.ErrorIs(t, err, row.is)
			errs := list(t, err)
			require.Equal(t, row.export.Cluster, errs[0].Cluster)
			require.Equal(t, row.error, errs[0].Name)
			require.Equal(t, []dnsrecord.Port{{Name: "http", Protocol: "TCP", Port: 80}}, got.Ports, "the sibling is published")
			for _, e := range got.Exports {
				require.Equal(t, got.Ports, e.Ports, "and what is right in the export")
			}
		})
	}
	for _, row := range []struct {
		zone string
		ttl  int64
	}{{"", 0}, {"Cluster", 0}, {"clusterset.local.", 0}, {"clusterset.local", -1}, {"clusterset.local", 1 << 31}} {
		got, err := dnsrecord.ImportRecords(row.zone, row.ttl, nil)
		require.Nil(t, got)
		require.Len(t, list(t, err), 1)
	}
}

func TestImportRecordsWithLongNames(t *testing.T) {
	long := strings.Repeat("n", 63)
	united, _, err := dnsrecord.Unite(long, long, []dnsrecord.Export{{
		Cluster: long, Headless: true, Ports: []dnsrecord.Port{{Name: "http", Port: 80}, {Name: strings.Repeat("p", 63), Port: 81}},
		Backends: []dnsrecord.Backend{{Hostname: long, Ready: true, Addresses: []string{"10.0.0.1"}}, {Ready: true, Addresses: []string{"10.0.0.2"}}},
	}})
	require.NoError(t, err)
	got, err := dnsrecord.ImportRecords("clusterset.local", 0, []dnsrecord.Import{united})
	require.Len(t, list(t, err), 2, "a host and a port cannot have names")
	require.ErrorIs(t, err, dnsrecord.ErrInvalidName)
	var names []string
	for _, e := range got {
		names = append(names, fmt.Sprint(len(e.DNSName), e.RecordType, len(e.Targets)))
	}
	require.Equal(t, []string{"221A1", "159SRV1", "28TXT1", "148A2"}, names)
}

func TestNothingToImport(t *testing.T) {
	united, conditions, err := dnsrecord.Unite("shop", "nginx", []dnsrecord.Export{{Cluster: "c1", NoService: true}})
	require.NoError(t, err)
	require.Len(t, conditions, 1)
	require.Empty(t, united.Exports)
	united.IPs = []string{"10.42.0.1"}
	got, err := dnsrecord.ImportRecords("clusterset.local", 0, []dnsrecord.Import{united})
	require.NoError(t, err)
	require.Len(t, got, 1, "the version alone")
}

func TestImportObjectSaysOnlyWhatIsKnown(t *testing.T) {
	united, _, err := dnsrecord.Unite("shop", "nginx", []dnsrecord.Export{{Cluster: "c1"}})
	require.NoError(t, err)
	require.Equal(t, map[string]any{
		"apiVersion": "multicluster.x-k8s.io/v1beta1", "kind": "ServiceImport",
		"metadata": map[string]any{"namespace": "shop", "name": "nginx"},
		"spec":     map[string]any{"type": "ClusterSetIP", "ports": []any{}, "sessionAffinity": "None", "internalTrafficPolicy": "Cluster"},
		"status":   map[string]any{"clusters": []any{map[string]any{"cluster": "c1"}}},
	}, united.Object())
}

func TestPortWithoutName(t *testing.T) {
	united, _, err := dnsrecord.Unite("shop", "nginx", []dnsrecord.Export{
		{Cluster: "c1", Created: time.Unix(1, 0), Ports: []dnsrecord.Port{{Port: 80}}},
		{Cluster: "c2", Created: time.Unix(2, 0), Ports: []dnsrecord.Port{{Name: "http", Port: 80}, {Name: "admin", Port: 81}}},
	})
	require.NoError(t, err)
	require.Equal(t, []dnsrecord.Port{{Protocol: "TCP", Port: 80}}, united.Ports, "it stays alone")
	united.IPs = []string{"10.42.0.1"}
	got, err := dnsrecord.ImportRecords("clusterset.local", 0, []dnsrecord.Import{united})
	require.NoError(t, err)
	require.Len(t, got, 2, "no service record without a name")
}

func TestUniteSharesNothing(t *testing.T) {
	exports := []dnsrecord.Export{{
		Cluster: "c1", Headless: true, Ports: []dnsrecord.Port{{Name: "http", Protocol: "TCP", Port: 80}}, IPFamilies: []string{"IPv4"},
		Labels: map[string]string{"a": "1"}, Annotations: map[string]string{"b": "1"},
		Backends: []dnsrecord.Backend{{Ready: true, Addresses: []string{"10.0.0.1"}, Ports: []dnsrecord.Port{{Name: "http", Protocol: "TCP", Port: 80}}}},
	}}
	before := fmt.Sprintf("%#v", exports)
	got, _, err := dnsrecord.Unite("shop", "nginx", exports)
	require.NoError(t, err)
	e := got.Exports[0]
	e.Ports[0].Name, e.IPFamilies[0], e.Labels["a"], e.Annotations["b"] = "x", "x", "x", "x"
	e.Backends[0].Ready, e.Backends[0].Addresses[0], e.Backends[0].Ports[0].Name = false, "x", "x"
	require.NotContains(t, fmt.Sprint(got.Ports, got.IPFamilies, got.Labels, got.Annotations), "x", "nothing is shared in the result")
	got.Ports[0].Name, got.IPFamilies[0], got.Labels["a"], got.Annotations["b"] = "y", "y", "y", "y"
	require.Equal(t, before, fmt.Sprintf("%#v", exports))
}
