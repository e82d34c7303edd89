package manager

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"golang.org/x/sync/errgroup"

	"github.com/confed-project/confed/clusterregistry/kube"
	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/kubefed"
	"github.com/confed-project/confed/placement"
	"github.com/confed-project/confed/scheduling"
)

var preferenceKind = schema.GroupVersionKind{Group: "scheduling.kubefed.io", Version: "v1alpha1", Kind: "ReplicaSchedulingPreference"}

// scheduled are the types that a ReplicaSchedulingPreference may be about, by the kind that it names.
func scheduled() map[string]string {
	return map[string]string{"FederatedDeployment": "deployments.apps", "FederatedReplicaSet": "replicasets.apps"}
}

// schedules divide replicas as ReplicaSchedulingPreferences say, and write the division into the federated objects.
type schedules struct {
	*core
	types  *typeController
	mirror *mirror
	loop   *loop

	mu     sync.Mutex
	memory map[types.NamespacedName]remembered
	said   map[types.NamespacedName]string // what was tried to write into statuses
}

// remembered is what the last divisions for a preference saw. It may be lost: then a cluster gets what it has no room for once
// more.
type remembered struct {
	full scheduling.Memory
	lost map[string]int64
}

func newSchedules(k *typeController) *schedules {
	s := &schedules{core: k.core, types: k, memory: map[types.NamespacedName]remembered{}, said: map[types.NamespacedName]string{}}
	s.mirror = newMirror(&k.hosts, kube.CachedKind{GroupVersionKind: preferenceKind, Namespace: k.scope()})
	s.loop = newLoop(k.core, "replicaschedulingpreference", s.reconcile)
	k.told = append(k.told, s.told)
	k.undivided = s.undivided
	return s
}

func (s *schedules) run(ctx context.Context) error {
	s.ready.set("schedules", s.mirror.usable)
	defer s.ready.remove("schedules")
	defer s.loop.queue.ShutDown() // also when it never came to run
	s.live.set("schedules", s.loop.stuck)
	defer s.live.remove("schedules")
	defer s.shares.listen(func() { s.changed(kube.Change{}) })()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.mirror.run(ctx, s.changed) })
	group.Go(func() error {
		if s.mirror.wait(ctx) == nil {
			s.loop.run(ctx, s.Workers)
		}
		return nil
	})
	return group.Wait()
}

func (s *schedules) changed(change kube.Change) {
	if change.GroupKind.Kind != "" {
		s.loop.add(change.Name, 0)
		return
	}
	names, _ := s.mirror.names(preferenceKind, "") // told when it is in step
	for _, name := range names {
		s.loop.add(name, 0)
	}
}

// told looks at the preference of an object that changed, on the host or in a member: what runs there, and what does not,
// shows in the status of the copies.
func (s *schedules) told(of *syncer, name types.NamespacedName) {
	for _, plural := range scheduled() {
		if of.typeName() == plural {
			s.loop.add(name, 0)
		}
	}
}

// reconcile divides for one preference and says how that went, or undoes what one that is gone has written.
func (s *schedules) reconcile(ctx context.Context, key types.NamespacedName) (time.Duration, error) {
	obj, err := s.mirror.get(ctx, preferenceKind, key)
	if apierrors.IsNotFound(err) {
		return 0, s.undo(ctx, key, "")
	}
	if err != nil {
		return 0, err
	}
	o, err := s.schedule(ctx, obj, key)
	if err != nil {
		patience := explained
		if o.Reason == "" {
			o, patience = failed("NotDivided", "%v", err), unexplained
		}
		if s.loop.queue.NumRequeues(key) < patience {
			return 0, err
		}
	}
	if o.Reason != "" {
		if failure := s.report(ctx, obj, o); failure != nil {
			after, failure := again(failure)
			return after, errors.Join(err, failure)
		}
	}
	return o.after, err
}

// How often a division is tried in silence, since most of what is in its way is a moment's: three seconds, and a minute.
const explained, unexplained = 3, 7

// schedule divides for one preference.
func (s *schedules) schedule(ctx context.Context, obj *unstructured.Unstructured, key types.NamespacedName) (outcome, error) {
	pref, err := kubefed.DecodePreference(obj)
	if err != nil {
		return failed("Invalid", "%v", err), nil
	}
	if err := s.undo(ctx, key, pref.TargetKind); err != nil {
		return outcome{}, err
	}
	plural := scheduled()[pref.TargetKind]
	of := s.types.syncer(plural)
	if of == nil {
		if s.types.looked() != nil {
			return outcome{}, errAgain // it may yet run
		}
		return failed("TypeNotRunning", "the FederatedTypeConfig %s in %s is absent or does not run", plural, s.Namespace), errAgain
	}
	fed, err := of.mirror.get(ctx, of.t.Federated.GVK, key)
	if apierrors.IsNotFound(err) {
		return failed("NotFound", "there is no %s %s", pref.TargetKind, key), nil
	}
	if err != nil || fed.GetDeletionTimestamp() != nil {
		return outcome{}, err
	}
	return s.divide(ctx, division{syncer: of, pref: pref, fed: fed, key: key})
}

