package status

import (
	"math"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

// quantityFold adds resource quantities exactly.
type quantityFold struct {
	sum     resource.Quantity
	heard   bool
	decimal bool // some has no binary suffix
}

func (q *quantityFold) add(s *source) []problem {
	text, ok := scalar(s.value)
	if _, isBool := s.value.(bool); !ok || isBool {
		return wrongType(s.value, "a quantity")
	}
	n, ok := parseQuantity(text)
	switch {
	case !ok:
		return []problem{{GapWrongType, "no quantity: " + shorten(text, whyRunes)}}
	case n.Sign() < 0:
		return []problem{{GapNegative, shorten(text, whyRunes)}}
	case n.Format == resource.BinarySI && n.CmpInt64(math.MaxInt64) >= 0: // whatever is beyond was cut to this
		return []problem{{GapOverflow, shorten(text, whyRunes)}}
	}
	q.sum.Add(n)
	q.heard, q.decimal = true, q.decimal || n.Format != resource.BinarySI && !n.IsZero()
	return nil
}

// parseQuantity refuses two things that ParseQuantity does not: texts without any digit, which it takes for zero, and
// exponents of many digits, over which it can sit for minutes.
func parseQuantity(text string) (resource.Quantity, bool) {
	e := strings.LastIndexAny(text, "eE")
	if len(text) > whyRunes || e >= 0 && len(text)-e > len("e-99") || !strings.ContainsAny(text, "0123456789") {
		return resource.Quantity{}, false
	}
	n, err := resource.ParseQuantity(text)
	return n, err == nil
}

// result spells the sum with the largest suffix that leaves a whole number, a binary one if all had such: the order in
// which they were added does not show.
func (q *quantityFold) result(scope) (any, map[string]any) {
	if !q.heard {
		return nil, nil
	}
	q.sum.Format = resource.BinarySI
	if q.decimal {
		q.sum.Format = resource.DecimalSI
	}
	return q.sum.String(), nil
}
