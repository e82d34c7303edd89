package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/placement"
)

// question is what whatif is asked.
type question struct {
	lose, remove, add []string
	labels, weights   []string
	replicas          int64
	rebalance         bool
}

func newWhatIf(io IO) *cobra.Command {
	var q question
	var format string
	a, cmd := newCommand(io, &cobra.Command{
		Use:   "whatif KIND NAME [--lose CLUSTER] [--label CLUSTER:KEY=VALUE] [--weight CLUSTER=N] [flags]",
		Short: "Show where an object and its replicas would go if clusters, labels or weights were others",
		Long: `Show where an object and its replicas would go if clusters, labels or weights were others. The plan of now is taken
to be carried out; then all that is asked happens at once. Nothing is changed.`,
		Example: `  fedctl whatif deployment web --lose boston
  fedctl whatif deployment web --label paris:tier=prod --label berlin:tier-
  fedctl whatif deployment web --weight paris=3 --rebalance`,
	}, func(a *app, cmd *cobra.Command, args []string) error {
		if err := objectArgs(args); err != nil {
			return err
		}
		if !cmd.Flags().Changed("replicas") {
			q.replicas = -1
		} else if q.replicas < 0 {
			return hint(fmt.Errorf("--replicas %d", q.replicas), "a number of replicas is 0 or more")
		}
		v, err := a.view(cmd.Context(), args)
		if err != nil {
			return err
		}
		p, err := v.one(cmd.Context(), a, args)
		if err != nil {
			return err
		}
		v.note(a)
		after, err := q.ask(cmd.Context(), v, p)
		if err != nil {
			return err
		}
		return a.showWhatIf(p.plan, after, format)
	})
	a.wishFlags(cmd)
	cmd.Flags().StringSliceVar(&q.lose, "lose", nil, "clusters that go silent for good: others take their replicas")
	cmd.Flags().StringSliceVar(&q.remove, "remove", nil, "clusters that leave")
	cmd.Flags().StringSliceVar(&q.add, "add", nil, "clusters that join")
	cmd.Flags().StringSliceVar(&q.labels, "label", nil, "CLUSTER:KEY=VALUE sets a label of a cluster, CLUSTER:KEY- removes it")
	cmd.Flags().StringSliceVar(&q.weights, "weight", nil, "CLUSTER=N is the weight of a cluster in the division of replicas")
	cmd.Flags().Int64Var(&q.replicas, "replicas", 0, "the number of replicas to divide")
	cmd.Flags().BoolVar(&q.rebalance, "rebalance", false, "replicas that run may move")
	dataFlag(cmd, &format)
	return cmd
}

// ask plans again under the new facts, as if the first plan had been carried out.
func (q question) ask(_ context.Context, v *view, p *planned) (federation.Plan, error) {
	snap := p.snap
	snap.Previous, snap.Shares = p.plan.Decisions, p.plan.Shares()
	snap.Holders = p.plan.Holders()
	snap.Observed = maps.Clone(snap.Observed)
	for _, s := range p.plan.Steps {
		if s.Manifest != nil { // what will be there once the plan was carried out
			live := s.Manifest.DeepCopy()
			if was := snap.Observed[s.Ref.Key()].Live; was != nil {
				live.SetUID(was.GetUID())
			}
			live.SetResourceVersion("1")
			snap.Observed[s.Ref.Key()] = federation.Observation{State: federation.Present, Live: live}
		}
	}
	planner := v.planner
	planner.LostAfter = time.Second
	fleet, err := q.fleet(snap)
	if err != nil {
		return federation.Plan{}, err
	}
	snap.Fleet = fleet
	for _, name := range append(slices.Clone(q.lose), q.remove...) {
		for _, s := range p.plan.Steps {
			if s.Ref.Cluster == name {
				snap.Observed[s.Ref.Key()] = federation.Observation{Err: errors.New("lost, as asked")}
			}
		}
	}
	for _, name := range q.add {
		for _, ref := range planner.Targets(p.wish.object, snap) {
			if ref.Cluster == name {
				snap.Observed[ref.Key()] = federation.Observation{State: federation.Absent}
			}
		}
	}
	object, err := q.object(p.wish.object)
	if err != nil {
		return federation.Plan{}, err
	}
	return planner.Plan(object, snap)
}

