package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/confed-project/confed/clusterregistry"
	"github.com/confed-project/confed/placement"
)

// How long a test waits for what must happen, and how often it looks.
const longTime, shortTime = 30 * time.Second, 5 * time.Millisecond

// cachedFleet runs Caches over members until the test ends.
type cachedFleet struct {
	*Caches
	registry clusterregistry.Registry[*Client]
	stop     func()
}

func newCachedFleet(t testing.TB, caches *Caches) *cachedFleet {
	if caches.Kinds == nil {
		caches.Kinds = []CachedKind{{GroupVersionKind: configMaps}}
	}
	caches.gap = 20 * time.Millisecond
	f := &cachedFleet{Caches: caches}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := caches.Run(ctx, &f.registry); err != nil {
			t.Error(err)
		}
	}()
	f.stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(f.stop)
	return f
}

func (f *cachedFleet) join(t testing.TB, name string, member *fakeMember) {
	client, err := NewClient(member.start(t), Options{})
	require.NoError(t, err)
	require.NoError(t, f.registry.Put(placement.Cluster{Name: name}, client))
}

func (f *cachedFleet) synced(t testing.TB, name string) *Cached {
	t.Helper()
	var client *Cached
	require.Eventually(t, func() bool {
		var err error
		client, err = f.Client(name)
		return err == nil && client.Synced() == nil
	}, longTime, shortTime)
	return client
}

// value reads data.k from the cache; "" when the object is not there.
func value(t testing.TB, c *Cached, name string) string {
	t.Helper()
	obj, err := c.Get(t.Context(), configMaps, types.NamespacedName{Namespace: "a", Name: name})
	if apierrors.IsNotFound(err) {
		return ""
	}
	require.NoError(t, err)
	v, _, _ := unstructured.NestedString(obj.Object, "data", "k")
	return v
}

func eventually(t testing.TB, c *Cached, name, want string) {
	t.Helper()
	require.Eventually(t, func() bool { return value(t, c, name) == want }, longTime, shortTime)
}

func TestCachesFollowAMember(t *testing.T) {
	member := newFakeMember()
	member.put("one", "1", nil)
	f := newCachedFleet(t, &Caches{})
	f.join(t, "m", member)
	c := f.synced(t, "m")
	require.Equal(t, "1", value(t, c, "one"))
	require.Equal(t, "", value(t, c, "two"))
	member.put("two", "2", nil)
	eventually(t, c, "two", "2")
	member.put("two", "3", nil)
	eventually(t, c, "two", "3")
	member.remove("one")
	eventually(t, c, "one", "")
	lists, watches := member.counts()
	require.Equal(t, [2]int{1, 1}, [2]int{lists, watches}, "one list and one watch")

	obj, err := c.Get(t.Context(), configMaps, types.NamespacedName{Namespace: "a", Name: "two"})
	require.NoError(t, err)
	obj.SetLabels(map[string]string{"mine": "now"})
	again, err := c.Get(t.Context(), configMaps, types.NamespacedName{Namespace: "a", Name: "two"})
	require.NoError(t, err)
	require.Empty(t, again.GetLabels(), "returned objects belong to the caller")
}

// TestAListComesAsAStreamWhereServed: one request, no list.
func TestAListComesAsAStreamWhereServed(t *testing.T) {
	member := newFakeMember()
	member.streams = true
	member.put("one", "1", nil)
	member.put("two", "2", nil)
	f := newCachedFleet(t, &Caches{})
	f.join(t, "m", member)
	c := f.synced(t, "m")
	require.Equal(t, "1", value(t, c, "one"))
	require.Equal(t, "2", value(t, c, "two"))
	member.put("two", "3", nil)
	eventually(t, c, "two", "3")
	lists, watches := member.counts()
	require.Equal(t, [2]int{0, 1}, [2]int{lists, watches})
}

