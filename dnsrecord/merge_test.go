package dnsrecord_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"github.com/confed-project/confed/dnsrecord"
)

// anySet returns endpoints that may contradict each other.
func anySet(r *rand.Rand) []dnsrecord.Endpoint {
	set := []dnsrecord.Endpoint{}
	name := func() string { return pick(r, "a.test", "b.test", "c.test", "d.test", "d.test", "") }
	for range r.IntN(6) {
		e := dnsrecord.Endpoint{
			DNSName: name(), RecordType: pick(r, "A", "AAAA", "A", "AAAA", "CNAME", "CNAME", "CNAME", "TXT", ""), RecordTTL: pick[int64](r, 0, 30, 60, -1),
			SetIdentifier: pick(r, "", "", "c1", "c2"), Why: pick(r, "x", "y"),
		}
		for range r.IntN(3) {
			e.Targets = append(e.Targets, map[string]string{
				"A": "192.0.2.1", "AAAA": "2001:db8::1", "TXT": "v", "CNAME": name(),
			}[e.RecordType]+pick(r, "", "", "7"))
		}
		if r.IntN(3) == 0 {
			e.Labels = map[string]string{pick(r, "k", "l"): pick(r, "1", "2")}
			e.ProviderSpecific = []dnsrecord.Property{{Name: pick(r, "p", "q"), Value: pick(r, "1", "2")}}
		}
		set = append(set, e)
	}
	return set
}

func TestMergeLaws(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 5000 {
		a, b := anySet(r), anySet(r)
		before := fmt.Sprintf("%#v %#v", a, b)
		got, err := dnsrecord.Merge(a, b)
		require.Equal(t, before, fmt.Sprintf("%#v %#v", a, b), "the arguments were changed")

		r.Shuffle(len(a), func(i, j int) { a[i], a[j] = a[j], a[i] })
		again, errAgain := dnsrecord.Merge(b, a)
		require.Equal(t, got, again, "the order of the sets matters")
		require.Equal(t, fmt.Sprint(err), fmt.Sprint(errAgain))

		twice, err := dnsrecord.Merge(got)
		require.NoError(t, err)
		require.Equal(t, got, twice)
		checkMerged(t, append(a, b...), got)
	}
}

// checkMerged holds a merged set against what went in.
func checkMerged(t *testing.T, in, out []dnsrecord.Endpoint) {
	t.Helper()
	next := map[string][]string{}
	for i, e := range out {
		require.True(t, len(e.Targets) > 0 && e.DNSName != "" && e.RecordType != "" && e.RecordTTL >= 0)
		require.Len(t, slices.Compact(slices.Clone(e.Targets)), len(e.Targets))
		for _, other := range out[:i] {
			if other.DNSName != e.DNSName {
				continue
			}
			require.NotEqual(t, [2]string{e.RecordType, e.SetIdentifier}, [2]string{other.RecordType, other.SetIdentifier})
			require.Equal(t, e.RecordType == "CNAME", other.RecordType == "CNAME", "a CNAME beside another type")
			require.Equal(t, e.RecordTTL, other.RecordTTL, "two TTL under one name")
			if e.RecordType == other.RecordType {
				require.True(t, e.SetIdentifier != "" && other.SetIdentifier != "")
			}
		}
		if e.RecordType == "CNAME" {
			require.Len(t, e.Targets, 1)
			next[e.DNSName] = append(next[e.DNSName], e.Targets[0])
		}
		for _, target := range e.Targets {
			require.True(t, slices.ContainsFunc(in, func(i dnsrecord.Endpoint) bool {
				return i.DNSName == e.DNSName && i.RecordType == e.RecordType && i.SetIdentifier == e.SetIdentifier && slices.Contains(i.Targets, target)
			}), "a target from nowhere")
		}
	}
	for name := range next {
		front := []string{name}
		for range 5 {
			var further []string
			for _, n := range front {
				further = append(further, next[n]...)
			}
			front = further
		}
		require.Empty(t, front, "a chain without end")
	}
}

func TestMergeKeepsWhatRecordsMakes(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 2000 {
		answers := anyAnswers(r)
		answers.Previous = nil
		set, _ := dnsrecord.Records(nginx, answers)
		got, err := dnsrecord.Merge(set)
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(set, got, cmpopts.EquateEmpty()))
	}
}

