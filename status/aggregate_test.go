package status

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func apps(kind string) metav1.GroupKind { return metav1.GroupKind{Group: "apps", Kind: kind} }

// junk is what no field should hold.
func junk(r *rand.Rand) any {
	return []any{nil, "", "x", int64(-1), 1.5, true, []any{int64(1)}, map[string]any{"a": "b"}, []any{map[string]any{}}, "2026-13-40T99:00:00Z",
		int64(math.MaxInt64), math.Inf(1)}[r.IntN(12)]
}

func randomTime(r *rand.Rand) string {
	t := noon().Add(time.Duration(r.IntN(5)) * time.Hour)
	return []string{t.Format(time.RFC3339), t.In(time.FixedZone("", 3600)).Format(time.RFC3339)}[r.IntN(2)]
}

// plausible makes up a value for a row.
func plausible(r *rand.Rand, f Field) any {
	pick := func(words ...string) any { return words[r.IntN(len(words))] }
	switch f.Reduce {
	case Sum, Min, Max, Observed:
		return int64(r.IntN(4))
	case Quantity:
		return pick("1", "250m", "1Gi", "512Mi", "2k", "1e3", "0")
	case Earliest, Latest:
		return randomTime(r)
	case Longest:
		return pick("1s", "2m", "120s")
	case All, Any:
		return r.IntN(2) == 0
	case Worst:
		return f.Order[r.IntN(len(f.Order))]
	case First, Behind:
		return pick("", "a", "b")
	case Merge:
		return map[string]any{pick("a", "b", "c").(string): pick("1", "2")}
	case Concat:
		var list []any
		for range r.IntN(3) {
			list = append(list, map[string]any{f.Key[r.IntN(len(f.Key))]: pick("a", "b"), "ports": []any{int64(r.IntN(3))}})
		}
		return list
	case Conditions:
		var list []any
		for _, kind := range []string{"Available", "Progressing", "ReplicaFailure", "Failed", "Complete"} {
			if r.IntN(3) > 0 {
				list = append(list, map[string]any{"type": kind, "status": pick("True", "True", "False", "Unknown"), "reason": pick("A", "B", "NewReplicaSetAvailable"),
					"message": pick("", "m", "n", "o", "p"), "lastTransitionTime": randomTime(r)})
			}
		}
		return list
	}
	return nil
}

func place(r *rand.Rand, into map[string]any, path []string, v any) {
	name := path[0]
	if name == "*" {
		name = []string{"p", "q"}[r.IntN(2)]
	}
	if len(path) == 1 {
		into[name] = v
		return
	}
	child, ok := into[name].(map[string]any)
	if !ok {
		child = map[string]any{}
		into[name] = child
	}
	place(r, child, path[1:], v)
}

// randomMember follows the rows, and with bad strays from them.
func randomMember(r *rand.Rand, cluster string, rows []Field, bad bool) Member {
	status := map[string]any{}
	for _, f := range rows {
		segments, err := parsePath(f.Path)
		if err != nil || r.IntN(5) == 0 {
			continue
		}
		path := make([]string, len(segments))
		for i, s := range segments {
			path[i] = s.name
		}
		if bad && r.IntN(8) == 0 {
			place(r, status, path[:1+r.IntN(len(path))], junk(r))
			continue
		}
		place(r, status, path, plausible(r, f))
	}
	m := Member{Cluster: cluster, Generation: int64(5 + r.IntN(2)), Live: map[string]any{"metadata": map[string]any{"generation": int64(3)}, "status": status}}
	if _, ok := status["observedGeneration"].(int64); ok && r.IntN(4) > 0 {
		status["observedGeneration"] = int64(3)
	}
	if bad {
		switch r.IntN(12) {
		case 0:
			m.Live = nil
		case 1:
			m.Live["status"] = junk(r)
		case 2:
			m.Reason = "Stale"
		case 3:
			m.Generation = 0
		}
	}
	return m
}

func randomMembers(r *rand.Rand, rows []Field, bad bool) []Member {
	members := make([]Member, r.IntN(6))
	for i := range members {
		members[i] = randomMember(r, fmt.Sprintf("c%d", i), rows, bad)
	}
	if bad && len(members) > 1 && r.IntN(10) == 0 {
		members[0].Cluster = members[1].Cluster
	}
	return members
}

func someKind(t testing.TB, r *rand.Rand, files []string) metav1.GroupKind {
	kind, _ := readStory(t, files[r.IntN(len(files))])
	return kind
}