// TestAMemberThatLeavesDuringAList takes the unanswered request along.
func TestAMemberThatLeavesDuringAList(t *testing.T) {
	member := newFakeMember()
	member.hangs = true
	s := newCountedServer(t, member, true)
	before := runtime.NumGoroutine()
	f := newCachedFleet(t, &Caches{})
	client, err := NewClient(s.config("t"), Options{})
	require.NoError(t, err)
	require.NoError(t, f.registry.Put(placement.Cluster{Name: "m"}, client))
	require.Eventually(t, func() bool { lists, _ := member.counts(); return lists == 1 }, longTime, shortTime)
	f.registry.Remove("m")
	require.Eventually(t, func() bool { return s.open.Load() == 0 }, longTime, shortTime, "its connection stays")
	f.stop()
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+1 }, longTime, shortTime, "goroutines stay")
}

func TestChangesOfAMember(t *testing.T) {
	member := newFakeMember()
	member.put("one", "1", nil)
	f := newCachedFleet(t, &Caches{})
	f.join(t, "m", member)
	step := 0
	want := []Change{
		{Cluster: "m"},
		{Cluster: "m", GroupKind: configMaps.GroupKind(), Name: types.NamespacedName{Namespace: "a", Name: "two"}},
		{Cluster: "m", GroupKind: configMaps.GroupKind(), Name: types.NamespacedName{Namespace: "a", Name: "one"}},
	}
	for change := range f.Changes(t.Context()) {
		require.Equal(t, want[step], change)
		switch step++; step {
		case 1:
			member.put("two", "2", nil)
		case 2:
			member.remove("one")
		case 3:
			return
		}
	}
}

func TestTooManyChangesBecomeOne(t *testing.T) {
	c := &Caches{Limit: 10}
	for i := range 100 {
		c.tell(Change{Cluster: "loud", GroupKind: configMaps.GroupKind(), Name: types.NamespacedName{Name: fmt.Sprint(i)}})
		if i < 3 {
			c.tell(Change{Cluster: "quiet", GroupKind: configMaps.GroupKind(), Name: types.NamespacedName{Name: fmt.Sprint(i)}})
		}
	}
	var got []string
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for change := range c.Changes(ctx) {
		got = append(got, change.Cluster+"/"+change.Name.Name)
		if len(got) == 4 {
			cancel()
		}
	}
	require.Equal(t, []string{"quiet/0", "quiet/1", "quiet/2", "loud/"}, got)
}

func TestWritesAreReadAtOnce(t *testing.T) {
	member := newFakeMember()
	f := newCachedFleet(t, &Caches{Selector: "owner=me"})
	f.join(t, "m", member)
	c := f.synced(t, "m")
	obj := &unstructured.Unstructured{Object: configMap("a", "mine")}
	obj.Object["data"] = map[string]any{"k": "v"}
	obj.SetLabels(map[string]string{"owner": "me"})
	for range 20 {
		_, err := c.Create(t.Context(), obj, metav1.CreateOptions{})
		require.NoError(t, err)
		require.Equal(t, "v", value(t, c, "mine"))
		member.remove("mine")
		eventually(t, c, "mine", "")
	}
	obj.SetLabels(nil)
	_, err := c.Create(t.Context(), obj, metav1.CreateOptions{})
	require.NoError(t, err)
}

