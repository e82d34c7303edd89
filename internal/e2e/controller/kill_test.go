package controller_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/examples/controller/manager"
)

// replicas starts programs of these identities.
func (w *world) replicas(change func(*manager.Options), names ...string) map[string]*process {
	out := map[string]*process{}
	for _, name := range names {
		out[name] = w.process(name, change)
	}
	return out
}

// configMapsOf lists the data of all ConfigMaps of a namespace that are ours, by name.
func (w *world) configMapsOf(server, namespace string) map[string]string {
	list, err := w.direct[server].Resource(w.decode(`{apiVersion: v1, kind: ConfigMap}`).GroupVersionKind().GroupVersion().WithResource("configmaps")).
		Namespace(namespace).List(w.ctx, metav1.ListOptions{LabelSelector: "kubefed.io/managed=true"})
	require.NoError(w, err)
	out := map[string]string{}
	for _, item := range list.Items {
		out[item.GetName()], _, _ = unstructured.NestedString(item.Object, "data", "k")
	}
	return out
}

// churn changes federated ConfigMaps at random, and returns what should be where in the end.
func (w *world) churn(namespace string, seed uint64, changes int) map[string]map[string]string {
	rnd := rand.New(rand.NewPCG(seed, 1))
	type wish struct {
		fed      *unstructured.Unstructured
		value    string
		clusters []string
	}
	wishes := map[string]*wish{}
	for i := range changes {
		name, value := fmt.Sprint("c", rnd.IntN(40)), fmt.Sprint("v", i)
		var clusters []string
		placed := ""
		for _, c := range []string{"member-1", "member-2", "member-3"} {
			if rnd.IntN(3) > 0 {
				clusters = append(clusters, c)
				placed += "{name: " + c + "},"
			}
		}
		spec := fmt.Sprintf("{template: {data: {k: %s}}, placement: {clusters: [%s]}}", value, placed)
		old := wishes[name]
		switch {
		case old == nil:
			fed := w.fed(configMaps, namespace, name, spec)
			w.gone(hostName, configMaps.federated(), fed)
			w.ensure(hostName, configMaps.federated(), fed)
			wishes[name] = &wish{fed, value, clusters}
		case rnd.IntN(6) == 0:
			w.delete(hostName, configMaps.federated(), old.fed)
			delete(wishes, name)
		default:
			w.patch(hostName, configMaps.federated(), old.fed, "{spec: "+spec+"}")
			old.value, old.clusters = value, clusters
		}
	}
	out := map[string]map[string]string{"member-1": {}, "member-2": {}, "member-3": {}}
	for name, wish := range wishes {
		for _, c := range wish.clusters {
			out[c][name] = wish.value
		}
	}
	return out
}

// settled waits until every member holds exactly what is wished, and the host no object that is being deleted.
func (w *world) settled(namespace string, want map[string]map[string]string) {
	w.Helper()
	for name, objects := range want {
		w.eventually(name+" is as wished", func() (bool, any) {
			got := w.configMapsOf(name, namespace)
			if len(got) != len(objects) {
				return false, []any{got, objects}
			}
			for key, value := range objects {
				if got[key] != value {
					return false, []any{got, objects}
				}
			}
			return true, nil
		})
	}
}

// TestKilledAtRandomMoments kills the only replica again and again while objects change.
func TestKilledAtRandomMoments(t *testing.T) {
	w := newWorld(t)
	for _, k := range []kind{namespaces, configMaps} {
		w.enable(k)
	}
	quick := func(o *manager.Options) {
		o.Config = w.config("leaseDuration: 15s, renewDeadline: 10s, retryPeriod: 1s")
	}
	p := w.process("victim", quick)
	w.federateNamespace("killed")
	theirs := map[string]string{}
	for _, c := range []string{"member-1", "member-2", "member-3"} {
		w.eventually("namespace", func() (bool, any) {
			return w.get(c, "namespaces", w.decode("{apiVersion: v1, kind: Namespace, metadata: {name: killed}}")) != nil, nil
		})
		obj := w.create(c, "configmaps", `{apiVersion: v1, kind: ConfigMap, metadata: {name: theirs, namespace: killed}, data: {k: theirs}}`)
		theirs[c] = obj.GetResourceVersion()
	}
	stop := make(chan struct{})
	var group sync.WaitGroup
	kills := 0
	group.Go(func() {
		rnd := rand.New(rand.NewPCG(7, 7))
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Duration(1500+rnd.IntN(3000)) * time.Millisecond):
				p.kill()
				kills++
				p = w.process("victim", quick)
			}
		}
	})
	want := w.churn("killed", 1, 500)
	time.Sleep(5 * time.Second)
	close(stop)
	group.Wait()
	t.Logf("killed %d times", kills)
	require.Positive(t, kills)
	w.settled("killed", want)
	for c, version := range theirs {
		live := w.get(c, "configmaps", w.decode(`{apiVersion: v1, kind: ConfigMap, metadata: {name: theirs, namespace: killed}}`))
		require.Equal(t, version, live.GetResourceVersion(), "not ours, in %s", c)
		for name, value := range w.configMapsOf(c, "killed") {
			require.Equal(t, want[c][name], value)
		}
	}
}

