package status

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"
)

// TestQuantityAgainstAPIMachinery adds random quantities both ways.
func TestQuantityAgainstAPIMachinery(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	suffix := []string{"", "", "m", "u", "n", "k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti", "e3", "E2", "e-2", "e+1"}
	for range 20000 {
		var sum resource.Quantity
		f := quantityFold{}
		for range 1 + r.IntN(4) {
			text := fmt.Sprint(r.IntN(3000)) + []string{"", ".5", ".125", "."}[r.IntN(4)] + suffix[r.IntN(len(suffix))]
			q, err := resource.ParseQuantity(text)
			problems := f.add(&source{value: text})
			require.Equal(t, err == nil, problems == nil, text)
			sum.Add(q)
		}
		got, _ := f.result(scope{})
		if got == nil {
			continue
		}
		parsed, err := resource.ParseQuantity(got.(string))
		require.NoError(t, err)
		require.Zero(t, sum.Cmp(parsed), "%s, want %s", got, sum.String())
	}
	// API machinery reads some texts without any digit as zero; we do not.
	for _, text := range []string{"", ".", "-", "1..2", "1/2", "x", "1x", "1Kib", "Ki", "0x10", "1_0", "1e", "1e1e1", "1eE1", "∞", "1 "} {
		require.Len(t, (&quantityFold{}).add(&source{value: text}), 1, text)
	}
}

func TestQuantitySpelling(t *testing.T) {
	for want, parts := range map[string][]string{
		"3Gi": {"1Gi", "2048Mi"}, "1536Mi": {"1Gi", "512Mi"}, "750m": {"500m", "250m"}, "2": {"1", "1"}, "1k": {"500", "500"},
		"512": {"0.5Ki"}, "1n": {"1e-12"}, "107374182400m": {"0.1Gi"}, "0": {"0"}, "1025": {"1Ki", "1"}, "2Ki": {"2Ki", "0"},
	} {
		f := quantityFold{}
		for _, text := range parts {
			require.Empty(t, f.add(&source{value: text}))
		}
		got, _ := f.result(scope{})
		require.Equal(t, want, got, parts)
	}
}
