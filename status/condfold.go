package status

import (
	"slices"
	"strconv"
	"strings"
)

// conditionsFold makes one list of conditions, one per type, out of those of all members.
type conditionsFold struct {
	Field
	types  []*conditionTally // in order of appearance
	byKind map[string]*conditionTally
	next   int // index of the type that probably comes next: members list their conditions in one order
}

// conditionTally is what the members say of one type, by status and reason.
type conditionTally struct {
	kind   string
	heard  int
	from   *Member // who spoke last, to find one who speaks twice
	groups []conditionGroup
}

type conditionGroup struct {
	status, reason   string
	heard            int
	earliest, latest stamp // lastTransitionTime
	voices           []voice
}

// voice is one message and the first clusters that say it.
type voice struct {
	message  string
	clusters []string
	heard    int
}

const maxVoices = 3 // messages quoted in one condition, and clusters named with each

func (f *conditionsFold) add(s *source) []problem {
	list, ok := s.value.([]any)
	if !ok {
		return wrongType(s.value, "a list")
	}
	f.next = 0
	var problems []problem
	for _, e := range list {
		m, ok := e.(map[string]any)
		if !ok {
			problems = append(problems, wrongType(e, "an object")...)
			continue
		}
		if p := f.entry(s.member, m); p != nil {
			problems = append(problems, p...)
		}
	}
	return problems
}

func (f *conditionsFold) entry(from *Member, m map[string]any) []problem {
	kind, _ := m["type"].(string)
	if kind == "" {
		return []problem{{GapNoType, ""}}
	}
	status, _ := m["status"].(string)
	if status != "True" && status != "False" && status != "Unknown" {
		return []problem{{GapWrongType, shorten(kind, whyRunes) + ": status is neither True, False nor Unknown"}}
	}
	t := f.tally(kind)
	if t.from == from {
		return []problem{{GapDuplicate, shorten(kind, whyRunes)}}
	}
	t.from = from
	t.heard++
	reason, _ := m["reason"].(string)
	message, _ := m["message"].(string)
	g := t.group(status, reason)
	g.heard++
	g.say(message, from.Cluster)
	at, problems := moment(m["lastTransitionTime"])
	if at.text != "" {
		if g.earliest.text == "" || at.compare(g.earliest) < 0 {
			g.earliest = at
		}
		if at.compare(g.latest) > 0 {
			g.latest = at
		}
	}
	return problems
}

func (f *conditionsFold) tally(kind string) *conditionTally {
	if f.next < len(f.types) && f.types[f.next].kind == kind {
		f.next++
		return f.types[f.next-1]
	}
	t := f.byKind[kind]
	if t == nil {
		if f.byKind == nil {
			f.byKind = map[string]*conditionTally{}
		}
		t = &conditionTally{kind: kind}
		f.byKind[kind] = t
		f.types = append(f.types, t)
	}
	return t
}

func (t *conditionTally) group(status, reason string) *conditionGroup {
	for i := range t.groups {
		if g := &t.groups[i]; g.reason == reason && g.status == status {
			return g
		}
	}
	t.groups = append(t.groups, conditionGroup{status: status, reason: reason})
	return &t.groups[len(t.groups)-1]
}

func (g *conditionGroup) say(message, cluster string) {
	i := 0
	for i < len(g.voices) && g.voices[i].message != message {
		i++
	}
	if i == maxVoices {
		return
	}
	if i == len(g.voices) {
		g.voices = append(g.voices, voice{message: message})
	}
	v := &g.voices[i]
	v.heard++
	if len(v.clusters) < maxVoices {
		v.clusters = append(v.clusters, cluster)
	}
}

// moment reads a lastTransitionTime, which may be absent.
func moment(v any) (stamp, []problem) {
	if v == nil {
		return stamp{}, nil
	}
	text, ok := v.(string)
	if !ok {
		return stamp{}, []problem{{GapBadTime, "lastTransitionTime is a " + typeName(v)}}
	}
	at, ok := readStamp(text)
	if !ok {
		return stamp{}, []problem{{GapBadTime, "lastTransitionTime " + shorten(text, whyRunes)}}
	}
	return at, nil
}

func later(a, b stamp) stamp {
	if b.compare(a) > 0 {
		return b
	}
	return a
}

