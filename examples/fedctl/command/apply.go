package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/kubefed"
	"github.com/confed-project/confed/federation/report"
	"github.com/confed-project/confed/status"
)

func newApply(io IO) *cobra.Command {
	var o applyOptions
	a, cmd := newCommand(io, &cobra.Command{
		Use:   "apply [KIND [NAME...]] [-f FILE...] [flags]",
		Short: "Carry the plan out once, as the controller would",
		Long: `Carry the plan out once, as the controller would.

With -f the objects of files are propagated; without it those on the host, whose status is written too. When a document of a
file cannot be read, nothing is done at all. Copies are deleted or released only as far as --max-deletes allows. Ctrl-C stops
cleanly: what was done and what was not is said. The exit code is 0 when all was done, else 1.`,
		Example: `  fedctl apply deployment web -n shop --wait
  fedctl apply -f objects.yaml --max-deletes 3
  fedctl apply -A --dry-run`,
	}, func(a *app, cmd *cobra.Command, args []string) error { return a.apply(cmd, args, o) })
	a.wishFlags(cmd)
	cmd.Flags().IntVar(&o.maxDeletes, "max-deletes", 0, "how many copies may be deleted or released")
	cmd.Flags().BoolVar(&o.wait, "wait", false, "wait until every copy is there and healthy, and what is to go has gone")
	cmd.Flags().DurationVar(&o.timeout, "timeout", 5*time.Minute, "how long all of it may take")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "only show the plan")
	return cmd
}

type applyOptions struct {
	maxDeletes   int
	wait, dryRun bool
	timeout      time.Duration
}

func (a *app) apply(cmd *cobra.Command, args []string, o applyOptions) error {
	ctx, cancel := context.WithTimeoutCause(cmd.Context(), o.timeout, fmt.Errorf("not done after --timeout %s", o.timeout))
	defer cancel()
	if len(a.clusters) > 0 {
		return hint(errors.New("--clusters: files cannot be written to"), "apply needs a host; fedctl render writes manifests to files")
	}
	v, err := a.view(ctx, args)
	if err != nil {
		return err
	}
	var all []*planned
	var errs []error
	for p, err := range v.plans(ctx, a) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all = append(all, p)
	}
	v.note(a)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("nothing was done: %w", context.Cause(ctx))
	case len(errs) > 0 && len(a.files) > 0:
		return hint(errors.Join(errs...), "nothing was done, since a file could not be read as a whole")
	case len(all) == 0 && len(errs) == 0:
		return hint(errors.New("no such federated object"), "fedctl plan -A --all lists what there is")
	}
	allowance := federation.Allowance{Total: o.maxDeletes, PerCluster: o.maxDeletes}
	for _, p := range all {
		p.plan, allowance = federation.Guard(p.plan, allowance)
	}
	if o.dryRun {
		shown := a.showPlans(all)
		if err := errors.Join(errs...); err != nil {
			return err // weighs more than that something would change
		}
		return shown
	}
	errs = append(errs, a.carryOut(ctx, v, all, o.wait)...)
	if o.wait && errors.Join(errs...) == nil {
		errs = append(errs, a.wait(ctx, v, all))
	}
	return errors.Join(errs...)
}

func (a *app) showPlans(all []*planned) error {
	w, err := a.report(report.Options{Changes: true})
	if err != nil {
		return err
	}
	for _, p := range all {
		if err := w.Plan(p.plan); err != nil {
			return err
		}
	}
	totals, err := w.Close()
	if err == nil && totals.Steps.Writes() {
		err = ErrChanges
	}
	return err
}

// object identifies the object of a step or a wish, in whatever cluster.
func object(ref federation.Ref) federation.Key {
	key := ref.Key()
	key.Cluster = ""
	return key
}

// carryOut writes down who will hold a copy, does what the plans say, and reports it.
func (a *app) carryOut(ctx context.Context, v *view, all []*planned, patient bool) []error {
	var errs []error
	var plans []federation.Plan
	byObject := map[federation.Key]*planned{}
	for _, p := range all {
		for _, s := range p.plan.Steps {
			byObject[object(s.Ref)] = p
		}
		errs = append(errs, p.plan.Errs...)
		if err := v.remember(ctx, p); err != nil {
			errs = append(errs, fmt.Errorf("%s: nothing was done, since it could not be written down who will hold a copy: %w", named(p.wish.source), err))
			continue
		}
		plans = append(plans, p.plan)
	}
	progress := a.progress(ctx, federation.Join(plans...))
	progress.patient = patient
	for r := range (federation.Dispatcher{Clients: v.clients, Retries: 2}).Run(ctx, federation.Join(plans...)) {
		p := byObject[object(r.Step.Ref)]
		p.results = append(p.results, r)
		progress.show(r)
	}
	// What was done is told in any case.
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	for _, p := range all {
		if len(p.results) > 0 {
			errs = append(errs, v.report(late, a, p))
		}
	}
	return append(errs, progress.end())
}

