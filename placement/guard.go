package placement

import "slices"

// Guard is a policy of the administrators: it keeps objects out of clusters, whatever their own policies say. Guards
// are asked in order, and the first that concerns both the object and the cluster decides; if none does, the object may
// go. They never bring an object anywhere.
type Guard struct {
	Name   string `json:"name"` // comes back as Decision.By
	Effect Effect `json:"effect"`
	// Which objects it concerns: each list that is not empty must have the object's value.
	Namespaces []string  `json:"namespaces,omitempty"`
	Kinds      []string  `json:"kinds,omitempty"`    // such as Deployment.apps or ConfigMap
	Subjects   *Selector `json:"subjects,omitempty"` // by the labels of the object; nil: all
	// Clusters is which clusters it concerns, as Compile understands it; nil: all.
	Clusters *Policy `json:"clusters,omitempty"`
}

// Effect is what a Guard or a Verdict says.
type Effect string

// The effects. A Verdict without one only carries a score; Failed is for a Verdict whose asking failed.
const (
	Allow  Effect = "Allow"
	Deny   Effect = "Deny"
	Failed Effect = "Failed"
)

// guard is a compiled Guard that concerns the object, or may.
type guard struct {
	name    string
	effect  Effect
	subject truth
	all     bool
	matcher Matcher
}

func compileGuards(list []Guard, subject Subject) ([]guard, []*FieldError) {
	var out []guard
	var errs []*FieldError
	for i, g := range list {
		path := index("guards", i) + "."
		compiled := guard{name: g.Name, effect: g.Effect, subject: yes, all: g.Clusters == nil}
		if g.Name == "" {
			compiled.name = index("guards", i)
		}
		if g.Effect != Allow && g.Effect != Deny {
			errs = append(errs, invalid(path+"effect", "%q is none of Allow, Deny", g.Effect))
		}
		if g.Subjects != nil {
			reqs, bad := compileSelector(*g.Subjects)
			errs = append(errs, under(path+"subjects.", bad)...)
			compiled.subject = matchAll(reqs, subject.Labels)
			if len(bad) > 0 {
				compiled.subject = unknown
			}
		}
		if g.Clusters != nil {
			var bad []*FieldError
			compiled.matcher, bad = compileInner(*g.Clusters, 0)
			errs = append(errs, under(path+"clusters.", bad)...)
		}
		concerns := (len(g.Namespaces) == 0 || slices.Contains(g.Namespaces, subject.Namespace)) &&
			(len(g.Kinds) == 0 || slices.Contains(g.Kinds, subject.groupKind()))
		if concerns && compiled.subject != no {
			out = append(out, compiled)
		}
	}
	return out, errs
}

// groupKind is written as Kubernetes writes it: Deployment.apps, ConfigMap.
func (s Subject) groupKind() string {
	if s.Group == "" {
		return s.Kind
	}
	return s.Kind + "." + s.Group
}

// judgeGuards asks the guards from the last to the first: an earlier one that concerns the cluster takes over, and one
// that may concern it leaves no doubt only if it says the same.
func (e *eval) judgeGuards(c *Cluster) finding {
	effect, by := Allow, ""
	for i := len(e.guards) - 1; i >= 0; i-- {
		g := &e.guards[i]
		t := g.subject
		if !g.all {
			t = min(t, g.matcher.matches(c))
		}
		switch {
		case t == no:
		case g.effect != Allow && g.effect != Deny, t == unknown && effect != g.effect:
			effect, by = Failed, g.name
		case t == yes:
			effect, by = g.effect, g.name
		}
	}
	switch effect {
	case Deny:
		return find(refused, GuardDenied, by, "the guard "+by+" denies it")
	case Failed:
		return find(undecided, Undecided, by, "the guard "+by+" cannot answer")
	}
	return finding{}
}
