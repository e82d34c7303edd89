package override

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	yaml "sigs.k8s.io/yaml/goyaml.v3"
)

// The nodes of a YAML document keep what decoded values lose: order, comments, and how a scalar was written. The aliases
// in sigs.k8s.io/yaml point to a module of the same maintainers, which every user of the API machinery links already.
const (
	kindDocument = yaml.DocumentNode
	kindObject   = yaml.MappingNode
	kindList     = yaml.SequenceNode
	kindScalar   = yaml.ScalarNode
	kindAlias    = yaml.AliasNode
	styleFlow    = yaml.FlowStyle
)

type tree = yaml.Node

// maxText bounds the bytes of a document inside a string; a ConfigMap cannot hold more.
const maxText = 1 << 20

var (
	errTree = fmt.Errorf("%w: the document has over %d values, or over %d levels, aliases resolved", ErrInvalid, maxNodes, maxDepth)
	errTag  = fmt.Errorf("%w: a value that is not what its tag says", ErrInvalid)
)

// parseYAML reads exactly one YAML document. Text without one is null.
func parseYAML(text string) (*tree, error) {
	d := yaml.NewDecoder(strings.NewReader(text))
	var doc, next tree
	if err := d.Decode(&doc); errors.Is(err, io.EOF) {
		return leaf(nil), nil
	} else if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if err := d.Decode(&next); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: more than one YAML document", ErrInvalid)
	}
	return &doc, nil
}

// parseJSON reads exactly one JSON document and keeps the order of its members and the digits of its numbers.
func parseJSON(text string) (*tree, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	root, err := readJSON(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: text after the JSON document", ErrInvalid)
	}
	return root, nil
}

func readJSON(d *json.Decoder, depth int) (*tree, error) {
	t, err := d.Token()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if depth > maxDepth {
		return nil, errTree
	}
	open, ok := t.(json.Delim)
	if !ok {
		return leaf(t), nil
	}
	n := &tree{Kind: kindList, Tag: "!!seq"}
	if open == '{' {
		n.Kind, n.Tag = kindObject, "!!map"
	}
	for d.More() {
		if n.Kind == kindObject {
			key, err := d.Token()
			if err != nil {
				return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
			}
			n.Content = append(n.Content, leaf(key))
		}
		child, err := readJSON(d, depth+1)
		if err != nil {
			return nil, err
		}
		n.Content = append(n.Content, child)
	}
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return n, nil
}

// grow builds the tree of a decoded value, members sorted.
func grow(v any) *tree {
	switch v := v.(type) {
	case map[string]any:
		n := &tree{Kind: kindObject, Tag: "!!map"}
		for _, k := range sortedKeys(v) {
			n.Content = append(n.Content, leaf(k), grow(v[k]))
		}
		return n
	case []any:
		n := &tree{Kind: kindList, Tag: "!!seq"}
		for _, item := range v {
			n.Content = append(n.Content, grow(item))
		}
		return n
	}
	if s, ok := v.(string); ok {
		n := &tree{}
		if err := n.Encode(s); err == nil { // which quotes what readers of older YAML would take for a bool or a number
			return n
		}
	}
	return leaf(v)
}

func leaf(v any) *tree {
	n := &tree{Kind: kindScalar, Tag: "!!str"}
	switch v := v.(type) {
	case nil:
		n.Tag, n.Value = "!!null", "null"
	case string:
		n.Value = v
	case bool:
		n.Tag, n.Value = "!!bool", fmt.Sprint(v)
	case int64:
		n.Tag, n.Value = "!!int", fmt.Sprint(v)
	case float64:
		text, err := json.Marshal(v)
		if err != nil { // not a number, which only YAML can write
			text = []byte(".nan")
		}
		n.Tag, n.Value = "!!float", string(text)
	case json.Number:
		n.Tag, n.Value = "!!float", string(v)
		if _, err := strconv.ParseInt(n.Value, 10, 64); err == nil {
			n.Tag = "!!int"
		}
	}
	return n
}

// reader turns a tree into a decoded value and counts what it cost.
type reader struct{ nodes int }

func (r *reader) value(n *tree, depth int) (any, error) {
	if r.nodes++; r.nodes > maxNodes || depth > maxDepth {
		return nil, errTree
	}
	switch n.Kind {
	case kindDocument:
		return r.value(n.Content[0], depth)
	case kindAlias:
		return r.value(n.Alias, depth+1)
	case kindList:
		out := make([]any, len(n.Content))
		for i, child := range n.Content {
			v, err := r.value(child, depth+1)
			if err != nil {
				return nil, err
			}
			out[i] = v
		}
		return out, nil
	case kindObject:
		return r.object(n, depth)
	}
	return scalarValue(n)
}

