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
	"github.com/confed-project/confed/federation/kubefed"
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
	host    *host // nil: all comes from files
}

// planned is a wish with its plan.
type planned struct {
	wish *wish
	snap federation.Snapshot
	plan federation.Plan

	results []federation.Result // of apply
}

// view reads the facts that the flags ask for. The objects that the arguments are about are read as they are needed.
func (a *app) view(ctx context.Context, args []string) (*view, error) {
	wants, err := parseWants(args)
	if err != nil {
		return nil, err
	}
	planner, err := a.planner()
	if err != nil {
		return nil, err
	}
	if err := a.input(append(slices.Clone(a.files), a.clusters...)); err != nil {
		return nil, err
	}
	if len(a.clusters) == 0 {
		if a.state != "" {
			return nil, hint(errors.New("--state says what clusters hold, but not which clusters there are"), "--clusters clusters.yaml says that; fedctl get clusters -o yaml writes it")
		}
		return a.liveView(ctx, planner, wants)
	}
	if len(a.files) == 0 && !a.factsOnly {
		return nil, hint(errors.New("--clusters without -f"), "-f says which objects are meant; without --clusters the host is asked for both")
	}
	fleet, err := readClusters(a.clusters, a.stdin)
	if err != nil {
		return nil, err
	}
	saved, err := readState(a.state, fleet)
	if err != nil {
		return nil, err
	}
	around := newSurroundings(a.adopt)
	wishes := matching(a.fileWishes(around), a.matcher(wants))
	return &view{planner: planner, fleet: fleet, clients: saved.clients, wishes: wishes, around: around, notes: saved.notes()}, nil
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
		own := snap
		own.Holders = w.holders
		targets = append(targets, v.planner.Targets(w.object, own)...)
	}
	snap = snap.With(v.observe(ctx, targets))
	for _, w := range wishes {
		snap.Holders, snap.Shares = w.holders, w.shares
		if ctx.Err() != nil {
			return yield(nil, ctx.Err()) && false
		}
		plan, err := v.planner.Plan(w.object, snap)
		if err != nil && !yield(nil, err) || err == nil && !yield(&planned{wish: w, snap: snap, plan: plan}, nil) {
			return false
		}
	}
	return true
}

// observe looks at the targets, and reads KubeFed's spelling of an opt-out too.
func (v *view) observe(ctx context.Context, targets []federation.Ref) map[federation.Key]federation.Observation {
	observed := federation.Observe(ctx, v.clients, targets)
	for key, o := range observed {
		observed[key] = kubefed.OptedOut(o)
	}
	return observed
}

// one finds the one object that the arguments mean: KIND NAME or KIND/NAME.
func (v *view) one(ctx context.Context, a *app, args []string) (*planned, error) {
	var found []*planned
	var errs []error
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
	missing := strings.Join(slices.Sorted(maps.Keys(v.around.missing)), ", ")
	switch {
	case missing == "":
	case v.around.all:
		a.note("these namespaces are not federated, so nothing in them goes anywhere: %s (fedctl federate namespace NAME)", missing)
	default:
		a.note("no FederatedNamespace says where these namespaces go, so they do not narrow anything: %s", missing)
	}
}
