package command

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "sigs.k8s.io/yaml"
)

// document is one document of a file.
type document struct {
	origin string // objects.yaml, document 3 (line 41)
	line   int    // of the file, where it begins
	text   []byte
}

// maxDocument is what a document may have at most, as an API server takes no more than a few of its bytes either.
const maxDocument = 64 << 20

// documents yields the documents of files in order: of directories all YAML and JSON files, of - the standard input. A
// file is read as it is needed. The error of a file ends that file, not the others.
func documents(names []string, stdin []byte) iter.Seq2[document, error] {
	return func(yield func(document, error) bool) {
		for _, name := range names {
			files, err := expand(name)
			if err != nil && !yield(document{}, err) {
				return
			}
			for _, file := range files {
				for doc, err := range fileDocuments(file, stdin) {
					if !yield(doc, err) {
						return
					}
				}
			}
		}
	}
}

func expand(name string) ([]string, error) {
	info, err := os.Stat(name)
	if name == "-" || err == nil && !info.IsDir() {
		return []string{name}, nil
	}
	if err != nil {
		return nil, err
	}
	var files []string
	err = filepath.WalkDir(name, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(path)) {
			files = append(files, path)
		}
		return err
	})
	return files, err
}

func fileDocuments(name string, stdin []byte) iter.Seq2[document, error] {
	return func(yield func(document, error) bool) {
		var in io.Reader = bytes.NewReader(stdin)
		if name != "-" {
			file, err := os.Open(name)
			if err != nil {
				yield(document{}, err)
				return
			}
			defer file.Close()
			in = file
		}
		lines := bufio.NewScanner(in)
		lines.Buffer(nil, maxDocument)
		var text bytes.Buffer
		count, first, line := 0, 1, 0
		emit := func() bool {
			content := bytes.TrimSpace(text.Bytes())
			if !meaningful(content) {
				return true
			}
			count++
			return yield(document{fmt.Sprintf("%s, document %d (line %d)", name, count, first), first, slices.Clone(text.Bytes())}, nil)
		}
		for lines.Scan() {
			line++
			if at := lines.Bytes(); bytes.HasPrefix(at, []byte("---")) && (len(at) == 3 || at[3] == ' ' || at[3] == '\r' || at[3] == '\t') {
				if !emit() {
					return
				}
				text.Reset()
				first = line + 1
				continue
			}
			text.Write(lines.Bytes())
			text.WriteByte('\n')
		}
		if err := lines.Err(); err != nil {
			yield(document{}, fmt.Errorf("%s, line %d: %w", name, line+1, err))
			return
		}
		emit()
	}
}

// meaningful says whether a document has anything but comments.
func meaningful(text []byte) bool {
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return true
		}
	}
	return false
}

// json is the document as JSON.
func (d document) json() ([]byte, error) {
	data, err := utilyaml.YAMLToJSON(d.text)
	if err != nil {
		_, err = utilyaml.YAMLToJSON(append(bytes.Repeat([]byte{'\n'}, d.line-1), d.text...)) // the same error, with the line of the file
		return nil, fmt.Errorf("%s: %w", d.origin, err)
	}
	return data, nil
}

var errNoObject = errors.New("not an object with apiVersion, kind and metadata.name")

// objects are the objects of the document: those of a List, or the one that it is.
func (d document) objects() ([]*unstructured.Unstructured, error) {
	data, err := d.json()
	if err != nil {
		return nil, err
	}
	obj := &unstructured.Unstructured{}
	if err := obj.UnmarshalJSON(data); err != nil {
		return nil, fmt.Errorf("%s: %w", d.origin, errNoObject)
	}
	if !obj.IsList() {
		if obj.GetName() == "" || obj.GetAPIVersion() == "" {
			return nil, fmt.Errorf("%s: %w", d.origin, errNoObject)
		}
		return []*unstructured.Unstructured{obj}, nil
	}
	list, err := obj.ToList()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.origin, err)
	}
	var out []*unstructured.Unstructured
	for i := range list.Items {
		item := &list.Items[i]
		if item.GetName() == "" || item.GetKind() == "" {
			return nil, fmt.Errorf("%s, item %d: %w", d.origin, i, errNoObject)
		}
		out = append(out, item)
	}
	return out, nil
}

// mentions says whether one of the words is in the document: a cheap look before it is decoded.
func (d document) mentions(words ...string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return bytes.Contains(d.text, []byte(w)) })
}

// named names an object for people.
func named(obj *unstructured.Unstructured) string {
	name := obj.GetName()
	if obj.GetNamespace() != "" {
		name = obj.GetNamespace() + "/" + name
	}
	return obj.GetKind() + " " + strings.TrimPrefix(name, "/")
}
