package dnsrecord

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Merge unites record sets that are published together, such as those of several services with names in one domain, into one
// that a DNS server accepts. Under one name, type and set identifier the targets are united; a name has the lowest of its TTL.
// What cannot stand together is dropped, each time with an *Error: a CNAME beside another type (ErrMixed), a second target of a
// CNAME (ErrMixed, the first in order stays), an answer without a set identifier beside answers with one (ErrMixed), a CNAME
// that leads back to itself (ErrLoop), an endpoint without name, type or targets (ErrInvalidValue). Of two values of a label or a
// provider property the first in order stays (ErrDuplicate). Names and targets are not checked.
//
// The result is sorted and shares nothing with the arguments. Laws: the order of the sets and in the sets is irrelevant; merging
// the result again changes nothing.
func Merge(sets ...[]Endpoint) ([]Endpoint, error) {
	var f faults
	all := []Endpoint{}
	for _, e := range slices.Concat(sets...) {
		if e.DNSName == "" || e.RecordType == "" || len(e.Targets) == 0 || e.RecordTTL < 0 {
			f.add("", e.DNSName, fmt.Errorf("%w: %s record without name, type, target or with a TTL below 0", ErrInvalidValue, e.RecordType))
			continue
		}
		all = append(all, e)
	}
	all = clone(all)
	slices.SortStableFunc(all, compareKey)
	all = uniteEqual(all, &f)
	all = settleNames(all, &f)
	all = cutLoops(all, &f)
	return all, f.join()
}

// uniteEqual makes one endpoint of neighbours with equal keys.
func uniteEqual(all []Endpoint, f *faults) []Endpoint {
	out := all[:0]
	for _, e := range all {
		if last := len(out) - 1; last < 0 || compareKey(out[last], e) != 0 {
			out = append(out, e)
			continue
		}
		have := &out[len(out)-1]
		have.Targets = append(have.Targets, e.Targets...)
		have.RecordTTL = lowest(have.RecordTTL, e.RecordTTL)
		have.Why = min(have.Why, e.Why)
		have.Labels = uniteLabels(have.DNSName, have.Labels, e.Labels, f)
		have.ProviderSpecific = append(have.ProviderSpecific, e.ProviderSpecific...)
	}
	for i := range out {
		e := &out[i]
		slices.Sort(e.Targets)
		e.Targets = slices.Compact(e.Targets)
		slices.SortFunc(e.ProviderSpecific, compareProperties)
		e.ProviderSpecific = slices.CompactFunc(e.ProviderSpecific, func(a, b Property) bool {
			if a.Name == b.Name && a != b {
				f.add(e.SetIdentifier, e.DNSName, fmt.Errorf("property %s: %w", a.Name, ErrDuplicate))
			}
			return a.Name == b.Name
		})
		for e.RecordType == TypeCNAME && len(e.Targets) > 1 {
			last := len(e.Targets) - 1
			f.add(e.SetIdentifier, e.DNSName, fmt.Errorf("%w: %s is left out", ErrMixed, e.Targets[last]))
			e.Targets = e.Targets[:last]
		}
	}
	return out
}

func compareProperties(a, b Property) int {
	return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Value, b.Value))
}

// lowest returns the lower of two TTL, of which 0 is none.
func lowest(a, b int64) int64 {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

func uniteLabels(name string, a, b map[string]string, f *faults) map[string]string {
	if a == nil {
		return b
	}
	for _, key := range slices.Sorted(maps.Keys(b)) {
		value, ok := a[key]
		if ok && value != b[key] {
			f.add("", name, fmt.Errorf("label %s: %w", key, ErrDuplicate))
		}
		if !ok || b[key] < value {
			a[key] = b[key]
		}
	}
	return a
}

// settleNames drops what cannot stand beside the rest of its name and gives each name one TTL.
func settleNames(all []Endpoint, f *faults) []Endpoint {
	out := all[:0]
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].DNSName == all[0].DNSName {
			n++
		}
		group := all[:n]
		all = all[n:]
		other := slices.ContainsFunc(group, func(e Endpoint) bool { return e.RecordType != TypeCNAME })
		ttl, first := int64(0), len(out)
		for i, e := range group {
			switch {
			case e.RecordType == TypeCNAME && other:
				f.add(e.SetIdentifier, e.DNSName, fmt.Errorf("%w: CNAME to %s is left out", ErrMixed, e.Targets[0]))
			case e.SetIdentifier == "" && i+1 < n && group[i+1].RecordType == e.RecordType:
				f.add("", e.DNSName, fmt.Errorf("%w: the %s record without set identifier is left out", ErrMixed, e.RecordType))
			default:
				ttl = lowest(ttl, e.RecordTTL)
				out = append(out, e)
			}
		}
		for i := range out[first:] {
			out[first+i].RecordTTL = ttl
		}
	}
	return out
}

// cutLoops drops every CNAME whose target leads back to its own name.
func cutLoops(all []Endpoint, f *faults) []Endpoint {
	next := map[string][]string{}
	for _, e := range all {
		if e.RecordType == TypeCNAME {
			next[e.DNSName] = append(next[e.DNSName], e.Targets[0])
		}
	}
	return slices.DeleteFunc(all, func(e Endpoint) bool {
		if e.RecordType != TypeCNAME {
			return false
		}
		seen := map[string]bool{}
		for todo := []string{e.Targets[0]}; len(todo) > 0; {
			name := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			if name == e.DNSName {
				f.add(e.SetIdentifier, e.DNSName, ErrLoop)
				return true
			}
			if !seen[name] {
				seen[name] = true
				todo = append(todo, next[name]...)
			}
		}
		return false
	})
}