func TestAggregateLaws(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	files := stories(t)
	for range 3000 {
		kind := someKind(t, r, files)
		members := randomMembers(r, Fields(kind), true)
		before, _ := json.Marshal(plainMembers(members))
		status, gaps := Aggregate(kind, members)

		shuffled := slices.Clone(members)
		r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		other, otherGaps := Aggregate(kind, shuffled)
		require.Empty(t, cmp.Diff(status, other), "the order of members matters for %v", kind)
		require.Empty(t, cmp.Diff(gaps, otherGaps))

		scribble(status)
		after, _ := json.Marshal(plainMembers(members))
		require.Equal(t, string(before), string(after), "a member was changed, or the status shares something with it")

		checkGaps(t, kind, members, other, gaps)
	}
}

// plainMembers leaves out what JSON cannot spell.
func plainMembers(members []Member) []string {
	var out []string
	for _, m := range members {
		out = append(out, fmt.Sprint(m.Cluster, m.Reason, m.Live))
	}
	return out
}

func scribble(v any) {
	switch x := v.(type) {
	case map[string]any:
		for k, e := range x {
			scribble(e)
			x[k] = "scribbled"
		}
	case []any:
		for i, e := range x {
			scribble(e)
			x[i] = "scribbled"
		}
	}
}

// checkGaps adds the counters up the slow way: whatever is not in a sum is in a gap.
func checkGaps(t *testing.T, kind metav1.GroupKind, members []Member, status map[string]any, gaps []Gap) {
	t.Helper()
	named := func(cluster, path string) bool {
		return slices.ContainsFunc(gaps, func(g Gap) bool { return g.Cluster == cluster && (g.Path == "" || g.Path == path) })
	}
	for _, f := range Fields(kind) {
		if f.Reduce != Sum || len(f.Path) == 0 || slices.Contains([]byte(f.Path), '.') {
			continue
		}
		var sum float64
		heard := false
		for _, m := range members {
			twins := 0
			for _, n := range members {
				if n.Cluster == m.Cluster {
					twins++
				}
			}
			in, _ := m.Live["status"].(map[string]any)
			if in == nil || twins > 1 {
				require.True(t, named(m.Cluster, ""), "%v: nothing is said of %s", kind, m.Cluster)
				continue
			}
			switch v := in[f.Path].(type) {
			case nil:
			case int64:
				if v >= 0 {
					sum, heard = sum+float64(v), true
					continue
				}
				require.True(t, named(m.Cluster, f.Path))
			default:
				require.True(t, named(m.Cluster, f.Path), "%v: %s of %s is %v and no gap", kind, f.Path, m.Cluster, v)
			}
		}
		got, ok := status[f.Path]
		switch {
		case sum >= math.MaxInt64:
			// Close to the limit floats are too coarse to tell; far above it, it must be a gap.
			require.True(t, !ok || sum < 1.5*math.MaxInt64)
		case heard:
			require.Equal(t, int64(sum), got, "%v %s", kind, f.Path)
		default:
			require.False(t, ok, "%v: %s is made up", kind, f.Path)
		}
	}
}

// TestAggregateAssociative joins aggregates of parts: the same as of all at once, for the reducers that promise it.
func TestAggregateAssociative(t *testing.T) {
	rows := []Field{
		{Path: "sum", Reduce: Sum}, {Path: "min", Reduce: Min}, {Path: "max", Reduce: Max}, {Path: "quantity", Reduce: Quantity},
		{Path: "earliest", Reduce: Earliest}, {Path: "latest", Reduce: Latest}, {Path: "longest", Reduce: Longest},
		{Path: "any", Reduce: Any}, {Path: "first", Reduce: First}, {Path: "merge", Reduce: Merge},
		{Path: "concat", Reduce: Concat, Key: []string{"ip", "hostname"}}, {Path: "deep.*.sum", Reduce: Sum},
	}
	r := rand.New(rand.NewPCG(5, 6))
	for range 2000 {
		members := randomMembers(r, rows, false)
		whole, gaps := Aggregate(metav1.GroupKind{}, members, rows...)
		require.Empty(t, gaps)
		cut := r.IntN(len(members) + 1)
		var parts []Member
		for i, part := range [][]Member{members[:cut], members[cut:]} {
			status, _ := Aggregate(metav1.GroupKind{}, part, rows...)
			parts = append(parts, Member{Cluster: fmt.Sprint(i), Live: map[string]any{"status": status}})
		}
		joined, gaps := Aggregate(metav1.GroupKind{}, parts, rows...)
		require.Empty(t, gaps)
		require.Empty(t, cmp.Diff(whole, joined), "%v", members)
		again, _ := Aggregate(metav1.GroupKind{}, []Member{{Cluster: "x", Live: map[string]any{"status": whole}}}, rows...)
		require.Empty(t, cmp.Diff(whole, again), "an aggregate of one aggregate is another one")
	}
}

