package manager

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/go-logr/logr"
	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/kubefed"
	"github.com/confed-project/confed/placement"
)

// pass is one look at one federated object.
type pass struct {
	*syncer
	fed      *unstructured.Unstructured
	key      types.NamespacedName
	wish     federation.Object
	recorded []string // holders, as they are written down
	deleting bool
	reason   string // of the condition, when the whole cannot be right
	message  string
}

// reconcile brings the copies of one federated object in line with it.
func (s *syncer) reconcile(ctx context.Context, key types.NamespacedName) (time.Duration, error) {
	fed, err := s.mirror.get(ctx, s.t.Federated.GVK, key)
	if apierrors.IsNotFound(err) {
		return 0, s.orphaned(ctx, key)
	}
	if err != nil {
		return 0, err
	}
	p := &pass{syncer: s, fed: fed, key: key, deleting: fed.GetDeletionTimestamp() != nil, recorded: kubefed.ReadHolders(fed)}
	system := s.ofNamespaces() && s.system(key.Name)
	if system && !p.deleting || p.deleting && !slices.Contains(fed.GetFinalizers(), kubefed.SyncFinalizer) {
		return 0, nil
	}
	if p.wish, err = kubefed.Decode(fed, s.gvk()); err != nil {
		return 0, p.broken(ctx, err)
	}
	// It was federated before it was a system namespace: it goes, and what it is about stays.
	p.wish.Orphan = p.wish.Orphan || system
	switch err := p.place(ctx); {
	case errors.Is(err, federation.ErrInvalid):
		return 0, p.broken(ctx, err)
	case err != nil:
		return 0, err
	}
	return p.propagate(ctx)
}

// broken tells that nothing can be read out of the object, or of where it may be. Copies stay as they are, and so do their
// lines; where it is not written down who holds them, the last status tells.
func (p *pass) broken(ctx context.Context, err error) error {
	p.reason, p.message = kubefed.ComputePlacementFailed, err.Error()
	last, _ := p.fed.Object["status"].(map[string]any)
	told, holders := lines(last), p.recorded
	if holders == nil {
		holders = slices.Sorted(maps.Keys(told))
	}
	var results []federation.Result
	for _, name := range holders {
		step := federation.Step{Ref: p.ref(name, p.key), Verb: federation.Hold, Reason: federation.ReasonInvalidManifest, Message: err.Error(), Digest: "?", Holds: true}
		result := federation.Result{Step: step, Outcome: federation.Held, Reason: step.Reason, Message: step.Message}
		if remote := told[name]["remoteStatus"]; remote != nil {
			result.Live = &unstructured.Unstructured{Object: map[string]any{"status": remote}}
		}
		results = append(results, result)
	}
	return p.report(ctx, results)
}

// place completes the wish by what is not in the object: its namespace's placement, the host's own object, the policies of
// the control plane.
func (p *pass) place(ctx context.Context) error {
	if p.config.Adopt {
		p.wish.Adopt = federation.AdoptAlways
	}
	if p.ofNamespaces() {
		host, err := p.mirror.get(ctx, namespaceKind, types.NamespacedName{Name: p.key.Name})
		if err != nil && !apierrors.IsNotFound(err) {
			return err
		}
		if err == nil {
			p.wish.HostUID = host.GetUID()
		}
	}
	if p.deleting {
		p.wish.Placement = placement.Policy{}
		return nil
	}
	if !p.t.Target.Namespaced {
		return nil
	}
	of := p.types.namespaces()
	if of == nil {
		if p.config.Namespaced {
			return nil
		}
		return errAgain // the type is about to stop
	}
	policy, federated, err := of.of(ctx, p.key.Namespace)
	switch {
	case err != nil:
		return err
	case federated:
		p.wish.Placement = placement.Intersect(p.wish.Placement, policy)
	case !p.config.Namespaced:
		p.wish.Placement = placement.Policy{}
		p.reason, p.message = kubefed.NamespaceNotFederated, "there is no FederatedNamespace "+p.key.Namespace+"/"+p.key.Namespace
	}
	return nil
}

