package kubefed

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/confed-project/confed/federation"
)

// Documents reads the objects of a text with any number of YAML or JSON documents, in order. Empty documents do not count,
// and a List stands for its items.
//
// The error joins one *federation.Error for each document that cannot be read, whose Object is its number as people count
// ("document 3"), with the empty ones, from 1; the objects of the others are valid beside it. A key that is there twice, and
// an object without kind or apiVersion, make a document unreadable.
func Documents(text []byte) ([]*unstructured.Unstructured, error) {
	var out []*unstructured.Unstructured
	var errs []error
	for i, doc := range split(text) {
		objects, err := document(doc)
		if err != nil {
			err = &federation.Error{Object: fmt.Sprintf("document %d", i+1), Err: fmt.Errorf("%w: %w", federation.ErrInvalid, err)}
			errs = append(errs, err)
		}
		out = append(out, objects...)
	}
	return out, errors.Join(errs...)
}

// split cuts at the lines that begin a document, which no quoting can contain. What stands behind the mark is the document's.
func split(text []byte) [][]byte {
	var out [][]byte
	var doc []byte
	begun := false // a mark before anything else begins the first document
	for line := range bytes.Lines(text) {
		if rest, ok := bytes.CutPrefix(line, []byte("---")); ok && (len(rest) == 0 || strings.ContainsRune(" \t\r\n", rune(rest[0]))) {
			if begun || !blank(doc) {
				out = append(out, doc)
				doc = nil
			}
			begun = true
			line = rest
		}
		doc = append(doc, line...)
	}
	return append(out, doc)
}

// blank reports whether there is nothing but comments.
func blank(doc []byte) bool {
	for line := range bytes.Lines(doc) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return false
		}
	}
	return true
}

func document(doc []byte) ([]*unstructured.Unstructured, error) {
	if blank(doc) {
		return nil, nil
	}
	data, err := yaml.YAMLToJSONStrict(doc)
	if err != nil {
		return nil, unquoted(err)
	}
	if string(data) == "null" {
		return nil, nil
	}
	wrong := errors.New("is not an object with a kind and an apiVersion")
	obj := &unstructured.Unstructured{}
	if obj.UnmarshalJSON(data) != nil {
		return nil, wrong
	}
	out := []*unstructured.Unstructured{obj}
	if obj.IsList() {
		list, err := obj.ToList()
		if err != nil {
			return nil, wrong
		}
		out = make([]*unstructured.Unstructured, len(list.Items))
		for i := range list.Items {
			out[i] = &list.Items[i]
		}
	}
	for _, o := range out {
		if o.GetKind() == "" || o.GetAPIVersion() == "" {
			return nil, wrong
		}
	}
	return out, nil
}

// unquoted says what is wrong with YAML without quoting the document, which may be a Secret.
func unquoted(err error) error {
	what := "cannot be read"
	if strings.Contains(err.Error(), "already set in map") {
		what = "has a key twice"
	}
	if line := regexp.MustCompile(`line \d+`).FindString(err.Error()); line != "" {
		return fmt.Errorf("%s, %s of the document", what, line)
	}
	return errors.New(what)
}
