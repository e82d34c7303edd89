package placement

import (
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"
)

func TestPropertyTypes(t *testing.T) {
	c := Cluster{Name: "x", Provider: "metal", Region: "eu", Zones: []string{"a", "b"}, Properties: map[string]string{
		"mem": "64Gi", "load": "1500m", "whole": "-2000m", "version": "v1.29.3-gke.100", "short": "1.30", "word": "zwölf", "name": "shadowed",
		"zone.topology.k8s.io": "p",
	}, Labels: map[string]string{"tier": "gold", "mem": "1"}}
	for _, row := range []struct {
		p    Property
		want truth
	}{
		{Property{Name: "mem", Operator: "Ge", Values: []string{"65536Mi"}}, yes},
		{Property{Name: "mem", Operator: "Gt", Values: []string{"65536Mi"}}, no},
		{Property{Name: "mem", Operator: "In", Values: []string{"64Gi"}}, yes},
		{Property{Name: "mem", Operator: "In", Values: []string{"65536Mi"}}, no},
		{Property{Name: "mem", Operator: "In", Values: []string{"65536Mi"}, Type: "Quantity"}, yes},
		{Property{Name: "mem", Operator: "Lt", Values: []string{"1"}, Type: "Number"}, unknown},
		{Property{Name: "load", Operator: "Lt", Values: []string{"1.6"}}, yes},
		{Property{Name: "load", Operator: "In", Values: []string{"1.5", "x"}, Type: "String"}, no},
		{Property{Name: "load", Operator: "In", Values: []string{"0.0015k", "2"}, Type: "Quantity"}, yes},
		{Property{Name: "whole", Operator: "In", Values: []string{"-2"}, Type: "Quantity"}, yes},
		{Property{Name: "whole", Operator: "In", Values: []string{"-2.0"}, Type: "Quantity"}, yes},
		{Property{Name: "load", Operator: "Le", Values: []string{"1.4999999999"}}, yes}, // exact to nine decimals, rounded up
		{Property{Name: "load", Operator: "Le", Values: []string{"1.499999999"}}, no},
		{Property{Name: "version", Operator: "Ge", Values: []string{"1.29.3"}, Type: "Version"}, no}, // a suffix comes before
		{Property{Name: "version", Operator: "Ge", Values: []string{"1.29.3-0"}, Type: "Version"}, yes},
		{Property{Name: "version", Operator: "Ge", Values: []string{"1.29.2"}, Type: "Version"}, yes},
		{Property{Name: "version", Operator: "Lt", Values: []string{"1.100"}, Type: "Version"}, yes},
		{Property{Name: "short", Operator: "In", Values: []string{"1.30.0"}, Type: "Version"}, yes},
		{Property{Name: "word", Operator: "Gt", Values: []string{"a"}, Type: "String"}, yes},
		{Property{Name: "word", Operator: "Gt", Values: []string{"1"}}, unknown},
		{Property{Name: "word", Operator: "Gt", Values: []string{"1.0"}, Type: "Version"}, unknown},
		{Property{Name: "gone", Operator: "NotIn", Values: []string{"a"}}, unknown},
		{Property{Name: "gone", Operator: "Exists"}, no},
		{Property{Name: "gone", Operator: "DoesNotExist"}, yes},
		{Property{Name: "name", Operator: "In", Values: []string{"x"}}, yes},
		{Property{Name: "provider", Operator: "In", Values: []string{"metal"}}, yes},
		{Property{Name: "topology.kubernetes.io/region", Operator: "In", Values: []string{"eu"}}, yes},
		{Property{Name: "zone", Operator: "In", Values: []string{"b", "c"}}, yes},
		{Property{Name: "zone", Operator: "NotIn", Values: []string{"b", "c"}}, no},
		{Property{Name: "zone", Operator: "NotIn", Values: []string{"c", "p"}}, yes},
		{Property{Name: "tier", Operator: "In", Values: []string{"gold"}}, yes}, // a label
	} {
		m, err := Compile(Policy{Clusters: []string{"x"}, Properties: []Property{row.p}})
		require.NoError(t, err)
		require.Equal(t, row.want, m.matches(&c), "%+v", row.p)
		require.Equal(t, row.want == yes, m.Matches(c))
	}
	for _, c := range []Cluster{
		{Labels: map[string]string{"topology.kubernetes.io/region": "eu"}}, {Properties: map[string]string{"region.topology.k8s.io": "eu"}},
		{Properties: map[string]string{"region": "eu"}}, {Region: "eu", Properties: map[string]string{"region": "us"}},
	} {
		for _, name := range []string{"region", "topology.kubernetes.io/region", "region.topology.k8s.io"} {
			one, many, ok := c.fact(name)
			require.Equal(t, []any{"eu", []string(nil), true}, []any{one, many, ok})
		}
	}
}

