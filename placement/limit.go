package placement

import "math"

// Limit picks clusters out of all that are eligible.
//
// Previous choices stay as long as they are eligible; then the best others fill up. A Margin lets better ones replace
// previous choices.
type Limit struct {
	// How many: Count, or Percent of the eligible clusters rounded up, 0 to 100. Neither: as many as Spread allows.
	Count   *int `json:"count,omitempty"`
	Percent *int `json:"percent,omitempty"`
	// Scorers say which clusters are better. Of equal ones the pick is the same for the same object, and spreads over the
	// clusters for different objects. A taint PreferNoSchedule that is not tolerated counts as a scorer named taints of
	// weight 1, which comes first, unless there is one with Taints.
	Scorers []Scorer `json:"scorers,omitempty"`
	// Lexicographic compares scorer by scorer, in order, instead of the mean by weight; of a weight only the sign counts.
	Lexicographic bool     `json:"lexicographic,omitempty"`
	Spread        []Spread `json:"spread,omitempty"`
	// Margin is by how many points a cluster must beat a previous choice to replace it: of the Total, or if Lexicographic
	// of the first score that differs. Nil: nothing is replaced. A choice that lacks a score is never replaced.
	Margin *float64 `json:"margin,omitempty"`
	// CoolDownSeconds is how long a choice cannot be replaced, counted from Decision.Since.
	CoolDownSeconds int64 `json:"coolDownSeconds,omitempty"`
}

// Scorer rates clusters from 0 to 100 points. It has exactly one of Property, Verdict, Prefer and Taints. Numbers are
// spread evenly between the least and the most that an eligible cluster has; where all are equal each gets 100.
type Scorer struct {
	Name   string `json:"name"`             // unique
	Weight int64  `json:"weight,omitempty"` // -100 to 100; negative: less is better; 0 counts as 1
	// Property is a fact, as in Property, read as a Quantity.
	Property string `json:"property,omitempty"`
	// Verdict is the Source of Verdicts with a Score.
	Verdict string `json:"verdict,omitempty"`
	// Prefer gives 100 points to the clusters that match.
	Prefer *Selector `json:"prefer,omitempty"`
	// Taints: the fewer taints PreferNoSchedule are not tolerated the better.
	Taints bool `json:"taints,omitempty"`
	// Missing says what no data is worth: Lowest (default) 0 points, or 100 if Weight is negative; Neutral the mean of the
	// others; Exclude does not pick the cluster.
	Missing string `json:"missing,omitempty"`
}

// Spread keeps the picked clusters spread over the domains of a fact: region, zone, provider, or any other property or
// label. Domains are those of the eligible clusters, so a dead zone is none. A cluster is let in if the emptiest of its
// domains, with it, is within MaxSkew of the emptiest of all; so the emptiest domain is never closed while it has
// clusters. Clusters that stay are not judged. One Spread is filled up as far as is possible, of several each.
type Spread struct {
	By      string `json:"by"`
	MaxSkew int    `json:"maxSkew,omitempty"` // at least 1; 0 counts as 1
	// MinDomains: with fewer domains than that, no domain gets more than MaxSkew.
	MinDomains int `json:"minDomains,omitempty"`
	// Soft prefers clusters that keep the skew, and takes others when there are none.
	Soft bool `json:"soft,omitempty"`
}

// The values of Scorer.Missing.
const (
	missingLowest  = "Lowest"
	missingNeutral = "Neutral"
	missingExclude = "Exclude"
)

// scorer is a compiled Scorer.
type scorer struct {
	Scorer
	prefer []requirement
}

// limit is a compiled Limit.
type limit struct {
	Limit
	scorers []scorer
	margin  float64 // if Margin is set
	buffer  []Score // of the decisions
	spread  []spread

	chosen, outscored *cause
}

// spread is a checked Spread.
type spread struct {
	Spread
	skewed, noDomain *cause
}

func compileLimit(p *Policy) (limit, []*FieldError) {
	l := limit{Limit: *p.Limit, chosen: &cause{Chosen, "", "picked by limit"}, outscored: &cause{Outscored, "", "others were picked by limit"}}
	var errs []*FieldError
	check := func(ok bool, field, format string, args ...any) {
		if !ok {
			errs = append(errs, invalid(field, format, args...))
		}
	}
	check(p.Clusters == nil, "limit", "cannot be combined with clusters")
	check(l.Count == nil || l.Percent == nil, "limit.percent", "cannot be combined with count")
	check(l.Count == nil || *l.Count >= 0, "limit.count", "is negative")
	check(l.Percent == nil || *l.Percent >= 0 && *l.Percent <= 100, "limit.percent", "is not between 0 and 100")
	check(l.CoolDownSeconds >= 0, "limit.coolDownSeconds", "is negative")
	if l.Margin != nil {
		l.margin = *l.Margin
		check(l.margin >= 0 && !math.IsInf(l.margin, 0), "limit.margin", "is not a number of points")
	}
	check(len(l.Scorers) < 64, "limit.scorers", "are more than 63")
	seen := map[string]bool{}
	for i, s := range l.Scorers {
		compiled, bad := compileScorer(s)
		path := index("limit.scorers", i) + "."
		errs = append(errs, under(path, bad)...)
		check(!seen[s.Name], path+"name", "%q is not unique", s.Name)
		seen[s.Name] = true
		l.scorers = append(l.scorers, compiled)
	}
	for i, s := range l.Spread {
		path := index("limit.spread", i) + "."
		check(s.By != "", path+"by", "is empty")
		check(s.MaxSkew >= 0, path+"maxSkew", "is negative")
		check(s.MinDomains >= 0, path+"minDomains", "is negative")
		s.MaxSkew = max(s.MaxSkew, 1)
		l.spread = append(l.spread, spread{s,
			&cause{Skewed, s.By, "others with its " + s.By + " were picked, and one more would break the spread"},
			&cause{NoDomain, s.By, "the cluster has no " + s.By}})
	}
	return l, errs
}

func compileScorer(s Scorer) (scorer, []*FieldError) {
	compiled := scorer{Scorer: s}
	var errs []*FieldError
	sources := 0
	for _, has := range []bool{s.Property != "", s.Verdict != "", s.Prefer != nil, s.Taints} {
		if has {
			sources++
		}
	}
	if sources != 1 {
		errs = append(errs, invalid("property", "needs exactly one of property, verdict, prefer, taints"))
	}
	if s.Name == "" {
		errs = append(errs, invalid("name", "is empty"))
	}
	if s.Weight < -100 || s.Weight > 100 {
		errs = append(errs, invalid("weight", "%d is not between -100 and 100", s.Weight))
	}
	if s.Weight == 0 {
		compiled.Weight = 1
	}
	switch s.Missing {
	case "":
		compiled.Missing = missingLowest
	case missingLowest, missingNeutral, missingExclude:
	default:
		errs = append(errs, invalid("missing", "%q is none of Lowest, Neutral, Exclude", s.Missing))
	}
	if s.Prefer != nil {
		var bad []*FieldError
		compiled.prefer, bad = compileSelector(*s.Prefer)
		errs = append(errs, under("prefer.", bad)...)
	}
	return compiled, errs
}
