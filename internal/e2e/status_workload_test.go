package e2e_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/internal/e2e/cluster"
	"github.com/confed-project/confed/override"
	"github.com/confed-project/confed/placement"
	"github.com/confed-project/confed/status"
)

// workload is one object that makes pods, followed through its life in three members. Every look at it compares what
// package status says with what the members say: their objects, and the pods that really run there.
type workload struct {
	*world
	object     federation.Object
	plural     string
	counters   []string // fields of the status that add up
	generation int64    // of the wish
	summary    status.Summary
	want       map[string]pods // of a member that is Current, as far as it is known
	leaving    bool            // the object is being deleted
	observed   int64           // what the last aggregate that said so said of observedGeneration
}

// pods are those of one member that are not on their way out.
type pods struct{ total, latest int } // latest: of the latest wish, and ready or succeeded

// look is one pass: what the members hold, and what status makes of it.
type look struct {
	clusters  []status.Cluster
	members   []status.Member
	aggregate map[string]any
	gaps      []status.Gap
	summary   status.Summary
}

func (w *workload) kind() metav1.GroupKind {
	gvk := w.object.Template.GroupVersionKind()
	return metav1.GroupKind{Group: gvk.Group, Kind: gvk.Kind}
}

// wish changes the object, and marks the pods that it makes from now on.
func (w *workload) wish(overrides ...federation.Override) {
	w.generation++
	w.object.Template = w.object.Template.DeepCopy()
	require.NoError(w.t, unstructured.SetNestedField(w.object.Template.Object, fmt.Sprint(w.generation), "spec", "template", "metadata", "annotations", "wish"))
	w.object.Overrides = overrides
}

// only edits the object in one member.
func only(server string, patches ...override.Patch) federation.Override {
	layer := override.Layer{Name: server}
	for _, p := range patches {
		layer.Edits = append(layer.Edits, p)
	}
	return federation.Override{Clusters: placement.Policy{Clusters: []string{server}}, Layer: layer}
}

func crash() override.Patch {
	return override.Patch{Op: "add", Path: "/spec/template/metadata/labels/" + cluster.FateLabel, Value: cluster.FateCrash}
}

// look reconciles once and checks what is said of the outcome.
func (w *workload) look() look {
	w.t.Helper()
	results := w.reconcile(w.object)
	l := look{clusters: federation.Statuses(results)}
	for i, r := range results {
		m := status.Member{Cluster: r.Step.Ref.Cluster}
		switch {
		case r.Live == nil:
			m.Reason = string(r.Reason)
		default:
			m.Live = r.Live.Object
		}
		if l.clusters[i].State == status.StateCurrent {
			m.Generation = w.generation
		}
		l.members = append(l.members, m)
	}
	l.aggregate, l.gaps = status.Aggregate(w.kind(), l.members)
	l.summary = status.Summarize(w.summary, w.generation, l.clusters, time.Now())
	w.summary = l.summary
	if seen, found := l.aggregate["observedGeneration"].(int64); found {
		w.observed = seen
	}
	w.checkCounters(l)
	w.checkObserved(l)
	w.checkConditions(l)
	w.checkHealth(l)
	w.checkWait(l)
	return l
}

// until looks until the outcome is as wanted.
func (w *workload) until(what string, done func(look) bool) look {
	w.t.Helper()
	deadline := time.Now().Add(within)
	for {
		l := w.look()
		if done(l) {
			return l
		}
		require.True(w.t, time.Now().Before(deadline), "never %s: %s\n%+v", what, l.summary.Message, l.clusters)
		time.Sleep(20 * time.Millisecond)
	}
}

// settled waits until all members are healthy, and checks that the wish as a whole is as well, and not before.
func (w *workload) settled() look {
	w.t.Helper()
	first := w.look()
	require.False(w.t, first.all(status.HealthCurrent), "a new wish cannot be fulfilled at once: %+v", first.clusters)
	require.NotContains(w.t, first.aggregate, "observedGeneration")
	l := w.until("settled", func(l look) bool {
		return l.all(status.HealthCurrent) && !slices.ContainsFunc(w.servers, func(s *cluster.Server) bool { return !w.seen(l, s.Name) })
	})
	require.Empty(w.t, l.gaps)
	health, why := status.Assess(w.whole(l))
	require.Equal(w.t, status.HealthCurrent, health, why)
	require.Equal(w.t, status.VerdictDone, status.Wait(l.summary, status.Goal{Generation: w.generation, Healthy: true}, time.Now()).Verdict)
	return l
}

