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
	before, err := w.fleet.Host.Writes(w.ctx)
	require.NoError(t, err)
	for i := range 20 {
		fed := w.fed(configMaps, "rest", fmt.Sprint("c", i), `{template: {data: {k: v}}, placement: {clusters: [{name: member-1}, {name: member-2}]}}`)
		w.ensure(hostName, configMaps.federated(), fed)
		feds = append(feds, fed)
	}
	for _, fed := range feds {
		w.propagated(configMaps, fed, "member-1", "member-2")
	}
	time.Sleep(2 * time.Second)
	after, err := w.fleet.Host.Writes(w.ctx)
	require.NoError(t, err)
	created := mine(after.Since(before))
	require.LessOrEqual(t, created.Total(), 20+2*20, "ours and two of the controller for each:\n%s", created)
	for _, fed := range feds {
		w.patch(hostName, configMaps.federated(), fed, `{spec: {template: {data: {k: w}}}}`)
	}
	for _, fed := range feds {
		w.propagated(configMaps, fed, "member-1", "member-2")
	}
	time.Sleep(2 * time.Second)
	changed, err := w.fleet.Host.Writes(w.ctx)
	require.NoError(t, err)
	for _, e := range w.allEvents() {
		require.NotEqual(t, "rest", e.GetNamespace(), "what goes right is no event: %v", e.Object["message"])
	}
	changes := mine(changed.Since(after))
	require.LessOrEqual(t, changes.Total(), 20+20, "ours and one of the controller for each:\n%s", changes)

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
