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
	switch name {
	case "name":
		return c.Name, nil, true
	case "provider":
		if c.Provider != "" {
			return c.Provider, nil, true
		}
	case "region", "topology.kubernetes.io/region", "region.topology.k8s.io":
		if c.Region != "" {
			return c.Region, nil, true
		}
		return c.first("region", "topology.kubernetes.io/region", "region.topology.k8s.io")
	case "zone", "topology.kubernetes.io/zone", "zone.topology.k8s.io":
		switch {
		case len(c.Zones) == 1:
			return c.Zones[0], nil, true
		case len(c.Zones) > 0:
			return "", c.Zones, true
		}
		return c.first("zone", "topology.kubernetes.io/zone", "zone.topology.k8s.io")
	}
	if one, ok = c.Properties[name]; !ok {
		one, ok = c.Labels[name]
	}
	return one, nil, ok
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
	small   small
	isSmall bool
	number  resource.Quantity // if not small
	version *version.Version
}

// small is a number as its floor and the billionths above: what most numbers are, and cheap.
type small struct{ floor, nano int64 }

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
		return cmp.Or(cmp.Compare(s.small.floor, t.small.floor), cmp.Compare(s.small.nano, t.small.nano))
	}
	x, y := s.quantity(), t.quantity()
	return x.Cmp(y)
}

// quantity is a copy: comparing quantities may change them.
func (s *scalar) quantity() resource.Quantity {
	if s.isSmall {
		q := resource.NewQuantity(s.small.floor, resource.DecimalSI)
		q.Add(*resource.NewScaledQuantity(s.small.nano, resource.Nano))
		return *q
	}
	return s.number.DeepCopy()
}

func (s small) float() float64 { return float64(s.floor) + float64(s.nano)/1e9 }

// parseSmall reads a number of up to 15 digits: an integer with any suffix, or with up to nine decimals without one.
func parseSmall(text string, suffixed bool) (small, bool) {
	end := len(text)
	for end > 0 && (text[end-1] < '0' || text[end-1] > '9') {
		end--
	}
	if end == 0 || end > 16 || end < len(text) && !suffixed {
		return small{}, false
	}
	if whole, decimals, ok := strings.Cut(text, "."); ok {
		return parseDecimal(whole, decimals)
	}
	n, err := strconv.ParseInt(text[:end], 10, 64)
	if err != nil {
		return small{}, false
	}
	switch text[end:] {
	case "":
		return small{floor: n}, true
	case "m":
		floor := n / 1000
		if n%1000 < 0 {
			floor--
		}
		return small{floor, (n - 1000*floor) * 1e6}, true
	case "k":
		return small{floor: n * 1000}, n < 1e15 && n > -1e15
	case "Ki":
		return small{floor: n << 10}, n < 1<<52 && n > -1<<52
	case "Mi":
		return small{floor: n << 20}, n < 1<<42 && n > -1<<42
	case "Gi":
		return small{floor: n << 30}, n < 1<<32 && n > -1<<32
	}
	return small{}, false
}

// parseDecimal reads a number that is not negative and has a point.
func parseDecimal(whole, decimals string) (small, bool) {
	if whole == "" || len(decimals) == 0 || len(decimals) > 9 || strings.Trim(whole, "0123456789") != "" || strings.Trim(decimals, "0123456789") != "" {
		return small{}, false
	}
	n, err1 := strconv.ParseInt(whole, 10, 64)
	nano, err2 := strconv.ParseInt(decimals, 10, 64)
	for range 9 - len(decimals) {
		nano *= 10
	}
	return small{n, nano}, err1 == nil && err2 == nil
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
