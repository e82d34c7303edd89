package status

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Member is what one selected cluster brings to an aggregate.
type Member struct {
	Cluster string
	// Live is the object as read there: decoded JSON, only read. Nil: there is no report, which is a gap and not a zero.
	Live map[string]any
	// Reason is why there is no report, or with Live set why it is not of now; CamelCase. A report with a Reason counts,
	// and is a gap as well: nothing that is said of all members is proven by it.
	Reason string
	// Generation of the template that the live object was made from; 0: not known to be any that counts.
	Generation int64
}

// Gap is something that an aggregate could not take into account.
type Gap struct {
	Cluster string `json:"cluster,omitempty"` // empty: the field as a whole
	Path    string `json:"path,omitempty"`    // below status; empty: all that the cluster has to say
	Reason  string `json:"reason"`            // one of the Gap constants, or the Reason of the Member
	Message string `json:"message,omitempty"`
}

// The reasons of gaps that Aggregate finds by itself, a closed set.
const (
	GapNoReport         = "NoReport"         // the member has no live object
	GapNoStatus         = "NoStatus"         // its object has no status
	GapDuplicate        = "Duplicate"        // members, or entries of a keyed list, with one name; of such members none counts
	GapWrongType        = "WrongType"        // not of the type that the field has
	GapNegative         = "Negative"         // a counter below zero
	GapBadTime          = "BadTime"          // a time or duration that does not parse
	GapNoType           = "NoType"           // a condition without type
	GapUnknownValue     = "UnknownValue"     // a value that the field's order does not know
	GapOverflow         = "Overflow"         // the sum, or a binary quantity, is more than an int64 holds
	GapOutdated         = "Outdated"         // the copy is not known to be of the latest template
	GapNotObserved      = "NotObserved"      // the member's controller has not seen the latest copy
	GapFutureGeneration = "FutureGeneration" // it claims to have seen a later copy than there is
	GapInvalidField     = "InvalidField"     // the row given for the field is at fault
)

// Aggregate makes one status out of those of all selected members, by the rows given or, without any, by Fields(kind).
// The same members in any order give the same status. It depends on nothing else: not on an earlier aggregate, not on
// the clock. Gaps name every cluster and field that it had to do without; a count is then that of the others, and what
// can only be said of all is not said. The status shares nothing with the members and may be empty, gaps are sorted.
func Aggregate(kind metav1.GroupKind, members []Member, rows ...Field) (status map[string]any, gaps []Gap) {
	if len(rows) == 0 {
		rows = Fields(kind)
	}
	a := aggregation{members: members, total: len(members)}
	sorted := ascending(members)
	if !sorted {
		a.members = byCluster(members)
	}
	a.open(rows)
	s := &source{}
	for i := range a.members {
		if status, ok := a.status(&a.members[i], !sorted && a.twin(i)); ok {
			s.member, s.parent = &a.members[i], status
			a.read(s)
		}
	}
	out := a.close()
	slices.SortFunc(a.gaps, func(x, y Gap) int {
		return cmp.Or(cmp.Compare(x.Cluster, y.Cluster), cmp.Compare(x.Path, y.Path), cmp.Compare(x.Reason, y.Reason), cmp.Compare(x.Message, y.Message))
	})
	return out, slices.Compact(a.gaps)
}

// byCluster sorts a copy; of one name none counts, so their order does not either.
func byCluster(members []Member) []Member {
	order := make([]*Member, len(members)) // to sort these costs half of what it costs to sort the structs
	for i := range members {
		order[i] = &members[i]
	}
	slices.SortFunc(order, func(a, b *Member) int { return strings.Compare(a.Cluster, b.Cluster) })
	out := make([]Member, len(members))
	for i, m := range order {
		out[i] = *m
	}
	return out
}

// ascending tells members in order and without two of one name.
func ascending(members []Member) bool {
	for i := 1; i < len(members); i++ {
		if members[i-1].Cluster >= members[i].Cluster {
			return false
		}
	}
	return true
}