func (r *reader) object(n *tree, depth int) (any, error) {
	out := make(map[string]any, len(n.Content)/2)
	for i := 0; i < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != kindScalar || key.ShortTag() == "!!merge" {
			continue
		}
		if _, twice := out[key.Value]; twice {
			return nil, fmt.Errorf("%w: the key %q is there twice", ErrInvalid, key.Value)
		}
		v, err := r.value(n.Content[i+1], depth+1)
		if err != nil {
			return nil, err
		}
		out[key.Value] = v
	}
	for i := 0; i < len(n.Content); i += 2 {
		key := n.Content[i]
		switch {
		case key.Kind != kindScalar:
			return nil, fmt.Errorf("%w: a key that is no plain value", ErrInvalid)
		case key.ShortTag() == "!!merge":
			v, err := r.value(n.Content[i+1], depth+1)
			if err != nil {
				return nil, err
			}
			if err := mergeKey(out, v); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// mergeKey does what << asks for: an object, or a list of them of which earlier ones win, gives what is not there.
func mergeKey(out map[string]any, v any) error {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	for _, item := range list {
		object, ok := item.(map[string]any)
		if !ok {
			return fmt.Errorf("%w: << merges %s", ErrInvalid, typeName(item))
		}
		for k, v := range object {
			if _, there := out[k]; !there {
				out[k] = v
			}
		}
	}
	return nil
}

// scalarValue reads dates, binaries and what has a tag of its own as text: JSON has no other home for them.
func scalarValue(n *tree) (any, error) {
	switch n.ShortTag() {
	case "!!null":
		return nil, nil
	case "!!bool":
		var b bool
		if n.Decode(&b) != nil {
			return nil, errTag
		}
		return b, nil
	case "!!int", "!!float":
		var i int64
		if n.ShortTag() == "!!int" && n.Decode(&i) == nil {
			return i, nil
		}
		var f float64
		if n.Decode(&f) != nil {
			return nil, errTag
		}
		return f, nil
	}
	return n.Value, nil
}

// printYAML writes a tree in the manner of the text that it came from.
func printYAML(n *tree, like string) (string, error) {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	indent, compact := manner(n)
	e.SetIndent(indent)
	if compact {
		e.CompactSeqIndent()
	}
	if err := errors.Join(e.Encode(n), e.Close()); err != nil {
		return "", fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	out := b.String()
	if strings.HasPrefix(like, "---\n") {
		out = "---\n" + out
	}
	if !strings.HasSuffix(like, "\n") {
		out = strings.TrimSuffix(out, "\n")
	}
	return out, nil
}

// manner finds how far nested objects are indented, and whether lists in objects are not.
func manner(n *tree) (indent int, compact bool) {
	indent = 2
	for queue, found := []*tree{n}, false; len(queue) > 0; queue = queue[1:] {
		n := queue[0]
		if n.Kind == kindObject && n.Style&styleFlow == 0 {
			for i := 0; i+1 < len(n.Content); i += 2 {
				key, child := n.Content[i], n.Content[i+1]
				if child.Style&styleFlow != 0 || len(child.Content) == 0 || key.Column == 0 || child.Column == 0 {
					continue
				}
				if child.Kind == kindObject && !found {
					indent, found = max(2, min(child.Content[0].Column-key.Column, 9)), true
				}
				compact = compact || child.Kind == kindList && child.Column == key.Column
			}
		}
		queue = append(queue, n.Content...)
	}
	return indent, compact
}

// printJSON writes a tree on one line, or indented as the text was that it came from.
func printJSON(n *tree, like string) (string, error) {
	var b bytes.Buffer
	writeJSON(&b, n)
	end := ""
	if strings.HasSuffix(like, "\n") {
		end = "\n"
	}
	_, rest, lines := strings.Cut(strings.TrimSpace(like), "\n")
	if !lines {
		return b.String() + end, nil
	}
	indent := rest[:len(rest)-len(strings.TrimLeft(rest, " \t"))]
	var out bytes.Buffer
	err := json.Indent(&out, b.Bytes(), "", indent)
	return out.String() + end, err
}

func writeJSON(b *bytes.Buffer, n *tree) {
	switch n.Kind {
	case kindObject:
		for i := 0; i < len(n.Content); i += 2 {
			b.WriteByte("{,"[min(i, 1)])
			writeText(b, n.Content[i].Value)
			b.WriteByte(':')
			writeJSON(b, n.Content[i+1])
		}
		b.WriteString("{}"[min(len(n.Content), 1):])
	case kindList:
		for i, child := range n.Content {
			b.WriteByte("[,"[min(i, 1)])
			writeJSON(b, child)
		}
		b.WriteString("[]"[min(len(n.Content), 1):])
	default:
		if n.Tag != "!!str" {
			b.WriteString(n.Value)
			return
		}
		writeText(b, n.Value)
	}
}

func writeText(b *bytes.Buffer, s string) {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string cannot fail
	b.Truncate(b.Len() - 1)
}
