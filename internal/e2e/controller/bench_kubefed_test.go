package controller_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/confed-project/confed/internal/e2e/cluster"
)

// BenchmarkKubeFed is BenchmarkPropagation with KubeFed v0.10's own controller-manager, as it is installed and with more
// workers, which changes nothing: its clients send 20 requests a second to a member. It brought 61 objects a second into three
// members and wrote to the host five times for each object, the making included. Compare the two on a machine that does
// nothing else:
//
//	cd internal/e2e && go test -run '^$' -bench 'KubeFed|Propagation' -benchtime 1x ./controller
func BenchmarkKubeFed(b *testing.B) {
	for _, workers := range []int{1, 20} {
		b.Run(fmt.Sprint("workers=", workers), func(b *testing.B) { kubefedPropagates(b, workers) })
	}
}

func kubefedPropagates(b *testing.B, workers int) {
	fleet, err := cluster.Start(b.Context(), cluster.Options{})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, fleet.Stop(b.Failed())) })
	w := worldOn(b, fleet)
	w.installKubeFed(map[string]any{"maxConcurrentReconciles": workers})
	for _, k := range chartTypes() {
		if k != namespaces && k != configMaps {
			w.delete(hostName, "federatedtypeconfigs", w.typeConfig(k))
		}
	}
	for name, s := range w.servers {
		w.join(name, s)
	}
	w.kubefedManager()
	var took time.Duration
	for i := 0; b.Loop(); i++ {
		namespace := fmt.Sprint("bench-", i)
		ns := w.federateNamespace(namespace)
		w.propagated(namespaces, ns, w.everywhere()...)
		before, err := fleet.Host.Writes(w.ctx)
		require.NoError(b, err)
		started := time.Now()
		w.many(namespace, many)
		for w.right(namespace) < many {
			time.Sleep(time.Second)
		}
		took += time.Since(started)
		after, err := fleet.Host.Writes(w.ctx)
		require.NoError(b, err)
		writes := after.Since(before).Of("federatedconfigmaps.types.kubefed.io", "propagatedversions.core.kubefed.io")
		b.ReportMetric(float64(writes.Total())/many, "hostwrites/object")
		b.Log(writes)
	}
	b.ReportMetric(float64(3*b.N*many)/took.Seconds(), "memberobjects/s")
}
