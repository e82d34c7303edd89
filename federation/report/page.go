package report

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"slices"
	"strings"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/override"
)

//go:embed page.html
var pageHTML string

// page is the HTML form: a document around one line of JSON for each object, which its own script makes a matrix of.
type page struct {
	out  *bufio.Writer
	tail string
}

const (
	pageTitle = "{{title}}"
	pageData  = "{{data}}"
	pageTotal = "{{totals}}"
)

func newPage(out *bufio.Writer, o Options) (*page, error) {
	head, tail, _ := strings.Cut(strings.ReplaceAll(pageHTML, pageTitle, html.EscapeString(o.Title)), pageData)
	_, err := out.WriteString(head)
	return &page{out: out, tail: tail}, err
}

// cell is one step on the page.
type cell struct {
	Cluster  string            `json:"cluster"`
	Verb     federation.Verb   `json:"verb"`
	Reason   federation.Reason `json:"reason"`
	Message  string            `json:"message,omitempty"`
	Decision string            `json:"decision,omitempty"`
	Replicas *int64            `json:"replicas,omitempty"`
	Bound    string            `json:"bound,omitempty"`
	Trace    []string          `json:"trace,omitempty"`
	Text     *int              `json:"text,omitempty"` // which of the row's texts says what changes
}

// pageRow is one object on the page. Clusters that get the same share the text of it.
type pageRow struct {
	Object string     `json:"object"`
	Texts  [][]string `json:"texts,omitempty"`
	Cells  []cell     `json:"cells"`

	known map[string]int // digest or text to its place in Texts
}

func (g *page) plan(p federation.Plan) error {
	decisions := map[string]string{}
	for _, d := range p.Decisions {
		verdict := map[bool]string{true: "selected", false: "not selected"}[d.Selected]
		decisions[d.Cluster] = strings.TrimSuffix(verdict+", "+string(d.Reason)+": "+d.Message, ": ")
	}
	rows := map[string]*pageRow{}
	for _, s := range p.Steps {
		name := s.Ref.String()
		if rows[name] == nil {
			rows[name] = &pageRow{Object: name, known: map[string]int{}}
		}
		if err := rows[name].add(s, decisions[s.Ref.Cluster]); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		if err := g.write(rows[name]); err != nil {
			return err
		}
	}
	for _, err := range p.Errs {
		if err := g.fail(err); err != nil {
			return err
		}
	}
	return nil
}

// add adds a step. What is created is known by its digest, so that it is put into words once.
func (r *pageRow) add(s federation.Step, decision string) error {
	c := cell{Cluster: s.Ref.Cluster, Verb: s.Verb, Reason: s.Reason, Message: s.Message, Decision: decision}
	if s.Share != nil {
		c.Replicas, c.Bound = &s.Share.Replicas, string(s.Share.Bound)
	}
	var err error
	if c.Trace, err = traced(s); err != nil || s.Verb == federation.Keep {
		r.Cells = append(r.Cells, c)
		return err
	}
	// Values of retained fields are not in the digest, so it only speaks for what no override and no division touched.
	key := string(s.Verb) + s.Digest
	at, known := r.known[key]
	if !known || s.Verb != federation.Create || len(s.Trace) > 0 || s.Share != nil {
		lines, err := changes(s)
		if err != nil {
			return err
		}
		text := strings.Join(lines, "\n")
		if at, known = r.known[text]; !known {
			at = len(r.Texts)
			r.Texts = append(r.Texts, lines)
			r.known[text] = at
		}
		r.known[key] = at
	}
	if len(r.Texts[at]) > 0 {
		c.Text = &at
	}
	r.Cells = append(r.Cells, c)
	return nil
}

// traced says which override set what.
func traced(s federation.Step) ([]string, error) {
	if len(s.Trace) == 0 {
		return nil, nil
	}
	var shown struct {
		Trace []override.Change `json:"trace"`
	}
	data, err := json.Marshal(s) // which masks Secrets
	if err == nil {
		err = json.Unmarshal(data, &shown)
	}
	var lines []string
	for _, t := range shown.Trace {
		change := federation.Change{Path: t.Path, Have: t.Old, Want: t.New}
		lines = append(lines, t.Layer+" sets "+change.String())
	}
	return lines, err
}

func (g *page) fail(err error) error { return g.write(map[string]any{"error": err.Error()}) }

// write adds a line. The encoding escapes <, > and &, so nothing in it ends the script element.
func (g *page) write(v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(g.out, "%s\n", data)
	return err
}

func (g *page) close(t Totals) error {
	_, err := g.out.WriteString(strings.ReplaceAll(g.tail, pageTotal, html.EscapeString(t.String())))
	return err
}
