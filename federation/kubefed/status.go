package kubefed

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/status"
)

// The reasons of the condition Propagation beside CheckClusters, for Report.Reason.
const (
	ClusterRetrievalFailed = "ClusterRetrievalFailed" // the clusters are not known
	ComputePlacementFailed = "ComputePlacementFailed" // Plan.Err has an error about the placement
	NamespaceNotFederated  = "NamespaceNotFederated"  // there is no FederatedNamespace
)

// Report is what EncodeStatus needs to know beside the results.
type Report struct {
	Generation int64  // of the federated object that was carried out
	Reason     string // why the whole failed; empty: the clusters tell
	Message    string // the reason in words; told only when there is one
	// Collect adds the status of each copy, as remoteStatus.
	Collect bool
	Now     time.Time
}

// EncodeStatus writes the status of a federated object: observedGeneration, the condition Propagation, and by name the
// clusters that hold a copy or should, each with KubeFed's word for what is wrong there, or none.
//
// Last is the status that was written last, or nil. The times move as KubeFed's do: lastTransitionTime with the condition's
// status or reason, lastUpdateTime with that, with anything said about a cluster, and when a member was written to.
// A status equal to last need not be written.
//
// Beside KubeFed's word a cluster has a message, and lastUpdateTime, since when it has both; the condition has Report.Message.
// KubeFed had none of these, and where the schema is still KubeFed's the API server drops them: an entry of last without a
// time, and a condition that lost its message, do without until the word or the reason changes.
//
// KubeFed has fewer words than we have reasons. What it never had (a held, suspended or waiting step) is the failure of what
// was to be done: CreationFailed, UpdateFailed, DeletionFailed. A name that no cluster bears is listed, with
// ClientRetrievalFailed; KubeFed passed over it. A copy without a status of its own is no failure when they are collected.
// VersionRetrievalFailed does not come up, as no recorded version is needed.
func EncodeStatus(last map[string]any, results []federation.Result, r Report) map[string]any {
	lastClusters, _ := last["clusters"].([]any)
	clusters, reason, wrote := r.lines(results, lastClusters)
	if r.Reason != "" {
		reason = r.Reason
	}
	verdict := "True"
	if reason != "" {
		verdict = "False"
	}
	condition := map[string]any{"type": status.ConditionPropagation, "status": verdict}
	if reason != "" {
		condition["reason"] = reason
	}
	now := stamp(r.Now)
	conditions, _ := last["conditions"].([]any)
	before := ofType(conditions, status.ConditionPropagation)
	transition := before["status"] != condition["status"] || before["reason"] != condition["reason"]
	condition["lastTransitionTime"], condition["lastUpdateTime"] = before["lastTransitionTime"], before["lastUpdateTime"]
	if transition || before["lastTransitionTime"] == nil {
		condition["lastTransitionTime"] = now
	}
	said := r.say(condition, before, transition)
	if transition || wrote || said || before["lastUpdateTime"] == nil || !equal(lastClusters, clusters) {
		condition["lastUpdateTime"] = now
	}
	out := map[string]any{"observedGeneration": r.Generation, "conditions": []any{condition}}
	if len(clusters) > 0 {
		out["clusters"] = clusters
	}
	return out
}

// say puts the message into the condition, and says whether it is news. As with the clusters, one that differs in numbers only
// is the same, and where the last condition lost its message the schema is KubeFed's.
func (r Report) say(condition, before map[string]any, transition bool) bool {
	const key = "message"
	text := brief(r.Message)
	switch {
	case text == "" || condition["reason"] == nil:
		return before[key] != nil
	case !transition && before[key] == nil:
		return false
	case !transition && unnumbered(before[key]) == unnumbered(text):
		condition[key] = before[key]
		return false
	}
	condition[key] = text
	return true
}

func equal(a, b []any) bool { return len(a) == 0 && len(b) == 0 || reflect.DeepEqual(a, b) }

