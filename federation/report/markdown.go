package report

import (
	"bufio"
	"fmt"
	"slices"
	"strings"

	"github.com/confed-project/confed/federation"
)

// commentBytes is somewhat less than what a comment on a pull request may have.
const commentBytes = 60_000

// markdown is the Markdown form: the counts, one line an object, and what changes folded below. It keeps as much as may be
// shown and counts the rest.
type markdown struct {
	out            *bufio.Writer
	options        Options
	lines, details []string
	size           int
	left           int // objects without a line
	folded         int // objects whose changes found no room
}

func (m *markdown) limit() int {
	if m.options.Limit > 0 {
		return m.options.Limit
	}
	return commentBytes
}

// fits takes room if there is some. A part is kept for the headline and for what is said of the rest.
func (m *markdown) fits(text string) bool {
	const spare = 1000
	if m.size+len(text) > m.limit()-spare {
		return false
	}
	m.size += len(text)
	return true
}

func (m *markdown) plan(p federation.Plan) error {
	byObject := map[string][]federation.Step{}
	var names []string
	for _, s := range p.Steps {
		name := s.Ref.String()
		if byObject[name] == nil {
			names = append(names, name)
		}
		byObject[name] = append(byObject[name], s)
	}
	slices.Sort(names)
	for _, name := range names {
		steps := byObject[name]
		if line := objectLine(name, steps); m.left > 0 || !m.fits(line) {
			m.left++
			continue
		} else if !quiet(steps) {
			m.lines = append(m.lines, line)
		}
		text, err := fold(name, steps)
		if err != nil {
			return err
		}
		switch {
		case text == "":
		case m.fits(text):
			m.details = append(m.details, text)
		default:
			m.folded++
		}
	}
	for _, err := range p.Errs {
		if err := m.fail(err); err != nil {
			return err
		}
	}
	return nil
}

func quiet(steps []federation.Step) bool {
	return !slices.ContainsFunc(steps, func(s federation.Step) bool { return s.Verb != federation.Keep })
}

// objectLine is a line of the table: what is done to the object, and where.
func objectLine(name string, steps []federation.Step) string {
	where := map[federation.Verb][]string{}
	for _, s := range steps {
		cluster := s.Ref.Cluster
		if s.Share != nil {
			cluster += fmt.Sprintf(" (%d)", s.Share.Replicas)
		}
		if s.Verb == federation.Hold {
			cluster += ": " + string(s.Reason)
		}
		where[s.Verb] = append(where[s.Verb], cluster)
	}
	var cells []string
	for _, verb := range []federation.Verb{federation.Create, federation.Apply, federation.Release, federation.Delete, federation.Hold, federation.Keep} {
		if list := where[verb]; len(list) > 0 {
			cells = append(cells, "**"+string(verb)+"** "+escape(some(list, 12)))
		}
	}
	return "| " + escape(name) + " | " + strings.Join(cells, "<br>") + " |\n"
}

func some(list []string, most int) string {
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return strings.Join(list[:most], ", ") + fmt.Sprintf(" and %d more", len(list)-most)
}

// escape keeps text from being read as Markdown or HTML.
func escape(text string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "&", "&amp;", "*", `\*`, "_", `\_`, "`", "\\`", "[", `\[`, "@", "&#64;",
		"\n", " ").Replace(printable(text))
}

// fold is what changes in an object, clusters with the same changes together.
func fold(name string, steps []federation.Step) (string, error) {
	clusters := map[string][]string{}
	var texts []string
	for _, s := range steps {
		lines, err := changes(s)
		if err != nil {
			return "", err
		}
		text := strings.Join(lines, "\n")
		if s.Verb == federation.Hold {
			text = "# " + string(s.Reason) + ": " + s.Message
		}
		if text = printable(text); text == "" || s.Verb == federation.Keep {
			continue
		}
		if clusters[text] == nil {
			texts = append(texts, text)
		}
		clusters[text] = append(clusters[text], s.Ref.Cluster)
	}
	if len(texts) == 0 {
		return "", nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "<details><summary>%s</summary>\n", escape(name))
	for _, text := range texts {
		fence := "```"
		for strings.Contains(text, fence) {
			fence += "`"
		}
		fmt.Fprintf(&b, "\n%s\n\n%sdiff\n%s\n%s\n", escape(some(clusters[text], 12)), fence, text, fence)
	}
	b.WriteString("\n</details>\n")
	return b.String(), nil
}

func (m *markdown) fail(err error) error {
	line := "| **error** | " + escape(err.Error()) + " |\n"
	if !m.fits(line) {
		m.left++
		return nil
	}
	m.lines = append(m.lines, line)
	return nil
}

func (m *markdown) close(t Totals) error {
	fmt.Fprintf(m.out, "### %s: %s\n", escape(m.options.Title), t)
	if len(m.lines) > 0 {
		fmt.Fprint(m.out, "\n| object | what happens |\n|---|---|\n", strings.Join(m.lines, ""))
	}
	for _, text := range m.details {
		fmt.Fprint(m.out, "\n", text)
	}
	var rest []string
	if m.left > 0 {
		rest = append(rest, count(m.left, "object")+" are not listed")
	}
	if m.folded > 0 {
		rest = append(rest, "the changes of "+count(m.folded, "object")+" are not shown")
	}
	if len(rest) > 0 {
		fmt.Fprintf(m.out, "\nThere is no room for everything: %s.\n", strings.Join(rest, ", and "))
	}
	return nil
}
