package command

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/placement"
)

// view is where wishes and facts come from: files, or the host and its members.
type view struct {
	planner federation.Planner
	fleet   *placement.Fleet
	clients federation.Clients
	wishes  iter.Seq2[*wish, error]
	around  *surroundings
	notes   []string
}

// planned is a wish with its plan.
type planned struct {
	wish *wish
	snap federation.Snapshot
	plan federation.Plan
}

// view reads the facts that the flags ask for. The objects are read as they are needed.
func (a *app) view(_ context.Context) (*view, error) {
	planner, err := a.planner()
	if err != nil {
		return nil, err
	}
	if err := a.input(append(slices.Clone(a.files), a.clusters...)); err != nil {
		return nil, err
	}
	if len(a.clusters) == 0 {
		return nil, hint(errors.New("live clusters are not supported yet"), "use -f and --clusters")
	}
	fleet, err := readClusters(a.clusters, a.stdin)
	if err != nil {
		return nil, err
	}
	saved, err := readState(a.state, fleet)
	if err != nil {
		return nil, err
	}
	around := newSurroundings()
	return &view{planner, fleet, saved.clients, a.fileWishes(around), around, saved.notes()}, nil
}

// batch is how many objects are looked at together: members are asked side by side.
const batch = 32

// plans yields the plan of each wish, in order. An error is about one object.
func (v *view) plans(ctx context.Context, a *app) iter.Seq2[*planned, error] {
	return func(yield func(*planned, error) bool) {
		var waiting []*wish
		for w, err := range v.wishes {
			if err != nil {
				if !v.planAll(ctx, a, waiting, yield) || !yield(nil, err) {
					return
				}
				waiting = waiting[:0]
				continue
			}
			if waiting = append(waiting, w); len(waiting) == batch {
				if !v.planAll(ctx, a, waiting, yield) {
					return
				}
				waiting = waiting[:0]
			}
		}
		v.planAll(ctx, a, waiting, yield)
	}
}

func (v *view) planAll(ctx context.Context, a *app, wishes []*wish, yield func(*planned, error) bool) bool {
	snap := federation.Snapshot{Now: a.io.Now(), Fleet: v.fleet}
	var targets []federation.Ref
	for _, w := range wishes {
		targets = append(targets, v.planner.Targets(w.object, snap)...)
	}
	snap = snap.With(federation.Observe(ctx, v.clients, targets))
	for _, w := range wishes {
		if ctx.Err() != nil {
			return yield(nil, ctx.Err()) && false
		}
		plan, err := v.planner.Plan(w.object, snap)
		if err != nil && !yield(nil, err) || err == nil && !yield(&planned{w, snap, plan}, nil) {
			return false
		}
	}
	return true
}

// one finds the one object that the arguments mean: KIND NAME or KIND/NAME.
func (v *view) one(ctx context.Context, a *app, args []string) (*planned, error) {
	match, err := a.matcher(args)
	if err != nil {
		return nil, err
	}
	var found []*planned
	var errs []error
	v.wishes = matching(v.wishes, match)
	for p, err := range v.plans(ctx, a) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		found = append(found, p)
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		var names []string
		for _, p := range found {
			names = append(names, named(p.wish.source))
		}
		return nil, hint(fmt.Errorf("%s is ambiguous: %s", strings.Join(args, " "), strings.Join(names, ", ")), "say which with -n NAMESPACE or the whole kind")
	}
	return nil, hint(errors.Join(append([]error{fmt.Errorf("%s is not among the federated objects", strings.Join(args, " "))}, errs...)...),
		"fedctl plan --all lists what there is")
}

// note says what the reader should know about where the facts came from. It is called when all wishes were read.
func (v *view) note(a *app) {
	for _, text := range v.notes {
		a.note("%s", text)
	}
	if missing := slices.Sorted(maps.Keys(v.around.missing)); len(missing) > 0 {
		a.note("no FederatedNamespace says where these namespaces go, so they do not narrow anything: %s", strings.Join(missing, ", "))
	}
}
