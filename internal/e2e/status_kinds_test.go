package e2e_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/internal/e2e/cluster"
	"github.com/confed-project/confed/override"
	"github.com/confed-project/confed/placement"
	"github.com/confed-project/confed/status"
)

const workloadsYAML = `{apiVersion: v1, kind: Namespace, metadata: {name: workloads}}`

// sizes are the nodes of each member, and the pods that it is to have.
func sizes() []int64 { return []int64{3, 2, 1} }

const podTemplate = `template: {metadata: {labels: {app: %[1]s}, annotations: {wish: "0"}}, spec: {terminationGracePeriodSeconds: 0, containers: [{name: main, image: example/main:1}]}}`

// TestStatusOfWorkloads follows the kinds that make pods through rollout, failure and deletion, all of them driven by the
// controllers of three real control planes. Only nodes and kubelets are made up.
func TestStatusOfWorkloads(t *testing.T) {
	servers := cluster.Shared(t).Members
	for i, s := range servers {
		var names []string
		for n := range sizes()[i] {
			names = append(names, fmt.Sprintf("node-%d", n+1))
		}
		stop, err := s.StartNodes(t.Context(), names...)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, stop()) })
	}
	space := newWorld(t)
	namespace := federation.Object{Template: decode(t, workloadsYAML), Placement: everywhere(), Cascade: true}
	space.settle(namespace)
	t.Run("kinds", func(t *testing.T) {
		t.Run("Deployment", func(t *testing.T) { t.Parallel(); deploymentStory(t) })
		t.Run("StatefulSet", func(t *testing.T) { t.Parallel(); statefulSetStory(t) })
		t.Run("DaemonSet", func(t *testing.T) { t.Parallel(); daemonSetStory(t) })
		t.Run("Job", func(t *testing.T) { t.Parallel(); jobStory(t) })
	})
	t.Run("a member that does not answer", lostMemberStory)
	namespace.Placement = placement.Policy{}
	require.True(t, space.settle(namespace).Gone())
}

// newWorkload makes the object in every member, in the sizes of the members.
func newWorkload(t *testing.T, plural, text string) *workload {
	w := &workload{world: newWorld(t), plural: plural, want: map[string]pods{}}
	w.object = federation.Object{Template: decode(t, text), Placement: everywhere()}
	for i, s := range w.servers {
		n := int(sizes()[i])
		w.want[s.Name] = pods{n, n}
	}
	return w
}

// sized are the overrides that give every member its size, and then the others.
func (w *workload) sized(paths []string, others ...federation.Override) []federation.Override {
	var out []federation.Override
	for i, s := range w.servers {
		var patches []override.Patch
		for _, path := range paths {
			patches = append(patches, override.Patch{Path: path, Value: sizes()[i]})
		}
		out = append(out, only(s.Name, patches...))
	}
	return append(out, others...)
}

