package model

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/placement"
)

// Member is one cluster of a run.
type Member struct {
	Name   string
	Client federation.ClusterClient // how everybody reaches it; the program goes through a gate with faults

	// Kill ends the member as a crash does, and Start brings it back. Both may be nil. Kill says false when that is enough
	// for one test.
	Kill  func() bool
	Start func() error
}

// Config is where a run takes place. The namespace exists in every member, and nothing of the run is in it.
type Config struct {
	Members   []Member // three to six; a run may leave out some of the last
	Namespace string
	// Passes is how many passes the program has to bring everything in order once faults have stopped.
	Passes int
	// Bubble says that the run has a clock of its own, so that a member may be silent until a request times out; else it
	// times out at once.
	Bubble bool
	// Pause comes after a pass that leaves something to do once faults have stopped. It may be nil.
	Pause func()
}

// world is one run.
type world struct {
	testing.TB
	script
	ctx       context.Context
	namespace string
	passes    int
	clock     bool
	pause     func()

	members    []*member
	things     []*thing
	planner    federation.Planner
	dispatcher federation.Dispatcher
	now        time.Time
	settled    map[federation.Key]federation.Settled // what the program knows and may forget

	mu    sync.Mutex
	story []string
	wrong []string
}

// Run plays one life and fails the test with its story when something happens that never may. The script is every choice
// of the run: equal scripts give equal runs, and every script is a run.
func Run(t testing.TB, data []byte, c Config) {
	t.Helper()
	w := &world{TB: t, script: data, ctx: t.Context(), namespace: c.Namespace, passes: c.Passes, clock: c.Bubble, pause: c.Pause,
		now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), settled: map[federation.Key]federation.Settled{}}
	w.planner = federation.Planner{Owner: federation.Owner{Value: ownerValue}}
	w.dispatcher = federation.Dispatcher{Clients: w.connect, Timeout: 10 * time.Second, Retries: w.pick(2)}
	if w.pick(2) == 1 {
		w.planner.LostAfter = 10 * time.Minute
	}
	for i, m := range c.Members[:min(len(c.Members), 3+w.pick(4))] {
		w.members = append(w.members, &member{Member: m, world: w, index: i, copies: map[*thing]*copied{}})
	}
	list := kinds()
	for i := range 1 + w.pick(4) {
		x := &thing{kind: list[w.pick(len(list))], world: w, name: fmt.Sprintf("thing-%d", i)}
		for _, m := range w.members {
			m.copies[x] = &copied{spend: -1}
		}
		w.things = append(w.things, x)
		x.birth()
	}
	for len(w.script) > 0 {
		w.live()
	}
	w.converge()
	w.end()
}

func (w *world) tell(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.story = append(w.story, fmt.Sprintf(format, args...))
}

// broke notes that something happened that never may. Requests do not come from the goroutine of the test.
func (w *world) broke(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
}

// judge ends the test when something is wrong.
func (w *world) judge() {
	w.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.wrong) > 0 {
		w.Fatalf("%s\n\n%s", strings.Join(w.story, "\n"), strings.Join(w.wrong, "\n"))
	}
}

func (w *world) connect(name string) (federation.ClusterClient, error) {
	for _, m := range w.members {
		switch {
		case m.Name != name:
		case m.dark == unconnected:
			return nil, errNoCred
		default:
			return m, nil
		}
	}
	return nil, fmt.Errorf("no member %q", name)
}

func (w *world) find(gvk schema.GroupVersionKind, name string) *thing {
	for _, x := range w.things {
		if x.gvk() == gvk && x.name == name {
			return x
		}
	}
	return nil
}

// names are the members in a mask; never nil.
func (w *world) names(mask uint) []string {
	list := []string{}
	for _, m := range w.members {
		if has(mask, m.index) {
			list = append(list, m.Name)
		}
	}
	return list
}

func (w *world) fleet() *placement.Fleet {
	var facts []placement.Cluster
	for _, m := range w.members {
		if m.away {
			continue
		}
		c := placement.Cluster{Name: m.Name, Ready: placement.Readiness{State: placement.Ready}}
		if m.dark != bright {
			c.Ready = placement.Readiness{State: placement.NotReady, Since: m.since}
		}
		facts = append(facts, c)
	}
	fleet, err := placement.NewFleet(facts)
	if err != nil {
		w.Fatal(err)
	}
	return fleet
}
