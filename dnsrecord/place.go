package dnsrecord

import "fmt"

// place is a name and the clusters that may answer for it.
type place struct {
	name    string
	up      string // where it points when nobody answers; empty: nowhere
	err     error  // why the name cannot be used
	members []*member
}

// places are the levels of one service, each made when the first cluster needs it.
type places struct {
	base, domain string
	global       *place
	regions      map[string]*place
	zones        map[[2]string]*place
	list         []*place // those that can be used
}

func newPlaces(base, domain, global string) *places {
	g := &place{name: global}
	return &places{base: base, domain: domain, global: g, regions: map[string]*place{}, zones: map[[2]string]*place{}, list: []*place{g}}
}

// add enters a cluster on all levels that it has.
func (p *places) add(m *member, f *faults) {
	p.global.members = append(p.global.members, m)
	if m.Region == "" {
		f.add(m.Name, "region", fmt.Errorf("%w: answers for the whole only", ErrNoTopology))
		return
	}
	region := p.regions[m.Region]
	if region == nil {
		region = p.open(m.Region, "", p.global.name)
		p.regions[m.Region] = region
	}
	if !region.enter(m, f) {
		return
	}
	if len(m.Zones) == 0 {
		f.add(m.Name, "zones", fmt.Errorf("%w: answers for the region and the whole only", ErrNoTopology))
	}
	for _, name := range m.Zones {
		zone := p.zones[[2]string{name, m.Region}]
		if zone == nil {
			zone = p.open(name, m.Region, region.name)
			p.zones[[2]string{name, m.Region}] = zone
		}
		zone.enter(m, f)
	}
}

// open makes the place for a label, below a region when one is given.
func (p *places) open(label, region, up string) *place {
	if region != "" {
		region += "."
	}
	n := &place{name: p.base + "." + label + "." + region + p.domain, up: up}
	if n.err = checkLabel(label); n.err == nil {
		n.err = checkPublished(n.name)
	}
	if n.err == nil {
		p.list = append(p.list, n)
	}
	return n
}

// enter adds a cluster to a place that can be used, once.
func (n *place) enter(m *member, f *faults) bool {
	if n.err != nil {
		f.add(m.Name, n.name, n.err)
		return false
	}
	if last := len(n.members) - 1; last < 0 || n.members[last] != m {
		n.members = append(n.members, m)
	}
	return true
}
