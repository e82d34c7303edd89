package kubefed

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
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
// KubeFed has fewer words than we have reasons. What it never had (a held, suspended or waiting step) is the failure of what
// was to be done: CreationFailed, UpdateFailed, DeletionFailed. A name that no cluster bears is listed, with
// ClientRetrievalFailed; KubeFed passed over it. A copy without a status of its own is no failure when they are collected.
func EncodeStatus(last map[string]any, results []federation.Result, r Report) map[string]any {
	clusters, reason, wrote := lines(results, r.Collect)
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
	lastClusters, _ := last["clusters"].([]any)
	if transition || wrote || before["lastUpdateTime"] == nil || !equal(lastClusters, clusters) {
		condition["lastUpdateTime"] = now
	}
	out := map[string]any{"observedGeneration": r.Generation, "conditions": []any{condition}}
	if len(clusters) > 0 {
		out["clusters"] = clusters
	}
	return out
}

func equal(a, b []any) bool { return len(a) == 0 && len(b) == 0 || reflect.DeepEqual(a, b) }

// lines makes the entries of the clusters, the reason that they give, and says whether a member was written to.
func lines(results []federation.Result, collect bool) (out []any, reason string, wrote bool) {
	byName := map[string]map[string]any{}
	for i, state := range federation.Statuses(results) {
		r := results[i]
		if r.Outcome == federation.Done && r.Step.Verb != federation.Keep {
			wrote = true
		}
		if state.State == status.StateGone {
			continue
		}
		line := map[string]any{"name": state.Name}
		if w := word(r, state.State); w != "" {
			line["status"] = w
			reason = status.ReasonCheckClusters
		} else if byName[state.Name] != nil {
			continue
		}
		if collect && r.Live != nil {
			if remote, ok := r.Live.Object["status"]; ok {
				line["remoteStatus"] = remote
			}
		}
		byName[state.Name] = line
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		out = append(out, byName[name])
	}
	return out, reason, wrote
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
