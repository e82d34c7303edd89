package report

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"

	"github.com/confed-project/confed/federation"
)

// ErrFormat means an Options.Format that is none of Formats.
var ErrFormat = errors.New("unknown format")

// Format is a form in which plans are shown.
type Format string

// The formats.
const (
	Text     Format = "text"     // a table, with what changes below each line
	Diff     Format = "diff"     // only what changes, as lines with + and -
	Markdown Format = "markdown" // the counts, a table, and what changes folded; it is cut to Options.Limit
	HTML     Format = "html"     // one page that needs nothing else
	JSON     Format = "json"     // {"plans": […], "errors": […], "counts": {…}}
	YAML     Format = "yaml"     // the same
)

// Formats lists the formats.
func Formats() []Format { return []Format{Text, Diff, Markdown, HTML, JSON, YAML} }

// Options say how plans are shown. The zero value is a table without colours.
type Options struct {
	Format  Format // empty: Text
	Color   bool   // Text and Diff: colours for terminals
	Width   int    // Text: columns to which the lines of the table are cut; 0: they are not
	Changes bool   // Text: what changes, below each line
	All     bool   // Text: the lines where nothing is to be done as well
	Title   string // Markdown and HTML: the headline; empty: Plan
	Limit   int    // Markdown: bytes; 0: 60,000, which a comment on a pull request can hold
}

// Totals is what a whole report says.
type Totals struct {
	Objects int
	Steps   federation.Counts
	Errors  int // what could not be planned or evaluated
}

// String is the totals in one line: 3 create, 1 hold; 2 objects, 1 error.
func (t Totals) String() string {
	line := t.Steps.String() + "; " + count(t.Objects, "object")
	if t.Errors > 0 {
		line += ", " + count(t.Errors, "error")
	}
	return line
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// form writes one format.
type form interface {
	plan(p federation.Plan) error
	fail(err error) error
	close(t Totals) error
}

// Writer writes a report. It is not safe for concurrent use.
type Writer struct {
	out    *bufio.Writer
	form   form
	totals Totals
}

// New begins a report. The error is ErrFormat or that of w.
func New(w io.Writer, o Options) (*Writer, error) {
	if o.Title == "" {
		o.Title = "Plan"
	}
	out := bufio.NewWriter(w)
	r := &Writer{out: out, totals: Totals{Steps: federation.Counts{}}}
	var err error
	switch o.Format {
	case "", Text:
		r.form = &table{out: out, options: o}
	case Diff:
		r.form = &diff{out: out, paint: painter(o.Color)}
	case Markdown:
		r.form = &markdown{out: out, options: o}
	case HTML:
		r.form, err = newPage(out, o)
	case JSON:
		r.form, err = newStream(out, jsonStyle())
	case YAML:
		r.form, err = newStream(out, yamlStyle())
	default:
		return nil, fmt.Errorf("%w %q: want one of %s", ErrFormat, o.Format, names())
	}
	return r, err
}

func names() string {
	var out []string
	for _, f := range Formats() {
		out = append(out, string(f))
	}
	return strings.Join(out, ", ")
}

// Plan adds a plan. Its errors are part of the report.
func (w *Writer) Plan(p federation.Plan) error {
	seen := map[string]bool{}
	for _, s := range p.Steps {
		seen[s.Ref.String()] = true
		w.totals.Steps[s.Verb]++
	}
	w.totals.Objects += len(seen)
	w.totals.Errors += len(p.Errs)
	return w.form.plan(p)
}

// Fail adds an object that cannot be planned, or whatever else the reader must know to be missing.
func (w *Writer) Fail(err error) error {
	w.totals.Errors++
	return w.form.fail(err)
}

// Flush writes out what is complete so far. A table begins when it knows how wide its first page is, or now.
func (w *Writer) Flush() error {
	if t, ok := w.form.(*table); ok {
		if err := t.page(); err != nil {
			return err
		}
	}
	return w.out.Flush()
}

// Close ends the report and returns its totals. It does not close what it writes to.
func (w *Writer) Close() (Totals, error) {
	err := w.form.close(w.totals)
	totals := w.totals
	totals.Steps = maps.Clone(totals.Steps)
	return totals, errors.Join(err, w.out.Flush())
}
