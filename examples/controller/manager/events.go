package manager

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	typed "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/record"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/status"
)

// Events go out no faster than this, of all controllers together. When very much fails at once the rest is dropped: the
// statuses say it all, events only draw attention to them.
const (
	eventsPerSecond = 5
	eventsAtOnce    = 50
)

// events tells what happened to objects of the host, as Events in their namespaces. It is told together with a status that
// says something new, so what stays as it is writes none. The zero value drops them.
type events struct {
	broadcaster record.EventBroadcaster
}

// note is one event.
type note struct{ kind, reason, message string }

// startEvents has events written until ctx ends, behind the fence.
func (c *core) startEvents(ctx context.Context) error {
	config := rest.CopyConfig(c.Host)
	config.UserAgent = Manager
	config.QPS, config.Burst, config.RateLimiter = eventsPerSecond, eventsAtOnce, nil
	config.Wrap(c.fence.behind)
	client, err := typed.NewForConfig(config)
	if err != nil {
		return err
	}
	c.events.broadcaster = record.NewBroadcaster(record.WithContext(ctx))
	c.events.broadcaster.StartRecordingToSink(sink{ctx, client.Events("")})
	return nil
}

// tell writes events about an object, as of KubeFed's component for it. It does not wait.
func (e *events) tell(obj *unstructured.Unstructured, notes ...note) {
	if e.broadcaster == nil || len(notes) == 0 {
		return
	}
	// What it would log is that events are dropped, once for each.
	recorder := e.broadcaster.NewRecorder(runtime.NewScheme(), corev1.EventSource{Component: strings.ToLower(obj.GetKind()) + "-controller"}).
		WithLogger(logr.Discard())
	for _, n := range notes {
		recorder.Event(obj, n.kind, n.reason, n.message)
	}
}

// sink sends events, in the time of ctx.
type sink struct {
	ctx    context.Context
	events typed.EventInterface
}

// Create makes an event.
func (s sink) Create(event *corev1.Event) (*corev1.Event, error) {
	return s.events.CreateWithEventNamespaceWithContext(s.ctx, event)
}

// Update replaces an event.
func (s sink) Update(event *corev1.Event) (*corev1.Event, error) {
	return s.events.UpdateWithEventNamespaceWithContext(s.ctx, event)
}

// Patch counts an event that came up before.
func (s sink) Patch(event *corev1.Event, data []byte) (*corev1.Event, error) {
	return s.events.PatchWithEventNamespaceWithContext(s.ctx, event, data)
}

// conditionOf finds a condition in a status; nil when there is none.
func conditionOf(of map[string]any, kind string) map[string]any {
	conditions, _ := of["conditions"].([]any)
	for _, item := range conditions {
		if c, _ := item.(map[string]any); c["type"] == kind {
			return c
		}
	}
	return nil
}

// turned are the events of a condition: what is wrong now and was not so before, and that it is right again.
func turned(before, after map[string]any) []note {
	reason, _ := after["reason"].(string)
	message, _ := after["message"].(string)
	switch {
	case after["status"] == "False" && (before["reason"] != after["reason"] || before["message"] != after["message"]):
		return []note{{corev1.EventTypeWarning, reason, message}}
	case after["status"] == "True" && before["status"] == "False":
		return []note{{corev1.EventTypeNormal, reason, message}}
	}
	return nil
}

// news are the events of a federated object whose status was last and is now: what is wrong with the whole; or that it can be
// carried out again, and one for each thing that is wrong anew in clusters, with all clusters where it is. Where something
// else must be there first, which most often is a moment's, nothing is wrong yet.
func news(last, now map[string]any, results []federation.Result) []note {
	const kind, clusters = status.ConditionPropagation, status.ReasonCheckClusters
	before, after := conditionOf(last, kind), conditionOf(now, kind)
	var out []note
	switch was, is := before["reason"], after["reason"]; {
	case is != nil && is != clusters:
		return turned(before, after)
	case was != nil && was != clusters:
		out = append(out, note{corev1.EventTypeNormal, kind, "it can be carried out again"})
	}
	if after["reason"] == nil {
		return out // as almost always
	}
	was, is, quiet := lines(last), lines(now), waiting(results)
	wrong, texts := map[string][]string{}, map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(is)) {
		line, old := is[name], was[name]
		reason := reasonOf(line["status"])
		if reason == "" || quiet[name] || old["status"] == line["status"] && old["message"] == line["message"] {
			continue
		}
		wrong[reason] = append(wrong[reason], name)
		if texts[reason] == "" {
			texts[reason], _ = line["message"].(string)
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(wrong)) {
		out = append(out, note{corev1.EventTypeWarning, reason, naming(wrong[reason], texts[reason])})
	}
	return out
}

// health are the events of a cluster under KubeFed's reasons: it is not ready anew, for another reason, or ready again.
func health(last, now map[string]any) []note {
	for _, c := range []struct{ condition, is, reason string }{
		{"ConfigMalformed", "True", "MalformedClusterConfig"}, {"Offline", "True", "RetrievingClusterHealthFailed"}, {"Ready", "False", "ClusterNotReady"},
	} {
		before, after := conditionOf(last, c.condition), conditionOf(now, c.condition)
		if after["status"] != c.is {
			continue
		}
		if before["status"] == c.is && before["reason"] == after["reason"] {
			return nil
		}
		message, _ := after["message"].(string)
		return []note{{corev1.EventTypeWarning, c.reason, message}}
	}
	if after := conditionOf(now, "Ready"); after["status"] == "True" && last != nil && conditionOf(last, "Ready")["status"] != "True" {
		return []note{{corev1.EventTypeNormal, "ClusterReady", "it answers again"}}
	}
	return nil
}

// waiting are the clusters where something else must be there first.
func waiting(results []federation.Result) map[string]bool {
	out := map[string]bool{}
	for _, r := range results {
		out[r.Step.Ref.Cluster] = r.Reason == federation.ReasonWaiting
	}
	return out
}

// naming names clusters, few of them, with what the first of them says.
func naming(clusters []string, text string) string {
	const most = 5
	out := strings.Join(clusters[:min(most, len(clusters))], ", ")
	if len(clusters) > most {
		out += fmt.Sprintf(" and %d more", len(clusters)-most)
	}
	if text != "" {
		out += ": " + text
	}
	return out
}

// lines are those of a status by cluster.
func lines(of map[string]any) map[string]map[string]any {
	out := map[string]map[string]any{}
	list, _ := of["clusters"].([]any)
	for _, item := range list {
		line, _ := item.(map[string]any)
		name, _ := line["name"].(string)
		out[name] = line
	}
	return out
}

// reasonOf is KubeFed's reason for an event about one of its words for a cluster; none where there is nothing to tell. That a
// cluster does not answer is told of the cluster, once, and not of each object.
func reasonOf(word any) string {
	text, _ := word.(string)
	if strings.HasSuffix(text, "TimedOut") {
		return "OperationTimeoutError"
	}
	special, ok := map[string]string{
		"CreationFailed": "CreateInClusterFailed", "UpdateFailed": "UpdateInClusterFailed", "DeletionFailed": "DeleteInClusterFailed",
		"LabelRemovalFailed": "RemoveManagedLabelFromInClusterFailed", "WaitingForRemoval": "", "ClusterNotReady": "",
	}[text]
	if ok {
		return special
	}
	return text
}
