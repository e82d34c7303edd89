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

// rollup is the one line for people: 7 of 9 clusters current, 1 held: eu-2 not reachable since 10:02, 1 failed: …
func rollup(s Summary, now time.Time) string {
	if s.Totals.Clusters == 0 {
		return "no clusters"
	}
	var b strings.Builder
	b.WriteString(strconv.Itoa(s.Totals.Current) + " of " + strconv.Itoa(s.Totals.Clusters) + plural(s.Totals.Clusters) + " current")
	part := func(count int, word string, in func(Cluster) bool) {
		if count == 0 {
			return
		}
		b.WriteString(", " + strconv.Itoa(count) + " " + word)
		named := 0
		for i := 0; i < len(s.Clusters) && named < namedClusters; i++ {
			if in(s.Clusters[i]) {
				b.WriteString([]string{": ", "; "}[min(named, 1)] + s.Clusters[i].Name)
				writeWhy(&b, s.Clusters[i], now)
				named++
			}
		}
		if named > 0 && count > named {
			b.WriteString("; and " + strconv.Itoa(count-named) + " more")
		}
	}
	state := func(want State) func(Cluster) bool { return func(c Cluster) bool { return c.State == want } }
	part(s.Totals.Failed, "failed", state(StateFailed))
	part(s.Totals.Unknown, "unknown", func(c Cluster) bool { return !knownState(c.State) })
	part(s.Totals.Pending, "held", state(StatePending))
	part(s.Totals.Removing, "being removed", state(StateRemoving))
	health := func(want ...Health) func(Cluster) bool {
		return func(c Cluster) bool {
			return c.State == StateCurrent && (c.Health == want[0] || c.Health == want[len(want)-1])
		}
	}
	part(s.Totals.Unhealthy, "unhealthy", health(HealthFailed))
	part(s.Totals.InProgress, "in progress", health(HealthInProgress, HealthTerminating))
	return b.String()
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

// writeWhy says what is known of one cluster: its message, else its reason in words, and since when. The date is shown
// only when it is not today's, by UTC.
func writeWhy(b *strings.Builder, c Cluster, now time.Time) {
	why, _, _ := strings.Cut(strings.TrimSpace(c.Message), "\n")
	if why == "" {
		why = words(c.Reason)
	}
	if why != "" {
		b.WriteString(" " + shorten(why, whyRunes))
	}
	if c.Since.IsZero() || c.State == StateCurrent {
		return
	}
	layout := "15:04"
	if since := c.Since.UTC(); since.YearDay() != now.YearDay() || since.Year() != now.Year() {
		layout = "2006-01-02 15:04"
	}
	b.WriteString(" since " + c.Since.UTC().Format(layout))
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