// whole is the wish with the aggregate as its status, as the program would show it to the tools of others: where the
// aggregate cannot say what was observed, that of the last one stays, since they take an absent field for none.
func (w *workload) whole(l look) map[string]any {
	whole := w.object.Template.DeepCopy()
	whole.SetGeneration(w.generation)
	var total int64
	path := []string{"spec", cmp.Or(map[string]string{"Job": "completions"}[w.kind().Kind], "replicas")}
	for _, m := range l.members {
		n, _, _ := unstructured.NestedInt64(m.Live, path...)
		total += n
	}
	if w.kind().Kind != "DaemonSet" {
		require.NoError(w.t, unstructured.SetNestedField(whole.Object, total, path...))
	}
	shown := maps.Clone(l.aggregate)
	if w.observed > 0 {
		shown["observedGeneration"] = w.observed
	}
	whole.Object["status"] = shown
	return whole.Object
}

func (l look) all(h status.Health) bool {
	return !slices.ContainsFunc(l.clusters, func(c status.Cluster) bool { return c.State != status.StateCurrent || c.Health != h })
}

func (l look) health(cluster string) status.Health {
	i := slices.IndexFunc(l.clusters, func(c status.Cluster) bool { return c.Name == cluster })
	if i < 0 {
		return "none"
	}
	return l.clusters[i].Health
}

// checkCounters adds up what the members count.
func (w *workload) checkCounters(l look) {
	for _, field := range w.counters {
		var want any
		for _, m := range l.members {
			n, found, err := unstructured.NestedInt64(m.Live, "status", field)
			require.NoError(w.t, err)
			if found {
				sum, _ := want.(int64)
				want = sum + n
			}
		}
		require.Equal(w.t, want, l.aggregate[field], "%s of %v", field, l.members)
	}
}

// checkObserved wants a proof from every member before the generation counts as observed, and gaps for all others.
func (w *workload) checkObserved(l look) {
	proven := len(l.members) > 0
	for _, m := range l.members {
		if m.Live == nil {
			proven = false
			require.Contains(w.t, l.gaps, status.Gap{Cluster: m.Cluster, Reason: cmp.Or(m.Reason, status.GapNoReport)})
			continue
		}
		has, _, _ := unstructured.NestedInt64(m.Live, "metadata", "generation")
		seen, reported, _ := unstructured.NestedInt64(m.Live, "status", "observedGeneration")
		proven = proven && reported && seen == has && m.Generation == w.generation
	}
	switch {
	case w.kind().Kind == "Job": // a Job observes no generation
	case proven:
		require.Equal(w.t, w.generation, l.aggregate["observedGeneration"])
		require.Empty(w.t, l.gaps)
	default:
		require.NotContains(w.t, l.aggregate, "observedGeneration")
	}
}

// checkConditions wants no condition that members contradict: True takes all of them, or one where True is bad news.
func (w *workload) checkConditions(l look) {
	said := map[string][]string{}
	for _, m := range l.members {
		for kind, status := range conditions(m.Live) {
			said[kind] = append(said[kind], status)
		}
	}
	got := conditions(map[string]any{"status": l.aggregate})
	for kind := range got {
		require.Contains(w.t, said, kind, "made up")
	}
	for kind, by := range said {
		complete := len(by) == len(l.members)
		switch bad := kind == "Failed" || kind == "FailureTarget" || kind == "ReplicaFailure"; {
		case bad && slices.Contains(by, "True"):
			require.Equal(w.t, "True", got[kind], kind)
		case bad:
			require.NotEqual(w.t, "True", got[kind], kind)
		case slices.Contains(by, "False"):
			require.Equal(w.t, "False", got[kind], kind)
		case complete && !slices.Contains(by, "Unknown"):
			require.Equal(w.t, "True", got[kind], kind)
		default:
			require.NotEqual(w.t, "True", got[kind], "%s is said by %d of %d members", kind, len(by), len(l.members))
		}
	}
}

func conditions(live map[string]any) map[string]string {
	out := map[string]string{}
	list, _, _ := unstructured.NestedSlice(live, "status", "conditions")
	for _, c := range list {
		m := c.(map[string]any)
		out[m["type"].(string)] = m["status"].(string)
	}
	return out
}

// seen says whether a member's controller knows all nodes yet: a DaemonSet is as wished once it runs on those it knows.
func (w *workload) seen(l look, server string) bool {
	if w.kind().Kind != "DaemonSet" {
		return true
	}
	i := slices.IndexFunc(l.members, func(m status.Member) bool { return m.Cluster == server })
	n, _, _ := unstructured.NestedInt64(l.members[i].Live, "status", "desiredNumberScheduled")
	return n == int64(w.want[server].total)
}