// TestMirrorKeepsWhatIsNewer plays the races between our writes and the watch.
func TestMirrorKeepsWhatIsNewer(t *testing.T) {
	at := func(name, version, label string) *unstructured.Unstructured {
		obj := &unstructured.Unstructured{Object: configMap("a", name)}
		obj.SetResourceVersion(version)
		obj.SetLabels(map[string]string{"owner": label})
		return obj
	}
	var told []string
	now := time.Now()
	selector, err := labels.Parse("owner=me")
	require.NoError(t, err)
	m := &mirror{kind: CachedKind{GroupVersionKind: configMaps}, selector: selector, now: func() time.Time { return now }, items: map[types.NamespacedName]*packed{},
		changed: func(name *types.NamespacedName) {
			if name == nil {
				told = append(told, "all")
			} else {
				told = append(told, name.Name)
			}
		}}
	versions := func() map[string]string {
		got := map[string]string{}
		for name, p := range m.items {
			got[name.Name] = p.version
		}
		return got
	}
	require.NoError(t, m.Replace([]any{at("x", "5", "me")}, "7"))
	m.wrote(at("y", "9", "me"))
	require.NoError(t, m.Update(at("y", "8", "me")), "the event before our write")
	require.NoError(t, m.Delete(at("y", "8", "me")))
	require.NoError(t, m.Replace([]any{at("x", "8", "me")}, "8"))
	require.Equal(t, map[string]string{"x": "8", "y": "9"}, versions(), "a list from before our write")
	require.NoError(t, m.Add(at("y", "9", "me")), "the event of our write")
	require.Equal(t, map[string]string{"x": "8", "y": "9"}, versions())
	m.wrote(at("x", "10", "nobody"))
	require.Equal(t, map[string]string{"y": "9"}, versions(), "released")
	require.NoError(t, m.Delete(at("x", "10", "me")))
	require.NoError(t, m.Replace(nil, "11"))
	require.Empty(t, versions())
	require.Equal(t, []string{"all", "y", "x", "x", "y"}, told)

	// The answer to a write comes when the watch is further.
	told = nil
	require.NoError(t, m.Add(at("y", "12", "me")))
	require.NoError(t, m.Delete(at("y", "13", "me")))
	m.wrote(at("y", "12", "me"))
	require.Empty(t, versions(), "somebody deleted what we made")
	require.NoError(t, m.Add(at("y", "15", "me")))
	m.wrote(at("y", "14", "nobody"))
	require.Equal(t, map[string]string{"y": "15"}, versions(), "somebody took it back after we released it")
	require.NoError(t, m.Delete(at("y", "16", "me")))
	require.Equal(t, []string{"y", "y", "y", "y"}, told)

	// A backup is restored: versions count again from an earlier one.
	m.wrote(at("z", "90", "me"))
	now = now.Add(aheadFor)
	require.NoError(t, m.Replace([]any{at("x", "20", "me"), at("z", "21", "me")}, "22"))
	require.Equal(t, map[string]string{"x": "20", "z": "21"}, versions())
	require.NoError(t, m.Update(at("x", "15", "me")))
	require.NoError(t, m.Delete(at("z", "16", "me")))
	require.Equal(t, map[string]string{"x": "15"}, versions())
	require.NoError(t, m.Replace([]any{at("x", "3", "me")}, "4"))
	require.Equal(t, map[string]string{"x": "3"}, versions())
	require.Error(t, m.Update("garbage"))
	require.Error(t, m.Delete("garbage"))
	require.Error(t, m.Replace([]any{"garbage"}, "12"))
}

func TestADeadMemberDelaysNobody(t *testing.T) {
	dead, alive := newFakeMember(), newFakeMember()
	dead.down = true
	alive.put("one", "1", nil)
	f := newCachedFleet(t, &Caches{})
	f.join(t, "dead", dead)
	f.join(t, "alive", alive)
	require.Equal(t, "1", value(t, f.synced(t, "alive"), "one"))
	c, err := f.Client("dead")
	require.NoError(t, err)
	require.ErrorIs(t, c.Synced(), ErrNotSynced)
	_, err = c.Get(t.Context(), configMaps, aB)
	require.ErrorIs(t, err, ErrNotSynced)
	require.False(t, apierrors.IsNotFound(err))
	requireNoCanary(t, err)

	dead.set(func() { dead.down = false })
	f.synced(t, "dead")
	f.stop()
	_, err = f.Client("alive")
	require.ErrorIs(t, err, clusterregistry.ErrUnknown)
}

