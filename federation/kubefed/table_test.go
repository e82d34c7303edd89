package kubefed_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/confed-project/confed/federation/kubefed"
)

// TestValidateTable is the half without a server of what internal/e2e proves about the schemas, with the same table.
func TestValidateTable(t *testing.T) {
	var table struct {
		Bases map[string]map[string]any `json:"bases"`
		Cases []struct {
			Kind  string         `json:"kind"`
			Set   map[string]any `json:"set"`
			Old   bool           `json:"old,omitempty"` // an update of the base
			Valid bool           `json:"valid"`
		} `json:"cases"`
	}
	data, err := os.ReadFile("testdata/validation.json")
	require.NoError(t, err)
	require.NoError(t, utiljson.Unmarshal(data, &table))
	require.Greater(t, len(table.Cases), 400)
	for _, row := range table.Cases {
		obj := &unstructured.Unstructured{Object: table.Bases[row.Kind]}
		var old *unstructured.Unstructured
		if row.Old {
			old = obj
		}
		obj = obj.DeepCopy()
		for path, value := range row.Set {
			require.NoError(t, unstructured.SetNestedField(obj.Object, value, strings.Split(path, ".")...))
		}
		text, err := json.Marshal(row)
		require.NoError(t, err)
		if err := kubefed.Validate(obj, old); row.Valid != (err == nil) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestCRDs(t *testing.T) {
	golden(t, "crds", kubefed.CRDs()...)
	require.Equal(t, kubefed.CRDs(), kubefed.CRDs())
}