func newDeployment(t *testing.T, name string) *workload {
	w := newWorkload(t, "deployments", fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s, namespace: workloads}
spec:
  replicas: 1
  progressDeadlineSeconds: 600
  selector: {matchLabels: {app: %[1]s}}
  `+podTemplate, name))
	w.counters = []string{"replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas", "terminatingReplicas"}
	return w
}

func replicas() []string { return []string{"/spec/replicas"} }

func deploymentStory(t *testing.T) {
	w := newDeployment(t, "web")
	first, second := w.servers[0].Name, w.servers[1].Name
	w.wish(w.sized(replicas())...)
	l := w.settled()
	require.EqualValues(t, 6, l.aggregate["availableReplicas"])

	w.wish(w.sized(replicas())...)
	l = w.settled()
	require.EqualValues(t, 6, l.aggregate["updatedReplicas"])

	// A rollout that comes to nothing in one member.
	w.wish(w.sized(replicas(), only(second, crash(), override.Patch{Path: "/spec/progressDeadlineSeconds", Value: int64(2)}))...)
	l = w.until("failed", func(l look) bool { return l.health(second) == status.HealthFailed && l.summary.Totals.Healthy == 2 })
	progressing := condition(t, l, "Progressing")
	require.Equal(t, "ProgressDeadlineExceeded", progressing["reason"])
	require.Contains(t, progressing["message"], second)
	require.Equal(t, "True", condition(t, l, "Available")["status"], "the old pods still serve")
	require.Contains(t, l.summary.Message, second)
	patient := status.Goal{Generation: w.generation, Healthy: true, Grace: time.Hour}
	require.Equal(t, status.VerdictWait, status.Wait(l.summary, patient, time.Now()).Verdict)

	w.wish(w.sized(replicas())...)
	w.settled()

	// A pod that falls ill when all is well.
	pod := w.list(first)[0]
	delete(w.want, first) // the controllers need a moment to see it
	w.fate(first, pod, cluster.FateCrash)
	l = w.until("ill", func(l look) bool { return l.health(first) == status.HealthInProgress })
	require.EqualValues(t, 5, l.aggregate["readyReplicas"])
	require.EqualValues(t, 6, l.aggregate["replicas"])
	require.Equal(t, "False", condition(t, l, "Available")["status"])
	w.fate(first, pod, "")
	w.want[first] = pods{3, 3}
	w.until("well again", func(l look) bool { return l.all(status.HealthCurrent) })
	w.gone(t)
}

func condition(t *testing.T, l look, kind string) map[string]any {
	t.Helper()
	list, _, _ := unstructured.NestedSlice(l.aggregate, "conditions")
	i := slices.IndexFunc(list, func(c any) bool { return c.(map[string]any)["type"] == kind })
	require.GreaterOrEqual(t, i, 0, "no condition %s in %v", kind, l.aggregate)
	return list[i].(map[string]any)
}

func statefulSetStory(t *testing.T) {
	w := newWorkload(t, "statefulsets", fmt.Sprintf(`
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: store, namespace: workloads}
spec:
  replicas: 1
  serviceName: store
  updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 0}}
  selector: {matchLabels: {app: store}}
  `+podTemplate, "store"))
	w.counters = []string{"replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"}
	first, second := w.servers[0].Name, w.servers[1].Name
	w.wish(w.sized(replicas())...)
	l := w.settled()
	require.EqualValues(t, 6, l.aggregate["readyReplicas"])
	require.Equal(t, l.aggregate["currentRevision"], l.aggregate["updateRevision"])

	// One member goes only as far as its partition.
	w.want[first] = pods{total: 3, latest: 1}
	w.wish(w.sized(replicas(), only(first, override.Patch{Path: "/spec/updateStrategy/rollingUpdate/partition", Value: int64(2)}))...)
	l = w.until("rolled out up to the partition", func(l look) bool { return l.all(status.HealthCurrent) })
	require.EqualValues(t, 4, l.aggregate["updatedReplicas"])
	require.NotEqual(t, l.aggregate["currentRevision"], l.aggregate["updateRevision"], "that of the member that is between two")
	w.want[first] = pods{3, 3}

	// A rollout that comes to nothing in one member: only a deadline of the waiting can tell.
	w.wish(w.sized(replicas(), only(second, crash()))...)
	l = w.until("stuck", func(l look) bool {
		return l.health(second) == status.HealthInProgress && l.summary.Totals.Healthy == 2 && w.crashed(second) == 1
	})
	late := status.Goal{Generation: w.generation, Healthy: true, Deadline: time.Now()}
	require.Equal(t, status.VerdictFailed, status.Wait(l.summary, late, time.Now()).Verdict)
	require.Contains(t, l.summary.Message, second)

	w.wish(w.sized(replicas())...)
	w.look()
	w.deleteCrashed(second) // the controller waits for this pod; people know
	w.until("mended", func(l look) bool { return l.all(status.HealthCurrent) })
	w.gone(t)
}

func (w *workload) crashed(server string) int {
	n := 0
	for _, pod := range w.list(server) {
		if pod.GetLabels()[cluster.FateLabel] == cluster.FateCrash && conditions(pod.Object)["Ready"] == "False" {
			n++
		}
	}
	return n
}

func (w *workload) deleteCrashed(server string) {
	for _, pod := range w.list(server) {
		if pod.GetLabels()[cluster.FateLabel] == cluster.FateCrash {
			err := w.podsOf(server).Delete(w.ctx, pod.GetName(), metav1.DeleteOptions{})
			require.NoError(w.t, err)
		}
	}
}

func daemonSetStory(t *testing.T) {
	w := newWorkload(t, "daemonsets", fmt.Sprintf(`
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: workloads}
spec:
  selector: {matchLabels: {app: agent}}
  `+podTemplate, "agent"))
	w.counters = []string{"desiredNumberScheduled", "currentNumberScheduled", "updatedNumberScheduled", "numberReady", "numberAvailable", "numberUnavailable", "numberMisscheduled"}
	second := w.servers[1].Name
	w.wish()
	l := w.settled()
	require.EqualValues(t, 6, l.aggregate["numberAvailable"])

	w.wish()
	l = w.settled()
	require.EqualValues(t, 6, l.aggregate["updatedNumberScheduled"])

	w.wish(only(second, crash()))
	l = w.until("stuck", func(l look) bool {
		return l.health(second) == status.HealthInProgress && l.summary.Totals.Healthy == 2 && w.crashed(second) == 1
	})
	require.EqualValues(t, 6, l.aggregate["desiredNumberScheduled"])
	require.Less(t, l.aggregate["numberAvailable"], int64(6))

	w.wish()
	w.settled()
	w.gone(t)
}

func newJob(t *testing.T, name string) *workload {
	w := newWorkload(t, "jobs", fmt.Sprintf(`
