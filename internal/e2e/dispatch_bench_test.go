package e2e_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/internal/e2e/cluster"
)

// BenchmarkDispatch creates 1,000 new config maps in each of three members, in turns with a bare client-go loop of the same
// objects and the same concurrency. The ratio is the rate of Dispatch to that of the loop.
func BenchmarkDispatch(b *testing.B) {
	const objects, perMember = 1000, 4
	c := newCrowd(b)
	bare := map[string]dynamic.Interface{}
	for _, s := range cluster.Shared(b).Members {
		client, err := dynamic.NewForConfig(s.Config())
		require.NoError(b, err)
		bare[s.Name] = client
	}
	resource := schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	loop := func(plan federation.Plan) time.Duration {
		work := map[string]chan federation.Step{}
		for _, name := range c.names {
			work[name] = make(chan federation.Step, objects)
		}
		for _, s := range plan.Steps {
			work[s.Ref.Cluster] <- s
		}
		start := time.Now()
		var group sync.WaitGroup
		for name, steps := range work {
			close(steps)
			for range perMember {
				group.Go(func() {
					for s := range steps {
						_, err := bare[name].Resource(resource).Namespace(c.ns).Create(b.Context(), s.Manifest, metav1.CreateOptions{FieldManager: "bare"})
						if err != nil {
							b.Error(err)
						}
					}
				})
			}
		}
		group.Wait()
		return time.Since(start)
	}
	dispatch := func(plan federation.Plan) time.Duration {
		start := time.Now()
		for _, r := range (federation.Dispatcher{Clients: c.connect, PerMember: perMember}).Dispatch(b.Context(), plan) {
			if r.Err != nil {
				b.Error(r.Err)
			}
		}
		return time.Since(start)
	}
	loop(c.plan(b, 100, c.names...))
	dispatch(c.plan(b, 100, c.names...))
	var ours, theirs time.Duration
	for b.Loop() {
		// Each goes first once, so that what slows down or warms up hits both alike.
		ours += dispatch(c.plan(b, objects, c.names...))
		theirs += loop(c.plan(b, objects, c.names...))
		theirs += loop(c.plan(b, objects, c.names...))
		ours += dispatch(c.plan(b, objects, c.names...))
	}
	b.ReportMetric(float64(theirs)/float64(ours), "ratio")
	b.ReportMetric(float64(2*b.N*objects*len(c.names))/ours.Seconds(), "creates/s")
}
