package placement

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/version"
)

// The types that a Property can be read as.
const (
	typeString   = "String"
	typeNumber   = "Number"
	typeQuantity = "Quantity"
	typeVersion  = "Version"
)

// fact is what is known of a cluster under a name. Zones are many; everything else is one value. An unknown fact has
// neither.
func (c *Cluster) fact(name string) (one string, many []string, ok bool) {
	const region, zone = "topology.kubernetes.io/region", "topology.kubernetes.io/zone"
	switch name {
	case "name":
		return c.Name, nil, true
	case "provider":
		if c.Provider != "" {
			return c.Provider, nil, true
		}
	case "region", region, "region.topology.k8s.io":
		if c.Region != "" {
			return c.Region, nil, true
		}
		return c.first("region", region, "region.topology.k8s.io")
	case "zone", zone, "zone.topology.k8s.io":
		if len(c.Zones) == 1 {
			return c.Zones[0], nil, true
		}
		if len(c.Zones) > 0 {
			return "", c.Zones, true
		}
		return c.first("zone", zone, "zone.topology.k8s.io")
	}
	return c.first(name)
}

// first is the first property, else the first label, with one of the names.
func (c *Cluster) first(names ...string) (string, []string, bool) {
	for _, from := range [2]map[string]string{c.Properties, c.Labels} {
		for _, name := range names {
			if value, ok := from[name]; ok {
				return value, nil, true
			}
		}
	}
	return "", nil, false
}

// scalar is a value read as a type.
type scalar struct {
	text    string
	small   int64 // of a number that is an integer
	isSmall bool
	number  resource.Quantity
	version *version.Version
}

// parse reads text as a type.
func parse(text, as string) (s scalar, err error) {
	s.text = text
	switch as {
	case typeNumber, typeQuantity:
		if s.small, s.isSmall = parseSmall(text, as == typeQuantity); s.isSmall {
			return s, nil
		}
		s.number, err = parseNumber(text, as == typeQuantity)
	case typeVersion:
		s.version, err = parseVersion(text)
	}
	return s, err
}

// compare orders two values that were read as the same type.
func (s *scalar) compare(t *scalar, as string) int {
	switch {
	case as == typeString:
		return strings.Compare(s.text, t.text)
	case as == typeVersion:
		switch {
		case s.version.LessThan(t.version):
			return -1
		case t.version.LessThan(s.version):
			return 1
		}
		return 0
	case s.isSmall && t.isSmall:
		return cmp.Compare(s.small, t.small)
	}
	x, y := s.quantity(), t.quantity()
	return x.Cmp(y)
}

// quantity is a copy: comparing quantities may change them.
func (s *scalar) quantity() resource.Quantity {
	if s.isSmall {
		return *resource.NewQuantity(s.small, resource.DecimalSI)
	}
	return s.number.DeepCopy()
}

// float is a number as a float, as near as can be.
func (s *scalar) float() float64 {
	if s.isSmall {
		return float64(s.small)
	}
	return s.number.AsApproximateFloat64()
}

// parseSmall reads what most numbers are: an integer with or without a suffix that makes it larger.
func parseSmall(text string, suffixed bool) (int64, bool) {
	end := len(text)
	for end > 0 && (text[end-1] < '0' || text[end-1] > '9') {
		end--
	}
	shift, factor := 0, int64(1)
	switch suffix := text[end:]; {
	case suffix == "":
	case !suffixed:
		return 0, false
	default:
		i := strings.Index("KiMiGiTi", suffix)
		j := strings.Index("kMGT", suffix)
		switch {
		case len(suffix) == 2 && i >= 0 && i%2 == 0:
			shift = 10 * (i/2 + 1)
		case len(suffix) == 1 && j >= 0:
			for range j + 1 {
				factor *= 1000
			}
		default:
			return 0, false
		}
	}
	if end == 0 || end > 15 {
		return 0, false
	}
	n, err := strconv.ParseInt(text[:end], 10, 64)
	scaled := n << shift * factor
	if err != nil || scaled>>shift/factor != n {
		return 0, false
	}
	return scaled, true
}

// parseNumber reads a quantity of Kubernetes. Long ones and far exponents are refused: the cost of reading one grows
// with the exponent without bound.
func parseNumber(text string, suffixed bool) (resource.Quantity, error) {
	const longest, farthest = 64, 64
	if len(text) > longest {
		return resource.Quantity{}, errors.New("longer than 64 characters")
	}
	if !suffixed && strings.Trim(text, "+-.0123456789eE") != "" {
		return resource.Quantity{}, fmt.Errorf("%q is not a number", text)
	}
	if e := strings.LastIndexAny(text, "eE"); e >= 0 && e+1 < len(text) {
		if n, err := strconv.ParseInt(text[e+1:], 10, 64); err == nil && (n > farthest || n < -farthest) {
			return resource.Quantity{}, fmt.Errorf("the exponent of %q is beyond 64", text)
		} else if errors.Is(err, strconv.ErrRange) {
			return resource.Quantity{}, fmt.Errorf("the exponent of %q is beyond 64", text)
		}
	} else if e >= 0 && !suffixed {
		return resource.Quantity{}, fmt.Errorf("%q is not a number", text)
	}
	q, err := resource.ParseQuantity(text)
	if err != nil {
		return q, fmt.Errorf("%q: %w", text, err)
	}
	// Some are cut there without a word, others are not.
	if q.CmpInt64(math.MaxInt64) >= 0 || q.CmpInt64(-math.MaxInt64) <= 0 {
		return q, fmt.Errorf("%q is beyond 64 bits", text)
	}
	return q, nil
}

// parseVersion reads a semantic version; a leading v is allowed, and the patch may be missing.
func parseVersion(text string) (*version.Version, error) {
	if len(text) > 256 {
		return nil, errors.New("longer than 256 characters")
	}
	plain := strings.TrimPrefix(text, "v")
	if strings.Count(plain, ".") == 1 && strings.Trim(plain, "0123456789.") == "" {
		plain += ".0"
	}
	v, err := version.ParseSemantic(plain)
	if err != nil {
		return nil, fmt.Errorf("%q is no version: %w", text, err)
	}
	return v, nil
}
