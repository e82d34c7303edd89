package dnsrecord_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"github.com/confed-project/confed/dnsrecord"
)

var (
	nginx = dnsrecord.Service{Name: "nginx", Namespace: "test", Federation: "galactic", Domain: "example.com", Prefix: "web"}
	label = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
)

// pick returns one of the choices.
func pick[T any](r *rand.Rand, choices ...T) T { return choices[r.IntN(len(choices))] }

// anyCluster returns a cluster that may be wrong in every way there is.
func anyCluster(r *rand.Rand, i int) dnsrecord.Cluster {
	c := dnsrecord.Cluster{
		Name:   fmt.Sprintf("c%d", i),
		Region: pick(r, "us", "us", "eu", "eu", "asia", "", "US", strings.Repeat("r", 64)),
		Ready:  r.IntN(3) > 0,
		Weight: r.Int64N(1000) - 10,
	}
	if r.IntN(10) == 0 {
		c.Name = pick(r, "", "c0", "c1")
	}
	for range r.IntN(3) {
		c.Zones = append(c.Zones, pick(r, "a", "b", "c", "c", "under_score", ""))
	}
	for range r.IntN(4) {
		c.Addresses = append(c.Addresses, pick(r,
			fmt.Sprintf("192.0.2.%d", r.IntN(9)), fmt.Sprintf("192.0.2.%d", r.IntN(9)), fmt.Sprintf("2001:DB8::%d", 1+r.IntN(9)),
			"::ffff:192.0.2.1", "lb1.example.net", "lb2.example.net", "nginx.test.galactic.svc.eu.example.com", "web.example.com",
			"nginx.test.galactic.svc.example.com", "nginx.test.galactic.svc.example.net",
			"192.0.2.256", "0.0.0.0", "fe80::1%eth0", "LB.example.net", "", "lb.example.net."))
	}
	for range r.IntN(3) {
		c.Properties = append(c.Properties, dnsrecord.Property{Name: pick(r, "aws/region", "aws/weight", "x", ""), Value: pick(r, "1", "2")})
	}
	return c
}

// anyAnswers returns random answers of few clusters.
func anyAnswers(r *rand.Rand) dnsrecord.Answers {
	a := dnsrecord.Answers{
		TTL: pick[int64](r, 0, 60), KeepUnready: r.IntN(4) == 0, AllowEmpty: r.IntN(3) == 0,
		Previous: pick(r, nil, []dnsrecord.Endpoint{{DNSName: "web.example.com", RecordType: "CNAME"}},
			[]dnsrecord.Endpoint{{DNSName: "old.example.com", RecordType: "A", Targets: []string{"192.0.2.99"}}},
			[]dnsrecord.Endpoint{{DNSName: "old.example.com", RecordType: "CNAME", Targets: []string{"lb.example.net"}}},
			[]dnsrecord.Endpoint{{DNSName: "web.example.com", RecordType: "CNAME", Targets: []string{"nginx.test.galactic.svc.example.com"}}}),
	}
	for i := range r.IntN(7) {
		a.Clusters = append(a.Clusters, anyCluster(r, i))
	}
	if r.IntN(3) == 0 {
		a.Resolve = func(host string) ([]string, error) {
			switch host {
			case "lb1.example.net":
				return []string{"198.51.100.7", "2001:db8:1::7"}, nil
			default:
				return nil, errors.New("no such host")
			}
		}
	}
	if r.IntN(3) == 0 {
		a.Split = &dnsrecord.Split{Weight: pick(r, "", "aws/weight")}
	}
	return a
}

// copyOf returns the same answers, sharing nothing, in another order.
func copyOf(r *rand.Rand, a dnsrecord.Answers) dnsrecord.Answers {
	a.Clusters = slices.Clone(a.Clusters)
	r.Shuffle(len(a.Clusters), func(i, j int) { a.Clusters[i], a.Clusters[j] = a.Clusters[j], a.Clusters[i] })
	for i := range a.Clusters {
		c := &a.Clusters[i]
		c.Zones, c.Addresses = slices.Clone(c.Zones), slices.Clone(c.Addresses)
		r.Shuffle(len(c.Zones), func(i, j int) { c.Zones[i], c.Zones[j] = c.Zones[j], c.Zones[i] })
		r.Shuffle(len(c.Addresses), func(i, j int) { c.Addresses[i], c.Addresses[j] = c.Addresses[j], c.Addresses[i] })
	}
	return a
}

