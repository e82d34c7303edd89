package status

import (
	"strconv"
	"strings"
	"time"
	"unicode"
)

const (
	namedClusters = 2  // clusters named in each part of the line
	whyRunes      = 80 // length of what is said of one of them
)

// line is what a Summary says in words, in two parts: how far the propagation is, and how the workloads fare.
type line struct {
	now      time.Time
	clusters []Cluster
	health   bool // the part about health, where a state that is not current has been explained before
	strings.Builder
}

// propagation: 7 of 9 clusters current, 1 held: eu-2 not reachable since 10:02, 1 failed: …
func propagation(s Summary, now time.Time) string {
	if s.Totals.Clusters == 0 {
		return "no clusters"
	}
	l := line{now: now, clusters: s.Clusters}
	l.WriteString(strconv.Itoa(s.Totals.Current) + " of " + strconv.Itoa(s.Totals.Clusters) + plural(s.Totals.Clusters) + " current")
	state := func(want State) func(Cluster) bool { return func(c Cluster) bool { return c.State == want } }
	l.part(s.Totals.Failed, "failed", state(StateFailed))
	l.part(s.Totals.Unknown, "unknown", func(c Cluster) bool { return !knownState(c.State) })
	l.part(s.Totals.Pending, "held", state(StatePending))
	l.part(s.Totals.Removing, "being removed", state(StateRemoving))
	return l.String()
}

// healthiness: 4 of 9 healthy, 1 unhealthy: us-1 CrashLoopBackOff: container app, …; empty when nothing is known of it.
func healthiness(s Summary, now time.Time) string {
	t := s.Totals
	if t.Healthy+t.InProgress+t.Unhealthy == 0 {
		return ""
	}
	l := line{now: now, clusters: s.Clusters, health: true}
	l.WriteString(strconv.Itoa(t.Healthy) + " of " + strconv.Itoa(t.Clusters) + " healthy")
	l.part(t.Unhealthy, "unhealthy", func(c Cluster) bool { return c.Health == HealthFailed })
	l.part(t.InProgress, "in progress", func(c Cluster) bool { return c.Health == HealthInProgress || c.Health == HealthTerminating })
	return l.String()
}

// rollup joins both parts; while all that is known to be is healthy, the second need not be said.
func rollup(s Summary, now time.Time) string {
	first, second := propagation(s, now), healthiness(s, now)
	if s.Totals.InProgress+s.Totals.Unhealthy == 0 {
		return first
	}
	return first + "; " + second
}

// part names the first of count clusters.
func (l *line) part(count int, word string, in func(Cluster) bool) {
	if count == 0 {
		return
	}
	l.WriteString(", " + strconv.Itoa(count) + " " + word)
	named := 0
	for i := 0; i < len(l.clusters) && named < namedClusters; i++ {
		if in(l.clusters[i]) {
			l.WriteString([]string{": ", "; "}[min(named, 1)] + l.clusters[i].Name)
			l.why(l.clusters[i])
			named++
		}
	}
	if named > 0 && count > named {
		l.WriteString("; and " + strconv.Itoa(count-named) + " more")
	}
}

func plural(n int) string {
	if n == 1 {
		return " cluster"
	}
	return " clusters"
}

func knownState(s State) bool {
	return s == StateCurrent || s == StatePending || s == StateFailed || s == StateRemoving || s == StateGone
}

// why says what is known of one cluster: its message, else its reason in words, and since when. The date is shown only
// when it is not today's, by UTC.
func (l *line) why(c Cluster) {
	if l.health && c.State != StateCurrent {
		return
	}
	why, _, _ := strings.Cut(strings.TrimSpace(c.Message), "\n")
	if why == "" {
		why = words(c.Reason)
	}
	if why != "" {
		l.WriteString(" " + shorten(why, whyRunes))
	}
	if c.Since.IsZero() || c.State == StateCurrent {
		return
	}
	since, layout := c.Since.UTC(), "15:04"
	if since.YearDay() != l.now.YearDay() || since.Year() != l.now.Year() {
		layout = "2006-01-02 15:04"
	}
	l.WriteString(" since " + since.Format(layout))
}

// shorten cuts s to n runes, the last of them then an ellipsis.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	runes := []rune(s)
	if len(runes) <= n {
		return s
	}
	return string(runes[:n-1]) + "…"
}

// words spells a CamelCase reason: NotOwned is "not owned".
func words(reason string) string {
	var b strings.Builder
	for i, r := range reason {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
