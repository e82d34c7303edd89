package status

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The conditions of a Summary, and their reasons.
const (
	// ConditionPropagation is True when every cluster holds what was wished there.
	ConditionPropagation = "Propagation"
	// ConditionHealthy folds the healths: False when one failed, else Unknown until all are current. It is left out when
	// no cluster has a health.
	ConditionHealthy = "Healthy"

	ReasonAllCurrent    = "AllCurrent"    // True
	ReasonCheckClusters = "CheckClusters" // False, or Unknown for health
)

// Summarize folds what happened in each cluster into one status for the object's given generation.
//
// Clusters in StateGone are left out, the others are sorted by name; their order in the argument does not matter. Of
// several with one name the worst is kept, since lists in API objects are keyed by it. A transition time moves only when
// that condition's status changes, a cluster's Since only when its State or Reason does; both need prev, the last summary
// of the same object (also a trimmed one), else they are now. Conditions of other types are carried over from prev. Times
// are kept in whole seconds, so that a summary survives its way through JSON. No argument is changed; Values are shared with them.
func Summarize(prev Summary, generation int64, clusters []Cluster, now time.Time) Summary {
	now = now.UTC().Truncate(time.Second)
	out := Summary{ObservedGeneration: generation, Clusters: listed(clusters)}
	setSince(out.Clusters, prev, now)
	out.Totals = total(out.Clusters)
	out.Message = rollup(out, now)
	out.Conditions = conditions(prev.Conditions, out, now)
	return out
}

// Same tells whether s says the same as other, so that a program need not write it: everything but the moments of the
// last looks (they move each time) and the line for people (it is made from the rest) is compared.
func (s Summary) Same(other Summary) bool {
	return s.ObservedGeneration == other.ObservedGeneration && s.Totals == other.Totals && s.Omitted == other.Omitted &&
		slices.EqualFunc(s.Conditions, other.Conditions, sameCondition) &&
		slices.EqualFunc(s.Clusters, other.Clusters, sameCluster)
}

// sameCondition leaves the message of our own conditions out, for the reason given at Same: they are made from the rest.
func sameCondition(a, b metav1.Condition) bool {
	own := a.Type == ConditionPropagation || a.Type == ConditionHealthy
	return a.Type == b.Type && a.Status == b.Status && a.Reason == b.Reason && a.ObservedGeneration == b.ObservedGeneration &&
		a.LastTransitionTime.Time.Equal(b.LastTransitionTime.Time) && (own || a.Message == b.Message)
}

func sameCluster(a, b Cluster) bool {
	return a.Name == b.Name && a.State == b.State && a.Reason == b.Reason && a.Message == b.Message && a.Health == b.Health &&
		a.Since.Equal(b.Since) && slices.Equal(a.Values, b.Values)
}

// listed copies the clusters, but those that are gone, in order of name and one of each.
func listed(clusters []Cluster) []Cluster {
	order := make([]*Cluster, 0, len(clusters)) // to sort these costs less than to sort the structs
	for i := range clusters {
		if clusters[i].State != StateGone {
			order = append(order, &clusters[i])
		}
	}
	if !slices.IsSortedFunc(order, compareClusters) {
		slices.SortFunc(order, compareClusters)
	}
	out := make([]Cluster, 0, len(order))
	for i, c := range order {
		if i == 0 || order[i-1].Name != c.Name {
			out = append(out, storable(*c))
		}
	}
	return out
}

// storable is c as it comes back from JSON.
func storable(c Cluster) Cluster {
	c.Message, c.Reason = strings.ToValidUTF8(c.Message, "\uFFFD"), strings.ToValidUTF8(c.Reason, "\uFFFD")
	if !c.Time.IsZero() {
		c.Time = c.Time.UTC().Truncate(time.Second)
	}
	return c
}

// compareClusters orders by name; of one name the most interesting is first, and among equals the same in any order.
func compareClusters(a, b *Cluster) int {
	if d := strings.Compare(a.Name, b.Name); d != 0 {
		return d
	}
	return cmp.Or(cmp.Compare(interest(*b), interest(*a)), cmp.Compare(a.State, b.State), cmp.Compare(a.Reason, b.Reason),
		cmp.Compare(a.Message, b.Message), cmp.Compare(a.Health, b.Health), a.Time.Compare(b.Time), slices.CompareFunc(a.Values, b.Values, compareValues))
}

func compareValues(a, b Value) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Value, b.Value), cmp.Compare(a.Error, b.Error))
}

// setSince walks both sorted lists at once. A cluster that a trimmed prev does not list may have been dropped there;
// then its moment is unknown, unless it would have been too interesting to be dropped.
func setSince(clusters []Cluster, prev Summary, now time.Time) {
	old := prev.Clusters
	if !slices.IsSortedFunc(old, func(a, b Cluster) int { return strings.Compare(a.Name, b.Name) }) {
		old = listed(old)
	}
	dropped := interestDropped(prev)
	for i := range clusters {
		c := &clusters[i]
		for len(old) > 0 && old[0].Name < c.Name {
			old = old[1:]
		}
		c.Since = now
		switch known := len(old) > 0 && old[0].Name == c.Name; {
		case known && old[0].State == c.State && old[0].Reason == c.Reason:
			c.Since = old[0].Since
		case !known && interest(*c) <= dropped:
			c.Since = time.Time{}
		}
	}
}

func total(clusters []Cluster) Totals {
	t := Totals{Clusters: len(clusters)}
	for i := range clusters {
		switch clusters[i].State {
		case StateCurrent:
			t.Current++
		case StatePending:
			t.Pending++
		case StateFailed:
			t.Failed++
		case StateRemoving:
			t.Removing++
		default:
			t.Unknown++
		}
		switch clusters[i].Health {
		case HealthCurrent:
			t.Healthy++
		case HealthInProgress, HealthTerminating:
			t.InProgress++
		case HealthFailed:
			t.Unhealthy++
		}
	}
	return t
}

// conditions are those of prev with ours brought up to date.
func conditions(prev []metav1.Condition, s Summary, now time.Time) []metav1.Condition {
	list := slices.Clone(prev)
	messages := map[string]string{ConditionPropagation: propagation(s, now), ConditionHealthy: healthiness(s, now)}
	set := func(kind string, verdict metav1.ConditionStatus) {
		reason := ReasonAllCurrent
		if verdict != metav1.ConditionTrue {
			reason = ReasonCheckClusters
		}
		meta.SetStatusCondition(&list, metav1.Condition{Type: kind, Status: verdict, Reason: reason, Message: messages[kind],
			ObservedGeneration: s.ObservedGeneration, LastTransitionTime: metav1.Time{Time: now}})
	}
	t := s.Totals
	if t.Current == t.Clusters {
		set(ConditionPropagation, metav1.ConditionTrue)
	} else {
		set(ConditionPropagation, metav1.ConditionFalse)
	}
	switch {
	case t.Unhealthy > 0:
		set(ConditionHealthy, metav1.ConditionFalse)
	case t.Healthy+t.InProgress == 0:
		meta.RemoveStatusCondition(&list, ConditionHealthy)
	case t.Healthy == t.Clusters:
		set(ConditionHealthy, metav1.ConditionTrue)
	default:
		set(ConditionHealthy, metav1.ConditionUnknown)
	}
	return list
}
