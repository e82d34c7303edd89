package placement

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"
)

// Verdict is the answer of somebody who was asked before planning — a policy engine, a webhook, a cost service — about
// one cluster. There is at most one per Source and Cluster. One that has expired or Failed is no answer: the previous
// decision on the cluster stands.
type Verdict struct {
	Source     string    `json:"source"` // who was asked; comes back as Decision.By
	Cluster    string    `json:"cluster"`
	Effect     Effect    `json:"effect,omitempty"`
	Score      *float64  `json:"score,omitempty"` // for Scorer.Verdict; nil: no data
	Reason     string    `json:"reason,omitempty"`
	ValidUntil time.Time `json:"validUntil,omitzero"` // zero: for ever
}

// Filter refuses clusters by a rule of the program's own. Allow must be a pure function that leaves its arguments as
// they are; it may be called more than once for a cluster. After an error the previous decision on the cluster stands.
type Filter struct {
	Name  string // comes back as Decision.By
	Allow func(Subject, Cluster) (bool, error)
}

// verdicts are the checked Verdicts, sorted by cluster, then source.
type verdicts struct {
	list  []Verdict
	await []string
}

func compileVerdicts(req *Request) (verdicts, []*FieldError) {
	var errs []*FieldError
	v := verdicts{await: req.Await, list: slices.Clone(req.Verdicts)}
	order := make([]int, len(v.list))
	for i := range v.list {
		order[i] = i
		one, field := &v.list[i], index("verdicts", i)
		if !req.Now.IsZero() && !one.ValidUntil.IsZero() && !one.ValidUntil.After(req.Now) {
			one.Reason, one.Score = "expired", nil
			if one.Effect != "" {
				one.Effect = Failed
			}
		}
		switch one.Effect {
		case "", Allow, Deny, Failed:
		default:
			errs = append(errs, invalid(field+".effect", "%q is none of Allow, Deny, Failed", one.Effect))
			one.Effect, one.Reason = Failed, "has an unknown effect"
		}
		if one.Score != nil && (math.IsNaN(*one.Score) || math.IsInf(*one.Score, 0)) {
			errs = append(errs, invalid(field+".score", "%v is not a finite number", *one.Score))
			one.Score = nil
		}
	}
	list := v.list
	slices.SortStableFunc(order, func(a, b int) int { return compareVerdict(list[a], list[b]) })
	v.list = make([]Verdict, len(list))
	for i, at := range order {
		v.list[i] = list[at]
		if i > 0 && compareVerdict(v.list[i-1], list[at]) == 0 {
			errs = append(errs, invalid(index("verdicts", at), "a second verdict of %q on cluster %q", list[at].Source, list[at].Cluster))
			v.list[i-1].Effect, v.list[i-1].Score, v.list[i-1].Reason = Failed, nil, "given twice"
			v.list[i] = v.list[i-1]
		}
	}
	return v, errs
}

func compareVerdict(a, b Verdict) int {
	return cmp.Or(strings.Compare(a.Cluster, b.Cluster), strings.Compare(a.Source, b.Source))
}

// on returns the verdicts on a cluster.
func (v *verdicts) on(cluster string) []Verdict {
	from, _ := slices.BinarySearchFunc(v.list, cluster, func(v Verdict, name string) int { return strings.Compare(v.Cluster, name) })
	to := from
	for to < len(v.list) && v.list[to].Cluster == cluster {
		to++
	}
	return v.list[from:to]
}

// score is the score that a source gave a cluster; nil: no data.
func (v *verdicts) score(cluster, source string) *float64 {
	for _, one := range v.on(cluster) {
		if one.Source == source {
			return one.Score
		}
	}
	return nil
}

func (e *eval) judgeVerdicts(c *Cluster) finding {
	var worst finding
	on := e.verdicts.on(c.Name)
	for i := range on {
		v := &on[i]
		message := v.Reason
		if message == "" {
			message = "verdict of " + v.Source
		}
		switch v.Effect {
		case Deny:
			worst = worst.and(find(refused, VerdictDenied, v.Source, message))
		case Failed:
			worst = worst.and(find(undecided, Undecided, v.Source, message))
		default:
			worst = worst.and(finding{until: v.ValidUntil})
		}
	}
	for _, source := range e.verdicts.await {
		spoken := func(v Verdict) bool {
			return v.Source == source && v.Effect != Failed && (v.Effect != "" || v.Score != nil)
		}
		if !slices.ContainsFunc(on, spoken) {
			worst = worst.and(find(undecided, Undecided, source, "no verdict of "+source))
		}
	}
	return worst
}