func (f *conditionsFold) result(s scope) (any, map[string]any) {
	var out []any
	slices.SortFunc(f.types, func(a, b *conditionTally) int { return strings.Compare(a.kind, b.kind) })
	for _, t := range f.types {
		if c := f.condition(t, s); c != nil {
			out = append(out, c)
		}
	}
	if out == nil {
		return nil, nil
	}
	return out, nil
}

// condition settles one type. A type of Any is True when some member says so and False when none does, silence included;
// any other needs everyone for True, and one for False.
func (f *conditionsFold) condition(t *conditionTally, s scope) map[string]any {
	kind := t.kind
	some := slices.Contains(f.Any, kind)
	worst, best := "False", "True"
	if some {
		worst, best = best, worst
	}
	status := best
	switch {
	case t.says(worst):
		status = worst
	case t.says("Unknown"):
		status = "Unknown"
	case s.holes || t.heard < s.total && !some:
		if f.Every {
			return nil
		}
		return unproven(t, s)
	}
	if some && f.Every && status != "True" {
		return nil
	}
	g := f.pick(t, status)
	out := map[string]any{"type": kind, "status": status}
	set := func(key, text string) {
		if text != "" {
			out[key] = text
		}
	}
	set("reason", g.reason)
	set("message", t.quote(status, g.reason, s.total))
	first, last := t.moments(status)
	if status == best {
		first = last
	}
	set("lastTransitionTime", first.text)
	return out
}

// unproven is for a type of which nobody says anything bad, while not everyone speaks.
func unproven(t *conditionTally, s scope) map[string]any {
	out := map[string]any{"type": t.kind, "status": "Unknown", "reason": "NotAllReported",
		"message": "reported by " + strconv.Itoa(t.heard) + " of " + strconv.Itoa(s.total) + plural(s.total) + "; the others are silent, or a report is old or at fault"}
	var last stamp
	for _, g := range t.groups {
		last = later(last, g.latest)
	}
	if last.text != "" {
		out["lastTransitionTime"] = last.text
	}
	return out
}

func (t *conditionTally) says(status string) bool {
	return slices.ContainsFunc(t.groups, func(g conditionGroup) bool { return g.status == status })
}

// pick chooses the reason to show: reasons that Order lists come in that order after all others, those by name.
func (f *conditionsFold) pick(t *conditionTally, status string) conditionGroup {
	var best *conditionGroup
	for i := range t.groups {
		g := &t.groups[i]
		if g.status != status {
			continue
		}
		if best == nil {
			best = g
			continue
		}
		a, b := slices.Index(f.Order, g.reason), slices.Index(f.Order, best.reason)
		if a < b || a == b && g.reason < best.reason {
			best = g
		}
	}
	if best == nil { // nobody says it: none of a type of Any is True, some are silent
		return conditionGroup{}
	}
	return *best
}

// moments are the first and the last transition to a status.
func (t *conditionTally) moments(status string) (first, last stamp) {
	for _, g := range t.groups {
		if g.status != status {
			continue
		}
		last = later(last, g.latest)
		if first.text == "" || g.earliest.text != "" && g.earliest.compare(first) < 0 {
			first = g.earliest
		}
	}
	return first, last
}

// quote gives the message that all members share, else the first ones with the clusters that say them.
func (t *conditionTally) quote(status, reason string, total int) string {
	i := slices.IndexFunc(t.groups, func(g conditionGroup) bool { return g.status == status && g.reason == reason })
	if i < 0 {
		return ""
	}
	g := t.groups[i]
	if len(g.voices) == 1 && g.voices[0].heard == total {
		return g.voices[0].message
	}
	var b strings.Builder
	unnamed := g.heard
	for _, v := range g.voices {
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		unnamed -= v.heard
		b.WriteString(strings.Join(v.clusters, ", "))
		if more := v.heard - len(v.clusters); more > 0 {
			b.WriteString(" and " + strconv.Itoa(more) + " more")
		}
		if v.message != "" {
			b.WriteString(": " + shorten(v.message, trimmedRunes))
		}
	}
	if unnamed > 0 {
		b.WriteString("; and " + strconv.Itoa(unnamed) + " more")
	}
	return b.String()
}
