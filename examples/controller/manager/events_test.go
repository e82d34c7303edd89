package manager

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/kubefed"
)

// statusOf is the status of a federated object, as text.
func statusOf(t *testing.T, text string) map[string]any {
	if text == "" {
		return nil
	}
	out, _ := object(t, `{apiVersion: v1, kind: X, status: `+text+`}`).Object["status"].(map[string]any)
	return out
}

func TestNews(t *testing.T) {
	const (
		right   = `{conditions: [{type: Propagation, status: "True"}], clusters: [{name: a}, {name: b}, {name: c}]}`
		refused = `{conditions: [{type: Propagation, status: "False", reason: CheckClusters}], clusters: [{name: a, status: CreationFailed, message: no room}, {name: b}, {name: c, status: CreationFailed, message: no}]}`
		more    = `{conditions: [{type: Propagation, status: "False", reason: CheckClusters}], clusters: [{name: a, status: CreationFailed, message: no room}, {name: b, status: UpdateTimedOut}, {name: c, status: CreationFailed, message: other}]}`
		silent  = `{conditions: [{type: Propagation, status: "False", reason: CheckClusters}], clusters: [{name: a, status: ClusterNotReady}, {name: b, status: WaitingForRemoval}]}`
		unread  = `{conditions: [{type: Propagation, status: "False", reason: ComputePlacementFailed, message: what}], clusters: [{name: a, status: ApplyOverridesFailed, message: what}]}`
		mute    = `{conditions: [{type: Propagation, status: "False", reason: ComputePlacementFailed}], clusters: [{name: a, status: ApplyOverridesFailed}]}`
	)
	waits := func(cluster string) federation.Result {
		return federation.Result{Step: federation.Step{Ref: federation.Ref{Cluster: cluster}}, Reason: federation.ReasonWaiting}
	}
	for name, test := range map[string]struct {
		last, now string
		results   []federation.Result
		want      []note
	}{
		"new and right":            {"", right, nil, nil},
		"unchanged":                {refused, refused, nil, nil},
		"wrong":                    {right, refused, nil, []note{{"Warning", "CreateInClusterFailed", "a, c: no room"}}},
		"new and wrong":            {"", refused, nil, []note{{"Warning", "CreateInClusterFailed", "a, c: no room"}}},
		"waiting":                  {"", refused, []federation.Result{waits("a"), waits("c")}, nil},
		"more is wrong":            {refused, more, nil, []note{{"Warning", "CreateInClusterFailed", "c: other"}, {"Warning", "OperationTimeoutError", "b"}}},
		"silence is the cluster's": {right, silent, nil, nil},
		"cleared up":               {more, right, nil, nil},
		"unreadable":               {right, unread, nil, []note{{"Warning", "ComputePlacementFailed", "what"}}},
		"still unreadable":         {unread, unread, nil, nil},
		"readable":                 {unread, right, nil, []note{{"Normal", "Propagation", "it can be carried out again"}}},
		"without room for words":   {mute, mute, nil, nil},
	} {
		require.Equal(t, test.want, news(statusOf(t, test.last), statusOf(t, test.now), test.results), name)
	}
	require.Equal(t, "a, b, c, d, e and 2 more: no", naming([]string{"a", "b", "c", "d", "e", "f", "g"}, "no"))
}

func TestHealthEvents(t *testing.T) {
	const (
		ready   = `{conditions: [{type: Ready, status: "True", reason: ClusterReady}]}`
		sick    = `{conditions: [{type: Ready, status: "False", reason: ClusterNotReady, message: no ok}, {type: Offline, status: "False"}]}`
		offline = `{conditions: [{type: Offline, status: "True", reason: ClusterNotReachable, message: no route}]}`
		broken  = `{conditions: [{type: ConfigMalformed, status: "True", reason: ClusterConfigMalformed, message: no secret}]}`
	)
	for _, test := range []struct {
		last, now string
		want      []note
	}{
		{"", ready, nil},
		{ready, ready, nil},
		{ready, sick, []note{{"Warning", "ClusterNotReady", "no ok"}}},
		{sick, sick, nil},
		{sick, offline, []note{{"Warning", "RetrievingClusterHealthFailed", "no route"}}},
		{"", broken, []note{{"Warning", "MalformedClusterConfig", "no secret"}}},
		{offline, ready, []note{{"Normal", "ClusterReady", "it answers again"}}},
	} {
		require.Equal(t, test.want, health(statusOf(t, test.last), statusOf(t, test.now)), "%s → %s", test.last, test.now)
	}
}