func TestAMemberThatFailsBecomesUnknown(t *testing.T) {
	for name, fail := range map[string]func(*fakeMember){
		"down":    func(m *fakeMember) { m.down = true },
		"revoked": func(m *fakeMember) { m.denied = true },
	} {
		t.Run(name, func(t *testing.T) {
			member := newFakeMember()
			member.put("one", "1", nil)
			f := newCachedFleet(t, &Caches{Stale: time.Nanosecond})
			f.join(t, "m", member)
			c := f.synced(t, "m")
			member.set(func() { fail(member) })
			require.Eventually(t, func() bool { return errors.Is(c.Synced(), ErrNotSynced) }, longTime, shortTime)
			_, err := c.Get(t.Context(), configMaps, aB)
			require.ErrorIs(t, err, ErrNotSynced)
			requireNoCanary(t, err)
			if name == "revoked" {
				require.True(t, apierrors.IsUnauthorized(err), "%v", err)
			}
			member.put("two", "2", nil)
			member.set(func() { member.down, member.denied = false, false })
			c = f.synced(t, "m")
			eventually(t, c, "two", "2")
		})
	}
}

func TestAStaleCacheIsBelievedForAWhile(t *testing.T) {
	member := newFakeMember()
	member.put("one", "1", nil)
	f := newCachedFleet(t, &Caches{Stale: time.Hour})
	f.join(t, "m", member)
	c := f.synced(t, "m")
	member.set(func() { member.down = true })
	require.Eventually(t, func() bool {
		c.mirrors[0].mu.RLock()
		defer c.mirrors[0].mu.RUnlock()
		return c.mirrors[0].err != nil
	}, longTime, shortTime)
	require.Equal(t, "1", value(t, c, "one"))
}

func TestAnExpiredWatchIsListedAgain(t *testing.T) {
	member := newFakeMember()
	member.put("one", "1", nil)
	f := newCachedFleet(t, &Caches{})
	f.join(t, "m", member)
	c := f.synced(t, "m")
	member.put("two", "2", nil)
	eventually(t, c, "two", "2")
	member.set(func() {
		delete(member.objects, "one")
		member.version += 100
		member.history = append(member.history, make([]string, 100)...)
		member.oldest = member.version
	})
	eventually(t, c, "one", "")
	require.Equal(t, "2", value(t, c, "two"))
	member.put("three", "3", nil)
	eventually(t, c, "three", "3")
}

func TestAKindThatIsNotServed(t *testing.T) {
	member := newFakeMember()
	member.unserved = true
	f := newCachedFleet(t, &Caches{})
	f.join(t, "m", member)
	var c *Cached
	require.Eventually(t, func() bool {
		var err error
		if c, err = f.Client("m"); err != nil {
			return false
		}
		_, err = c.Get(t.Context(), configMaps, aB)
		return meta.IsNoMatchError(err)
	}, longTime, shortTime)
	require.True(t, meta.IsNoMatchError(c.Synced()))
	member.set(func() { member.unserved = false })
	f.synced(t, "m")
	member.set(func() { member.unserved = true })
	require.Eventually(t, func() bool { return meta.IsNoMatchError(c.Synced()) }, longTime, shortTime)
}

func TestAMemberThatReturnsUnderItsName(t *testing.T) {
	first, second := newFakeMember(), newFakeMember()
	first.put("one", "first", nil)
	second.put("one", "second", nil)
	f := newCachedFleet(t, &Caches{})
	f.join(t, "m", first)
	old := f.synced(t, "m")
	require.NoError(t, f.registry.Update(placement.Cluster{Name: "m", Region: "r"}))
	f.registry.Remove("m")
	require.Eventually(t, func() bool { _, err := f.Client("m"); return errors.Is(err, clusterregistry.ErrUnknown) }, longTime, shortTime)
	require.Eventually(t, func() bool { return old.Synced() != nil }, longTime, shortTime)
	_, err := old.Get(t.Context(), configMaps, aB)
	require.ErrorIs(t, err, ErrNotSynced)
	f.join(t, "m", second)
	eventually(t, f.synced(t, "m"), "one", "second")
}