apiVersion: batch/v1
kind: Job
metadata: {name: %[1]s, namespace: workloads}
spec:
  completions: 1
  parallelism: 1
  backoffLimit: 0
  template: {metadata: {labels: {app: %[1]s}, annotations: {wish: "0"}}, spec: {restartPolicy: Never, containers: [{name: main, image: example/main:1}]}}`, name))
	w.counters = []string{"active", "ready", "succeeded", "failed", "terminating"}
	w.wish(w.sized([]string{"/spec/completions", "/spec/parallelism"})...)
	return w
}

func jobStory(t *testing.T) {
	good := newJob(t, "good")
	good.running(t)
	for i, s := range good.servers {
		l := good.until("done in some", func(l look) bool { return l.summary.Totals.Healthy == i })
		require.NotContains(t, l.aggregate, "completionTime")
		require.NotContains(t, conditions(map[string]any{"status": l.aggregate}), "Complete")
		good.end(s.Name, cluster.FateSucceed)
	}
	l := good.until("done", func(l look) bool { return l.all(status.HealthCurrent) })
	require.EqualValues(t, 6, l.aggregate["succeeded"])
	require.Equal(t, "True", condition(t, l, "Complete")["status"])
	last := ""
	for _, m := range l.members {
		at, _, err := unstructured.NestedString(m.Live, "status", "completionTime")
		require.NoError(t, err)
		last = max(last, at)
	}
	require.Equal(t, last, l.aggregate["completionTime"])
	good.gone(t)

	bad := newJob(t, "bad")
	bad.running(t)
	first, second := bad.servers[0].Name, bad.servers[1].Name
	bad.end(first, cluster.FateSucceed)
	bad.end(second, cluster.FateFail)
	l = bad.until("failed in one", func(l look) bool {
		return l.health(first) == status.HealthCurrent && l.health(second) == status.HealthFailed
	})
	require.EqualValues(t, 3, l.aggregate["succeeded"])
	failed := condition(t, l, "Failed")
	require.Equal(t, "BackoffLimitExceeded", failed["reason"])
	require.Contains(t, failed["message"], second)
	require.NotContains(t, l.aggregate, "completionTime")
	bad.gone(t)
}

// running waits until every pod of a Job runs, and none has ended.
func (w *workload) running(t *testing.T) {
	l := w.until("running", func(l look) bool { return fmt.Sprint(l.aggregate["ready"]) == "6" })
	require.EqualValues(t, 6, l.aggregate["active"])
	require.True(t, l.all(status.HealthInProgress), "%+v", l.clusters)
	require.Empty(t, l.gaps)
}

func (w *workload) end(server, fate string) {
	for _, pod := range w.list(server) {
		w.fate(server, pod, fate)
	}
}

// lostMemberStory takes away what one member says: a gap, never a zero.
func lostMemberStory(t *testing.T) {
	w := newDeployment(t, "kept")
	w.wish(w.sized(replicas())...)
	before := w.settled()
	victim := w.servers[1]
	victim.Kill()
	l := w.look()
	require.Equal(t, []status.Gap{{Cluster: victim.Name, Reason: string(federation.ReasonUnobserved)}}, l.gaps)
	require.EqualValues(t, 4, l.aggregate["readyReplicas"], "of those that answer")
	require.Equal(t, "Unknown", condition(t, l, "Available")["status"])
	require.Equal(t, 1, l.summary.Totals.Unknown)
	require.Contains(t, l.summary.Message, victim.Name)
	require.NoError(t, victim.Restart(t.Context()))
	after := w.until("as before", func(l look) bool { return l.all(status.HealthCurrent) })
	require.Equal(t, before.aggregate, after.aggregate)
	w.gone(t)
}
