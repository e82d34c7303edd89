package federation

import (
	"strings"

	"github.com/confed-project/confed/status"
)

// Statuses turns results into what status.Summarize folds: one line per result, in the order given. A cluster in which
// nothing is wished and nothing is left has the state Gone. Where all is as wished, the reason and the message are those of
// the copy's health.
func Statuses(results []Result) []status.Cluster {
	lines := make([]status.Cluster, len(results))
	for i, r := range results {
		c := status.Cluster{Name: r.Step.Ref.Cluster, State: r.state(), Reason: string(r.Reason), Message: r.Message}
		var health string
		if r.Live != nil && c.State != status.StateGone {
			c.Health, health = status.Assess(r.Live.Object)
		}
		if c.State == status.StateCurrent {
			c.Reason, c.Message, _ = strings.Cut(health, ": ")
		}
		lines[i] = c
	}
	return lines
}

// Results is what Dispatch would return if it wrote nothing: a step that would write is Held with its own reason. With
// Statuses it tells how things stand, without touching them.
func (p Plan) Results() []Result {
	results := make([]Result, len(p.Steps))
	for i, s := range p.Steps {
		r, quiet := s.quiet()
		if !quiet {
			r = s.end(Held, s.Reason, s.live, nil)
		}
		results[i] = r
	}
	return results
}

func (r Result) state() status.State {
	switch {
	case r.Reason == ReasonUnobserved, r.Reason == ReasonUnknownCluster:
		return status.StateUnknown
	case r.Outcome == Failed && r.Reason == ReasonConflict:
		return status.StatePending
	case r.Outcome == Failed:
		return status.StateFailed
	case r.Outcome == Held && r.Reason == ReasonDeleting:
		return status.StateRemoving
	case r.Outcome == Held && r.Reason == ReasonInvalidManifest, r.Outcome == Held && r.Reason == ReasonImmutable:
		return status.StateFailed
	case r.Outcome == Held:
		return status.StatePending
	case r.Step.Verb == Delete:
		return status.StateRemoving
	case r.Step.Verb == Release, r.Reason == ReasonUnselected:
		return status.StateGone
	}
	return status.StateCurrent
}
