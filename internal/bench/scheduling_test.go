package bench

import (
	"fmt"
	"slices"
	"testing"
	"time"

	kubeadmiral "github.com/kubewharf/kubeadmiral/pkg/controllers/scheduler/planner"
	"github.com/stretchr/testify/require"
	rsp "sigs.k8s.io/kubefed/pkg/apis/scheduling/v1alpha1"
	kubefed "sigs.k8s.io/kubefed/pkg/controller/util/planner"

	"github.com/confed-project/confed/scheduling"
)

// An input is one request in three languages.
type input struct {
	total     int64
	targets   []scheduling.Target
	clusters  []string
	kubefed   map[string]rsp.ClusterPreferences
	kubeadm   map[string]kubeadmiral.ClusterPreferences
	running   map[string]int64
	estimated map[string]int64
}

// newInput makes n clusters, with weights alone or with everything.
func newInput(n int, bounded bool) *input {
	in := &input{
		total: int64(37*n + 11), targets: make([]scheduling.Target, n), clusters: make([]string, n),
		kubefed: map[string]rsp.ClusterPreferences{}, kubeadm: map[string]kubeadmiral.ClusterPreferences{},
		running: map[string]int64{}, estimated: map[string]int64{},
	}
	for i := range n {
		t := scheduling.Target{Name: fmt.Sprintf("cluster-%05d", i), Weight: int64(1 + (i*7919)%13)}
		if bounded {
			most, runs := int64(10+(31*i)%80), int64((13*i)%50)
			t.Min, t.Max, t.Current = int64(i%3), &most, &runs
			in.running[t.Name] = runs
			if i%5 == 0 {
				room := int64(20 + i%40)
				t.Capacity, in.estimated[t.Name] = &room, room
			}
		}
		in.targets[i], in.clusters[i] = t, t.Name
		in.kubefed[t.Name] = rsp.ClusterPreferences{MinReplicas: t.Min, MaxReplicas: t.Max, Weight: t.Weight}
		in.kubeadm[t.Name] = kubeadmiral.ClusterPreferences{MinReplicas: t.Min, MaxReplicas: t.Max, Weight: t.Weight}
	}
	return in
}

// A planner divides a total of an input and returns how much it placed.
type planner func(in *input, total int64) (int64, error)

func confed(in *input, total int64) (int64, error) {
	result, err := scheduling.Weighted(scheduling.Request{Replicas: total, Key: "ns/name"}, in.targets)
	return total - result.Unplaced, err
}

func fromKubeFed(in *input, total int64) (int64, error) {
	p := kubefed.NewPlanner(&rsp.ReplicaSchedulingPreference{
		Spec: rsp.ReplicaSchedulingPreferenceSpec{TotalReplicas: int32(total), Clusters: in.kubefed},
	})
	plan, _, err := p.Plan(in.clusters, in.running, in.estimated, "ns/name")
	return sum(plan), err
}

// fromKubeAdmiral has its two flags: avoid disruption, keep unschedulable replicas.
func fromKubeAdmiral(avoid, keep bool) planner {
	return func(in *input, total int64) (int64, error) {
		preference := &kubeadmiral.ReplicaSchedulingPreference{Clusters: in.kubeadm}
		plan, _, err := kubeadmiral.Plan(preference, total, in.clusters, in.running, in.estimated, nil, "ns/name", avoid, keep)
		return sum(plan), err
	}
}

func sum(plan map[string]int64) (total int64) {
	for _, n := range plan {
		total += n
	}
	return total
}

func others() []struct {
	name string
	plan planner
} {
	return []struct {
		name string
		plan planner
	}{
		{"kubefed", fromKubeFed},
		{"kubeadmiral-keep", fromKubeAdmiral(true, false)},
		{"kubeadmiral-move", fromKubeAdmiral(false, true)},
	}
}

// TestSameInput: everybody places everything, so that the figures compare like with like.
func TestSameInput(t *testing.T) {
	for _, bounded := range []bool{false, true} {
		in := newInput(100, bounded)
		for _, p := range append(others(), struct {
			name string
			plan planner
		}{"confed", confed}) {
			placed, err := p.plan(in, in.total)
			require.NoError(t, err)
			require.Equal(t, in.total, placed, "%s bounded=%v", p.name, bounded)
		}
	}
}

// BenchmarkWeighted is the scheduler alone, for its allocations.
func BenchmarkWeighted(b *testing.B) {
	each(b, func(b *testing.B, in *input) {
		b.ReportAllocs()
		for i := int64(0); b.Loop(); i++ {
			if _, err := confed(in, in.total+i%7); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkAgainst runs the scheduler and another planner in turn, so that what else the machine does hits both alike. Its
// figures are the median nanoseconds of each, and their ratio; ns/op is the mean of both together.
func BenchmarkAgainst(b *testing.B) {
	for _, other := range others() {
		b.Run(other.name, func(b *testing.B) {
			each(b, func(b *testing.B, in *input) {
				var ours, theirs []time.Duration
				for b.Loop() {
					total, start := in.total+int64(len(ours)%7), time.Now()
					_, err := confed(in, total)
					middle := time.Now()
					_, errOther := other.plan(in, total)
					ours, theirs = append(ours, middle.Sub(start)), append(theirs, time.Since(middle))
					if err != nil || errOther != nil {
						b.Fatal(err, errOther)
					}
				}
				a, z := median(ours), median(theirs)
				b.ReportMetric(a, "confed-ns")
				b.ReportMetric(z, other.name+"-ns")
				b.ReportMetric(z/a, "times-faster")
			})
		})
	}
}

func median(d []time.Duration) float64 {
	slices.Sort(d)
	return float64(d[len(d)/2].Nanoseconds())
}

func each(b *testing.B, run func(*testing.B, *input)) {
	for _, bounded := range []bool{false, true} {
		for _, n := range []int{10, 100, 1_000, 10_000} {
			b.Run(fmt.Sprintf("bounded=%v/n=%d", bounded, n), func(b *testing.B) { run(b, newInput(n, bounded)) })
		}
	}
}