func TestNoGoroutineStays(t *testing.T) {
	before := runtime.NumGoroutine()
	f := newCachedFleet(t, &Caches{})
	members := make([]*fakeMember, 10)
	for i := range members {
		members[i] = newFakeMember()
		members[i].down = i%3 == 0
		f.join(t, fmt.Sprint(i), members[i])
	}
	for i := range members {
		if i%3 != 0 {
			f.synced(t, fmt.Sprint(i))
		}
	}
	f.stop()
	for i := range members {
		client, err := f.registry.Conn(fmt.Sprint(i))
		require.NoError(t, err)
		client.CloseIdleConnections()
		members[i].set(func() { members[i].down = true })
	}
	require.Eventually(t, func() bool {
		return runtime.NumGoroutine() <= before+2*len(members) // the test servers themselves
	}, longTime, shortTime, "%d before", before)
}

func TestBadSelector(t *testing.T) {
	require.Error(t, (&Caches{Selector: "a=b=c"}).Run(t.Context(), &clusterregistry.Registry[*Client]{}))
}

func TestUncachedKindsGoToTheMember(t *testing.T) {
	s := newFakeServer(t)
	s.reply(200, configMap("a", "b"))
	c := &Cached{Client: newTestClient(t, s, Options{}), mirrors: []*mirror{{kind: CachedKind{GroupVersionKind: configMaps, Namespace: "other"}}}}
	_, err := c.Get(t.Context(), configMaps, aB)
	require.NoError(t, err)
}

// packedSizes returns how much memory a Deployment takes: decoded, as a mirror keeps it, and as one of metadata does.
func packedSizes(t testing.TB) (decoded, whole, metadata uint64) {
	var deployments [200]*unstructured.Unstructured
	used := func(fill func()) uint64 {
		heap := func() uint64 {
			runtime.GC()
			var s runtime.MemStats
			runtime.ReadMemStats(&s)
			return s.HeapAlloc
		}
		start := heap()
		fill()
		return (heap() - start) / uint64(len(deployments))
	}
	decoded = used(func() {
		for i := range deployments {
			deployments[i] = &unstructured.Unstructured{}
			require.NoError(t, json.Unmarshal([]byte(strings.ReplaceAll(deploymentJSON, "NAME", fmt.Sprint("web-", i))), &deployments[i].Object))
		}
	})
	mirrored := func(metadataOnly bool) uint64 {
		m := &mirror{kind: CachedKind{MetadataOnly: metadataOnly}, selector: labels.Everything(), now: time.Now, items: map[types.NamespacedName]*packed{},
			changed: func(*types.NamespacedName) {}}
		defer runtime.KeepAlive(m)
		return used(func() {
			for _, d := range deployments {
				require.NoError(t, m.Add(d))
			}
		})
	}
	whole, metadata = mirrored(false), mirrored(true)
	runtime.KeepAlive(deployments)
	return decoded, whole, metadata
}

// TestPackedSize holds the promise about memory: what is kept of a Deployment is a quarter of its decoded form at most.
func TestPackedSize(t *testing.T) {
	decoded, whole, metadata := packedSizes(t)
	require.Less(t, whole, decoded/4)
	require.Less(t, metadata, whole)
}

// BenchmarkPackedSize reports bytes for each Deployment; the time is of no interest.
func BenchmarkPackedSize(b *testing.B) {
	for b.Loop() {
		decoded, whole, metadata := packedSizes(b)
		b.ReportMetric(float64(decoded), "B/decoded")
		b.ReportMetric(float64(whole), "B/packed")
		b.ReportMetric(float64(metadata), "B/metadata")
		b.ReportMetric(float64(decoded)/float64(whole), "decoded/packed")
	}
}

func BenchmarkCachedGet(b *testing.B) {
	m := &mirror{kind: CachedKind{GroupVersionKind: configMaps}, selector: labels.Everything(), now: time.Now, synced: true,
		items: map[types.NamespacedName]*packed{}, changed: func(*types.NamespacedName) {}}
	d := &unstructured.Unstructured{}
	require.NoError(b, json.Unmarshal([]byte(deploymentJSON), &d.Object))
	require.NoError(b, m.Add(d))
	c := &Cached{stale: time.Minute, mirrors: []*mirror{m}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Get(b.Context(), configMaps, nameOf(d)); err != nil {
			b.Fatal(err)
		}
	}
}