// checkHealth counts the pods of every member that is said to be current: all must be of the latest wish.
func (w *workload) checkHealth(l look) {
	failed := false
	for _, c := range l.clusters {
		failed = failed || c.Health == status.HealthFailed
		want, known := w.want[c.Name]
		if known && w.seen(l, c.Name) && c.State == status.StateCurrent && c.Health == status.HealthCurrent {
			require.Equal(w.t, want, w.pods(c.Name), "%s is said to be current: %s", c.Name, c.Reason)
		}
	}
	health, why := status.Assess(w.whole(l))
	switch {
	case w.leaving:
	case failed:
		require.Equal(w.t, status.HealthFailed, health, why)
	case !l.all(status.HealthCurrent):
		require.NotEqual(w.t, status.HealthCurrent, health, "%s: %+v", why, l.clusters)
	}
}

// pods counts those of one member.
func (w *workload) pods(server string) pods {
	var n pods
	for _, pod := range w.list(server) {
		if pod.GetDeletionTimestamp() != nil {
			continue
		}
		n.total++
		phase, _, _ := unstructured.NestedString(pod.Object, "status", "phase")
		up := phase == "Succeeded" || conditions(pod.Object)["Ready"] == "True"
		if up && pod.GetAnnotations()["wish"] == fmt.Sprint(w.generation) {
			n.latest++
		}
	}
	return n
}

func (w *workload) list(server string) []unstructured.Unstructured {
	list, err := w.podsOf(server).List(w.ctx, metav1.ListOptions{LabelSelector: "app=" + w.object.Template.GetName()})
	require.NoError(w.t, err)
	slices.SortFunc(list.Items, func(a, b unstructured.Unstructured) int { return strings.Compare(a.GetName(), b.GetName()) })
	return list.Items
}

// fate decides what becomes of a running pod; empty: it heals.
func (w *workload) fate(server string, pod unstructured.Unstructured, fate string) {
	value := "null"
	if fate != "" {
		value = `"` + fate + `"`
	}
	_, err := w.podsOf(server).Patch(w.ctx, pod.GetName(), types.MergePatchType, []byte(`{"metadata":{"labels":{"`+cluster.FateLabel+`":`+value+`}}}`), metav1.PatchOptions{})
	require.NoError(w.t, err)
}

func (w *workload) podsOf(server string) dynamic.ResourceInterface {
	return w.resource(server, "pods", schema.GroupVersionKind{Version: "v1", Kind: "Pod"}, w.object.Template.GetNamespace())
}

// checkWait wants a decision only when there is one.
func (w *workload) checkWait(l look) {
	outcome := status.Wait(l.summary, status.Goal{Generation: w.generation, Healthy: true}, time.Now())
	failed := slices.ContainsFunc(l.clusters, func(c status.Cluster) bool { return c.Health == status.HealthFailed })
	switch {
	case w.leaving:
	case failed:
		require.Equal(w.t, status.VerdictFailed, outcome.Verdict, outcome.Message)
	case !l.all(status.HealthCurrent):
		require.Equal(w.t, status.VerdictWait, outcome.Verdict, "%s: %+v", outcome.Message, l.clusters)
	}
	healthy := 0
	for _, c := range l.clusters {
		if c.Health == status.HealthCurrent {
			healthy++
		}
	}
	require.Equal(w.t, healthy, l.summary.Totals.Healthy)
}

// gone deletes the object. In the first member somebody holds it for a while.
func (w *workload) gone(t *testing.T) {
	server := w.servers[0].Name
	w.foreignPatch(server, w.plural, w.object.Template, `{"metadata":{"finalizers":["status.example/held"]}}`)
	w.object.Placement, w.leaving = placement.Policy{}, true
	l := w.until("held by one member", func(l look) bool {
		return len(l.members) == 1 && l.health(server) == status.HealthTerminating
	})
	require.Equal(t, status.StateRemoving, l.clusters[0].State)
	require.NotEqual(t, status.VerdictDone, status.Wait(l.summary, status.Goal{Generation: w.generation}, time.Now()).Verdict)
	w.foreignPatch(server, w.plural, w.object.Template, `{"metadata":{"finalizers":null}}`)
	l = w.until("gone", func(l look) bool { return len(l.summary.Clusters) == 0 })
	require.Empty(t, l.aggregate)
	require.Equal(t, status.VerdictDone, status.Wait(l.summary, status.Goal{Generation: w.generation}, time.Now()).Verdict)
	for _, s := range w.servers {
		require.Eventually(t, func() bool { return len(w.list(s.Name)) == 0 }, within, 100*time.Millisecond, "pods of %s", s.Name)
	}
}