// TestAStandbyTakesOver kills and freezes the leader.
func TestAStandbyTakesOver(t *testing.T) {
	w := newWorld(t)
	for _, k := range []kind{namespaces, configMaps} {
		w.enable(k)
	}
	quick := func(o *manager.Options) {
		o.Config = w.config("leaseDuration: 6s, renewDeadline: 5s, retryPeriod: 500ms")
	}
	all := w.replicas(quick, "one", "two")
	w.federateNamespace("standby")
	fed := w.fed(configMaps, "standby", "a", `{template: {data: {k: v}}, placement: {clusterSelector: {}}}`)
	w.ensure(hostName, configMaps.federated(), fed)
	w.propagated(configMaps, fed, w.everywhere()...)

	leader := w.holder()
	all[leader].stop() // SIGSTOP: it does not know
	w.patch(hostName, configMaps.federated(), fed, `{spec: {template: {data: {k: second}}}}`)
	w.propagated(configMaps, fed, w.everywhere()...)
	require.NotEqual(t, leader, w.holder())
	before := map[string]string{}
	for _, c := range w.everywhere() {
		before[c] = w.get(c, "configmaps", w.copied(configMaps, fed)).GetResourceVersion()
	}
	all[leader].cont()
	require.Error(t, all[leader].wait(), "a leader that was stopped for too long ends")
	for c, version := range before {
		require.Equal(t, version, w.get(c, "configmaps", w.copied(configMaps, fed)).GetResourceVersion(), "%s was written by a former leader", c)
	}
	second := w.holder()
	third := w.process("three", quick)
	all[second].kill()
	w.patch(hostName, configMaps.federated(), fed, `{spec: {template: {data: {k: third}}}}`)
	w.propagated(configMaps, fed, w.everywhere()...)
	require.Equal(t, "three", w.holder())
	require.NoError(t, third.end())
}

// holder is the replica that leads.
func (w *world) holder() string {
	lease := w.get(hostName, "leases", w.decode("{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: kubefed-controller-manager, namespace: "+w.system+"}}"))
	require.NotNil(w, lease)
	name, _, _ := unstructured.NestedString(lease.Object, "spec", "holderIdentity")
	return name
}

// deleteAll deletes the federated ConfigMaps of a namespace, and waits until they have gone.
func (w *world) deleteAll(namespace string) {
	of := w.at(hostName, configMaps.federated(), w.fed(configMaps, namespace, "x", "{}"))
	require.NoError(w, of.DeleteCollection(w.ctx, metav1.DeleteOptions{}, metav1.ListOptions{}))
	w.eventually("all gone from the host", func() (bool, any) {
		list, err := of.List(w.ctx, metav1.ListOptions{})
		require.NoError(w, err)
		return len(list.Items) == 0, list.Items
	})
}

// TestShares divides objects among three replicas, loses one, gains one, lets one go, and finds everything right each time.
func TestShares(t *testing.T) {
	w := newWorld(t)
	for _, k := range []kind{namespaces, configMaps} {
		w.enable(k)
	}
	quick := func(o *manager.Options) {
		o.Shard = true
		o.Config = w.config("leaseDuration: 6s, renewDeadline: 5s, retryPeriod: 500ms")
	}
	all := w.replicas(quick, "one", "two", "three")
	w.federateNamespace("shares")
	for round, change := range []func(){
		func() {},
		func() { all["two"].kill() },
		func() { all["four"] = w.process("four", quick) },
		func() { require.NoError(t, all["one"].end()) },
	} {
		change()
		want := w.churn("shares", uint64(round+1), 150)
		w.settled("shares", want)
		w.deleteAll("shares")
		w.settled("shares", map[string]map[string]string{"member-1": {}, "member-2": {}, "member-3": {}})
	}
	for _, name := range []string{"three", "four"} {
		require.NoError(t, all[name].end())
		require.Contains(t, all[name].log(), `"msg":"planned"`, "%s had a share", name)
	}
}
