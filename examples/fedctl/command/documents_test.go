package command

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// twin splits a text into documents in the slow, obvious way.
func twin(text string) []string {
	var out []string
	for _, doc := range regexp.MustCompile(`(?m)^---([ \t\r].*)?$`).Split(text, -1) {
		if strings.ContainsFunc(regexp.MustCompile(`(?m)^\s*#.*$`).ReplaceAllString(doc, ""), func(r rune) bool { return !strings.ContainsRune(" \t\r\n\v\f\u0085\u00a0", r) }) {
			out = append(out, strings.TrimSpace(doc))
		}
	}
	return out
}

// FuzzDocuments holds the splitter to its twin, and what reads a document to its promise: an object with a name or an error,
// whatever the text.
func FuzzDocuments(f *testing.F) {
	for _, text := range []string{
		"", "a: b", "---\na: b\n---\n", "# only a comment\n---\n\n---\nkind: x\n", "a: |\n  text\n --- no\n---- no\n--- yes\nb: c", "---\r\na: b\r\n---\r\n",
		"apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}]", "{\"kind\": \"x\"}", "a: [", "\x00", "---\n- 1\n---\n1",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.ContainsAny(text, "\v\f\u0085\u00a0\u2028\u2029") || strings.Contains(strings.ReplaceAll(text, "\r\n", ""), "\r") {
			t.Skip("what is white space there is not what this is about")
		}
		var got []string
		for doc, err := range fileDocuments("-", []byte(text)) {
			require.NoError(t, err)
			got = append(got, strings.TrimSpace(string(doc.text)))
			require.Contains(t, doc.origin, fmt.Sprintf("-, document %d (line ", len(got)))
			objects, err := doc.objects()
			if err != nil {
				require.Contains(t, err.Error(), doc.origin)
			}
			for _, obj := range objects {
				require.NotEmpty(t, obj.GetKind())
				require.NotEmpty(t, obj.GetName())
			}
			_, _ = doc.clusters()
		}
		require.Equal(t, len(twin(text)), len(got), "%q", text)
		for i, want := range twin(text) {
			require.Equal(t, strings.ReplaceAll(want, "\r\n", "\n"), strings.ReplaceAll(got[i], "\r\n", "\n"))
		}
	})
}
