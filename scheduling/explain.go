package scheduling

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// Explain tells in a table why each target has what it has: its quota (what its weight alone would give), its bounds, what
// runs there, its share, and the reason in words. The arguments are those of the division and its result; a dash is an
// unknown number or no bound. A target that [Weighted] could as well have given the last replica is said to have lost a
// tie. The text is for people and may change between releases.
func Explain(req Request, targets []Target, result Result) string {
	var text strings.Builder
	weights := new(big.Int)
	for i := range targets {
		weights.Add(weights, big.NewInt(targets[i].Weight))
	}
	lost := losers(req, targets, result)
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TARGET\tWEIGHT\tQUOTA\tFLOOR\tCEILING\tRUNS\tSHARE\tREASON")
	for i := range min(len(targets), len(result.Shares)) {
		t, share := &targets[i], result.Shares[i]
		floor, ceiling, _ := t.limits()
		reason := share.reason(t)
		if lost[i] && share.Bound == BoundNone {
			reason += ", lost a tie"
		}
		runs, most := "-", "-"
		if t.Current != nil {
			runs = strconv.FormatInt(*t.Current, 10)
		}
		if ceiling != math.MaxInt64 {
			most = strconv.FormatInt(ceiling, 10)
		}
		fmt.Fprintf(table, "%s\t%d\t%s\t%d\t%s\t%s\t%d\t%s\n",
			t.Name, t.Weight, quota(req.Replicas, t.Weight, weights), floor, most, runs, share.Replicas, reason)
	}
	_ = table.Flush() // a strings.Builder takes everything
	fmt.Fprintf(&text, "%d replicas, %d unplaced\n", req.Replicas, result.Unplaced)
	return text.String()
}

// losers tells by target who lost a tie, if the result is that of Weighted: another strategy has other ties.
func losers(req Request, targets []Target, result Result) map[int]bool {
	d, err := newDivision(req, targets)
	if err != nil {
		return nil
	}
	if d.grant(); !slices.Equal(d.result().Shares, result.Shares) {
		return nil
	}
	lost := map[int]bool{}
	for p := range d.weight {
		lost[d.target(p)] = d.tied(p)
	}
	return lost
}

// quota is the exact share of the weight among all, to two digits.
func quota(replicas, weight int64, weights *big.Int) string {
	if weights.Sign() == 0 {
		return "-"
	}
	n := new(big.Int).Mul(big.NewInt(replicas), big.NewInt(weight))
	return new(big.Rat).SetFrac(n, weights).FloatString(2)
}

// reason puts a share's bound in words.
func (s Share) reason(t *Target) string {
	floor, _, keep := t.limits()
	switch s.Bound {
	case BoundMin:
		if s.Replicas < floor {
			return "part of its floor: not all floors fit"
		}
		return "raised to its floor"
	case BoundMax:
		return "stopped at its maximum"
	case BoundCapacity:
		return "there is no more room"
	case BoundNoGrowth:
		return "may not grow"
	case BoundKept:
		switch {
		case s.Replicas == 0:
			return "nothing moves there"
		case s.Replicas < keep:
			return "keeps some of what runs there"
		}
		return "keeps what runs there"
	case BoundTier:
		return "earlier tiers took everything"
	case BoundNone:
		switch {
		case s.Replicas < floor:
			return "nothing was left for its floor"
		case t.Weight == 0:
			return "has no weight"
		}
		return "follows its weight"
	}
	return string(s.Bound)
}
