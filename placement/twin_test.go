package placement

import (
	"fmt"
	"math"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/labels"
)

// selectedTwin decides every cluster again, slowly: a part of the request at a time, in Kleene's logic. What Groups and
// Limit choose must be among that.
func selectedTwin(req Request, f *Fleet, got Result) (differs string) {
	selected := map[string]bool{}
	for _, name := range names(got.Decisions) {
		selected[name] = true
	}
	picks := req.Policy.Limit != nil || len(req.Policy.Groups) > 0
	for c := range f.All() {
		var before Decision
		for _, d := range req.Previous {
			if d.Cluster == c.Name && (d.Selected || d.Held) {
				before = d
			}
		}
		there := before.Selected || before.Held
		answers := []truth{twinPolicy(req.Policy, c), twinTaints(req, c, there), twinGuards(req, c), twinVerdicts(req, c), twinKind(req, c, there)}
		for _, filter := range req.Filters {
			ok, err := filter.Allow(req.Subject, c)
			answers = append(answers, truthOf(ok))
			if err != nil {
				answers[len(answers)-1] = unknown
			}
		}
		if req.Policy.OnlyReady && c.Ready.State != Ready {
			answers = append(answers, map[ReadyState]truth{NotReady: no, ReadyUnknown: unknown}[c.Ready.State])
		}
		want := slices.Min(answers) == yes || slices.Min(answers) == unknown && there
		is := selected[c.Name]
		if want != is && (!picks || is) {
			return fmt.Sprintf("%+v: %v, there %v: %+v", c, answers, there, got.Decisions)
		}
	}
	return ""
}

func twinPolicy(p Policy, c Cluster) truth {
	answer := no
	switch {
	case p.Clusters != nil:
		answer = truthOf(slices.Contains(p.Clusters, c.Name))
	case p.Selector != nil:
		if s, err := upstream(*p.Selector); err != nil {
			answer = unknown
		} else {
			answer = truthOf(s.Matches(labels.Set(c.Labels)))
		}
	}
	for _, w := range p.Within {
		answer = min(answer, twinPolicy(w, c))
	}
	alternative := truthOf(len(p.AnyOf) == 0)
	for _, one := range p.AnyOf {
		alternative = max(alternative, twinPolicy(one, c))
	}
	answer = min(answer, alternative)
	for _, property := range p.Properties {
		answer = min(answer, twinProperty(property, c))
	}
	return answer
}

// twinProperty knows the values that the random clusters have, and nothing else.
func twinProperty(p Property, c Cluster) truth {
	values := map[string][]string{"region": {c.Region}, "zone": c.Zones}[p.Name]
	if value, ok := c.Properties[p.Name]; ok {
		values = []string{value}
	}
	values = slices.DeleteFunc(slices.Clone(values), func(s string) bool { return s == "" })
	if len(p.Values) > 0 && (p.Operator == "Exists" || p.Operator == "DoesNotExist") {
		return unknown
	}
	switch p.Operator {
	case "Exists":
		return truthOf(len(values) > 0)
	case "DoesNotExist":
		return truthOf(len(values) == 0)
	}
	as := p.Type
	if as == "" {
		as = map[bool]string{true: "String", false: "Quantity"}[p.Operator == "In" || p.Operator == "NotIn"]
	}
	order := func(text string) (float64, bool) {
		known := map[string]map[string]float64{
			"Quantity": {"1": 1, "2": 2, "1500m": 1.5, "1.5": 1.5, "2Gi": 1 << 31, "30": 30},
			"Number":   {"1": 1, "2": 2, "1.5": 1.5, "30": 30},
			"Version":  {"1.5": 1.05, "1.29.3": 1.293, "v1.30": 1.3, "1.29.0": 1.29},
			"String":   {"1": 1, "1.29.0": 2, "1.29.3": 3, "1.5": 4, "12xyz": 5, "1500m": 6, "2": 7, "2Gi": 8, "30": 9, "ap": 10, "eu": 11, "us": 12, "v1.30": 13, "z1": 14, "z2": 15, "z3": 16},
		}
		n, ok := known[as][text]
		return n, ok
	}
	valid := len(p.Values) > 0 && (len(p.Values) == 1 || p.Operator == "In" || p.Operator == "NotIn")
	for _, value := range p.Values {
		_, ok := order(value)
		valid = valid && ok
	}
	if !valid || len(values) == 0 {
		return unknown
	}
	any := false
	for _, value := range values {
		have, ok := order(value)
		if !ok {
			return unknown
		}
		for _, value := range p.Values {
			want, _ := order(value)
			any = any || map[string]bool{"In": have == want, "NotIn": have == want, "Gt": have > want, "Ge": have >= want, "Lt": have < want, "Le": have <= want}[p.Operator]
		}
	}
	return truthOf(any != (p.Operator == "NotIn"))
}