func TestAggregateObserved(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 3000 {
		members := make([]Member, 1+r.IntN(4))
		want, proven := int64(math.MaxInt64), true
		for i := range members {
			seen, gen := int64(2+r.IntN(4)/3-r.IntN(4)/3), int64(r.IntN(8))
			members[i] = Member{Cluster: fmt.Sprint(i), Generation: gen, Live: map[string]any{
				"metadata": map[string]any{"generation": int64(2)}, "status": map[string]any{"observedGeneration": seen}}}
			if r.IntN(10) == 0 {
				members[i].Live = nil
			}
			proven = proven && members[i].Live != nil && seen == 2 && gen > 0
			want = min(want, gen)
		}
		status, gaps := Aggregate(apps("Deployment"), members)
		require.Equal(t, proven, len(gaps) == 0)
		if proven {
			require.Equal(t, want, status["observedGeneration"])
		} else {
			require.NotContains(t, status, "observedGeneration")
		}
	}
}

func TestAggregateInvalidFields(t *testing.T) {
	rows := []Field{
		{Path: "", Reduce: Sum}, {Path: "a..b", Reduce: Sum}, {Path: "a[0]", Reduce: Sum}, {Path: "a", Reduce: "guess"},
		{Path: "b", Reduce: Worst}, {Path: "c", Reduce: Concat}, {Path: "d", Reduce: Behind}, {Path: "ok", Reduce: Sum},
	}
	status, gaps := Aggregate(metav1.GroupKind{}, []Member{{Cluster: "x", Live: map[string]any{"status": map[string]any{"ok": int64(1)}}}}, rows...)
	require.Equal(t, map[string]any{"ok": int64(1)}, status)
	require.Len(t, gaps, len(rows)-1)
	for _, g := range gaps {
		require.Equal(t, GapInvalidField, g.Reason)
		require.Empty(t, g.Cluster)
		require.NotEmpty(t, g.Message)
	}
}

func TestAggregateOverflow(t *testing.T) {
	member := func(name string, n int64) Member {
		return Member{Cluster: name, Live: map[string]any{"status": map[string]any{"n": n}}}
	}
	rows := []Field{{Path: "n", Reduce: Sum}}
	status, gaps := Aggregate(metav1.GroupKind{}, []Member{member("a", math.MaxInt64-1), member("b", 1)}, rows...)
	require.Equal(t, int64(math.MaxInt64), status["n"])
	require.Empty(t, gaps)
	status, gaps = Aggregate(metav1.GroupKind{}, []Member{member("a", math.MaxInt64), member("b", 1), member("c", math.MaxInt64)}, rows...)
	require.Empty(t, status)
	require.Equal(t, []Gap{{Path: "n", Reason: GapOverflow}}, gaps)
}

// TestAggregateReadsEveryField has more rows than fields, two of them for one field, and the one that misses its field last.
func TestAggregateReadsEveryField(t *testing.T) {
	rows := []Field{{Path: "n", Reduce: Sum}, {Path: "n", Reduce: Max}, {Path: "deep", Reduce: First}, {Path: "last", Reduce: Sum},
		{Path: "deep.*.n", Reduce: Sum}, {Path: "none", Reduce: Sum}, {Path: "observedGeneration", Reduce: Observed}}
	live := map[string]any{"n": int64(1), "last": int64(2), "deep": map[string]any{"a": map[string]any{"n": int64(3)}}}
	speaking := Member{Cluster: "b", Live: map[string]any{"metadata": map[string]any{"generation": int64(1)},
		"status": map[string]any{"n": int64(5), "observedGeneration": int64(1), "deep": live["deep"]}}, Generation: 1}
	status, gaps := Aggregate(metav1.GroupKind{}, []Member{{Cluster: "a", Live: map[string]any{"status": live}}, speaking}, rows...)
	require.Equal(t, map[string]any{"n": int64(5), "last": int64(2), "deep": map[string]any{"a": map[string]any{"n": int64(6)}}}, status)
	require.Equal(t, []Gap{{"a", "observedGeneration", GapNotObserved, "not reported"}}, gaps)
}

func TestAggregateDropsNulls(t *testing.T) {
	live := map[string]any{"status": map[string]any{"running": nil, "state": map[string]any{"phase": nil}, "taskStatusCount": nil}}
	status, gaps := Aggregate(metav1.GroupKind{Group: "batch.volcano.sh", Kind: "Job"}, []Member{{Cluster: "a", Live: live}})
	require.Equal(t, map[string]any{"state": map[string]any{}}, status)
	require.Empty(t, gaps)
}
