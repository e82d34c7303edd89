package kubefed_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/kubefed"
)

func result(cluster string, verb federation.Verb, reason federation.Reason, outcome federation.Outcome) federation.Result {
	r := federation.Result{Outcome: outcome, Reason: reason}
	r.Step = federation.Step{Ref: federation.Ref{Cluster: cluster}, Verb: verb, Reason: reason, Digest: "d"}
	if verb == federation.Delete || verb == federation.Release || reason == federation.ReasonUnselected || reason == federation.ReasonGuarded {
		r.Step.Digest, r.Step.Holds = "", true
	}
	return r
}

func TestStatusWords(t *testing.T) {
	const absent = "(not listed)"
	live := &unstructured.Unstructured{Object: map[string]any{"kind": "ConfigMap"}}
	late := fmt.Errorf("sending: %w", context.DeadlineExceeded)
	for _, test := range []struct {
		verb    federation.Verb
		reason  federation.Reason
		outcome federation.Outcome
		live    *unstructured.Unstructured
		err     error
		want    string
	}{
		{federation.Create, federation.ReasonAbsent, federation.Done, live, nil, ""},
		{federation.Apply, federation.ReasonChanged, federation.Done, live, nil, ""},
		{federation.Keep, federation.ReasonSettled, federation.Done, live, nil, ""},
		{federation.Keep, federation.ReasonUnselected, federation.Done, nil, nil, absent},
		{federation.Release, federation.ReasonUnselected, federation.Done, live, nil, absent},
		{federation.Delete, federation.ReasonUnselected, federation.Done, live, nil, "WaitingForRemoval"},
		{federation.Hold, federation.ReasonDeleting, federation.Held, live, nil, "WaitingForRemoval"},
		{federation.Create, federation.ReasonAbsent, federation.Failed, nil, errors.New("no"), "CreationFailed"},
		{federation.Apply, federation.ReasonDrifted, federation.Failed, live, errors.New("no"), "UpdateFailed"},
		{federation.Delete, federation.ReasonUnselected, federation.Failed, live, errors.New("no"), "DeletionFailed"},
		{federation.Release, federation.ReasonOptedOut, federation.Failed, live, errors.New("no"), "LabelRemovalFailed"},
		{federation.Create, federation.ReasonAbsent, federation.Failed, nil, late, "CreationTimedOut"},
		{federation.Delete, federation.ReasonUnselected, federation.Failed, live, late, "DeletionTimedOut"},
		{federation.Apply, federation.ReasonChanged, federation.Failed, live, federation.ErrUnreachable, "ClusterNotReady"},
		{federation.Create, federation.ReasonNotOwned, federation.Held, nil, errors.New("no"), "AlreadyExists"},
		{federation.Apply, federation.ReasonInvalidManifest, federation.Held, live, errors.New("no"), "UpdateFailed"},
		{federation.Hold, federation.ReasonInvalidManifest, federation.Held, live, nil, "ApplyOverridesFailed"},
		{federation.Hold, federation.ReasonUnobserved, federation.Held, nil, nil, "ClusterNotReady"},
		{federation.Hold, federation.ReasonUnknownCluster, federation.Held, nil, nil, "ClientRetrievalFailed"},
		{federation.Hold, federation.ReasonUndecided, federation.Held, nil, nil, "ComputeResourceFailed"},
		{federation.Hold, federation.ReasonKindNotServed, federation.Held, nil, nil, "CachedRetrievalFailed"},
		{federation.Hold, federation.ReasonOptedOut, federation.Held, live, nil, "ManagedLabelFalse"},
		{federation.Hold, federation.ReasonConflict, federation.Held, live, nil, "UpdateFailed"},
		{federation.Hold, federation.ReasonImmutable, federation.Held, live, nil, "UpdateFailed"},
		{federation.Hold, federation.ReasonWaiting, federation.Held, nil, nil, "CreationFailed"},
		{federation.Hold, federation.ReasonSuspended, federation.Held, live, nil, "UpdateFailed"},
		{federation.Hold, federation.ReasonGuarded, federation.Held, live, nil, "DeletionFailed"},
	} {
		t.Run(fmt.Sprint(test.verb, test.reason, test.outcome, test.want), func(t *testing.T) {
			r := result("berlin", test.verb, test.reason, test.outcome)
			r.Live, r.Err = test.live, test.err
			got := kubefed.EncodeStatus(nil, []federation.Result{r}, kubefed.Report{})
			condition := got["conditions"].([]any)[0].(map[string]any)
			switch test.want {
			case absent:
				require.NotContains(t, got, "clusters")
			case "":
				require.Equal(t, []any{map[string]any{"name": "berlin"}}, got["clusters"])
			default:
				require.Equal(t, []any{map[string]any{"name": "berlin", "status": test.want}}, got["clusters"])
				require.Equal(t, "CheckClusters", condition["reason"])
				require.Equal(t, "False", condition["status"])
				return
			}
			require.NotContains(t, condition, "reason")
			require.Equal(t, "True", condition["status"])
		})
	}
}

func TestStatusTimes(t *testing.T) {
	start := time.Date(2024, 5, 1, 12, 0, 0, 5, time.FixedZone("", 7200))
	at := func(minutes int) string {
		return start.Add(time.Duration(minutes) * time.Minute).UTC().Format(time.RFC3339)
	}
	settled := result("a", federation.Keep, federation.ReasonSettled, federation.Done)
	failed := result("b", federation.Create, federation.ReasonAbsent, federation.Failed)
	applied := result("a", federation.Apply, federation.ReasonChanged, federation.Done)
	var last map[string]any
	for i, step := range []struct {
		results             []federation.Result
		reason              string
		transition, updated int // minutes
	}{
		{[]federation.Result{settled}, "", 0, 0},
		{[]federation.Result{settled}, "", 0, 0},
		{[]federation.Result{failed, settled}, "", 2, 2},
		{[]federation.Result{settled, failed}, "", 2, 2}, // order says nothing
		{[]federation.Result{failed}, "", 2, 4},
		{[]federation.Result{failed}, kubefed.NamespaceNotFederated, 5, 5},
		{nil, "", 6, 6},
		{[]federation.Result{settled}, "", 6, 7},
		{[]federation.Result{applied}, "", 6, 8},
	} {
		r := kubefed.Report{Generation: 3, Reason: step.reason, Now: start.Add(time.Duration(i) * time.Minute)}
		last = kubefed.EncodeStatus(last, step.results, r)
		condition := last["conditions"].([]any)[0].(map[string]any)
		require.Equal(t, at(step.transition), condition["lastTransitionTime"], "step %d", i)
		require.Equal(t, at(step.updated), condition["lastUpdateTime"], "step %d", i)
		require.Equal(t, int64(3), last["observedGeneration"])
	}
}

func TestStatusCollects(t *testing.T) {
	r := result("a", federation.Keep, federation.ReasonSettled, federation.Done)
	r.Live = &unstructured.Unstructured{Object: map[string]any{"status": map[string]any{"replicas": int64(2)}}}
	plain := result("b", federation.Keep, federation.ReasonSettled, federation.Done)
	got := kubefed.EncodeStatus(nil, []federation.Result{plain, r}, kubefed.Report{Collect: true})
	require.Equal(t, []any{
		map[string]any{"name": "a", "remoteStatus": map[string]any{"replicas": int64(2)}},
		map[string]any{"name": "b"},
	}, got["clusters"])
	again := kubefed.EncodeStatus(got, []federation.Result{r, plain}, kubefed.Report{Collect: true, Now: time.Unix(99, 0)})
	require.Equal(t, got, again, "nothing new, nothing to write")
}
