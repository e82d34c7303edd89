package dnsrecord

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// Table draws a record set for people, one line for each endpoint in the given order: name, type, TTL, targets, and why it answers
// so. Of many targets it shows the first; a CNAME within the set is followed to where it ends.
func Table(endpoints []Endpoint) string {
	byName := make(map[string][]Endpoint, len(endpoints))
	for _, e := range endpoints {
		byName[e.DNSName] = append(byName[e.DNSName], e)
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tTYPE\tTTL\tTARGETS\tWHY")
	for _, e := range endpoints {
		recordType := e.RecordType
		if e.SetIdentifier != "" {
			recordType += " [" + e.SetIdentifier + "]"
		}
		why := e.Why
		for _, p := range e.ProviderSpecific {
			why += " " + p.Name + "=" + p.Value
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\n", e.DNSName, recordType, e.RecordTTL, follow(e, byName), strings.TrimSpace(why))
	}
	_ = w.Flush() // a Builder takes everything
	return trimLines(b.String())
}

// follow writes the targets of an endpoint, and those that a resolver finds behind a CNAME.
func follow(e Endpoint, byName map[string][]Endpoint) string {
	text := few(e.Targets)
	for range 8 { // more than any resolver follows
		if e.RecordType != TypeCNAME || len(e.Targets) == 0 {
			return text
		}
		next := byName[e.Targets[0]]
		switch {
		case len(next) == 0:
			return text
		case next[0].RecordType != TypeCNAME || len(next) > 1:
			var targets []string
			for _, n := range next {
				targets = append(targets, n.Targets...)
			}
			return text + " → " + few(targets)
		}
		e = next[0]
		text += " → " + few(e.Targets)
	}
	return text + " → …"
}

// few writes the first targets and how many more there are.
func few(targets []string) string {
	const shown = 3
	if len(targets) <= shown {
		return strings.Join(targets, " ")
	}
	return fmt.Sprintf("%s (+%d)", strings.Join(targets[:shown], " "), len(targets)-shown)
}

// trimLines takes the padding off the ends of the lines.
func trimLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}
