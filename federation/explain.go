package federation

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Explain tells in sentences why a cluster gets its steps: the decision, the share and what bounded it, each override
// that touched the manifest, and what an apply changes, from what to what and who holds it now. Values of Secrets are masked.
func (p Plan) Explain(cluster string) string {
	var b strings.Builder
	for _, d := range p.Decisions {
		if d.Cluster == cluster {
			verdict := map[bool]string{true: "selected", false: "not selected"}[d.Selected]
			_, _ = fmt.Fprintf(&b, "%s is %s: %s.\n", cluster, verdict, strings.TrimSuffix(join(": ", string(d.Reason), d.Message), "."))
		}
	}
	for _, s := range p.Steps {
		if s.Ref.Cluster == cluster {
			s.explain(&b)
		}
	}
	if b.Len() == 0 {
		return cluster + " is not in this plan.\n"
	}
	return b.String()
}

func join(sep string, parts ...string) string {
	var kept []string
	for _, part := range parts {
		if part != "" {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, sep)
}

func (s Step) explain(b *strings.Builder) {
	if s.secret() {
		s = s.mask()
	}
	_, _ = fmt.Fprintf(b, "%s: %s.\n", s.Ref, strings.TrimSuffix(join(": ", string(s.Verb)+", "+string(s.Reason), s.Message), "."))
	if s.Share != nil {
		bound := "by its weight"
		if s.Share.Bound != "" {
			bound = "bound by " + string(s.Share.Bound)
		}
		_, _ = fmt.Fprintf(b, "  %d replicas, %s.\n", s.Share.Replicas, bound)
	}
	for _, c := range s.Trace {
		_, _ = fmt.Fprintf(b, "  Override %s set %s from %s to %s.\n", c.Layer, c.Path, text(c.Old), text(c.New))
	}
	for _, c := range s.Changes {
		_, _ = fmt.Fprintf(b, "  %s.\n", c)
	}
}

// String is the change in one line, with the values, long ones cut: /spec/replicas: 3 -> 5, now held by hpa.
func (c Change) String() string {
	line := c.Path + ": " + text(c.Have) + " -> " + text(c.Want)
	if len(c.Holders) > 0 {
		line += ", now held by " + strings.Join(c.Holders, ", ")
	}
	return line
}

// text is a value as short JSON.
func text(v any) string {
	const most = 120
	if v == nil {
		return "nothing"
	}
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("a %T", v)
	}
	if len(data) > most {
		return strings.ToValidUTF8(string(data[:most]), "") + "…"
	}
	return string(data)
}
