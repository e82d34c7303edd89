package placement

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func TestNewFleetRefuses(t *testing.T) {
	f, err := NewFleet([]Cluster{{Name: "b"}, {Name: ""}, {Name: "a"}, {Name: "b", Region: "x"}, {Name: "c"}})
	require.ErrorIs(t, err, ErrInvalid)
	require.EqualError(t, err, "clusters[1].name: invalid: is empty\n"+
		"clusters[0].name: invalid: \"b\" is not unique\nclusters[3].name: invalid: \"b\" is not unique")
	var field *FieldError
	require.ErrorAs(t, err, &field)
	require.Equal(t, "clusters[1].name", field.Field)
	require.Equal(t, []string{"a", "c"}, clusterNames(f))

	same, err := f.With(Cluster{})
	require.ErrorIs(t, err, ErrInvalid)
	require.Same(t, f, same)
}

func TestNilFleetIsEmpty(t *testing.T) {
	var f *Fleet
	require.Zero(t, f.Len())
	require.Empty(t, clusterNames(f))
	_, ok := f.Get("a")
	require.False(t, ok)
	require.Zero(t, f.Without("a").Len())
	g, err := f.With(Cluster{Name: "a"})
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, clusterNames(g))
	result, err := Decide(Request{Policy: Policy{Clusters: []string{"a"}}}, nil)
	require.NoError(t, err)
	require.Equal(t, []Decision{{Cluster: "a", Reason: UnknownCluster, Message: "no cluster has this name"}}, result.Decisions)
}

func clusterNames(f *Fleet) []string {
	var names []string
	for c := range f.All() {
		names = append(names, c.Name)
	}
	return names
}

// TestFleetIsAMap does what a Fleet can do to a map as well, and looks at the index after each step.
func TestFleetIsAMap(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var f *Fleet
	twin := map[string]Cluster{}
	for step := range 1000 {
		c := randomCluster(rnd, fmt.Sprintf("c%03d", rnd.IntN(400)))
		before, old := f, clusterNames(f)
		if rnd.IntN(5) < 2 || step > 700 && rnd.IntN(3) > 0 {
			f = f.Without(c.Name)
			delete(twin, c.Name)
		} else {
			var err error
			f, err = f.With(c)
			require.NoError(t, err)
			twin[c.Name] = c
		}
		require.Equal(t, old, clusterNames(before), "the receiver changed")
		require.Equal(t, len(twin), f.Len())
		require.Equal(t, slices.Sorted(maps.Keys(twin)), clusterNames(f))
		if step%40 != 0 {
			continue
		}
		for name, want := range twin {
			got, ok := f.Get(name)
			require.True(t, ok)
			want.Kinds = slices.Clone(want.Kinds)
			slices.Sort(want.Kinds)
			require.Empty(t, cmp.Diff(want, got))
		}
		for _, k := range f.parts() {
			require.Empty(t, cmp.Diff(newChunk(k.clusters), k, cmp.AllowUnexported(chunk{}, posting{})))
			require.LessOrEqual(t, len(k.clusters), chunkSize)
		}
	}
}

func TestFleetReadersDoNotMeet(t *testing.T) {
	f := randomFleet(rand.New(rand.NewPCG(3, 4)), 200)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			g := f
			for j := range 50 {
				g, _ = g.With(Cluster{Name: fmt.Sprintf("n%d-%d", i, j)})
				_, _ = Decide(Request{Policy: Policy{Selector: &Selector{}}}, g)
				_, _ = Select(Request{Policy: Policy{Selector: &Selector{}}}, f)
			}
		})
	}
	wg.Wait()
	require.Equal(t, 200, f.Len())
}

func randomFleet(rnd *rand.Rand, n int) *Fleet {
	clusters := make([]Cluster, n)
	for i := range clusters {
		clusters[i] = randomCluster(rnd, fmt.Sprintf("c%05d", i))
	}
	rnd.Shuffle(n, func(i, j int) { clusters[i], clusters[j] = clusters[j], clusters[i] })
	f, err := NewFleet(clusters)
	if err != nil {
		panic(err)
	}
	return f
}

// randomCluster has facts from small sets, so that policies find something.
func randomCluster(rnd *rand.Rand, name string) Cluster {
	c := Cluster{Name: name, Labels: map[string]string{}}
	for _, key := range []string{"env", "tier", "n"} {
		if rnd.IntN(4) > 0 {
			c.Labels[key] = pick(rnd, "a", "b", "c", "1", "2", "30", "")
		}
	}
	c.Region = pick(rnd, "", "eu", "ap", "us")
	c.Zones = pick(rnd, nil, []string{"z1"}, []string{"z2"}, []string{"z3", "z1"})
	c.Properties = map[string]string{}
	for _, key := range []string{"cpu", "version"} {
		if rnd.IntN(4) > 0 {
			c.Properties[key] = pick(rnd, "1", "2", "1500m", "1.5", "12xyz", "2Gi", "1.29.3", "v1.30", "30")
		}
	}
	if rnd.IntN(3) == 0 {
		c.Kinds = pick(rnd, []string{}, []string{"Deployment.apps"}, []string{"Pod", "Deployment.apps", "ConfigMap"})
	}
	c.Ready = Readiness{State: pick(rnd, Ready, Ready, NotReady, ReadyUnknown), Since: pick(rnd, time.Time{}, epoch.Add(-50e9), epoch.Add(-900e9))}
	for rnd.IntN(4) == 0 {
		c.Taints = append(c.Taints, Taint{
			Key: pick(rnd, "down", "full", "gpu"), Value: pick(rnd, "", "x"),
			Effect: pick(rnd, noSchedule, noSchedule, preferNoSchedule, noExecute, noExecute, "Odd"),
			Since:  pick(rnd, time.Time{}, epoch, epoch.Add(-100e9), epoch.Add(-500e9), epoch.Add(-500e9).AddDate(-9999, 0, 0)),
		})
	}
	return c
}

func pick[T any](rnd *rand.Rand, from ...T) T { return from[rnd.IntN(len(from))] }
