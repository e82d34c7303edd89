package status

import (
	"fmt"
	"maps"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"
)

// TestQuantityTwin adds in billionths, to which every quantity is rounded up.
func TestQuantityTwin(t *testing.T) {
	units := map[string]*big.Rat{}
	for suffix, factor := range map[string]string{"n": "1", "u": "1e3", "m": "1e6", "": "1e9", "k": "1e12", "M": "1e15", "G": "1e18", "T": "1e21",
		"Ki": "1024e9", "Mi": "1048576e9", "Gi": "1073741824e9", "Ti": "1099511627776e9", "e3": "1e12", "E2": "1e11", "e-2": "1e7", "e+1": "1e10"} {
		units[suffix], _ = new(big.Rat).SetString(factor)
	}
	suffixes := slices.Sorted(maps.Keys(units))
	r := rand.New(rand.NewPCG(11, 12))
	for range 20000 {
		sum := new(big.Int)
		var texts []string
		for range 1 + r.IntN(4) {
			digits, suffix := fmt.Sprint(r.IntN(3000))+[]string{"", ".5", ".125", "."}[r.IntN(4)], suffixes[r.IntN(len(suffixes))]
			n, ok := new(big.Rat).SetString(strings.TrimSuffix(digits, "."))
			require.True(t, ok, digits)
			n.Mul(n, units[suffix])
			up, rest := new(big.Int).QuoRem(n.Num(), n.Denom(), new(big.Int))
			sum.Add(sum, up).Add(sum, big.NewInt(int64(rest.Sign())))
			texts = append(texts, digits+suffix)
		}
		got := addQuantities(t, texts)
		slices.Reverse(texts)
		require.Equal(t, got, addQuantities(t, texts), "the order shows")
		parsed := resource.MustParse(got)
		back, ok := new(big.Rat).SetString(parsed.AsDec().String())
		require.True(t, ok)
		require.Zero(t, back.Cmp(new(big.Rat).SetFrac(sum, big.NewInt(1e9))), "%v: %s, want %s billionths", texts, got, sum)
	}
}

func addQuantities(t *testing.T, texts []string) string {
	t.Helper()
	f := quantityFold{}
	for _, text := range texts {
		require.Empty(t, f.add(&source{value: text}), text)
	}
	got, _ := f.result(scope{})
	return got.(string)
}

func TestQuantityRefusals(t *testing.T) {
	for reason, texts := range map[string][]string{
		GapWrongType: {"", ".", "-", "1..2", "1/2", "x", "1x", "1Kib", "Ki", "0x10", "1_0", "1e", "1e1e1", "1eE1", "∞", "1 ",
			"1e999999999", "1e-2147483647", "1E+999", strings.Repeat("1", 200)},
		GapNegative: {"-1", "-1Gi"},
		GapOverflow: {"8Ei", "1000000Ei"},
	} {
		for _, text := range texts {
			problems := (&quantityFold{}).add(&source{value: text})
			require.Len(t, problems, 1, text)
			require.Equal(t, reason, problems[0].reason, text)
		}
	}
}

func TestQuantitySpelling(t *testing.T) {
	for want, parts := range map[string][]string{
		"3Gi": {"1Gi", "2048Mi"}, "1536Mi": {"1Gi", "512Mi"}, "750m": {"500m", "250m"}, "2": {"1", "1"}, "1k": {"500", "500"},
		"512": {"0.5Ki"}, "1n": {"1e-12"}, "107374182400m": {"0.1Gi"}, "0": {"0"}, "1025": {"1Ki", "1"}, "2Ki": {"2Ki", "0"},
	} {
		require.Equal(t, want, addQuantities(t, parts), parts)
	}
}