func TestTurned(t *testing.T) {
	condition := func(v kubefed.Verdict, on string) map[string]any {
		obj := object(t, `{apiVersion: scheduling.kubefed.io/v1alpha1, kind: ReplicaSchedulingPreference, metadata: {name: a, generation: `+on+`}}`)
		return conditionOf(kubefed.EncodePreferenceStatus(obj, v, 0).Object["status"].(map[string]any), kubefed.ConditionScheduled)
	}
	yes, bad, worse := condition(kubefed.Verdict{True: true, Reason: "Scheduled"}, "1"), condition(no("Unplaced", "%d", 3), "1"), condition(no("Unplaced", "%d", 4), "1")
	require.Empty(t, turned(nil, yes))
	require.Empty(t, turned(yes, yes))
	require.Equal(t, []note{{"Warning", "Unplaced", "3"}}, turned(nil, bad))
	require.Empty(t, turned(bad, condition(no("Unplaced", "%d", 3), "2")), "of another generation")
	require.Equal(t, []note{{"Warning", "Unplaced", "4"}}, turned(bad, worse))
	require.Equal(t, []note{{"Normal", "Scheduled", ""}}, turned(worse, yes))
}

// host is a server that takes events.
type host struct {
	*httptest.Server
	mu   sync.Mutex
	sent []string // method and message
}

func newHost(t *testing.T) *host {
	h := &host{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var event struct{ Message string }
		_ = json.Unmarshal(body, &event)
		h.mu.Lock()
		h.sent = append(h.sent, r.Method+" "+event.Message)
		h.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"apiVersion":"v1","kind":"Event","metadata":{"name":"x","namespace":"n"},"count":1}`))
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *host) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.sent...)
}

// TestEventsPassTheFence: the same event is counted, different ones are written, and none after the lease was lost.
func TestEventsPassTheFence(t *testing.T) {
	h := newHost(t)
	c := &core{Options: Options{Host: &rest.Config{Host: h.URL, ContentConfig: rest.ContentConfig{ContentType: "application/json"}}}}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	obj := object(t, fed)
	c.events.tell(obj, note{"Warning", "Dropped", "nobody started"})
	require.NoError(t, c.startEvents(ctx))
	c.fence.extend(time.Now().Add(time.Hour))
	for range 3 {
		c.events.tell(obj, note{"Warning", "Refused", "no room"})
	}
	c.events.tell(obj, note{"Warning", "Refused", "no"})
	require.Eventually(t, func() bool { return len(h.all()) == 4 }, 10*time.Second, time.Millisecond)
	require.Equal(t, "POST no room", h.all()[0])
	require.Equal(t, 2, strings.Count(strings.Join(h.all(), "\n"), "PATCH"), "the same is counted")
	require.Equal(t, "POST no", h.all()[3])

	for range 1000 {
		c.events.tell(obj, note{"Warning", "Refused", "over and over"})
	}
	require.Never(t, func() bool { return len(h.all()) > 30 }, 300*time.Millisecond, 10*time.Millisecond, "one object cannot flood the host")

	c.fence.mu.Lock()
	c.fence.until = time.Now().Add(-time.Second)
	c.fence.mu.Unlock()
	sent := len(h.all())
	c.events.tell(object(t, strings.Replace(fed, "name: a", "name: b", 1)), note{"Warning", "Late", "the lease was lost"})
	require.Never(t, func() bool { return len(h.all()) > sent }, 300*time.Millisecond, 10*time.Millisecond)
	cancel()
	c.events.tell(obj, note{"Warning", "Late", "the end"})
}