// checkSet holds one set of endpoints against the laws of every set. end is a name that need not exist.
func checkSet(t *testing.T, endpoints []dnsrecord.Endpoint, end string) {
	t.Helper()
	types, ttl, up := map[string]string{}, map[string]int64{}, map[string]string{}
	for i, e := range endpoints {
		if i > 0 {
			before := endpoints[i-1]
			require.Negative(t, slices.Compare([]string{before.DNSName, before.RecordType, before.SetIdentifier}, []string{e.DNSName, e.RecordType, e.SetIdentifier}))
		}
		require.LessOrEqual(t, len(e.DNSName), 247)
		for i, part := range strings.Split(e.DNSName, ".") {
			require.True(t, label.MatchString(part) || i == 0 && part == "*", e.DNSName)
			require.True(t, i > 0 || len(part) <= 57, e.DNSName)
		}
		require.NotEmpty(t, e.Targets)
		require.True(t, slices.IsSorted(e.Targets))
		require.Len(t, slices.Compact(slices.Clone(e.Targets)), len(e.Targets))
		for _, target := range e.Targets {
			addr, err := netip.ParseAddr(target)
			switch e.RecordType {
			case "A":
				require.True(t, err == nil && addr.Is4() && addr.String() == target, target)
			case "AAAA":
				require.True(t, err == nil && addr.Is6() && !addr.Is4In6() && addr.String() == target, target)
			default:
				require.Equal(t, "CNAME", e.RecordType)
				require.Error(t, err)
				require.Len(t, e.Targets, 1)
			}
		}
		isCNAME := map[bool]string{true: "CNAME", false: "address"}[e.RecordType == "CNAME"]
		require.Contains(t, []string{"", isCNAME}, types[e.DNSName], "a CNAME beside another type")
		types[e.DNSName] = isCNAME
		require.Contains(t, []int64{0, e.RecordTTL}, ttl[e.DNSName], "two TTL under one name")
		ttl[e.DNSName] = e.RecordTTL
		if isCNAME == "CNAME" {
			up[e.DNSName] = e.Targets[0]
		}
	}
	for name := range up {
		for steps := 0; up[name] != ""; steps++ {
			require.Less(t, steps, 5, "a chain without end at %s", name)
			name = up[name]
		}
		require.True(t, types[name] == "address" || strings.HasSuffix(name, ".example.net") || name == end, "a chain ends in nothing: %s", name)
	}
}

func TestLaws(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	kept, published := 0, 0
	for range 5000 {
		a := anyAnswers(r)
		before := copyOf(rand.New(rand.NewPCG(0, 0)), a)
		got, err := dnsrecord.Records(nginx, a)
		again, errAgain := dnsrecord.Records(nginx, copyOf(r, a))
		require.Equal(t, got, again)
		require.Equal(t, fmt.Sprint(err), fmt.Sprint(errAgain))
		require.Equal(t, before.Clusters, copyOf(rand.New(rand.NewPCG(0, 0)), a).Clusters, "the argument was changed")

		require.Equal(t, slowKeeps(a), errors.Is(err, dnsrecord.ErrNoAddresses))
		if errors.Is(err, dnsrecord.ErrNoAddresses) {
			kept++
			require.Equal(t, a.Previous, got)
			continue
		}
		published++
		end := ""
		if a.AllowEmpty {
			end = "nginx.test.galactic.svc.example.com"
		}
		checkSet(t, got, end)
		require.Empty(t, cmp.Diff(slowRecords(a), got, cmpopts.IgnoreFields(dnsrecord.Endpoint{}, "Why", "ProviderSpecific"), cmpopts.EquateEmpty()))
	}
	require.Greater(t, kept, 200)
	require.Greater(t, published, 2500)
}

// slowClusters returns the clusters that are right in themselves, and those of them that answer.
func slowClusters(a dnsrecord.Answers) (clusters, answering []dnsrecord.Cluster, empty bool) {
	count := map[string]int{}
	for _, c := range a.Clusters {
		count[c.Name]++
	}
	for _, c := range a.Clusters {
		if c.Name != "" && count[c.Name] == 1 && (a.Split == nil || a.Split.Weight == "" || c.Weight >= 0) {
			clusters = append(clusters, c)
		}
	}
	slices.SortFunc(clusters, func(x, y dnsrecord.Cluster) int { return strings.Compare(x.Name, y.Name) })
	answering = slices.DeleteFunc(slices.Clone(clusters), func(c dnsrecord.Cluster) bool { return !c.Ready && !a.KeepUnready })
	if slices.ContainsFunc(answering, func(c dnsrecord.Cluster) bool { return len(slowTargets(a, c)) > 0 }) {
		return clusters, answering, false
	}
	if a.AllowEmpty && !slices.ContainsFunc(a.Clusters, func(c dnsrecord.Cluster) bool { return faulty(a, c, count) }) {
		return clusters, answering, false
	}
	return clusters, clusters, true
}