func TestPropertyErrorsNameTheField(t *testing.T) {
	for field, p := range map[string]Property{
		"properties[0].name":      {Operator: "Exists"},
		"properties[0].operator":  {Name: "a", Operator: "Near"},
		"properties[0].type":      {Name: "a", Operator: "Exists", Type: "Colour"},
		"properties[0].values":    {Name: "a", Operator: "Gt"},
		"properties[0].values[0]": {Name: "a", Operator: "Gt", Values: []string{"x"}},
		"properties[0].values[1]": {Name: "a", Operator: "In", Values: []string{"1.2", "y"}, Type: "Version"},
	} {
		_, err := Compile(Policy{Properties: []Property{p}})
		var fe *FieldError
		require.ErrorAs(t, err, &fe, field)
		require.Equal(t, field, fe.Field)
	}
}

// TestNumbersCompareAsRationals compares with exact arithmetic.
func TestNumbersCompareAsRationals(t *testing.T) {
	rnd := rand.New(rand.NewPCG(25, 26))
	suffixes := map[string]*big.Rat{"": big.NewRat(1, 1), "m": big.NewRat(1, 1000), "k": big.NewRat(1000, 1), "Ki": big.NewRat(1024, 1),
		"M": big.NewRat(1e6, 1), "Mi": big.NewRat(1<<20, 1), "Gi": big.NewRat(1<<30, 1), "T": big.NewRat(1e12, 1), "Ti": big.NewRat(1<<40, 1), "e3": big.NewRat(1000, 1), "E": big.NewRat(1e18, 1)}
	number := func() (string, *big.Rat) {
		text := strconv.Itoa(rnd.IntN(2000) - 1000)
		if rnd.IntN(3) == 0 {
			text = strconv.FormatInt(rnd.Int64()-rnd.Int64(), 10)
		}
		if rnd.IntN(3) == 0 {
			text += "." + strconv.Itoa(rnd.IntN(1000))
		}
		suffix := pick(rnd, "", "", "m", "k", "Ki", "M", "Mi", "Gi", "T", "Ti", "e3", "E")
		r, ok := new(big.Rat).SetString(text)
		require.True(t, ok)
		return text + suffix, r.Mul(r, suffixes[suffix])
	}
	most := new(big.Rat).SetInt64(math.MaxInt64)
	for range 20000 {
		a, x := number()
		b, y := number()
		s, err := parse(a, typeQuantity)
		require.Equal(t, new(big.Rat).Abs(x).Cmp(most) < 0, err == nil, a)
		u, err2 := parse(b, typeQuantity)
		if err != nil || err2 != nil {
			continue
		}
		require.Equal(t, x.Cmp(y), s.compare(&u, typeQuantity), "%s and %s", a, b)
	}
}

func FuzzProperty(f *testing.F) {
	for _, text := range []string{"1", "-5", "+7", "1.5", "12Ki", "3M", "1e3", "1E", "1e-999999999", "1e999999999", "99999999999999999999", "0x10", ".", "", "v1.2.3", "1.2.3-a+b", "NaN"} {
		f.Add(text, "2")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		begin := time.Now()
		for _, as := range []string{typeString, typeNumber, typeQuantity, typeVersion} {
			s, errA := parse(a, as)
			u, errB := parse(b, as)
			if errA != nil || errB != nil {
				continue
			}
			require.Equal(t, s.compare(&u, as), -u.compare(&s, as))
			require.Zero(t, s.compare(&s, as))
			if as == typeQuantity {
				x, y := resource.MustParse(a), resource.MustParse(b)
				require.Equal(t, x.Cmp(y), s.compare(&u, as))
			}
		}
		require.Less(t, time.Since(begin), 10*time.Second, "a number that takes for ever")
	})
}