func TestDiffLaws(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 3000 {
		a, _ := dnsrecord.Merge(anySet(r), anySet(r))
		b, _ := dnsrecord.Merge(anySet(r), anySet(r))
		require.Empty(t, dnsrecord.Diff(a, a))
		shuffled := slices.Clone(a)
		r.Shuffle(len(a), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		for i := range shuffled {
			slices.Reverse(shuffled[i].Targets)
			shuffled[i].Why = "other"
		}
		before := fmt.Sprintf("%#v", shuffled)
		require.Empty(t, dnsrecord.Diff(a, shuffled), "order and Why do not count")
		require.Empty(t, dnsrecord.Diff(shuffled, a))
		require.Equal(t, before, fmt.Sprintf("%#v", shuffled), "the argument was changed")

		type key struct{ name, recordType, id string }
		have := map[key]dnsrecord.Endpoint{}
		keyOf := func(e dnsrecord.Endpoint) key { return key{e.DNSName, e.RecordType, e.SetIdentifier} }
		for _, e := range a {
			have[keyOf(e)] = e
		}
		forth, back := dnsrecord.Diff(a, b), dnsrecord.Diff(b, a)
		require.Len(t, back, len(forth))
		for i, c := range forth {
			require.Equal(t, c.Old, back[i].New)
			require.Equal(t, c.New, back[i].Old)
			require.False(t, c.Old == nil && c.New == nil)
			if c.Old != nil {
				require.Empty(t, cmp.Diff(have[keyOf(*c.Old)], *c.Old, cmpopts.IgnoreFields(dnsrecord.Endpoint{}, "Targets")))
				delete(have, keyOf(*c.Old))
			}
			if c.New != nil {
				have[keyOf(*c.New)] = *c.New
			}
		}
		require.Len(t, have, len(b), "the changes lead to the other set")
		for _, e := range b {
			require.Empty(t, dnsrecord.Diff([]dnsrecord.Endpoint{have[keyOf(e)]}, []dnsrecord.Endpoint{e}))
		}
	}
}

func TestObjectRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for range 2000 {
		set, _ := dnsrecord.Merge(anySet(r))
		object := dnsrecord.Object("shop", "nginx", set)
		back, err := dnsrecord.FromObject(object)
		require.NoError(t, err)
		ignoreWhy := cmpopts.IgnoreFields(dnsrecord.Endpoint{}, "Why")
		require.Empty(t, cmp.Diff(set, back, ignoreWhy, cmpopts.EquateEmpty()))

		// The object says what the struct's own JSON says.
		want, err := json.Marshal(map[string]any{"endpoints": set})
		require.NoError(t, err)
		have, err := json.Marshal(object["spec"])
		require.NoError(t, err)
		require.JSONEq(t, string(want), string(have))
	}
}

func TestFromObjectRefuses(t *testing.T) {
	for _, object := range []map[string]any{
		nil, {"spec": "x"}, {"spec": map[string]any{"endpoints": "x"}}, {"spec": map[string]any{"endpoints": []any{map[string]any{"targets": 1}}}},
		{"spec": map[string]any{"endpoints": func() {}}},
	} {
		_, err := dnsrecord.FromObject(object)
		require.ErrorIs(t, err, dnsrecord.ErrInvalidValue)
	}
}

func TestMergeReports(t *testing.T) {
	a := func(edit func(*dnsrecord.Endpoint)) []dnsrecord.Endpoint {
		e := dnsrecord.Endpoint{
			DNSName: "a.test", RecordType: "A", Targets: []string{"192.0.2.1"}, RecordTTL: 60, SetIdentifier: "c1",
			Labels: map[string]string{"k": "1"}, ProviderSpecific: []dnsrecord.Property{{Name: "p", Value: "1"}},
		}
		edit(&e)
		return []dnsrecord.Endpoint{e}
	}
	cname := func(name, target string) []dnsrecord.Endpoint {
		return []dnsrecord.Endpoint{{DNSName: name, RecordType: "CNAME", Targets: []string{target}}}
	}
	plain := a(func(*dnsrecord.Endpoint) {})
	for name, row := range map[string]struct {
		one, two []dnsrecord.Endpoint
		is       []error // one for each report
		left     int
	}{
		"equal":           {plain, plain, nil, 1},
		"other target":    {plain, a(func(e *dnsrecord.Endpoint) { e.Targets = []string{"192.0.2.2"} }), nil, 1},
		"other TTL":       {plain, a(func(e *dnsrecord.Endpoint) { e.RecordTTL = 0 }), nil, 1},
		"higher TTL":      {plain, a(func(e *dnsrecord.Endpoint) { e.RecordTTL, e.RecordType = 90, "AAAA" }), nil, 2},
		"other label":     {plain, a(func(e *dnsrecord.Endpoint) { e.Labels = map[string]string{"k": "2", "l": "1"} }), []error{dnsrecord.ErrDuplicate}, 1},
		"other property":  {plain, a(func(e *dnsrecord.Endpoint) { e.ProviderSpecific[0].Value = "2" }), []error{dnsrecord.ErrDuplicate}, 1},
		"more properties": {plain, a(func(e *dnsrecord.Endpoint) { e.ProviderSpecific[0].Name = "q" }), nil, 1},
		"without id":      {plain, a(func(e *dnsrecord.Endpoint) { e.SetIdentifier = "" }), []error{dnsrecord.ErrMixed}, 1},
		"beside a CNAME":  {plain, cname("a.test", "b.test"), []error{dnsrecord.ErrMixed}, 1},
		"two CNAMEs":      {cname("a.test", "b.test"), cname("a.test", "c.test"), []error{dnsrecord.ErrMixed}, 1},
		"loop of one":     {plain, cname("b.test", "b.test"), []error{dnsrecord.ErrLoop}, 1},
		"loop of two":     {cname("a.test", "b.test"), cname("b.test", "a.test"), []error{dnsrecord.ErrLoop, dnsrecord.ErrLoop}, 0},
		"into a loop":     {cname("a.test", "b.test"), cname("b.test", "b.test"), []error{dnsrecord.ErrLoop}, 1},
		"no target":       {plain, a(func(e *dnsrecord.Endpoint) { e.Targets = nil }), []error{dnsrecord.ErrInvalidValue}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := dnsrecord.Merge(row.one, row.two)
			require.Len(t, got, row.left)
			errs := list(t, err)
			require.Len(t, errs, len(row.is))
			for i := range errs {
				require.ErrorIs(t, errs[i], row.is[i])
			}
			for _, e := range got {
				require.True(t, e.RecordTTL == 60 || e.RecordType == "CNAME")
			}
		})
	}
}