// slowKeeps says whether what was published must stand.
func slowKeeps(a dnsrecord.Answers) bool {
	clusters, _, empty := slowClusters(a)
	if !empty {
		return false
	}
	for _, e := range a.Previous {
		if e.DNSName == "old.example.com" {
			return true
		}
	}
	return !slices.ContainsFunc(clusters, func(c dnsrecord.Cluster) bool { return len(slowTargets(a, c)) > 0 })
}

// slowRecords is the obvious way to make the records of nginx, one name after the other.
func slowRecords(a dnsrecord.Answers) []dnsrecord.Endpoint {
	const base, domain = "nginx.test.galactic.svc.", "example.com"
	clusters, answering, _ := slowClusters(a)
	ttl := a.TTL
	if ttl == 0 {
		ttl = 180
	}
	up := map[string]string{base + domain: ""}
	in := map[string][]dnsrecord.Cluster{base + domain: answering}
	for _, c := range clusters {
		region := base + c.Region + "." + domain
		if !label.MatchString(c.Region) {
			continue
		}
		up[region] = base + domain
		for _, z := range c.Zones {
			if label.MatchString(z) {
				up[base+z+"."+c.Region+"."+domain] = region
			}
		}
	}
	for _, c := range answering {
		for name := range up {
			if region, ok := strings.CutSuffix(strings.TrimPrefix(name, base), "."+domain); ok {
				zone, of, isZone := strings.Cut(region, ".")
				if region == c.Region || isZone && of == c.Region && slices.Contains(c.Zones, zone) {
					in[name] = append(in[name], c)
				}
			}
		}
	}
	out := []dnsrecord.Endpoint{}
	if len(slowName(a, base+domain, "", ttl, in[base+domain])) > 0 {
		out = append(out, dnsrecord.Endpoint{DNSName: "web." + domain, RecordType: "CNAME", Targets: []string{base + domain}, RecordTTL: ttl})
	}
	for name, next := range up {
		out = append(out, slowName(a, name, next, ttl, in[name])...)
	}
	slices.SortFunc(out, func(x, y dnsrecord.Endpoint) int {
		return slices.Compare([]string{x.DNSName, x.RecordType, x.SetIdentifier}, []string{y.DNSName, y.RecordType, y.SetIdentifier})
	})
	return out
}

// slowName makes the endpoints of one name.
func slowName(a dnsrecord.Answers, name, next string, ttl int64, clusters []dnsrecord.Cluster) []dnsrecord.Endpoint {
	targets := map[[2]string][]string{} // type and set identifier
	for _, c := range clusters {
		id := ""
		if a.Split != nil {
			id = c.Name
		}
		for target, kind := range slowTargets(a, c) {
			targets[[2]string{kind, id}] = append(targets[[2]string{kind, id}], target)
		}
	}
	if len(targets) == 0 && next != "" {
		targets[[2]string{"CNAME", ""}] = []string{next}
	}
	addresses := false
	for key := range targets {
		addresses = addresses || key[0] != "CNAME"
	}
	var out []dnsrecord.Endpoint
	for key, list := range targets {
		slices.Sort(list)
		list = slices.Compact(list)
		if key[0] == "CNAME" {
			if addresses {
				continue
			}
			list = list[:1]
		}
		out = append(out, dnsrecord.Endpoint{DNSName: name, RecordType: key[0], SetIdentifier: key[1], Targets: list, RecordTTL: ttl})
	}
	return out
}

// slowTargets maps the usable addresses of a cluster to their record types.
func slowTargets(a dnsrecord.Answers, c dnsrecord.Cluster) map[string]string {
	out := map[string]string{}
	for _, address := range c.Addresses {
		switch ip, err := netip.ParseAddr(address); {
		case address == "lb1.example.net" && a.Resolve != nil:
			out["198.51.100.7"], out["2001:db8:1::7"] = "A", "AAAA"
		case address == "lb1.example.net", address == "lb2.example.net", address == "nginx.test.galactic.svc.example.net":
			if a.Resolve == nil {
				out[address] = "CNAME"
			}
		case address == "::ffff:192.0.2.1":
			out["192.0.2.1"] = "A"
		case err == nil && ip.Is4() && address != "0.0.0.0":
			out[address] = "A"
		case err == nil && ip.Is6() && ip.Zone() == "":
			out[strings.ToLower(address)] = "AAAA"
		}
	}
	return out
}

// faulty says whether something of a cluster had to be refused.
func faulty(a dnsrecord.Answers, c dnsrecord.Cluster, count map[string]int) bool {
	if c.Name == "" || count[c.Name] > 1 || a.Split != nil && a.Split.Weight != "" && c.Weight < 0 {
		return true
	}
	return slices.ContainsFunc(c.Addresses, func(address string) bool {
		c.Addresses = []string{address}
		return len(slowTargets(a, c)) == 0
	})
}
