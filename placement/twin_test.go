package placement

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/labels"
)

// selectedTwin decides every cluster again, slowly: a part of the request at a time, in Kleene's logic.
func selectedTwin(req Request, f *Fleet, got Result) bool {
	for c := range f.All() {
		var before Decision
		for _, d := range req.Previous {
			if d.Cluster == c.Name && (d.Selected || d.Held) {
				before = d
			}
		}
		there := before.Selected || before.Held
		answers := []truth{twinPolicy(req.Policy, c), twinTaints(req, c, there)}
		for _, w := range req.Policy.Within {
			answers = append(answers, twinPolicy(w, c))
		}
		want := slices.Min(answers) == yes || slices.Min(answers) == unknown && there
		if want != slices.Contains(names(got.Decisions), c.Name) {
			return false
		}
	}
	return true
}

func twinPolicy(p Policy, c Cluster) truth {
	switch {
	case p.Clusters != nil && slices.Contains(p.Clusters, c.Name):
		return yes
	case p.Clusters != nil || p.Selector == nil:
		return no
	}
	s, err := upstream(*p.Selector)
	switch {
	case err != nil:
		return unknown
	case s.Matches(labels.Set(c.Labels)):
		return yes
	}
	return no
}

func twinTaints(req Request, c Cluster, there bool) truth {
	answer := yes
	for _, taint := range c.Taints {
		if taint.Effect == preferNoSchedule {
			continue
		}
		forever, invalid, left := false, false, time.Duration(-1)
		for _, t := range req.Policy.Tolerations {
			switch {
			case t.Key == "" && t.Operator != "Exists" || t.Operator == "Exists" && t.Value != "":
				invalid = true
			case t.Key != "" && t.Key != taint.Key || t.Effect != "" && t.Effect != taint.Effect:
			case t.Operator != "Exists" && t.Value != taint.Value:
			case t.TolerationSeconds == nil:
				forever = true
			case req.Now.IsZero() || taint.Since.IsZero():
				left = time.Hour
			default:
				left = max(left, time.Duration(*t.TolerationSeconds)*time.Second-req.Now.Sub(taint.Since))
			}
		}
		tolerated := answerIf(there)
		switch {
		case forever:
			continue
		case left > 0:
		case left <= 0 && left != -1:
			tolerated = no
		case invalid || taint.Effect == "Odd":
			tolerated = unknown
		case taint.Effect == noExecute:
			tolerated = no
		}
		answer = min(answer, tolerated)
	}
	return answer
}

func answerIf(b bool) truth {
	if b {
		return yes
	}
	return no
}