// remember writes the finalizer and the holders into the federated object before anything is done, as the controller does.
func (v *view) remember(ctx context.Context, p *planned) error {
	if v.host == nil || p.wish.source.GetUID() == "" || p.wish.source.GetDeletionTimestamp() != nil {
		return nil
	}
	return v.patchMeta(ctx, p.wish, kubefed.WriteHolders(p.wish.source, p.plan.Holders()))
}

// finish lets a federated object go of which no copy is left.
func (v *view) finish(ctx context.Context, w *wish) error {
	if err := v.patchMeta(ctx, w, kubefed.UndoHolders(w.source)); err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("%s: it was not let go: %w", named(w.source), err)
	}
	return nil
}

// patchMeta writes finalizers and annotations, unless somebody else has changed the object. Nil is nothing to write.
func (v *view) patchMeta(ctx context.Context, w *wish, next *unstructured.Unstructured) error {
	if next == nil {
		return nil
	}
	finalizers, annotations := next.GetFinalizers(), next.GetAnnotations()
	if finalizers == nil {
		finalizers = []string{}
	}
	if annotations == nil {
		annotations = map[string]string{}
	}
	type operation struct {
		Op    string `json:"op"`
		Path  string `json:"path"`
		Value any    `json:"value"`
	}
	patch, err := json.Marshal([]operation{
		{"test", "/metadata/resourceVersion", w.source.GetResourceVersion()},
		{"add", "/metadata/finalizers", finalizers}, {"add", "/metadata/annotations", annotations},
	})
	if err != nil {
		return err
	}
	live, err := v.host.Patch(ctx, w.source, patch, metav1.PatchOptions{FieldManager: v.planner.Manager})
	if err == nil {
		w.source = live
	}
	return err
}

// report writes the status of the federated object, and lets it go when it is to go and no copy is left.
func (v *view) report(ctx context.Context, a *app, p *planned) error {
	if v.host == nil || p.wish.source.GetUID() == "" {
		return nil
	}
	if p.wish.source.GetDeletionTimestamp() != nil {
		snap := p.snap
		snap.Holders = p.wish.holders
		snap = snap.With(v.observe(ctx, v.planner.Targets(p.wish.object, snap)))
		plan, err := v.planner.Plan(p.wish.object, snap)
		if err != nil || !plan.Gone() {
			return err
		}
		return v.finish(ctx, p.wish)
	}
	last, _ := p.wish.source.Object["status"].(map[string]any)
	next := kubefed.EncodeStatus(last, p.results, kubefed.Report{Generation: p.wish.source.GetGeneration(), Now: a.io.Now()})
	if reflect.DeepEqual(last, next) {
		return nil
	}
	obj := &unstructured.Unstructured{Object: map[string]any{}}
	for k, v := range p.wish.source.Object {
		obj.Object[k] = v
	}
	obj.Object["status"] = next
	if _, err := v.host.UpdateStatus(ctx, obj); err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("%s: its status was not written: %w", named(p.wish.source), err)
	}
	return nil
}

// wait looks again and again until every copy is as wished and healthy, and what is to go has gone.
func (a *app) wait(ctx context.Context, v *view, all []*planned) error {
	summaries, said := map[*wish]status.Summary{}, map[*wish]string{}
	var wishes []*wish
	for _, p := range all {
		wishes = append(wishes, p.wish)
	}
	for {
		var failed []error
		var waiting []*wish
		v.planAll(ctx, a, wishes, func(p *planned, err error) bool {
			if ctx.Err() != nil { // what is looked at now says nothing any more
				waiting = wishes
				return false
			}
			if err != nil {
				failed = append(failed, err)
				return false
			}
			w := p.wish
			if w.source.GetDeletionTimestamp() != nil && p.plan.Gone() {
				failed = append(failed, v.finish(ctx, w))
				fmt.Fprintf(a.io.Out, "%s: gone\n", named(w.source))
				return true
			}
			generation := w.source.GetGeneration()
			summaries[w] = status.Summarize(summaries[w], generation, federation.Statuses(p.plan.Results()), a.io.Now())
			if text := summaries[w].Message; text != said[w] {
				said[w] = text
				fmt.Fprintf(a.io.Out, "%s: %s\n", named(w.source), line(text))
			}
			outcome := status.Wait(summaries[w], status.Goal{Generation: generation, Healthy: true, Grace: 10 * time.Second}, a.io.Now())
			switch {
			case outcome.Verdict == status.VerdictFailed:
				failed = append(failed, fmt.Errorf("%s: %s", named(w.source), outcome.Message))
			case outcome.Verdict == status.VerdictWait, w.source.GetDeletionTimestamp() != nil:
				waiting = append(waiting, w)
			}
			return true
		})
		if err := errors.Join(failed...); err != nil || len(waiting) == 0 {
			return err
		}
		wishes = waiting
		select {
		case <-ctx.Done():
			return hint(fmt.Errorf("%d of %d objects are not healthy everywhere: %w", len(waiting), len(all), context.Cause(ctx)), "fedctl status shows what they wait for")
		case <-time.After(500 * time.Millisecond):
		}
	}
}