// undo takes out what a preference wrote into objects of other kinds than it is about now.
func (s *schedules) undo(ctx context.Context, key types.NamespacedName, except string) error {
	s.mu.Lock()
	if except == "" {
		delete(s.memory, key)
		delete(s.said, key)
	}
	s.mu.Unlock()
	for kind, plural := range scheduled() {
		of := s.types.syncer(plural)
		if kind == except || of == nil || s.KeepSchedules {
			continue
		}
		fed, err := of.mirror.get(ctx, of.t.Federated.GVK, key)
		if apierrors.IsNotFound(err) || meta.IsNoMatchError(err) { // told when the host serves the kind again
			continue
		}
		if err != nil {
			return err // else what was written would stay for good
		}
		if fed.GetAnnotations()[kubefed.UnscheduledAnnotation] == "" {
			continue
		}
		if out := kubefed.UndoShares(fed); out != nil {
			if _, err := of.mirror.write(ctx, fed, out); apierrors.IsConflict(err) {
				return errAgain // the mirror is behind
			} else if err != nil {
				return err
			}
			s.metrics.hostWrites.WithLabelValues("shares").Inc()
		}
	}
	return nil
}

// division is one preference and what it is about.
type division struct {
	*syncer
	pref kubefed.Preference
	fed  *unstructured.Unstructured
	key  types.NamespacedName
	lost map[string]int64 // whose share others took last time
}

func (s *schedules) divide(ctx context.Context, d division) (outcome, error) {
	names, err := d.candidates(ctx)
	switch {
	case errors.Is(err, federation.ErrInvalid), errors.Is(err, placement.ErrInvalid):
		return failed(kubefed.ComputePlacementFailed, "%v", err), nil
	case err != nil:
		return outcome{}, err
	case len(names) == 0:
		return failed("NoClusters", "no cluster that is ready is selected by the namespace and the preference"), nil
	case !d.reaches(names):
		return failed("NoClusters", "it names none of the clusters to divide among, which are %s", naming(names, "")), nil
	}
	s.mu.Lock()
	before := s.memory[d.key]
	s.mu.Unlock()
	d.lost = before.lost
	seen, err := d.observe(ctx, names)
	if err != nil {
		return outcome{}, err
	}
	memory, err := before.full.Observe(time.Now(), seen.sightings...)
	if err != nil {
		return outcome{}, err
	}
	s.mu.Lock()
	s.memory[d.key] = remembered{full: memory, lost: seen.lost}
	s.mu.Unlock()
	names = slices.DeleteFunc(names, func(name string) bool { _, lost := seen.lost[name]; return lost })
	if len(names) == 0 {
		o := failed("NoClusters", "all clusters are silent")
		o.after = seen.recheck
		return o, nil
	}
	targets, next := d.targets(names, seen, memory)
	strategy := scheduling.Weighted
	if s.Additive {
		strategy = kubefed.Additive
	}
	result, err := strategy(scheduling.Request{Replicas: *d.pref.Replicas.Total, Key: d.key.String(), Rebalance: d.pref.Replicas.Rebalance}, targets)
	if err != nil {
		return outcome{}, err
	}
	shares := result.Shares
	for name, share := range seen.lost {
		shares = append(shares, scheduling.Share{Name: name, Replicas: share})
	}
	if out := kubefed.WriteShares(d.fed, shares); out != nil {
		logr.FromContextOrDiscard(ctx).Info("divided", "shares", fmt.Sprint(shares))
		if _, err := d.mirror.write(ctx, d.fed, out); err != nil {
			after, err := again(err)
			return outcome{after: after}, err
		}
		s.metrics.hostWrites.WithLabelValues("shares").Inc()
	}
	return outcome{Verdict: d.verdict(result, names), unplaced: result.Unplaced, after: soonest(seen.recheck, next)}, nil
}

// targets are what to divide among, by what was seen now and before, and when that may change by itself.
func (d division) targets(names []string, seen seen, memory scheduling.Memory) ([]scheduling.Target, time.Time) {
	targets, next := memory.At(time.Now(), d.pref.Targets(names, seen.current, nil))
	for i, t := range targets {
		if share, silent := seen.silent[t.Name]; silent {
			targets[i].Weight, targets[i].Min, targets[i].Max, targets[i].Current = 0, share, &share, &share
		}
	}
	return targets, next
}

func soonest(wait time.Duration, next time.Time) time.Duration {
	if !next.IsZero() && (wait == 0 || time.Until(next) < wait) {
		wait = max(time.Until(next), time.Second)
	}
	return wait
}

// candidates are the clusters to divide among.
func (d division) candidates(ctx context.Context) ([]string, error) {
	names, err := d.eligible(ctx)
	return slices.DeleteFunc(names, func(name string) bool { return !d.counts(name) }), err
}

// counts says whether a cluster takes part: it is ready, or it has a share already.
func (d division) counts(name string) bool {
	c, _ := d.members.Fleet().Get(name)
	if c.Ready.State == placement.Ready {
		return true
	}
	_, has := d.shares()[name]
	return has
}

// shares are what an earlier division wrote.
func (d division) shares() map[string]int64 {
	out := map[string]int64{}
	for _, s := range kubefed.ReadShares(d.fed) {
		out[s.Name] = s.Replicas
	}
	return out
}