// lines makes the entries of the clusters, the reason that they give, and says whether a member was written to.
func (r Report) lines(results []federation.Result, last []any) (out []any, reason string, wrote bool) {
	byName := map[string]map[string]any{}
	for i, state := range federation.Statuses(results) {
		result := results[i]
		if result.Outcome == federation.Done && result.Step.Verb != federation.Keep {
			wrote = true
		}
		if state.State == status.StateGone {
			continue
		}
		line := map[string]any{"name": state.Name}
		if w := word(result, state.State); w != "" {
			line["status"] = w
			set(line, "message", brief(state.Message))
			reason = status.ReasonCheckClusters
		} else if byName[state.Name] != nil {
			continue
		}
		if r.Collect && result.Live != nil {
			if remote, ok := result.Live.Object["status"]; ok {
				line["remoteStatus"] = remote
			}
		}
		byName[state.Name] = line
	}
	before := make(map[string]map[string]any, len(last))
	for _, item := range last {
		line, _ := item.(map[string]any)
		name, _ := line["name"].(string)
		before[name] = line
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		r.date(byName[name], before[name])
		out = append(out, byName[name])
	}
	return out, reason, wrote
}

// date says when the entry of a cluster became what it is. A message that differs in numbers only, such as ports, is the same.
func (r Report) date(line, before map[string]any) {
	const key, message = "lastUpdateTime", "message"
	if r.Now.IsZero() {
		return
	}
	same := before != nil && before["status"] == line["status"]
	switch {
	case same && before[key] == nil: // KubeFed wrote it, or its schema does not let them pass: writing them would never end
		delete(line, message)
	case same && unnumbered(before[message]) == unnumbered(line[message]):
		line[key] = before[key]
		if before[message] != nil {
			line[message] = before[message]
		}
	default:
		line[key] = stamp(r.Now)
	}
}

func unnumbered(message any) string {
	text, _ := message.(string)
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, text)
}

// brief cuts a message, since an object has room for a line on each of a thousand clusters.
func brief(message string) string {
	const most = 256
	if len(message) <= most {
		return message
	}
	return strings.ToValidUTF8(message[:most], "") + "…"
}

// word is KubeFed's word for a result; none when all is well.
func word(r federation.Result, state status.State) string {
	switch state {
	case status.StateCurrent:
		return ""
	case status.StateRemoving:
		return "WaitingForRemoval"
	}
	if errors.Is(r.Err, federation.ErrUnreachable) {
		return "ClusterNotReady"
	}
	act := act(r)
	switch {
	case r.Reason == federation.ReasonUnobserved && r.Live != nil: // what is to be retained cannot be seen
		return "FieldRetentionFailed"
	case r.Reason == federation.ReasonConflict && r.Step.Verb == federation.Create: // somebody made it just now, perhaps we
		return "RetrievalFailed"
	}
	if errors.Is(r.Err, context.DeadlineExceeded) {
		return act + "TimedOut"
	}
	w := words()[r.Reason]
	refused := r.Reason == federation.ReasonInvalidManifest && r.Step.Verb != federation.Hold
	stays := r.Reason == federation.ReasonNotOwned && act == "Deletion"
	if r.Outcome != federation.Held || w == "" || refused || stays {
		return act + "Failed"
	}
	return w
}

// words is for reasons whose step was not carried out and that say more than what was to be done.
func words() map[federation.Reason]string {
	return map[federation.Reason]string{
		federation.ReasonUnobserved:      "ClusterNotReady",
		federation.ReasonUnknownCluster:  "ClientRetrievalFailed",
		federation.ReasonUndecided:       "ComputeResourceFailed",
		federation.ReasonKindNotServed:   "CachedRetrievalFailed",
		federation.ReasonInvalidManifest: "ApplyOverridesFailed", // held by the plan; else a member refused it
		federation.ReasonNotOwned:        "AlreadyExists",
		federation.ReasonOptedOut:        "ManagedLabelFalse",
	}
}

// act names what was to be done: where nothing was sent, what it would have been.
func act(r federation.Result) string {
	switch r.Step.Verb {
	case federation.Create:
		return "Creation"
	case federation.Apply:
		return "Update"
	case federation.Delete:
		return "Deletion"
	case federation.Release:
		return "LabelRemoval"
	}
	switch {
	case r.Step.Digest == "" && r.Step.Holds:
		return "Deletion"
	case r.Live == nil:
		return "Creation"
	}
	return "Update"
}
