package dnsrecord

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// publishAll returns the endpoints of all places, sorted: publish adds those of one name in order.
func (s *answerSet) publishAll(places []*place, f *faults) []Endpoint {
	slices.SortFunc(places, func(a, b *place) int { return strings.Compare(a.name, b.name) })
	n := len(places) + 1
	for _, p := range places {
		if s.Split != nil {
			n += len(p.members)
		}
	}
	out := make([]Endpoint, 0, n)
	for _, p := range places {
		out = s.publish(out, p, f)
	}
	return out
}

// publish appends the endpoints of one name, by type and set identifier.
func (s *answerSet) publish(out []Endpoint, p *place, f *faults) []Endpoint {
	var from [3][]*member // who answers, by kind
	for _, m := range p.members {
		for kind := range from {
			if m.live && len(m.addresses[kind]) > 0 {
				from[kind] = append(from[kind], m)
			}
		}
	}
	hosts := from[kindHost]
	if len(from[0])+len(from[1]) > 0 {
		from[kindHost] = nil
	}
	for kind, recordType := range kinds() {
		out = s.answer(out, Endpoint{DNSName: p.name, RecordType: recordType, RecordTTL: s.ttl}, from[kind], kind)
	}
	s.reportHosts(p, hosts, from[kindHost] != nil, f)
	if len(from[0])+len(from[1])+len(hosts) == 0 && p.up != "" {
		out = append(out, Endpoint{
			DNSName: p.name, Targets: []string{p.up}, RecordType: TypeCNAME, RecordTTL: s.ttl,
			Labels: maps.Clone(s.labels), Why: "nobody answers here: one level up",
		})
	}
	return out
}

// answer appends what the members say of one kind: one endpoint for all, or one each.
func (s *answerSet) answer(out []Endpoint, e Endpoint, from []*member, kind int) []Endpoint {
	if s.Split == nil {
		if len(from) == 0 {
			return out
		}
		e.Targets = s.unite(from, kind)
		e.Labels = maps.Clone(s.labels)
		e.Why = s.note + why(from)
		return append(out, e)
	}
	for _, m := range from {
		e.Targets = slices.Clone(m.addresses[kind])
		if kind == kindHost {
			e.Targets = e.Targets[:1]
		}
		e.SetIdentifier = m.Name
		e.Labels = maps.Clone(s.labels)
		e.ProviderSpecific = slices.Clone(m.properties)
		e.Why = s.note + m.Name
		out = append(out, e)
	}
	return out
}

// unite returns the targets of all members, for host names only the first: a CNAME has one target.
func (s *answerSet) unite(from []*member, kind int) []string {
	n := 0
	for _, m := range from {
		n += len(m.addresses[kind])
	}
	targets := make([]string, 0, n)
	for _, m := range from {
		targets = append(targets, m.addresses[kind]...)
	}
	slices.Sort(targets)
	targets = slices.Compact(targets)
	if kind == kindHost {
		return []string{targets[0]}
	}
	return targets
}

// reportHosts reports the host names that did not make it into a record of this place. None did when kept is false.
func (s *answerSet) reportHosts(p *place, hosts []*member, kept bool, f *faults) {
	if len(hosts) == 0 {
		return
	}
	first := slices.MinFunc(hosts, func(a, b *member) int {
		return strings.Compare(a.addresses[kindHost][0], b.addresses[kindHost][0])
	})
	for _, m := range hosts {
		if s.Split != nil {
			first = m
		}
		for _, host := range m.addresses[kindHost] {
			if !kept || host != first.addresses[kindHost][0] {
				f.add(m.Name, p.name, fmt.Errorf("%w: %s is left out", ErrMixed, host))
			}
		}
	}
}

// why names the clusters that answer.
func why(from []*member) string {
	names := make([]string, 0, shownNames)
	for _, m := range from[:min(shownNames, len(from))] {
		names = append(names, m.Name)
	}
	return moreNames(names, len(from))
}

const shownNames = 3

// fewNames writes the first names and how many more there are.
func fewNames(names []string) string {
	return moreNames(names[:min(shownNames, len(names))], len(names))
}

func moreNames(first []string, all int) string {
	text := strings.Join(first, ", ")
	if all > len(first) {
		text += fmt.Sprintf(" and %d more", all-len(first))
	}
	return text
}