// aggregation is one run.
type aggregation struct {
	members []Member
	total   int // members, those with gaps included
	holes   int // members that do not prove anything: without a report, or with an old one
	only    bool
	rows    []row
	gaps    []Gap
	spoilt  [][]string // paths of values that could not be used
}

// row is a Field at work.
type row struct {
	Field
	path   []string
	again  bool              // an earlier row reads the same field
	one    *tally            // without a * in the path
	many   map[string]*tally // with one: by path as found
	holes  int               // members whose value could not be used
	absent []string          // members that say nothing, where that is a gap once others do
}

// tally is a fold and the number of members that it heard.
type tally struct {
	fold
	heard int
}

func (t *tally) add(s *source) []problem {
	problems := t.fold.add(s)
	if len(problems) == 0 {
		t.heard++
	}
	return problems
}

func (a *aggregation) open(fields []Field) {
	a.rows = make([]row, 0, len(fields))
	for _, f := range fields {
		if f.Reduce == Only {
			a.only = true
			continue
		}
		r, err := newRow(f)
		if err != nil {
			a.gap("", f.Path, GapInvalidField, err.Error())
			continue
		}
		r.again = slices.ContainsFunc(a.rows, func(o row) bool { return slices.Equal(o.path, r.path) })
		a.rows = append(a.rows, r)
	}
}

func newRow(f Field) (row, error) {
	segments, err := parsePath(f.Path)
	if err != nil {
		return row{}, err
	}
	r := row{Field: f}
	wild := false
	for _, s := range segments {
		if s.key != "" || s.index >= 0 {
			return row{}, fmt.Errorf("%w %q: only fields and *", errPath, f.Path)
		}
		r.path = append(r.path, s.name)
		wild = wild || s.every()
	}
	fresh, err := newFold(f)
	if err != nil {
		return row{}, err
	}
	if wild {
		r.many = map[string]*tally{}
	} else {
		r.one = &tally{fold: fresh}
	}
	return r, nil
}

func (a *aggregation) gap(cluster, path, reason, message string) {
	a.gaps = append(a.gaps, Gap{Cluster: cluster, Path: path, Reason: reason, Message: message})
}

// twin tells whether a member shares its name with a neighbour.
func (a *aggregation) twin(i int) bool {
	return i > 0 && a.members[i-1].Cluster == a.members[i].Cluster || i+1 < a.total && a.members[i+1].Cluster == a.members[i].Cluster
}

// status is what one member reports, if it does; twin: it shares its name with another.
func (a *aggregation) status(m *Member, twin bool) (map[string]any, bool) {
	hole := func(reason, message string) {
		a.holes++
		a.gap(m.Cluster, "", reason, message)
	}
	if twin {
		hole(GapDuplicate, "more than one member of this name")
		return nil, false
	}
	if m.Live == nil {
		hole(cmp.Or(m.Reason, GapNoReport), "")
		return nil, false
	}
	whole := m.Live["status"]
	status, ok := whole.(map[string]any)
	switch {
	case len(a.rows) == 0 && !a.only:
	case whole == nil:
		hole(GapNoStatus, "")
		return nil, false
	case !ok:
		hole(GapWrongType, "status is not an object")
		return nil, false
	}
	if m.Reason != "" {
		hole(m.Reason, "")
	}
	return status, true
}

// read takes in one report by all rows: what one member says lies together in memory. When all its fields are found,
// the other rows need not look.
func (a *aggregation) read(s *source) {
	left := len(s.parent)
	for i := range a.rows {
		r := &a.rows[i]
		if r.many != nil || len(r.path) > 1 {
			a.descend(r, nil, &source{s.member, s.parent, s.parent})
			continue
		}
		if left == 0 && r.Reduce != Observed {
			continue
		}
		if s.value = s.parent[r.path[0]]; s.value != nil {
			if problems := r.one.add(s); len(problems) > 0 {
				a.problem(r, r.path, s, problems)
			}
			if !r.again {
				left--
			}
		} else if r.Reduce == Observed {
			r.absent = append(r.absent, s.member.Cluster)
		}
	}
}

