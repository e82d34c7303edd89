package manager

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/confed-project/confed/clusterregistry"
	"github.com/confed-project/confed/clusterregistry/kube"
	"github.com/confed-project/confed/federation/kubefed"
	"github.com/confed-project/confed/placement"
	"github.com/confed-project/confed/scheduling"
)

func object(t *testing.T, text string) *unstructured.Unstructured {
	data, err := yaml.YAMLToJSON([]byte(text))
	require.NoError(t, err)
	obj := &unstructured.Unstructured{}
	require.NoError(t, obj.UnmarshalJSON(data))
	return obj
}

const fed = `{apiVersion: types.kubefed.io/v1beta1, kind: FederatedConfigMap, metadata: {name: a, namespace: n, uid: u, resourceVersion: "7"}, spec: {x: 1}}`

func TestChanges(t *testing.T) {
	was := object(t, fed)
	ops := func(is *unstructured.Unstructured) []string {
		var patch []map[string]any
		require.NoError(t, json.Unmarshal(changes(was, is), &patch))
		var out []string
		for _, op := range patch[2:] {
			out = append(out, op["op"].(string)+" "+op["path"].(string))
		}
		require.Equal(t, "test", patch[0]["op"])
		require.Equal(t, "7", patch[1]["value"])
		return out
	}
	require.Empty(t, ops(was))
	is := finalized(was, typeFinalizer, true)
	is.SetAnnotations(map[string]string{"k": "v"})
	require.NotContains(t, was.GetFinalizers(), typeFinalizer, "arguments stay")
	require.Equal(t, []string{"add /metadata/finalizers", "add /metadata/annotations"}, ops(is))
	is = was.DeepCopy()
	is.Object["spec"] = map[string]any{"x": int64(2)}
	require.Equal(t, []string{"add /spec"}, ops(is))
	is = was.DeepCopy()
	is.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "v1", Kind: "Namespace", Name: "n", UID: "u"}})
	require.Equal(t, []string{"add /metadata/ownerReferences"}, ops(is), "as of a DNSEndpoint that KubeFed left")
	was = finalized(was, typeFinalizer, true)
	require.Equal(t, []string{"remove /metadata/finalizers"}, ops(finalized(was, typeFinalizer, false)))
}

func TestChecksTellTheTruth(t *testing.T) {
	var c checks
	ask := func() (int, string) {
		w := httptest.NewRecorder()
		c.ServeHTTP(w, nil)
		return w.Code, w.Body.String()
	}
	code, body := ask()
	require.Equal(t, 200, code)
	require.Equal(t, "ok", body)
	c.set("b", func() error { return errors.New("not yet") })
	c.set("a", func() error { return nil })
	code, body = ask()
	require.Equal(t, 503, code)
	require.Equal(t, "b: not yet\n", body)
	c.remove("b")
	code, _ = ask()
	require.Equal(t, 200, code)
}

func TestLoop(t *testing.T) {
	c := &core{outside: &outside{metrics: newMetrics()}}
	ctx, cancel := context.WithCancel(t.Context())
	seen := map[string]int{}
	l := newLoop(c, "test", func(_ context.Context, name types.NamespacedName) (time.Duration, error) {
		switch seen[name.Name]++; {
		case name.Name == "bug" && seen[name.Name] == 1:
			panic("a bug")
		case name.Name == "again" && seen[name.Name] == 1:
			return time.Millisecond, nil
		case name.Name == "late" && seen[name.Name] == 1:
			return 0, errAgain
		}
		if len(seen) == 3 && seen["bug"] == 2 && seen["again"] == 2 && seen["late"] == 2 {
			cancel()
		}
		return 0, nil
	})
	for _, name := range []string{"bug", "again", "late"} {
		l.add(types.NamespacedName{Name: name}, 0)
	}
	l.run(ctx, 1)
	require.Equal(t, map[string]int{"bug": 2, "again": 2, "late": 2}, seen)
	require.NoError(t, l.stuck())
	l.busy.Store("x", time.Now().Add(-time.Hour))
	require.ErrorContains(t, l.stuck(), "x")
}

func TestOptions(t *testing.T) {
	_, err := Options{}.defaulted("x")
	require.ErrorContains(t, err, "Host")
	_, err = Options{Host: &rest.Config{}, Namespace: "No Name"}.defaulted("x")
	require.ErrorContains(t, err, "Namespace")
	o, err := Options{Host: &rest.Config{}}.defaulted("x")
	require.NoError(t, err)
	require.Equal(t, DefaultNamespace, o.Namespace)
	c := core{Options: o}
	require.True(t, c.system("kube-node-lease"))
	require.True(t, c.system(DefaultNamespace))
	require.False(t, c.system("shop"))

	var f Flags
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	f.Bind(fs)
	require.NoError(t, fs.Parse([]string{"--master=https://h", "--kubefed-namespace=n", "--rest-config-qps=5", "--rest-config-burst=9", "--system-namespaces=a, b"}))
	o, err = f.Complete()
	require.NoError(t, err)
	require.Equal(t, "https://h", o.Host.Host)
	require.InDelta(t, 5, o.Host.QPS, 0)
	require.Equal(t, []string{"a", "b"}, o.SystemNamespaces)
}