func twinKind(req Request, c Cluster, there bool) truth {
	if c.Kinds == nil || req.Subject.Kind == "" || slices.Contains(c.Kinds, req.Subject.Kind+".apps") {
		return yes
	}
	return answerIf(there)
}

// twinGuards tries all ways in which unknown answers could turn out.
func twinGuards(req Request, c Cluster) truth {
	var walk func(list []Guard) (may [2]bool)
	walk = func(list []Guard) (may [2]bool) {
		if len(list) == 0 {
			may[1] = true
			return may
		}
		g, rest := list[0], walk(list[1:])
		t := yes
		if len(g.Namespaces) > 0 && !slices.Contains(g.Namespaces, req.Subject.Namespace) || len(g.Kinds) > 0 && !slices.Contains(g.Kinds, req.Subject.groupKind()) {
			t = no
		}
		if g.Subjects != nil {
			t = min(t, twinPolicy(Policy{Selector: g.Subjects}, Cluster{Labels: req.Subject.Labels}))
		}
		if g.Clusters != nil {
			t = min(t, twinPolicy(*g.Clusters, c))
		}
		effects := map[Effect][2]bool{Allow: {false, true}, Deny: {true, false}, "Odd": {true, true}}[g.Effect]
		if t != yes {
			may = rest
		}
		if t != no {
			may = [2]bool{may[0] || effects[0], may[1] || effects[1]}
		}
		return may
	}
	may := walk(req.Guards)
	return map[[2]bool]truth{{true, true}: unknown, {true, false}: no, {false, true}: yes}[may]
}

func twinVerdicts(req Request, c Cluster) truth {
	answer := yes
	for _, source := range []string{"opa", "cost"} {
		var of []Verdict
		for _, v := range req.Verdicts {
			if v.Cluster == c.Name && v.Source == source {
				of = append(of, v)
			}
		}
		spoken := false
		for _, v := range of {
			expired := !req.Now.IsZero() && !v.ValidUntil.IsZero() && !req.Now.Before(v.ValidUntil)
			switch {
			case len(of) > 1 || v.Effect == Failed || expired && v.Effect != "":
				answer = min(answer, unknown)
			case v.Effect == Deny:
				answer, spoken = no, true
			case v.Effect == Allow || v.Score != nil && !math.IsNaN(*v.Score) && !expired:
				spoken = true
			}
		}
		if !spoken && slices.Contains(req.Await, source) {
			answer = min(answer, unknown)
		}
	}
	return answer
}

func twinTaints(req Request, c Cluster, there bool) truth {
	answer := yes
	for _, taint := range c.Taints {
		if taint.Effect == preferNoSchedule {
			continue
		}
		forever, invalid, timed, left := false, false, false, time.Duration(-1)
		for _, t := range req.Policy.Tolerations {
			switch {
			case t.Key == "" && t.Operator != "Exists" || t.Operator == "Exists" && t.Value != "":
				invalid = true
			case t.Key != "" && t.Key != taint.Key || t.Effect != "" && t.Effect != taint.Effect:
			case t.Operator != "Exists" && t.Value != taint.Value:
			case t.TolerationSeconds == nil:
				forever = true
			case req.Now.IsZero() || taint.Since.IsZero():
				timed, left = true, time.Hour
			default:
				timed = true
				left = max(left, time.Duration(*t.TolerationSeconds)*time.Second-req.Now.Sub(taint.Since))
			}
		}
		tolerated := answerIf(there)
		switch {
		case forever:
			continue
		case left > 0:
		case timed:
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
