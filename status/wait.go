package status

import (
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Goal says what is waited for. The zero Goal waits until every cluster holds what was wished, gives up at the first
// failure and has no deadline.
type Goal struct {
	Generation int64         // of the object; a summary of an earlier one says nothing
	Healthy    bool          // the workloads must be healthy too
	Settle     time.Duration // for how long all must have been well without a break
	Grace      time.Duration // for how long a failure may last before it counts
	Deadline   time.Time     // when to give up in any case; zero: never
}

// Verdict says what became of a wait.
type Verdict string

// The verdicts, a closed set.
const (
	VerdictWait   Verdict = "" // look again with the next summary, or at Until
	VerdictDone   Verdict = "Done"
	VerdictFailed Verdict = "Failed"
)

// Outcome is the decision of Wait.
type Outcome struct {
	Verdict Verdict
	Until   time.Time // waiting: when the same summary means something else; zero: never
	Message string    // for people
}

// Wait decides whether the latest summary fulfils the goal. Summaries carry since when they say what they say, so the
// latest is enough: the program calls Wait with every new summary, and again at Until if none has come. What is done
// at the deadline is done.
func Wait(s Summary, g Goal, now time.Time) Outcome {
	if s.ObservedGeneration < g.Generation {
		return waiting(g, now, "generation "+strconv.FormatInt(g.Generation, 10)+" is not in the summary yet")
	}
	if since, good := wellSince(s, g); good {
		if settled := since.Add(g.Settle); now.Before(settled) {
			return waiting(g, now, s.Message, settled)
		}
		return Outcome{Verdict: VerdictDone, Message: s.Message}
	}
	since, bad := failingSince(s, g)
	if !bad {
		return waiting(g, now, s.Message)
	}
	if over := since.Add(g.Grace); now.Before(over) {
		return waiting(g, now, s.Message, over)
	}
	return Outcome{Verdict: VerdictFailed, Message: s.Message}
}

// waiting goes on until the first of the moments, unless the deadline has passed.
func waiting(g Goal, now time.Time, message string, moments ...time.Time) Outcome {
	if !g.Deadline.IsZero() && !now.Before(g.Deadline) {
		return Outcome{Verdict: VerdictFailed, Message: "deadline passed: " + message}
	}
	out := Outcome{Until: g.Deadline, Message: message}
	for _, m := range moments {
		if out.Until.IsZero() || m.Before(out.Until) {
			out.Until = m
		}
	}
	return out
}

// wellSince tells whether all is well, and since when.
func wellSince(s Summary, g Goal) (time.Time, bool) {
	since, good := trueSince(s, ConditionPropagation)
	if !good || !g.Healthy || s.Totals.Clusters == 0 {
		return since, good
	}
	healthy, good := trueSince(s, ConditionHealthy)
	if healthy.After(since) {
		since = healthy
	}
	return since, good
}

func trueSince(s Summary, kind string) (time.Time, bool) {
	c := meta.FindStatusCondition(s.Conditions, kind)
	if c == nil || c.Status != metav1.ConditionTrue {
		return time.Time{}, false
	}
	return c.LastTransitionTime.Time, true
}

// failingSince tells whether something has failed, and since when at the longest.
func failingSince(s Summary, g Goal) (time.Time, bool) {
	var since time.Time
	earlier := func(t time.Time) {
		if !t.IsZero() && (since.IsZero() || t.Before(since)) {
			since = t
		}
	}
	for _, c := range s.Clusters {
		if c.State == StateFailed {
			earlier(c.Since)
		}
	}
	if c := meta.FindStatusCondition(s.Conditions, ConditionPropagation); c != nil && s.Totals.Failed > 0 && since.IsZero() {
		earlier(c.LastTransitionTime.Time) // whoever failed is not listed
	}
	if c := meta.FindStatusCondition(s.Conditions, ConditionHealthy); c != nil && g.Healthy && s.Totals.Unhealthy > 0 {
		earlier(c.LastTransitionTime.Time)
	}
	return since, s.Totals.Failed > 0 || g.Healthy && s.Totals.Unhealthy > 0
}