// propagate plans, writes down, carries out and reports.
func (p *pass) propagate(ctx context.Context) (time.Duration, error) {
	snap, plan, err := p.plan(ctx, p.reader, p.recorded)
	if err != nil {
		return 0, p.broken(ctx, err)
	}
	log := logr.FromContextOrDiscard(ctx)
	if log := log.V(3); log.Enabled() { // KubeFed's manifests ask for 2
		log.Info("planned", "plan", plan.String())
	}
	if p.deleting && plan.Gone() {
		return p.finish(ctx)
	}
	if err := plan.Err(); err != nil {
		p.reason, p.message = kubefed.ComputePlacementFailed, err.Error()
	}
	plan = p.spared(ctx, plan)
	if err := p.remember(ctx, plan); err != nil {
		return again(err)
	}
	started := time.Now()
	results := p.adopt(ctx, snap, p.dispatcher.Dispatch(ctx, plan))
	p.tell(ctx, results)
	p.metrics.dispatched(results, started)
	if err := ctx.Err(); err != nil {
		return 0, err // ended meanwhile: what failed for that says nothing about the members
	}
	if p.Compatible && !p.deleting && done(results) {
		if err := p.versions(ctx, results); err != nil && !apierrors.HasStatusCause(err, v1.NamespaceTerminatingCause) {
			log.Error(err, "the PropagatedVersion was not written")
		}
	}
	if err := p.report(ctx, results); err != nil {
		return again(err)
	}
	if err := p.serviceStatus(ctx); err != nil {
		return again(err)
	}
	return p.next(plan, results)
}

// plan looks at every cluster, which costs nothing from memory: copies that nobody wrote down, as KubeFed may have left
// some, count as held.
func (p *pass) plan(ctx context.Context, clients federation.Clients, recorded []string) (federation.Snapshot, federation.Plan, error) {
	snap := federation.Snapshot{Now: time.Now(), Fleet: p.members.Fleet()}
	snap = snap.With(federation.Observe(ctx, clients, p.planner.Targets(p.wish, snap)))
	if recorded != nil {
		names := map[string]bool{}
		for _, name := range recorded {
			names[name] = true
		}
		for key, o := range snap.Observed {
			if o.State == federation.Present {
				names[key.Cluster] = true
			}
		}
		snap.Holders = slices.Sorted(maps.Keys(names))
		if snap.Holders == nil {
			snap.Holders = []string{}
		}
	}
	plan, err := p.forgetful(snap.Fleet).Plan(p.wish, snap)
	return snap, plan, err
}

// forgetful plans without waiting for clusters that somebody took out of the federation: deleting a KubeFedCluster says that
// its copies are no concern of ours any more. If it joins again, what is found there counts as before.
func (p *pass) forgetful(fleet *placement.Fleet) federation.Planner {
	planner := p.planner
	for _, name := range p.recorded {
		if _, ok := fleet.Get(name); !ok {
			planner.Forget = append(planner.Forget, name)
		}
	}
	return planner
}

// remember writes the finalizer and the holders down, before anything is done.
func (p *pass) remember(ctx context.Context, plan federation.Plan) error {
	want := plan.Holders()
	next := kubefed.WriteHolders(p.fed, want)
	if p.deleting || next == nil {
		return nil
	}
	fed, err := p.mirror.write(ctx, p.fed, next)
	if err != nil {
		return err
	}
	p.metrics.hostWrites.WithLabelValues("holders").Inc()
	p.fed, p.recorded = fed, want
	return nil
}

