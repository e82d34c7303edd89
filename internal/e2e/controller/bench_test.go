package controller_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/examples/controller/manager"
)

// many creates federated ConfigMaps in three members, side by side.
func (w *world) many(namespace string, n int) {
	var group sync.WaitGroup
	names := make(chan int)
	for range 16 {
		group.Go(func() {
			for i := range names {
				fed := w.fed(configMaps, namespace, fmt.Sprint("c", i), `{template: {data: {k: v}}, placement: {clusterSelector: {matchExpressions: [{key: name, operator: NotIn, values: [host]}]}}}`)
				w.ensure(hostName, configMaps.federated(), fed)
			}
		})
	}
	for i := range n {
		names <- i
	}
	close(names)
	group.Wait()
}

// right counts the federated ConfigMaps whose status says that all is well.
func (w *world) right(namespace string) int {
	list, err := w.direct[hostName].Resource(w.fed(configMaps, namespace, "x", "{}").GroupVersionKind().GroupVersion().WithResource(configMaps.federated())).
		Namespace(namespace).List(w.ctx, metav1.ListOptions{ResourceVersion: "0"})
	require.NoError(w, err)
	n := 0
	for _, item := range list.Items {
		conditions, _, _ := unstructured.NestedSlice(item.Object, "status", "conditions")
		if len(conditions) == 1 && conditions[0].(map[string]any)["status"] == "True" {
			n++
		}
	}
	return n
}

// statuses waits until the controller has written that many statuses since, and tells when; then it sees whether all of them say
// that all is well. The counter is asked before, and seldom, since asking takes time that the servers could use: a list of all
// objects costs the host about as much as a hundred writes.
func (w *world) statuses(metrics, namespace string, since, objects int) (written time.Time) {
	w.Helper()
	for started := time.Now(); ; {
		n := w.statusWrites(metrics) - since
		if n >= objects {
			break
		}
		require.Less(w, time.Since(started), within, "%d of %d statuses written", n, objects)
		if n > objects*9/10 {
			time.Sleep(10 * time.Millisecond)
		} else {
			time.Sleep(200 * time.Millisecond)
		}
	}
	written = time.Now()
	w.eventually("all is well", func() (bool, any) {
		n := w.right(namespace)
		return n == objects, n
	})
	return written
}

// statusWrites is how many statuses of federated objects the controller has written.
func (w *world) statusWrites(metrics string) int {
	_, text := w.ask(metrics, "/metrics")
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, `confed_host_writes_total{what="status"} `); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			require.NoError(w, err)
			return int(n)
		}
	}
	return 0
}

// BenchmarkPropagation has 1,000 federated ConfigMaps brought into three members: while somebody makes them, and with all of
// them there when their type is enabled. The time ends when all copies are there and every status says so. It counts what that
// costs the host, the making included.
//
// All servers share the machine with the controller: on two cores they are what is busy. Of the time of both the host's API server
// takes the half (about 1.0 ms for each object that is made, 1.4 for its holders, 1.8 for its status), the members' take a quarter,
// the controller a fifth and etcd a tenth. More objects on the host make the second scene slower, since a type that is enabled looks
// at all of them: compare with -benchtime 1x.
func BenchmarkPropagation(b *testing.B) {
	w := newWorld(b) // for both, since what one leaves would be work for the other
	for _, k := range []kind{namespaces, configMaps} {
		w.enable(k)
	}
	metrics := w.freeAddr()
	w.run(func(o *manager.Options) { o.MetricsAddr = metrics })
	for _, scene := range []string{"meanwhile", "backlog"} {
		b.Run(scene, func(b *testing.B) {
			var took time.Duration
			for i := 0; b.Loop(); i++ {
				namespace := fmt.Sprint("bench-", scene, "-", b.N, "-", i)
				w.propagated(namespaces, w.federateNamespace(namespace), w.everywhere()...)
				before, err := w.fleet.Host.Writes(w.ctx)
				require.NoError(b, err)
				took += w.propagate(metrics, namespace, scene == "backlog")
				after, err := w.fleet.Host.Writes(w.ctx)
				require.NoError(b, err)
				b.ReportMetric(float64(after.Since(before).Of("federatedconfigmaps.types.kubefed.io").Total())/many, "hostwrites/object")
			}
			b.ReportMetric(float64(3*b.N*many)/took.Seconds(), "memberobjects/s")
		})
	}
}

const many = 1000

// propagate makes many federated ConfigMaps and says how long it took until all was right, from the first, or from when their
// type was enabled.
func (w *world) propagate(metrics, namespace string, backlog bool) time.Duration {
	switched := func(to, runs string) {
		w.patch(hostName, "federatedtypeconfigs", w.typeConfig(configMaps), "{spec: {propagation: "+to+"}}")
		w.eventually(runs, func() (bool, any) {
			live := w.get(hostName, "federatedtypeconfigs", w.typeConfig(configMaps)).Object
			status, _, _ := unstructured.NestedString(live, "status", "propagationController")
			return status == runs, live
		})
	}
	if backlog {
		switched("Disabled", "NotRunning")
	}
	since, started := w.statusWrites(metrics), time.Now()
	w.many(namespace, many)
	if backlog {
		started = time.Now()
		switched("Enabled", "Running")
	}
	return w.statuses(metrics, namespace, since, many).Sub(started)
}

// BenchmarkRestart starts the program on 10,000 objects that are right already, in three members.
func BenchmarkRestart(b *testing.B) {
	w := newWorld(b)
	for _, k := range []kind{namespaces, configMaps} {
		w.enable(k)
	}
	quick := func(o *manager.Options) {
		o.Config = w.config("leaseDuration: 6s, renewDeadline: 5s, retryPeriod: 500ms")
	}
	const objects = 10_000
	p := w.process("first", quick)
	ns := w.federateNamespace("restart")
	w.propagated(namespaces, ns, w.everywhere()...)
	w.many("restart", objects)
	for w.right("restart") < objects {
		time.Sleep(time.Second)
	}
	require.NoError(b, p.end())
	probe := w.fed(configMaps, "restart", "c0", "{}")
	for i := 0; b.Loop(); i++ {
		started := time.Now()
		p = w.process("next", quick)
		w.patch(hostName, configMaps.federated(), probe, fmt.Sprintf(`{spec: {template: {data: {k: "%d"}}}}`, i))
		w.propagated(configMaps, probe, "member-1", "member-2", "member-3")
		b.ReportMetric(time.Since(started).Seconds(), "s/restart")
		time.Sleep(5 * time.Second)
		b.ReportMetric(p.resident(), "MB")
		require.NoError(b, p.end())
	}
}

// resident is the memory that the program holds, in MB; 0 where that cannot be told.
func (p *process) resident() float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 64)
			return kb / 1024
		}
	}
	return 0
}
