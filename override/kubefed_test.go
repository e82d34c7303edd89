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