func TestUnschedulable(t *testing.T) {
	since, is := unschedulable(object(t, `{apiVersion: v1, kind: Pod, status: {phase: Pending, conditions: [
	  {type: PodScheduled, status: "False", reason: Unschedulable, lastTransitionTime: "2026-01-02T03:04:05Z"}]}}`).Object)
	require.True(t, is)
	require.Equal(t, 2026, since.Year())
	for _, text := range []string{`{phase: Pending}`, `{phase: Pending, conditions: [{type: PodScheduled, status: "True"}]}`,
		`{phase: Running, conditions: [{type: PodScheduled, status: "False", reason: Unschedulable, lastTransitionTime: "2026-01-02T03:04:05Z"}]}`} {
		_, is := unschedulable(object(t, `{apiVersion: v1, kind: Pod, status: `+text+`}`).Object)
		require.False(t, is, text)
	}
}

func TestStuckPods(t *testing.T) {
	pod := func(text string) unstructured.Unstructured {
		return *object(t, `{apiVersion: v1, kind: Pod, `+text+`}`)
	}
	waits := func(since time.Duration) unstructured.Unstructured {
		return pod(`status: {phase: Pending, conditions: [{type: PodScheduled, status: "False", reason: Unschedulable, lastTransitionTime: "` +
			time.Now().Add(-since).UTC().Format(time.RFC3339) + `"}]}`)
	}
	var out seen
	stuck, others := division{}.count([]unstructured.Unstructured{
		waits(time.Hour), waits(time.Hour), waits(10 * time.Second), pod(`status: {phase: Running}`), pod(`status: {phase: Failed}`),
		pod(`metadata: {deletionTimestamp: "2026-01-02T03:04:05Z"}, status: {phase: Running}`),
	}, &out)
	require.Equal(t, []int64{2, 2}, []int64{stuck, others})
	require.Greater(t, out.recheck, 45*time.Second)
	require.LessOrEqual(t, out.recheck, 50*time.Second)
}

// TestSilentClustersKeepTheirShare: at once nothing moves, and nothing at all while nobody knows whether they are silent.
func TestSilentClustersKeepTheirShare(t *testing.T) {
	client, err := kube.NewClient(&rest.Config{Host: "https://member.invalid"}, kube.Options{})
	require.NoError(t, err)
	c := &core{}
	c.config.UnavailableDelay = time.Minute
	for name, ready := range map[string]placement.Readiness{
		"unknown": {},
		"silent":  {State: placement.NotReady, Since: time.Now()},
		"long":    {State: placement.NotReady, Since: time.Now().Add(-time.Hour)},
	} {
		require.NoError(t, c.members.Put(placement.Cluster{Name: name, Ready: ready}, client))
	}
	names := []string{"long", "silent", "unknown"}
	fed := object(t, `{apiVersion: types.kubefed.io/v1beta1, kind: FederatedDeployment, metadata: {name: a, namespace: n}, spec: {}}`)
	fed = kubefed.WriteShares(fed, []scheduling.Share{{Name: "long", Replicas: 3}, {Name: "silent", Replicas: 4}, {Name: "unknown", Replicas: 5}})
	out, err := division{syncer: &syncer{core: c}, fed: fed}.observe(t.Context(), names)
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"silent": 4, "unknown": 5}, out.silent)
	require.Equal(t, map[string]int64{"long": 3}, out.lost, "others take it, and it stays what it was until it is seen")
	require.Greater(t, out.recheck, 50*time.Second)
	out, err = division{syncer: &syncer{core: c}, fed: fed, lost: map[string]int64{"unknown": 5, "silent": 4}}.observe(t.Context(), names)
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"long": 3, "silent": 4, "unknown": 5}, out.lost, "one that was lost stays so until it answers")
}

func TestClustersThatLeftAreNotCounted(t *testing.T) {
	k := newClusters(&core{outside: &outside{metrics: newMetrics()}})
	series := func() (n int) {
		families, err := k.metrics.registry.Gather()
		require.NoError(t, err)
		for _, f := range families {
			if f.GetName() == "kubefedcluster_total" {
				n = len(f.GetMetric())
			}
		}
		return n
	}
	k.health["a"] = clusterregistry.Health{Outcome: clusterregistry.Healthy}
	k.track([]kube.Member{{Cluster: placement.Cluster{Name: "a"}}})
	require.Equal(t, 3, series())
	k.track(nil)
	require.Zero(t, series(), "at once, not with the next probe")
}

func TestNowhereToServe(t *testing.T) {
	for _, addr := range []string{"", "0"} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.NoError(t, serve(ctx, addr, nil))
	}
	require.Error(t, serve(t.Context(), "nowhere", nil))
}

func TestTypesThatWereNotLookedAt(t *testing.T) {
	k := newTypes(&core{outside: &outside{metrics: newMetrics()}})
	require.Error(t, k.looked(), "the host was not read")
	k.noted("deployments.apps")
	require.Equal(t, map[string]bool{"deployments.apps": true}, k.seen)
}

func TestEarlier(t *testing.T) {
	at := func(name, when string) *unstructured.Unstructured {
		return object(t, `{apiVersion: core.kubefed.io/v1beta1, kind: FederatedTypeConfig, metadata: {name: `+name+`, creationTimestamp: "`+when+`"}}`)
	}
	old, young, twin := at("z", "2026-01-01T00:00:00Z"), at("a", "2026-01-01T00:00:01Z"), at("b", "2026-01-01T00:00:01Z")
	require.True(t, earlier(old, young))
	require.False(t, earlier(young, old))
	require.True(t, earlier(young, twin))
	require.False(t, earlier(twin, young))
	require.False(t, earlier(young, young))
}
