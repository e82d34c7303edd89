package override

import (
	"encoding/base64"
	"fmt"
	"reflect"
	"strings"
)

// Document edits a JSON or YAML document that a string holds, such as a value in a ConfigMap.
//
// What the edits leave alone keeps its order, comments and spelling; indentation may be evened out, and where something
// changes in a YAML document with aliases they are written out. An edit that changes nothing leaves the string as it is.
// Identity is not protected inside. Invalid are documents of over 1 MiB or 262144 values with all aliases resolved, text
// with more than one YAML document, and keys that are there twice.
type Document struct {
	Path   string `json:"path"`             // to the string
	Format string `json:"format,omitempty"` // json or yaml; empty: json if it begins with { or [
	Base64 bool   `json:"base64,omitempty"` // the string is base64, as in the data of a Secret
	Edits  []Edit `json:"-"`                // in order; nil edits are invalid
}

// Patches compiles the edit for doc: one patch that replaces the string, or none.
func (d Document) Patches(doc map[string]any) ([]Patch, error) {
	at := func(err error) error { return &Error{Path: d.Path, Err: err} }
	p, err := parsePointer(d.Path)
	if err != nil {
		return nil, at(err)
	}
	v, ok, err := p.lookup(doc)
	if err != nil {
		return nil, at(err)
	}
	text, isText := v.(string)
	if !ok || !isText {
		return nil, at(fmt.Errorf("%w: no string to edit", ErrNotFound))
	}
	out, err := d.edit(text)
	if err != nil {
		return nil, at(err)
	}
	if out == text {
		return nil, nil
	}
	return []Patch{{Path: d.Path, Value: out}}, nil
}

func (d Document) edit(text string) (string, error) {
	if !d.Base64 {
		return d.editText(text)
	}
	if len(text) > 2*maxText {
		return "", fmt.Errorf("%w: a text of %d bytes", ErrInvalid, len(text))
	}
	plain, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	out, err := d.editText(string(plain))
	if err != nil || out == string(plain) {
		return text, err
	}
	return base64.StdEncoding.EncodeToString([]byte(out)), nil
}

func (d Document) editText(text string) (string, error) {
	if len(text) > maxText {
		return "", fmt.Errorf("%w: a document of %d bytes (at most %d)", ErrInvalid, len(text), maxText)
	}
	parse, print, err := d.format(text)
	if err != nil {
		return "", err
	}
	root, was, err := read(parse, text)
	if err != nil {
		return "", err
	}
	is, err := d.apply(was)
	if err != nil || reflect.DeepEqual(was, is) {
		return text, err
	}
	if sharing(root) {
		root = resolve(root)
	}
	out, err := print(regrow(root, was, is), text)
	if err != nil {
		return "", err
	}
	// Writers of YAML have had their errors with comments and odd strings: what is written must read as what is meant.
	if _, back, err := read(parse, out); err != nil || !same(back, is) {
		return "", fmt.Errorf("%w: what came out cannot be written in this format", ErrInvalid)
	}
	return out, nil
}

func read(parse func(string) (*tree, error), text string) (*tree, any, error) {
	root, err := parse(text)
	if err != nil {
		return nil, nil, err
	}
	var r reader
	v, err := r.value(root, 0)
	return root, v, err
}

func (d Document) format(text string) (parse func(string) (*tree, error), print func(*tree, string) (string, error), err error) {
	format := d.Format
	if trimmed := strings.TrimSpace(text); format == "" && trimmed != "" && (trimmed[0] == '{' || trimmed[0] == '[') {
		format = "json"
	}
	switch format {
	case "json":
		return parseJSON, printJSON, nil
	case "yaml", "":
		return parseYAML, printYAML, nil
	}
	return nil, nil, fmt.Errorf("%w: unknown format %q (json, yaml)", ErrInvalid, format)
}

// apply runs the edits on the value inside. Edits that look at the document see nothing when it is no object.
func (d Document) apply(value any) (any, error) {
	r := run{before: value, root: value}
	for i, edit := range d.Edits {
		if edit = plain(edit); edit == nil {
			return nil, fmt.Errorf("edit %d: %w: no edit", i, ErrInvalid)
		}
		object, _ := r.root.(map[string]any)
		patches, err := edit.Patches(object)
		if err != nil {
			return nil, fmt.Errorf("edit %d: %w", i, err)
		}
		prog, err := compile(patches, nil)
		if err == nil {
			err = r.do(prog)
		}
		if err != nil {
			return nil, fmt.Errorf("edit %d: %w", i, err)
		}
	}
	return r.root, nil
}
