package report

import (
	"bufio"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/confed-project/confed/federation"
)

// pageRows is how many lines the table looks at before it decides how wide its columns are.
const pageRows = 100

// table is the Text form. Its columns get wider from page to page, never narrower.
type table struct {
	out     *bufio.Writer
	options Options
	widths  []int
	rows    []row
	begun   bool
}

// row is one line of the table and what stands below it.
type row struct {
	cells []string
	verb  federation.Verb
	below []federation.Change
	text  string // instead of cells: an error
}

func (t *table) plan(p federation.Plan) error {
	for _, s := range p.Steps {
		if s.Verb == federation.Keep && !t.options.All {
			continue
		}
		r := row{cells: s.Columns(), verb: s.Verb}
		for i := range r.cells {
			r.cells[i] = printable(r.cells[i])
		}
		if t.options.Changes {
			r.below = s.Changes
		}
		t.rows = append(t.rows, r)
	}
	for _, err := range p.Errs {
		t.rows = append(t.rows, row{text: err.Error()})
	}
	if len(t.rows) < pageRows {
		return nil
	}
	return t.turn()
}

// turn writes a page out, so that somebody who reads along sees it.
func (t *table) turn() error {
	if err := t.page(); err != nil {
		return err
	}
	return t.out.Flush()
}

func (t *table) fail(err error) error {
	t.rows = append(t.rows, row{text: err.Error()})
	return nil
}

func (t *table) page() error {
	header := []string{"CLUSTER", "OBJECT", "DO", "REASON", "REPLICAS", "WHY"}
	if t.widths == nil {
		t.widths = make([]int, len(header))
	}
	first := !t.begun && slices.ContainsFunc(t.rows, func(r row) bool { return r.cells != nil })
	if first {
		t.begun = true
		t.rows = slices.Insert(t.rows, 0, row{cells: header})
	}
	for _, r := range t.rows {
		for i, cell := range r.cells {
			t.widths[i] = max(t.widths[i], utf8.RuneCountInString(cell))
		}
	}
	paint := painter(t.options.Color)
	for i, r := range t.rows {
		t.line(r, first && i == 0, paint)
	}
	t.rows = t.rows[:0]
	return nil
}

// line writes one row. Its cells are padded before they are painted, since colours have no width. Why goes below where
// there is too little room beside the rest.
func (t *table) line(r row, header bool, paint painter) {
	if r.cells == nil {
		fmt.Fprintln(t.out, paint.in(red, "error: "+printable(r.text)))
		return
	}
	const verb, why, enough = 2, 5, 30
	cells, used := make([]string, len(r.cells)), 0
	var below string
	for i, cell := range r.cells {
		if i == why {
			if room := t.options.Width - used; t.options.Width > 0 && room < enough && !header {
				cell, below = "", cell
			} else if t.options.Width > 0 {
				cell = cut(cell, max(room, 1))
			}
			cells[i] = cell
			break
		}
		cells[i] = pad(cell, t.widths[i])
		used += t.widths[i] + 2
		if i == verb {
			cells[i] = paint.in(colorOf(r.verb), cells[i])
		}
	}
	text := strings.TrimRight(strings.Join(cells, "  "), " ")
	if header {
		text = paint.in(bold, text)
	}
	fmt.Fprintln(t.out, text)
	if below != "" && len(r.below) == 0 { // else the changes say it
		fmt.Fprintln(t.out, "    "+cut(below, t.options.Width-4))
	}
	for _, c := range r.below {
		mark, color := sign(c)
		fmt.Fprintln(t.out, "    "+paint.in(color, cut(mark+" "+printable(c.String()), t.options.Width-4)))
	}
}

func (t *table) close(totals Totals) error {
	if err := t.page(); err != nil {
		return err
	}
	if t.begun {
		fmt.Fprintln(t.out)
	}
	line := painter(t.options.Color).in(bold, totals.String())
	if keep := totals.Steps[federation.Keep]; keep > 0 && !t.options.All && t.begun {
		line += " (what is kept is not listed)"
	}
	_, err := fmt.Fprintln(t.out, line)
	return err
}
