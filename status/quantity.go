package status

import (
	"math/big"
	"slices"
	"strings"
)

// quantityFold adds resource quantities exactly.
type quantityFold struct {
	sum     big.Rat
	heard   bool
	decimal bool // some has no binary suffix
}

func (q *quantityFold) add(s *source) []problem {
	text, ok := scalar(s.value)
	if _, isBool := s.value.(bool); !ok || isBool {
		return wrongType(s.value, "a quantity")
	}
	n, binary, ok := parseQuantity(text)
	switch {
	case !ok:
		return []problem{{GapWrongType, "no quantity: " + shorten(text, whyRunes)}}
	case n.Sign() < 0:
		return []problem{{GapNegative, shorten(text, whyRunes)}}
	}
	q.sum.Add(&q.sum, n)
	q.heard, q.decimal = true, q.decimal || !binary && n.Sign() != 0
	return nil
}

// suffixes of quantities, largest first; binary ones are powers of 1024.
func suffixes(binary bool) ([]string, int64) {
	if binary {
		return []string{"Ei", "Pi", "Ti", "Gi", "Mi", "Ki"}, 1024
	}
	return []string{"E", "P", "T", "G", "M", "k", "", "m", "u", "n"}, 1000
}

// parseQuantity reads 3, 1.5, 1500m, 2Gi, 1e3.
func parseQuantity(text string) (n *big.Rat, binary, ok bool) {
	digits, suffix := text, ""
	if i := strings.IndexFunc(text, func(r rune) bool { return !strings.ContainsRune("+-.0123456789", r) }); i >= 0 {
		digits, suffix = text[:i], text[i:]
	}
	binary = strings.HasSuffix(suffix, "i")
	names, base := suffixes(binary)
	one := slices.Index(names, "")
	if binary {
		one = len(names)
	}
	i := slices.Index(names, suffix)
	if exponent := strings.TrimLeft(suffix, "eE"); i < 0 && !binary && len(exponent)+1 == len(suffix) && len(exponent) <= 3 {
		digits, i = digits+"e"+exponent, one
	}
	if i < 0 || len(digits) > whyRunes {
		return nil, false, false
	}
	n, ok = new(big.Rat).SetString(digits)
	if !ok {
		return nil, false, false
	}
	scale := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(base), big.NewInt(int64(max(one-i, i-one))), nil))
	if i > one {
		scale.Inv(scale)
	}
	return roundUp(n.Mul(n, scale)), binary, true
}

// roundUp leaves nothing finer than a billionth, as everywhere in Kubernetes.
func roundUp(n *big.Rat) *big.Rat {
	billion := new(big.Rat).SetInt64(1e9)
	n.Mul(n, billion)
	if !n.IsInt() && n.Sign() > 0 {
		up := new(big.Int).Quo(n.Num(), n.Denom())
		n.SetInt(up.Add(up, big.NewInt(1)))
	}
	return n.Quo(n, billion)
}

// result spells the sum with the largest suffix that leaves a whole number, a binary one if all had such.
func (q *quantityFold) result(scope) (any, map[string]any) {
	switch {
	case !q.heard:
		return nil, nil
	case q.sum.Sign() == 0:
		return "0", nil
	}
	if text, ok := spellQuantity(&q.sum, true); ok && !q.decimal {
		return text, nil
	}
	text, _ := spellQuantity(&q.sum, false) // roundUp has left nothing finer than its last suffix
	return text, nil
}

func spellQuantity(n *big.Rat, binary bool) (string, bool) {
	names, base := suffixes(binary)
	unit := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(base), big.NewInt(6), nil))
	step := new(big.Rat).SetFrac64(1, base)
	for _, suffix := range names {
		if quotient := new(big.Rat).Quo(n, unit); quotient.IsInt() {
			return quotient.RatString() + suffix, true
		}
		unit.Mul(unit, step)
	}
	return "", false
}
