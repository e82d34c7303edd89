package federation

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// String is the plan as a table for people: one line a step, then the counts and what could not be evaluated. It is
// stable: equal plans give equal text. It contains no values of manifests.
func (p Plan) String() string {
	var b strings.Builder
	if len(p.Steps) > 0 {
		w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		_, _ = fmt.Fprintln(w, "CLUSTER\tOBJECT\tDO\tREASON\tREPLICAS\tWHY")
		for _, s := range p.Steps {
			_, _ = fmt.Fprintln(w, strings.Join(s.Columns(), "\t"))
		}
		_ = w.Flush()
	}
	lines := strings.Split(b.String(), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	b.Reset()
	b.WriteString(strings.Join(lines, "\n"))
	b.WriteString(p.Counts().String())
	b.WriteByte('\n')
	for _, err := range p.Errs {
		_, _ = fmt.Fprintf(&b, "error: %v\n", err)
	}
	return b.String()
}

// Columns are the cells of the step in the table of Plan.String, without values: cluster, object, verb, reason, replicas and
// why. None contains a tab or a line break.
func (s Step) Columns() []string {
	replicas := "-"
	if s.Share != nil {
		replicas = strconv.FormatInt(s.Share.Replicas, 10)
		if s.Share.Bound != "" {
			replicas += " (" + string(s.Share.Bound) + ")"
		}
	}
	why := s.Message
	if layers := s.layers(); len(layers) > 0 {
		why = strings.TrimPrefix(why+"; overrides: "+strings.Join(layers, ", "), "; ")
	}
	why = strings.Join(strings.Fields(why), " ")
	return []string{s.Ref.Cluster, s.Ref.String(), string(s.Verb), string(s.Reason), replicas, why}
}

// layers names the override layers that touched the manifest, in the order of their first change.
func (s Step) layers() []string {
	var names []string
	for _, c := range s.Trace {
		if !slices.Contains(names, c.Layer) {
			names = append(names, c.Layer)
		}
	}
	return names
}

// Counts tells how many steps have which verb.
type Counts map[Verb]int

// Counts counts the steps of the plan.
func (p Plan) Counts() Counts {
	count := Counts{}
	for _, s := range p.Steps {
		count[s.Verb]++
	}
	return count
}

// Writes tells whether a step would change a member.
func (c Counts) Writes() bool { return c[Create]+c[Apply]+c[Release]+c[Delete] > 0 }

// String lists the counts of verbs that occur: 3 create, 1 hold.
func (c Counts) String() string {
	var parts []string
	for _, verb := range []Verb{Create, Apply, Release, Delete, Keep, Hold} {
		if n := c[verb]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, verb))
		}
	}
	if len(parts) == 0 {
		return "nothing to do"
	}
	return strings.Join(parts, ", ")
}

// GoString is String, so that %#v shows no values either.
func (p Plan) GoString() string { return p.String() }

// String is the step in one line, without values.
func (s Step) String() string {
	return strings.TrimRight(strings.Join(s.Columns(), " "), " ")
}

// GoString is String, so that %#v shows no values either.
func (s Step) GoString() string { return s.String() }

// String is the result in one line, without values: done, held and failed each with the reason.
func (r Result) String() string {
	text := fmt.Sprintf("%s: %s %s: %s", r.Step.Ref.Cluster, r.Step.Verb, r.Step.Ref, strings.ToLower(string(r.Outcome)))
	if r.Outcome != Done && r.Reason != "" {
		text += ", " + string(r.Reason)
	}
	if r.Outcome != Done && r.Message != "" {
		text += ": " + r.Message
	}
	return text
}

// GoString is String, so that %#v shows no values either.
func (r Result) GoString() string { return r.String() }
