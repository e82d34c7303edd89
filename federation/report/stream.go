package report

import (
	"bufio"
	"encoding/json"
	"fmt"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/confed-project/confed/federation"
)

// style is how a document is written whose first list comes item by item.
type style struct {
	begin, first, next, none string
	item                     func(v any) (string, error)
	end                      func(rest map[string]any) (string, error)
}

func jsonStyle() style {
	return style{
		begin: `{"plans": [`, first: "\n  ", next: ",\n  ",
		item: func(v any) (string, error) {
			data, err := json.MarshalIndent(v, "  ", "  ")
			return string(data), err
		},
		end: func(rest map[string]any) (string, error) {
			data, err := json.MarshalIndent(rest, "", "  ")
			return "\n],\n" + strings.TrimPrefix(string(data), "{\n") + "\n", err
		},
	}
}

func yamlStyle() style {
	return style{
		begin: "plans:", first: "\n", next: "", none: " []\n",
		item: func(v any) (string, error) {
			data, err := yaml.Marshal([]any{v})
			return string(data), err
		},
		end: func(rest map[string]any) (string, error) {
			data, err := yaml.Marshal(rest)
			return string(data), err
		},
	}
}

// stream is the form JSON and YAML.
type stream struct {
	out    *bufio.Writer
	style  style
	any    bool
	errors []string
}

func newStream(out *bufio.Writer, s style) (*stream, error) {
	_, err := out.WriteString(s.begin)
	return &stream{out: out, style: s, errors: []string{}}, err
}

func (s *stream) plan(p federation.Plan) error {
	text, err := s.style.item(p)
	if err != nil {
		return err
	}
	lead := s.style.next
	if !s.any {
		s.any, lead = true, s.style.first
	}
	_, err = s.out.WriteString(lead + text)
	return err
}

func (s *stream) fail(err error) error {
	s.errors = append(s.errors, err.Error())
	return nil
}

func (s *stream) close(t Totals) error {
	text, err := s.style.end(map[string]any{"counts": t.Steps, "errors": s.errors, "objects": t.Objects})
	if err != nil {
		return err
	}
	if !s.any {
		text = s.style.none + text
	}
	_, err = fmt.Fprint(s.out, text)
	return err
}
