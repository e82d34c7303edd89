package placement

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Explain writes a Result for people: a line for every cluster with its verdict, the reason, what decided it by name, and
// the points that each scorer gave. The text is stable and ends with a newline.
func (r Result) Explain() string {
	var b strings.Builder
	selected, width := 0, 0
	for _, d := range r.Decisions {
		if d.Selected {
			selected++
		}
		width = max(width, len(oneLine(d.Cluster)))
	}
	fmt.Fprintf(&b, "%d of %d selected", selected, len(r.Decisions))
	if r.Shortfall > 0 {
		fmt.Fprintf(&b, ", %d missing", r.Shortfall)
	}
	if !r.Next.IsZero() {
		b.WriteString(", look again at " + r.Next.UTC().Format(time.RFC3339Nano))
	}
	b.WriteByte('\n')
	for _, d := range r.Decisions {
		fmt.Fprintf(&b, "%c %-*s  %s", sign(d), width, oneLine(d.Cluster), oneLine(string(d.Reason)))
		if d.By != "" {
			fmt.Fprintf(&b, " (%s)", oneLine(d.By))
		}
		if d.Message != "" {
			b.WriteString(": " + oneLine(d.Message))
		}
		if d.NoGrowth {
			b.WriteString("; no growth")
		}
		if d.Group != "" {
			b.WriteString("; group " + oneLine(d.Group))
		}
		explainScores(&b, d)
		b.WriteByte('\n')
	}
	return b.String()
}

// oneLine keeps text from elsewhere on its line.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

func sign(d Decision) rune {
	switch {
	case d.Selected:
		return '+'
	case d.Held:
		return '?'
	}
	return '-'
}

func explainScores(b *strings.Builder, d Decision) {
	for i, s := range d.Scores {
		if i == 0 {
			b.WriteString("; " + points(d.Total) + " points:")
		}
		b.WriteString(" " + oneLine(s.Scorer) + "=" + points(s.Points))
		if s.Missing {
			b.WriteString(" (no data)")
		}
	}
}

func points(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }
