package dnsrecord

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

// member is a cluster whose facts were checked.
type member struct {
	*Cluster
	addresses  [3][]string // by kind, sorted, without duplicates
	live       bool        // may answer
	properties []Property
}

// kinds are the record types of member.addresses, by index.
func kinds() [3]string { return [3]string{TypeA, TypeAAAA, TypeCNAME} }

// kindHost is the index of the host names.
const kindHost = 2

// answers says whether a member has anything to say.
func (m *member) answers() bool {
	return len(m.addresses[0])+len(m.addresses[1])+len(m.addresses[2]) > 0
}

// answerSet is Answers, checked.
type answerSet struct {
	Answers
	ttl     int64
	subject string // for errors
	labels  map[string]string
	own     func(host string) bool // whether a name belongs to what is being published
	members []*member              // sorted by name
	note    string                 // for people, before the names of those who answer
}

// newAnswerSet checks what concerns all clusters.
func newAnswerSet(a Answers, f *faults) (*answerSet, bool) {
	ok := true
	check := func(field string, value, most int64) {
		if value < 0 || value > most {
			f.add("", field, fmt.Errorf("%w: %d is not within 0 and %d", ErrInvalidValue, value, most))
			ok = false
		}
	}
	check("TTL", a.TTL, math.MaxInt32)
	if a.Split != nil {
		check("maxWeight", a.Split.MaxWeight, math.MaxInt64)
	}
	return &answerSet{Answers: a, ttl: cmp.Or(a.TTL, DefaultTTL)}, ok
}

// gather checks the clusters and decides who may answer. It returns false when what was published must stand.
func (s *answerSet) gather(f *faults) bool {
	before := len(*f)
	seen := make(map[string]int, len(s.Clusters))
	for _, c := range s.Clusters {
		seen[c.Name]++
	}
	lookup := s.lookup()
	s.members = make([]*member, 0, len(s.Clusters))
	for i := range s.Clusters {
		c := &s.Clusters[i]
		switch {
		case c.Name == "":
			f.add("", "cluster", fmt.Errorf("%w: a cluster has no name", ErrInvalidName))
		case seen[c.Name] > 1:
			f.add(c.Name, "cluster", ErrDuplicate)
		case s.Split != nil && s.Split.Weight != "" && c.Weight < 0:
			f.add(c.Name, "weight", fmt.Errorf("%w: %d is below 0", ErrInvalidValue, c.Weight))
		default:
			m := &member{Cluster: c}
			s.sortIn(m, lookup, f)
			s.members = append(s.members, m)
		}
	}
	slices.SortFunc(s.members, func(a, b *member) int { return strings.Compare(a.Name, b.Name) })
	refused := len(*f) > before
	if s.Split != nil {
		s.setProperties(f)
	}
	if s.choose(func(m *member) bool { return m.Ready || s.KeepUnready }) || s.AllowEmpty && !refused {
		return true
	}
	if !s.answered() && s.choose(func(*member) bool { return true }) {
		s.note = "nobody is ready: "
		return true
	}
	f.add("", s.subject, ErrNoAddresses)
	return false
}

// answered says whether what is published now leads anywhere.
func (s *answerSet) answered() bool {
	return slices.ContainsFunc(s.Previous, func(e Endpoint) bool {
		return len(e.Targets) > 0 && (e.RecordType != TypeCNAME || !s.own(e.Targets[0]))
	})
}

// choose lets members answer and says whether any of them has something to say.
func (s *answerSet) choose(may func(*member) bool) bool {
	found := false
	for _, m := range s.members {
		m.live = may(m)
		found = found || m.live && m.answers()
	}
	return found
}

// sortIn fills the addresses of a member.
func (s *answerSet) sortIn(m *member, lookup func(string) ([]string, error), f *faults) {
	recordTypes := kinds()
	add := func(target, kind string) {
		i := slices.Index(recordTypes[:], kind)
		m.addresses[i] = append(m.addresses[i], target)
	}
	for _, address := range m.Addresses {
		target, kind, err := checkTarget(address)
		switch {
		case err != nil:
			f.add(m.Name, address, err)
		case kind != TypeCNAME:
			add(target, kind)
		case s.own(target):
			f.add(m.Name, address, ErrLoop)
		case s.Resolve != nil:
			found, err := lookup(target)
			if err != nil {
				f.add(m.Name, address, err)
			}
			for _, ip := range found {
				if target, kind, err := checkTarget(ip); err != nil || kind == TypeCNAME {
					f.add(m.Name, address, fmt.Errorf("%w: it answers %q", ErrLookup, ip))
				} else {
					add(target, kind)
				}
			}
		default:
			add(target, kind)
		}
	}
	for i := range m.addresses {
		slices.Sort(m.addresses[i])
		m.addresses[i] = slices.Compact(m.addresses[i])
	}
}

// lookup returns Resolve asked once for each host.
func (s *answerSet) lookup() func(host string) ([]string, error) {
	type answer struct {
		addresses []string
		err       error
	}
	known := map[string]answer{}
	return func(host string) ([]string, error) {
		a, ok := known[host]
		if !ok {
			a.addresses, a.err = s.Resolve(host)
			if a.err != nil {
				a.err = fmt.Errorf("%w: %w", ErrLookup, a.err)
			} else if len(a.addresses) == 0 {
				a.err = fmt.Errorf("%w: no address", ErrLookup)
			}
			known[host] = a
		}
		return a.addresses, a.err
	}
}

// setProperties gives every member its provider properties, weight included.
func (s *answerSet) setProperties(f *faults) {
	most, limit := int64(0), cmp.Or(s.Split.MaxWeight, 255)
	for _, m := range s.members {
		most = max(most, m.Weight)
	}
	for _, m := range s.members {
		byName := map[string]string{}
		for _, p := range m.Properties {
			value, ok := byName[p.Name]
			switch {
			case p.Name == "":
				f.add(m.Name, "properties", fmt.Errorf("%w: a property has no name", ErrInvalidValue))
			case ok && value != p.Value, p.Name == s.Split.Weight:
				f.add(m.Name, p.Name, fmt.Errorf("property %w", ErrDuplicate))
			default:
				byName[p.Name] = p.Value
			}
		}
		if s.Split.Weight != "" {
			byName[s.Split.Weight] = strconv.FormatInt(scale(m.Weight, limit, most), 10)
		}
		for _, name := range slices.Sorted(maps.Keys(byName)) {
			m.properties = append(m.properties, Property{Name: name, Value: byName[name]})
		}
	}
}

// scale returns weight·limit/most, rounded to the nearest but above zero for a weight above zero; weight itself when most fits.
func scale(weight, limit, most int64) int64 {
	if most <= limit || weight == 0 {
		return weight
	}
	hi, lo := bits.Mul64(uint64(weight), uint64(limit))
	lo, carry := bits.Add64(lo, uint64(most)/2, 0)
	quotient, _ := bits.Div64(hi+carry, lo, uint64(most))
	return max(1, int64(quotient))
}
