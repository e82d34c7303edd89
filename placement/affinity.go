package placement

import "slices"

// Affinity keeps objects together or apart. Objects with the same value of the label GroupBy in the same namespace are
// a group.
type Affinity struct {
	Name    string // the Source of the verdicts
	GroupBy string
	Apart   bool // keep apart instead of together
	// Over is the fact that they share or do not: region, zone, …; empty: the cluster itself. A cluster that lacks the
	// fact is alone.
	Over string
	// Soft gives scores, 100 or 0, for a Scorer with this Name as Verdict; else the clusters that do not fit are denied, even
	// if the object is there.
	Soft bool
}

// Placed is another object and where it is selected.
type Placed struct {
	Subject  Subject
	Clusters []string
}

// Verdicts says what the places of the others mean for an object: a verdict for each cluster of the Fleet, by name. The
// first of a group is free: without others there are no verdicts. The object itself, if listed, does not count.
func (a Affinity) Verdicts(subject Subject, others []Placed, fleet *Fleet) []Verdict {
	group, ok := subject.Labels[a.GroupBy]
	if !ok {
		return nil
	}
	taken := map[string]bool{}
	for _, o := range others {
		s := o.Subject
		itself := s.Group == subject.Group && s.Kind == subject.Kind && s.Namespace == subject.Namespace && s.Name == subject.Name
		if value, has := s.Labels[a.GroupBy]; itself || !has || value != group || s.Namespace != subject.Namespace {
			continue
		}
		for _, name := range o.Clusters {
			if c, ok := fleet.Get(name); ok {
				for _, domain := range a.domains(&c) {
					taken[domain] = true
				}
			}
		}
	}
	if len(taken) == 0 {
		return nil
	}
	verdicts := make([]Verdict, 0, fleet.Len())
	for c := range fleet.All() {
		together := slices.ContainsFunc(a.domains(&c), func(domain string) bool { return taken[domain] })
		verdicts = append(verdicts, a.verdict(c.Name, together != a.Apart))
	}
	return verdicts
}

func (a Affinity) verdict(cluster string, fits bool) Verdict {
	v := Verdict{Source: a.Name, Cluster: cluster}
	switch {
	case a.Soft && fits:
		v.Score = score(100)
	case a.Soft:
		v.Score = score(0)
	case fits:
		v.Effect = Allow
	case a.Apart:
		v.Effect, v.Reason = Deny, "another of its "+a.GroupBy+" is there"
	default:
		v.Effect, v.Reason = Deny, "none of its "+a.GroupBy+" is there"
	}
	return v
}

func score(n float64) *float64 { return &n }

// domains are what a cluster shares with others. Facts and names are kept apart.
func (a Affinity) domains(c *Cluster) []string {
	if a.Over == "" {
		return []string{"name/" + c.Name}
	}
	one, many, ok := c.fact(a.Over)
	switch {
	case !ok:
		return []string{"name/" + c.Name}
	case many == nil:
		many = []string{one}
	}
	out := make([]string, len(many))
	for i, value := range many {
		out[i] = "fact/" + value
	}
	return out
}
