package controller_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/examples/controller/manager"
	"github.com/confed-project/confed/internal/e2e/cluster"
)

// mine are the writes to federated ConfigMaps and copies but for deletions, which clean up after other tests.
func mine(all cluster.Requests) cluster.Requests {
	out := cluster.Requests{}
	for write, n := range all.Of("federatedconfigmaps.types.kubefed.io", "configmaps") {
		if write.Verb == "PUT" || write.Verb == "PATCH" || write.Verb == "APPLY" || write.Resource == "federatedconfigmaps" && write.Verb == "POST" {
			out[write] = n
		}
	}
	return out
}

// TestRestSaysNothing counts the writes to the host, and that nothing is read or written when nothing changes.
func TestRestSaysNothing(t *testing.T) {
	w := newWorld(t)
	for _, k := range []kind{namespaces, configMaps} {
		w.enable(k)
	}
	stop := w.run()
	w.propagated(namespaces, w.federateNamespace("rest"), w.everywhere()...)
	w.eventually("what other tests left is gone", func() (bool, any) {
		left, err := w.direct[hostName].Resource(w.fed(configMaps, "rest", "x", "{}").GroupVersionKind().GroupVersion().WithResource(configMaps.federated())).
			List(w.ctx, metav1.ListOptions{})
		require.NoError(w, err)
		return len(left.Items) == 0, len(left.Items)
	})
	var feds []*unstructured.Unstructured
	for i := range 20 {
		feds = append(feds, w.fed(configMaps, "rest", fmt.Sprint("c", i), `{template: {data: {k: v}}, placement: {clusters: [{name: member-1}, {name: member-2}]}}`))
	}
	costs := func(what string, most int, change func(*unstructured.Unstructured), clusters ...string) {
		before, err := w.fleet.Host.Writes(w.ctx)
		require.NoError(t, err)
		for _, fed := range feds {
			change(fed)
		}
		for _, fed := range feds {
			w.propagated(configMaps, fed, clusters...)
		}
		time.Sleep(2 * time.Second)
		after, err := w.fleet.Host.Writes(w.ctx)
		require.NoError(t, err)
		made := mine(after.Since(before))
		require.LessOrEqual(t, made.Total(), (1+most)*len(feds), "%s: ours and %d of the controller for each:\n%s", what, most, made)
	}
	patch := func(merge string) func(*unstructured.Unstructured) {
		return func(fed *unstructured.Unstructured) { w.patch(hostName, configMaps.federated(), fed, merge) }
	}
	costs("a new object", 2, func(fed *unstructured.Unstructured) { w.ensure(hostName, configMaps.federated(), fed) }, "member-1", "member-2")
	costs("a change", 1, patch(`{spec: {template: {data: {k: w}}}}`), "member-1", "member-2")
	costs("a cluster more", 2, patch(`{spec: {placement: {clusters: [{name: member-1}, {name: member-2}, {name: member-3}]}}}`), "member-1", "member-2", "member-3")
	costs("a cluster less", 3, patch(`{spec: {placement: {clusters: [{name: member-1}, {name: member-2}]}}}`), "member-1", "member-2")
	for _, e := range w.allEvents() {
		require.NotEqual(t, "rest", e.GetNamespace(), "what goes right is no event: %v", e.Object["message"])
	}

	require.NoError(t, stop())
	quiet, err := w.fleet.Host.Writes(w.ctx)
	require.NoError(t, err)
	member, err := w.servers["member-1"].Writes(w.ctx)
	require.NoError(t, err)
	w.run(func(o *manager.Options) { o.Identity = "second" })
	w.patch(hostName, configMaps.federated(), feds[0], `{metadata: {labels: {look: again}}}`)
	w.eventually("nobody reads for six seconds", w.readless)
	now, err := w.fleet.Host.Writes(w.ctx)
	require.NoError(t, err)
	require.Equal(t, 1, mine(now.Since(quiet)).Total(), "a restart writes nothing: %s", now.Since(quiet))
	then, err := w.servers["member-1"].Writes(w.ctx)
	require.NoError(t, err)
	require.Zero(t, mine(then.Since(member)).Total(), "%s", then.Since(member))
}

// readless waits six seconds and says whether no server was asked for an object in them. Other tests' namespaces may be on
// their way out, which a cluster's own controllers read about.
func (w *world) readless() (bool, any) {
	before, read := map[string]cluster.Requests{}, map[string]string{}
	count := func(each func(string, cluster.Requests)) {
		for name, s := range w.servers {
			reads, err := s.Reads(w.ctx)
			require.NoError(w, err)
			maps.DeleteFunc(reads, func(r cluster.Request, _ int) bool { return r.Resource == "" }) // probes
			each(name, reads)
		}
	}
	count(func(name string, reads cluster.Requests) { before[name] = reads })
	time.Sleep(6 * time.Second)
	count(func(name string, reads cluster.Requests) {
		if since := reads.Since(before[name]); len(since) > 0 {
			read[name] = since.String()
		}
	})
	return len(read) == 0, read
}
