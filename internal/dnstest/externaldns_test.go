//go:build externaldns

package dnstest_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/external-dns/apis/v1alpha1"
	"sigs.k8s.io/external-dns/controller"
	"sigs.k8s.io/external-dns/endpoint"
	"sigs.k8s.io/external-dns/pkg/apis/externaldns"
	"sigs.k8s.io/external-dns/plan"
	"sigs.k8s.io/external-dns/provider/inmemory"
	"sigs.k8s.io/external-dns/registry/txt"
	"sigs.k8s.io/external-dns/source"
	"sigs.k8s.io/external-dns/source/wrappers"
	"sigs.k8s.io/yaml"

	"github.com/confed-project/confed/dnsrecord"
)

// externalDNS is the program external-dns, with a provider that keeps its zones in memory and a registry of TXT records.
type externalDNS struct {
	controller.Controller
	provider *inmemory.InMemoryProvider
	changes  []*plan.Changes // of the last pass
}

// managed are all the record types that we make.
func managed() []string { return []string{"A", "AAAA", "CNAME", "SRV", "TXT"} }

func newExternalDNS(t *testing.T, from source.Source) *externalDNS {
	t.Helper()
	e := &externalDNS{provider: inmemory.NewInMemoryProvider(inmemory.InMemoryInitZones(zones()))}
	e.provider.OnApplyChanges = func(_ context.Context, changes *plan.Changes) { e.changes = append(e.changes, changes) }
	registry, err := txt.New(&externaldns.Config{TXTOwnerID: "confed", ManagedDNSRecordTypes: managed()}, e.provider)
	require.NoError(t, err)
	e.Controller = controller.Controller{
		Source: from, Registry: registry, Policy: &plan.SyncPolicy{}, DomainFilter: endpoint.NewDomainFilter(zones()), ManagedRecordTypes: managed(),
	}
	return e
}

// pass runs external-dns once and returns what it changed, ownership records left out.
func (e *externalDNS) pass(t *testing.T) []dnsrecord.Change {
	t.Helper()
	e.changes = nil
	require.NoError(t, e.RunOnce(t.Context()))
	var before, after []dnsrecord.Endpoint
	for _, c := range e.changes {
		before = append(before, ours(slices.Concat(c.UpdateOld, c.Delete))...)
		after = append(after, ours(slices.Concat(c.UpdateNew, c.Create))...)
	}
	return dnsrecord.Diff(before, after)
}

// holds returns what the provider publishes, ownership records left out.
func (e *externalDNS) holds(t *testing.T) []dnsrecord.Endpoint {
	t.Helper()
	all, err := e.provider.Records(t.Context())
	require.NoError(t, err)
	owned := map[string]bool{}
	for _, one := range all {
		if one.RecordType == "TXT" && strings.Contains(one.Targets[0], "heritage=external-dns") {
			owned[one.DNSName+" "+one.SetIdentifier] = true
		}
	}
	mine := ours(all)
	for _, one := range mine {
		first, rest, _ := strings.Cut(one.DNSName, ".")
		require.True(t, owned[strings.ToLower(one.RecordType)+"-"+first+"."+rest+" "+one.SetIdentifier], "%s has no owner", one.DNSName)
	}
	require.Len(t, owned, len(mine), "ownership of what is gone")
	return mine
}

// ours turns external-dns's endpoints into ours, without what external-dns adds.
func ours(list []*endpoint.Endpoint) []dnsrecord.Endpoint {
	out := []dnsrecord.Endpoint{}
	for _, e := range list {
		if e.RecordType == "TXT" && strings.Contains(e.Targets[0], "heritage=external-dns") {
			continue
		}
		o := dnsrecord.Endpoint{
			DNSName: e.DNSName, Targets: slices.Sorted(slices.Values(e.Targets)), RecordType: e.RecordType,
			SetIdentifier: e.SetIdentifier, RecordTTL: int64(e.RecordTTL),
		}
		for key, value := range e.Labels {
			if key == endpoint.OwnerLabelKey || key == endpoint.ResourceLabelKey || key == endpoint.OwnedRecordLabelKey {
				continue
			}
			if o.Labels == nil {
				o.Labels = map[string]string{}
			}
			o.Labels[key] = value
		}
		for _, p := range e.ProviderSpecific {
			o.ProviderSpecific = append(o.ProviderSpecific, dnsrecord.Property{Name: p.Name, Value: p.Value})
		}
		out = append(out, o)
	}
	slices.SortFunc(out, func(a, b dnsrecord.Endpoint) int {
		return slices.Compare([]string{a.DNSName, a.RecordType, a.SetIdentifier}, []string{b.DNSName, b.RecordType, b.SetIdentifier})
	})
	return out
}

// fixed is a source that says what it was told.
type fixed struct{ list []*endpoint.Endpoint }

func (f *fixed) Endpoints(context.Context) ([]*endpoint.Endpoint, error) {
	return endpoint.MergeEndpoints(f.list), nil
}
func (f *fixed) AddEventHandler(context.Context, func()) {}

// theirs decodes a DNSEndpoint of ours as external-dns does, where every field must be known.
func theirs(t *testing.T, endpoints []dnsrecord.Endpoint) []*endpoint.Endpoint {
	t.Helper()
	data, err := json.Marshal(dnsrecord.Object("test", "nginx", endpoints))
	require.NoError(t, err)
	var object v1alpha1.DNSEndpoint
	require.NoError(t, yaml.UnmarshalStrict(data, &object))
	for _, e := range object.Spec.Endpoints {
		require.True(t, e.CheckEndpoint(), "%v", e)
	}
	return object.Spec.Endpoints
}

func same(t *testing.T, want, got any) {
	t.Helper()
	require.Empty(t, cmp.Diff(want, got, cmpopts.IgnoreFields(dnsrecord.Endpoint{}, "Why"), cmpopts.EquateEmpty()))
}

// TestExternalDNSFindsNothingToDo gives external-dns one random set after the other: each is published as it is with exactly
// the changes that Diff says, and a second pass changes nothing.
func TestExternalDNSFindsNothingToDo(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	from := &fixed{}
	program := newExternalDNS(t, wrappers.NewDedupSource(from))
	var before []dnsrecord.Endpoint
	for range 300 {
		answers := dnsrecord.Answers{Clusters: anyFleet(r), AllowEmpty: true, TTL: []int64{0, 60}[r.IntN(2)]}
		if r.IntN(3) == 0 {
			answers.Split = &dnsrecord.Split{Weight: "inmemory/weight"}
		}
		service := nginx()
		if r.IntN(4) == 0 {
			service.ExternalName = "shop"
		}
		want, _ := dnsrecord.Records(service, answers)
		if r.IntN(5) == 0 {
			both, err := dnsrecord.Merge(want, clusterSet(t))
			require.NoError(t, err)
			want = both
		}
		from.list = theirs(t, want)
		changes := program.pass(t)
		same(t, want, program.holds(t))
		same(t, dnsrecord.Diff(before, want), changes)
		require.Empty(t, program.pass(t), "a second pass finds nothing to do")
		require.Empty(t, program.changes)
		before = want
	}
}