func (q question) fleet(snap federation.Snapshot) (*placement.Fleet, error) {
	fleet := snap.Fleet
	var errs []error
	change := func(name string, f func(*placement.Cluster)) {
		c, ok := fleet.Get(name)
		if !ok {
			errs = append(errs, fmt.Errorf("there is no cluster %q", name))
			return
		}
		f(&c)
		var err error
		fleet, err = fleet.With(c)
		errs = append(errs, err)
	}
	for _, name := range q.add {
		var err error
		fleet, err = fleet.With(placement.Cluster{Name: name})
		errs = append(errs, err)
	}
	for _, name := range q.lose {
		change(name, func(c *placement.Cluster) {
			c.Ready = placement.Readiness{State: placement.NotReady, Since: snap.Now.Add(-time.Hour), Reason: "AsAsked"}
		})
	}
	for _, text := range q.labels {
		name, label, ok := strings.Cut(text, ":")
		key, value, set := strings.Cut(label, "=")
		if !ok || !set && !strings.HasSuffix(label, "-") {
			return nil, hint(fmt.Errorf("--label %q", text), "CLUSTER:KEY=VALUE sets a label, CLUSTER:KEY- removes it")
		}
		change(name, func(c *placement.Cluster) {
			c.Labels = maps.Clone(c.Labels)
			if c.Labels == nil {
				c.Labels = map[string]string{}
			}
			if set {
				c.Labels[key] = value
			} else {
				delete(c.Labels, strings.TrimSuffix(label, "-"))
			}
		})
	}
	for _, name := range q.remove {
		if _, ok := fleet.Get(name); !ok {
			errs = append(errs, fmt.Errorf("there is no cluster %q", name))
		}
		fleet = fleet.Without(name)
	}
	if err := errors.Join(errs...); err != nil {
		var names []string
		for c := range snap.Fleet.All() {
			names = append(names, c.Name)
		}
		return nil, hint(err, "the clusters are %s", strings.Join(names, ", "))
	}
	return fleet, nil
}

var errUndivided = errors.New("its replicas are not divided")

func (q question) object(o federation.Object) (federation.Object, error) {
	if len(q.weights) == 0 && q.replicas < 0 && !q.rebalance {
		return o, nil
	}
	if o.Replicas == nil {
		return o, hint(fmt.Errorf("%s: %w", named(o.Template), errUndivided), "a ReplicaSchedulingPreference of its name divides them")
	}
	replicas := *o.Replicas
	replicas.Rebalance = replicas.Rebalance || q.rebalance
	if q.replicas >= 0 {
		replicas.Total = &q.replicas
	}
	for _, text := range q.weights {
		name, number, _ := strings.Cut(text, "=")
		weight, err := strconv.ParseInt(number, 10, 64)
		if err != nil || weight < 0 {
			return o, hint(fmt.Errorf("--weight %q", text), "CLUSTER=N, with N from 0 up")
		}
		own := federation.Preference{}
		for _, p := range replicas.Preferences {
			if m, err := placement.Compile(p.Clusters); err == nil && m.Matches(placement.Cluster{Name: name}) {
				own = p
				break
			}
		}
		own.Clusters, own.Weight = placement.Policy{Clusters: []string{name}}, weight
		if len(replicas.Preferences) == 0 {
			replicas.Preferences = []federation.Preference{{Clusters: placement.Policy{Selector: &placement.Selector{}}, Weight: 1}}
		}
		replicas.Preferences = append([]federation.Preference{own}, replicas.Preferences...)
	}
	o.Replicas = &replicas
	return o, nil
}

// fate is what becomes of an object in one cluster.
type fate struct {
	Cluster string `json:"cluster"`
	Before  string `json:"before"`
	After   string `json:"after"`
	Why     string `json:"why"`
}

func (a *app) showWhatIf(before, after federation.Plan, format string) error {
	diff := placement.Diff(before.Decisions, after.Decisions)
	was, is := places(before), places(after)
	names := maps.Clone(was)
	maps.Copy(names, is)
	var fates []fate
	for _, name := range slices.Sorted(maps.Keys(names)) {
		f := fate{Cluster: name, Before: was[name], After: is[name]}
		for _, d := range after.Decisions {
			if d.Cluster == name {
				f.Why = strings.TrimSuffix(string(d.Reason)+": "+d.Message, ": ")
			}
		}
		fates = append(fates, f)
	}
	if done, err := a.data(format, map[string]any{"difference": diff, "clusters": fates}); done {
		return err
	}
	rows := [][]string{{"CLUSTER", "BEFORE", "AFTER", "WHY"}}
	for _, f := range fates {
		rows = append(rows, []string{f.Cluster, f.Before, f.After, f.Why})
	}
	if err := a.table(rows); err != nil {
		return err
	}
	var parts []string
	for _, part := range []struct {
		word  string
		names []string
	}{{"added", diff.Added}, {"removed", diff.Removed}, {"moved", diff.Moved}, {"held", diff.Held}, {"kept", diff.Kept}} {
		if len(part.names) > 0 {
			parts = append(parts, part.word+" "+strings.Join(part.names, " "))
		}
	}
	fmt.Fprintf(a.io.Out, "\nplacement: %s\n", cmp.Or(strings.Join(parts, "; "), "in no cluster"))
	for _, err := range after.Errs {
		fmt.Fprintln(a.io.Out, "error:", line(err.Error()))
	}
	return nil
}

// places says for each cluster whether the object is wished there, and with how many replicas.
func places(p federation.Plan) map[string]string {
	out := map[string]string{}
	for _, d := range p.Decisions {
		out[d.Cluster] = map[bool]string{true: "yes", false: "no"}[d.Selected]
	}
	for _, s := range p.Steps {
		if s.Share != nil && out[s.Ref.Cluster] == "yes" {
			out[s.Ref.Cluster] = fmt.Sprintf("yes, %d", s.Share.Replicas)
		}
	}
	return out
}
