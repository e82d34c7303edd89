package override

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func sentinel(t testing.TB, name string) error {
	for _, err := range []error{ErrNotFound, ErrProtected, ErrInvalid, ErrTest} {
		if err.Error() == name {
			return err
		}
	}
	t.Fatalf("no sentinel %q", name)
	return nil
}

// decode reads JSON as the API machinery does, with int64 for integers.
func decode(t testing.TB, text string) any {
	t.Helper()
	v, err := decodeJSON([]byte(text))
	require.NoError(t, err)
	nodes := maxNodes
	v, err = normalise(v, 0, &nodes)
	require.NoError(t, err)
	return v
}

func object(t testing.TB, text string) map[string]any {
	t.Helper()
	return decode(t, text).(map[string]any)
}

func TestKubeFedRows(t *testing.T) {
	text, err := os.ReadFile("testdata/kubefed.json")
	require.NoError(t, err)
	var table struct {
		Rows []struct {
			ID                 string
			Document, Expected json.RawMessage
			Overrides          []Patch
			Error              string
			Differs            bool
		}
	}
	require.NoError(t, json.Unmarshal(text, &table))
	require.Len(t, table.Rows, 45)
	differ := map[string]bool{}
	for _, row := range table.Rows {
		t.Run(row.ID, func(t *testing.T) {
			if row.Differs {
				differ[row.ID] = true
			}
			doc := object(t, string(row.Document))
			got, err := Apply(doc, row.Overrides)
			if row.Error != "" {
				require.ErrorIs(t, err, sentinel(t, row.Error))
				require.Nil(t, got)
				return
			}
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(object(t, string(row.Expected)), got))
		})
	}
	// Renaming through a parent, text before the first slash that is thrown away, and integers that lose digits.
	require.Equal(t, map[string]bool{
		"rename-via-metadata": true, "empty-path": true, "noslash": true, "bypass-invalid-path": true, "bigint": true,
	}, differ)
}

// What KubeFed refuses before it looks at any object, and what its own end-to-end fixtures do.
func TestKubeFedParsing(t *testing.T) {
	for _, row := range []struct {
		name, patches string
		err           error
	}{
		{"plain", `[{"path":"/spec/replicas","value":1}]`, nil},
		{"no overrides", `[]`, nil},
		{"namespace", `[{"path":"/metadata/namespace","value":"x"}]`, ErrProtected},
		{"name", `[{"path":"/metadata/name","value":"x"}]`, ErrProtected},
		{"generateName", `[{"path":"/metadata/generateName","value":"x"}]`, ErrProtected},
		{"kind", `[{"path":"/kind","value":"x"}]`, ErrProtected},
		{"apiVersion is judged when the object is known", `[{"path":"/apiVersion","value":"extensions/v1beta1"}]`, nil},
		{"the same path twice", `[{"path":"/spec/x","value":1},{"op":"add","path":"/spec/x","value":2}]`, ErrInvalid},
		{"two items at one place, which KubeFed refuses too", `[{"op":"add","path":"/spec/args/0","value":"a"},{"op":"add","path":"/spec/args/0","value":"b"}]`, nil},
		{"all labels", `[{"path":"/metadata/labels","value":{"x":"y"}}]`, nil},
	} {
		_, err := Compile(parsePatches(t, row.patches))
		require.ErrorIs(t, err, row.err, row.name)
	}
	for _, row := range []struct{ doc, patches, want string }{
		{`{"data":{"foo":"bar"}}`, `[{"path":"/data","value":{"foo":"baz"}}]`, `{"data":{"foo":"baz"}}`},
		{`{"spec":{"replicas":2,"template":{"spec":{"containers":[{"image":"busybox"}]}}}}`,
			`[{"path":"/spec/replicas","value":1},{"path":"/spec/template/spec/containers/0/image","value":"busybox:1.31.0-uclibc"}]`,
			`{"spec":{"replicas":1,"template":{"spec":{"containers":[{"image":"busybox:1.31.0-uclibc"}]}}}}`},
		{`{"spec":{"parallelism":1}}`, `[{"path":"/spec/parallelism","value":2}]`, `{"spec":{"parallelism":2}}`},
		{`{"metadata":{}}`, `[{"path":"/metadata/labels","value":{"crudtester-operation":"update","kubefed.io/managed":"true"}}]`,
			`{"metadata":{"labels":{"crudtester-operation":"update","kubefed.io/managed":"true"}}}`},
	} {
		got, err := Apply(object(t, row.doc), parsePatches(t, row.patches))
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(object(t, row.want), got))
	}
}
