package scheduling

import (
	"cmp"
	"slices"
	"time"
)

// Sighting is what was seen of one target after it was asked to run something, and had the time to.
type Sighting struct {
	Target        string
	Running       int64 // replicas that were scheduled there
	Unschedulable int64 // replicas that were not, for longer than the program is ready to wait; above 0: the target is full
}

// Limit remembers that a target was full.
type Limit struct {
	Target   string
	Capacity int64     // what ran there when it was
	Until    time.Time // from then on it is tried again
	Probe    int64     // by how many replicas
}

// Memory remembers which targets were full, for one workload with one size of replica: without it a target that lost what
// did not fit there looks empty again, and replicas go back and forth between full targets forever. It is plain data: the
// program keeps it with its object, and drops it when the resource requests of the template change. The zero Memory
// remembers nothing. Methods change neither the receiver nor their arguments.
//
// A limit holds for one Period. After that it decays: it is raised by Probe, by twice that after another Period, and so
// on, until it is forgotten after ten. A probe that fails sets the limit again; one that succeeds doubles the next.
// So a full target is tried at most once in a Period, and one that grew is found out at a growing pace.
//
// With fixed true capacities that suffice, dividing, observing and dividing again reaches a fixed point in at most one
// round more than there are targets while no limit runs out.
type Memory struct {
	Period time.Duration // how long a limit holds; 0 or less: ten minutes
	Limits []Limit       // sorted by target, one each
}

const (
	defaultPeriod = 10 * time.Minute
	forgetAfter   = 10 // periods without a probe that met the limit
)

func (m Memory) period() time.Duration {
	if m.Period <= 0 {
		return defaultPeriod
	}
	return m.Period
}

// Observe returns the memory with what was seen at the moment now added. Targets that were not seen are remembered as
// before; of several sightings of one target the last counts. A negative number is an [*InvalidError].
func (m Memory) Observe(now time.Time, seen ...Sighting) (Memory, error) {
	grown := Memory{m.Period, slices.Clone(m.Limits)}
	for _, s := range seen {
		switch {
		case s.Target == "":
			return m, &InvalidError{Field: "Target", Reason: "is empty"}
		case s.Running < 0:
			return m, &InvalidError{Target: s.Target, Field: "Running", Reason: "is negative"}
		case s.Unschedulable < 0:
			return m, &InvalidError{Target: s.Target, Field: "Unschedulable", Reason: "is negative"}
		}
		at, known := grown.find(s.Target)
		full := Limit{Target: s.Target, Capacity: s.Running, Until: now.Add(m.period()), Probe: 1}
		switch {
		case s.Unschedulable > 0 && known:
			grown.Limits[at] = full
		case s.Unschedulable > 0:
			grown.Limits = slices.Insert(grown.Limits, at, full)
		case known && s.Running > grown.Limits[at].Capacity:
			full.Probe = grown.Limits[at].Probe * 2
			grown.Limits[at] = full
		}
	}
	grown.Limits = slices.DeleteFunc(grown.Limits, func(l Limit) bool {
		return m.age(l, now) >= forgetAfter || l.Probe >= 1<<forgetAfter
	})
	return grown, nil
}

// age counts the periods begun since a limit ran out; 0: it holds.
func (m Memory) age(l Limit, now time.Time) int {
	if now.Before(l.Until) {
		return 0
	}
	return 1 + int(min(now.Sub(l.Until)/m.period(), forgetAfter))
}

// At returns a copy of the targets whose Capacity is no more than what is remembered at the moment now, and the next
// moment at which the answer changes (the zero time: never).
func (m Memory) At(now time.Time, targets []Target) (bounded []Target, next time.Time) {
	bounded = slices.Clone(targets)
	for i := range bounded {
		at, known := m.find(bounded[i].Name)
		if !known {
			continue
		}
		l := m.Limits[at]
		age := m.age(l, now)
		if age >= forgetAfter {
			continue
		}
		if change := l.Until.Add(time.Duration(age) * m.period()); next.IsZero() || change.Before(next) {
			next = change
		}
		if age > 0 {
			l.Capacity = addSat(l.Capacity, l.Probe<<(age-1))
		}
		bounded[i].limit(l.Capacity)
	}
	return bounded, next
}

// find is where the limit of a target is, or belongs.
func (m Memory) find(target string) (at int, known bool) {
	return slices.BinarySearchFunc(m.Limits, target, func(l Limit, name string) int { return cmp.Compare(l.Target, name) })
}
