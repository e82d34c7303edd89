package report

import (
	"bufio"
	"encoding/json"
	"fmt"
	"strings"

	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"github.com/confed-project/confed/federation"
)

// diff is the Diff form: a headline for each step that does something, and below it what it changes.
type diff struct {
	out   *bufio.Writer
	paint painter
	begun bool
}

func (d *diff) plan(p federation.Plan) error {
	for _, s := range p.Steps {
		if s.Verb == federation.Keep {
			continue
		}
		lines, err := changes(s)
		if err != nil {
			return err
		}
		if d.begun {
			fmt.Fprintln(d.out)
		}
		d.begun = true
		fmt.Fprintln(d.out, d.paint.in(bold, printable(headline(s))))
		if s.Message != "" {
			fmt.Fprintln(d.out, d.paint.in(grey, "# "+printable(strings.Join(strings.Fields(s.Message), " "))))
		}
		for _, line := range lines {
			color := map[byte]string{'+': green, '-': red}[line[0]]
			fmt.Fprintln(d.out, d.paint.in(color, printable(line)))
		}
	}
	for _, err := range p.Errs {
		if err := d.fail(err); err != nil {
			return err
		}
	}
	return nil
}

func (d *diff) fail(err error) error {
	_, err = fmt.Fprintln(d.out, d.paint.in(red, "error: "+printable(err.Error())))
	return err
}

func (d *diff) close(totals Totals) error {
	if d.begun {
		fmt.Fprintln(d.out)
	}
	_, err := fmt.Fprintln(d.out, d.paint.in(bold, totals.String()))
	return err
}

// changes is what a step changes, as lines that begin with + or -: of a create the manifest, of others path by path. A line
// with ~ is a path of which no value is known, one with a blank says who holds the field now.
func changes(s federation.Step) ([]string, error) {
	var lines []string
	if s.Verb == federation.Create && s.Manifest != nil {
		manifest, err := manifest(s)
		return block("+", "", manifest), err
	}
	for _, c := range s.Changes {
		if c.Have == nil && c.Want == nil {
			lines = append(lines, "~ "+c.Path)
		}
		if c.Have != nil {
			lines = append(lines, block("-", c.Path, c.Have)...)
		}
		if c.Want != nil {
			lines = append(lines, block("+", c.Path, c.Want)...)
		}
		if len(c.Holders) > 0 {
			lines = append(lines, "  now held by "+strings.Join(c.Holders, ", "))
		}
	}
	return lines, nil
}

// block is a value as YAML, below its path if it has one, each line with a mark in front.
func block(mark, path string, value any) []string {
	data, err := yaml.Marshal(value)
	if err != nil {
		data = fmt.Appendf(nil, "a %T", value)
	}
	text := strings.TrimRight(string(data), "\n")
	switch value.(type) {
	case map[string]any, []any:
		if path != "" {
			text = path + ":\n  " + strings.ReplaceAll(text, "\n", "\n  ")
		}
	default:
		text = path + ": " + text
	}
	return strings.Split(mark+" "+strings.ReplaceAll(text, "\n", "\n"+mark+" "), "\n")
}

// manifest is what the step sends, as it may be shown.
func manifest(s federation.Step) (map[string]any, error) {
	var out struct {
		Manifest map[string]any `json:"manifest"`
	}
	data, err := json.Marshal(s) // which masks Secrets
	if err == nil {
		err = utiljson.Unmarshal(data, &out)
	}
	return out.Manifest, err
}
