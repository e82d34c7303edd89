package dnsrecord

import (
	"cmp"
	"fmt"
	"slices"
)

// checkPorts returns the ports that are right, the protocol filled in. Of two with one name neither is, nor, when numbers must be
// unique, of two with one protocol and number.
func checkPorts(cluster string, ports []Port, unique bool, f *faults) []Port {
	out := make([]Port, 0, len(ports))
	for _, p := range ports {
		p.Protocol = cmp.Or(p.Protocol, "TCP")
		if err := p.check(len(ports) > 1); err != nil {
			f.add(cluster, "port "+cmp.Or(p.Name, fmt.Sprint(p.Port)), err)
			continue
		}
		out = append(out, p)
	}
	clash := func(i int) bool {
		for j, p := range out {
			if i != j && (p.Name == out[i].Name || unique && p.Protocol == out[i].Protocol && p.Port == out[i].Port) {
				return true
			}
		}
		return false
	}
	kept := make([]Port, 0, len(out))
	for i, p := range out {
		if clash(i) {
			f.add(cluster, "port "+cmp.Or(p.Name, fmt.Sprint(p.Port)), ErrDuplicate)
			continue
		}
		kept = append(kept, p)
	}
	return kept
}

// check says what is wrong with a port that has its protocol.
func (p Port) check(named bool) error {
	switch {
	case p.Port < 1 || p.Port > 65535:
		return fmt.Errorf("%w: %d is not within 1 and 65535", ErrInvalidValue, p.Port)
	case p.Protocol != "TCP" && p.Protocol != "UDP" && p.Protocol != "SCTP":
		return fmt.Errorf("%w: protocol %q", ErrInvalidValue, p.Protocol)
	case p.Name == "" && !named:
		return nil
	}
	return checkLabel(p.Name)
}

// samePorts says whether two services have the same ports, in any order.
func samePorts(a, b []Port) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(p Port) bool { return !slices.Contains(b, p) })
}

// unitePorts adds the ports that are neither there by name nor by protocol and number. A port without a name can only be alone, so
// nothing joins it and it joins nothing.
func unitePorts(have, more []Port) []Port {
	for _, p := range more {
		if !slices.ContainsFunc(have, func(q Port) bool {
			return p.Name == "" || q.Name == "" || p.Name == q.Name || p.Protocol == q.Protocol && p.Port == q.Port
		}) {
			have = append(have, p)
		}
	}
	return have
}