// source is one value and whence it came; parent is the object that holds it.
type source struct {
	member *Member
	parent map[string]any
	value  any
}

// descend follows the rest of a row's path below done.
func (a *aggregation) descend(r *row, done []string, s *source) {
	if s.value == nil {
		return
	}
	if len(done) == len(r.path) {
		if problems := r.at(done).add(s); len(problems) > 0 {
			a.problem(r, done, s, problems)
		}
		return
	}
	m, ok := s.value.(map[string]any)
	if !ok {
		a.problem(r, done, s, wrongType(s.value, "an object"))
		return
	}
	next := r.path[len(done)]
	if next != "*" {
		a.descend(r, append(done, next), &source{s.member, m, m[next]})
		return
	}
	for key, v := range m {
		a.descend(r, append(slices.Clip(done), key), &source{s.member, m, v})
	}
}

// at is the tally for a path as found.
func (r *row) at(path []string) *tally {
	if r.many == nil {
		return r.one
	}
	key := strings.Join(path, "\x00")
	t, ok := r.many[key]
	if !ok {
		fresh, _ := newFold(r.Field) // newRow has tried it
		t = &tally{fold: fresh}
		r.many[key] = t
	}
	return t
}

func (a *aggregation) problem(r *row, path []string, s *source, problems []problem) {
	r.holes++
	a.spoilt = append(a.spoilt, slices.Clone(path))
	for _, p := range problems {
		a.gap(s.member.Cluster, joinPath(path), p.reason, p.message)
	}
}

// close writes the result of every row.
func (a *aggregation) close() map[string]any {
	out := map[string]any{}
	if a.only && a.total == 1 && a.holes == 0 {
		out, _ = clone(a.members[0].Live["status"]).(map[string]any)
		delete(out, "observedGeneration") // it counts the member's generations
		for _, path := range a.spoilt {
			remove(out, path)
		}
	}
	for i := range a.rows {
		r := &a.rows[i]
		if r.many == nil {
			for i := 0; i < len(r.absent) && r.one.heard+r.holes > 0; i++ {
				a.gap(r.absent[i], r.Path, GapNotObserved, "not reported")
			}
			a.put(out, r, r.path, r.one)
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(r.many)) {
			a.put(out, r, strings.Split(key, "\x00"), r.many[key])
		}
	}
	return out
}

// scope says how many members a fold has heard, and of how many it could have.
type scope struct {
	heard, total int
	holes        bool // some did not prove anything
}

func (s scope) complete() bool { return s.heard == s.total && !s.holes }

func (a *aggregation) put(out map[string]any, r *row, path []string, t *tally) {
	s := scope{heard: t.heard, total: a.total, holes: a.holes+r.holes > 0}
	if r.Every && r.Reduce != Conditions && !s.complete() {
		return
	}
	v, with := t.result(s)
	if p, ok := v.(problem); ok {
		a.gap("", joinPath(path), p.reason, p.message)
		return
	}
	if v == nil {
		return
	}
	last := len(path) - 1
	for _, name := range path[:last] {
		child, ok := out[name].(map[string]any)
		if !ok {
			child = map[string]any{}
			out[name] = child
		}
		out = child
	}
	out[path[last]] = v
	maps.Copy(out, with)
}

func remove(from map[string]any, path []string) {
	for _, name := range path[:len(path)-1] {
		from, _ = from[name].(map[string]any)
	}
	delete(from, path[len(path)-1])
}

func joinPath(path []string) string {
	segments := make([]segment, len(path))
	for i, name := range path {
		segments[i] = segment{name: name, index: -1}
	}
	return printPath(segments)
}

// clone copies decoded JSON without the nulls of objects: a field that is null is absent.
func clone(v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(x))
		for k, e := range x {
			if e != nil {
				out[k] = clone(e)
			}
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = clone(e)
		}
		return out
	}
	return v
}