// adopt looks closely at what was in the way of a create: the mirror only shows what bears our label.
func (p *pass) adopt(ctx context.Context, snap federation.Snapshot, results []federation.Result) []federation.Result {
	var targets []federation.Ref
	for _, r := range results {
		if r.Step.Verb == federation.Create && r.Reason == federation.ReasonNotOwned {
			targets = append(targets, r.Step.Ref)
		}
	}
	if len(targets) == 0 {
		return results
	}
	observed := federation.Observe(ctx, p.looker, targets)
	for key, o := range observed {
		observed[key] = kubefed.OptedOut(o)
	}
	plan, err := p.forgetful(snap.Fleet).Plan(p.wish, snap.With(observed))
	if err != nil {
		return results
	}
	plan.Steps = slices.DeleteFunc(plan.Steps, func(s federation.Step) bool { return !slices.Contains(targets, s.Ref) })
	second := map[string]federation.Result{}
	for _, r := range p.dispatcher.Dispatch(ctx, plan) {
		second[r.Step.Ref.Cluster] = r
	}
	for i, r := range results {
		if again, ok := second[r.Step.Ref.Cluster]; ok {
			results[i] = again
		}
	}
	return results
}

// finish lets a federated object go, when the members themselves say that no copy is left: a mirror may be behind.
func (p *pass) finish(ctx context.Context) (time.Duration, error) {
	_, plan, err := p.plan(ctx, p.looker, p.recorded)
	if err != nil {
		return 0, err
	}
	if !plan.Gone() {
		return 0, errAgain
	}
	_, err = p.mirror.write(ctx, p.fed, kubefed.UndoHolders(p.fed))
	if apierrors.IsNotFound(err) {
		return 0, nil
	}
	if err == nil {
		p.metrics.hostWrites.WithLabelValues("finalizer").Inc()
	}
	return again(err)
}

// report writes the status, when it says something new.
func (p *pass) report(ctx context.Context, results []federation.Result) error {
	last, _ := p.fed.Object["status"].(map[string]any)
	collect := p.t.StatusCollection && p.config.Features[kubefed.RawResourceStatusCollection]
	status := kubefed.EncodeStatus(last, results, kubefed.Report{
		Generation: p.fed.GetGeneration(), Reason: p.reason, Message: p.message, Now: time.Now(), Collect: collect,
	})
	counts := p.counts(results, collect)
	if _, had := last[aggregated]; had && counts != nil {
		status[aggregated] = counts
	}
	if reflect.DeepEqual(last, status) {
		return nil
	}
	if counts != nil { // KubeFed's own schema drops it, which alone is no news
		status[aggregated] = counts
	}
	_, err := p.mirror.updateStatus(ctx, p.fed, status)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err == nil {
		p.metrics.hostWrites.WithLabelValues("status").Inc()
		p.events.tell(p.fed, news(last, status, results)...)
	}
	return err
}

// tell logs what was not carried out.
func (p *pass) tell(ctx context.Context, results []federation.Result) {
	log := logr.FromContextOrDiscard(ctx)
	for _, r := range results {
		if r.Err != nil {
			log.Info("not carried out", "cluster", r.Step.Ref.Cluster, "verb", r.Step.Verb, "reason", r.Reason, "error", r.Err.Error())
		}
	}
}

// next says when to look again. What a member refused or did not answer is tried again; what the plan holds waits for the
// change that ends the hold.
func (p *pass) next(plan federation.Plan, results []federation.Result) (time.Duration, error) {
	var errs []error
	for _, r := range results {
		sent := r.Step.Verb != federation.Hold && r.Step.Verb != federation.Keep
		if r.Err != nil && sent || r.Step.Reason == federation.ReasonWaiting {
			errs = append(errs, fmt.Errorf("%s: %s %s: %w", r.Step.Ref.Cluster, r.Step.Verb, r.Reason, errAgain))
		}
	}
	if len(errs) > 0 {
		return 0, errors.Join(errs...)
	}
	if p.deleting {
		return 10 * time.Second, nil // in case a watch is slow to tell
	}
	if !plan.Next.IsZero() {
		return max(time.Until(plan.Next), time.Second), nil
	}
	return 0, nil
}

// again turns a conflict, which only says that the mirror is behind, into another look soon.
func again(err error) (time.Duration, error) {
	if apierrors.IsConflict(err) {
		return 200 * time.Millisecond, nil
	}
	return 0, err
}
