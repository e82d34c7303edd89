package placement

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// taintScorer stands for the taints PreferNoSchedule where no scorer has them.
const taintScorer = "taints"

// score rates the entrants. The range of each scorer is that of the clusters that are open to newcomers, so that it does
// not depend on what was chosen before; others are cut to it.
func (e *eval) score(entrants []*candidate) {
	l := &e.limit
	if e.avoids(entrants) {
		l.scorers = append([]scorer{{Scorer: Scorer{Name: taintScorer, Weight: 1, Taints: true, Missing: missingLowest}}}, l.scorers...)
	}
	k := len(l.scorers)
	points := make([]float64, k*len(entrants))
	for i, c := range entrants {
		c.points = points[i*k : (i+1)*k : (i+1)*k]
		c.tie = e.tie(c.cluster.Name)
	}
	for j := range l.scorers {
		e.rate(entrants, j)
	}
	for _, c := range entrants {
		c.total = l.mean(c.points)
	}
	if e.out != nil {
		l.buffer = make([]Score, 0, k*len(entrants))
	}
}

// avoids tells whether taints PreferNoSchedule have to be scored without being asked for.
func (e *eval) avoids(entrants []*candidate) bool {
	if slices.ContainsFunc(e.limit.scorers, func(s scorer) bool { return s.Taints }) {
		return false
	}
	return slices.ContainsFunc(entrants, func(c *candidate) bool { return e.avoided(c.cluster) > 0 })
}

// avoided is the number of taints PreferNoSchedule that are not tolerated.
func (e *eval) avoided(c *Cluster) (n int) {
	for _, taint := range c.Taints {
		if taint.Effect == preferNoSchedule {
			if ok, _ := e.tolerations.of(taint); !ok {
				n++
			}
		}
	}
	return n
}

// rate fills in the points of scorer j.
func (e *eval) rate(entrants []*candidate, j int) {
	s := &e.limit.scorers[j]
	least, most := math.Inf(1), math.Inf(-1)
	anyOpen := slices.ContainsFunc(entrants, func(c *candidate) bool { return c.finding.stand == open })
	for _, c := range entrants {
		raw, ok, err := e.raw(s, c.cluster)
		if err != nil {
			e.fail(c.cluster, "limit.scorers["+s.Name+"]", "%w", err)
		}
		if !ok {
			c.missing |= 1 << j
			continue
		}
		c.points[j] = raw
		if c.finding.stand == open || !anyOpen {
			least, most = min(least, raw), max(most, raw)
		}
	}
	if s.Prefer != nil {
		least, most = 0, 1
	}
	var sum float64
	rated := 0
	for _, c := range entrants {
		if c.missing>>j&1 == 1 {
			continue
		}
		c.points[j] = between(c.points[j], least, most)
		if c.finding.stand == open || !anyOpen {
			sum += c.points[j]
			rated++
		}
	}
	e.limit.rateMissing(entrants, j, round(sum/float64(max(rated, 1))))
}

// rateMissing fills in the points of the entrants without data.
func (l *limit) rateMissing(entrants []*candidate, j int, mean float64) {
	s := &l.scorers[j]
	points := 0.0
	switch {
	case s.Missing == missingNeutral:
		points = mean
	case s.Weight < 0:
		points = 100
	}
	for _, c := range entrants {
		if c.missing>>j&1 == 1 {
			c.points[j] = points
		}
	}
}

// between puts a number on the scale from 0 to 100. Halves keep the difference of two large numbers finite.
func between(x, least, most float64) float64 {
	if !(least < most) {
		return 100
	}
	return round(100 * min(1, max(0, (x/2-least/2)/(most/2-least/2))))
}

// round keeps four decimals: enough to compare, and short to read. Adding 0 takes the sign from a zero.
func round(x float64) float64 { return math.Round(x*1e4)/1e4 + 0 }

// raw is the number that a scorer goes by; not ok: no data.
func (e *eval) raw(s *scorer, c *Cluster) (n float64, ok bool, err error) {
	switch {
	case s.Taints:
		return -float64(e.avoided(c)), true, nil
	case s.Prefer != nil:
		if matchAll(s.prefer, c.Labels) == yes {
			return 1, true, nil
		}
		return 0, true, nil
	case s.Verdict != "":
		score := e.verdicts.score(c.Name, s.Verdict)
		if score == nil {
			return 0, false, nil
		}
		return *score, true, nil
	}
	text, many, ok := c.fact(s.Property)
	switch {
	case !ok:
		return 0, false, nil
	case many != nil:
		return 0, false, fmt.Errorf("%s has several values", s.Property)
	}
	if n, ok := parseSmall(text, true); ok {
		return n.float(), true, nil
	}
	value, err := parseNumber(text, true)
	if err != nil {
		return 0, false, fmt.Errorf("%s: %w", s.Property, err)
	}
	return value.AsApproximateFloat64(), true, nil
}

// mean is the mean by weight. The conversions keep a processor from joining product and sum, which would round otherwise.
func (l *limit) mean(points []float64) float64 {
	var sum, weights float64
	for j, p := range points {
		w := float64(l.scorers[j].Weight)
		sum += float64(w * p)
		weights += math.Abs(w)
	}
	return round(sum / max(weights, 1))
}

// compare orders candidates: the better one first.
func (l *limit) compare(a, b *candidate) int {
	if l.Lexicographic {
		if d, _ := l.differ(a, b); d != 0 {
			return d
		}
	} else if a.total != b.total {
		if a.total > b.total {
			return -1
		}
		return 1
	}
	if a.tie != b.tie {
		if a.tie < b.tie {
			return -1
		}
		return 1
	}
	return strings.Compare(a.cluster.Name, b.cluster.Name)
}

// differ compares scorer by scorer, and tells by how many points the first that differs does.
func (l *limit) differ(a, b *candidate) (int, float64) {
	for j := range l.scorers {
		d := a.points[j] - b.points[j]
		if l.scorers[j].Weight < 0 {
			d = -d
		}
		switch {
		case d > 0:
			return -1, d
		case d < 0:
			return 1, -d
		}
	}
	return 0, 0
}

// beats tells whether a newcomer is better than a choice by the margin.
func (l *limit) beats(a, b *candidate) bool {
	if l.Lexicographic {
		d, by := l.differ(a, b)
		return d < 0 && by >= l.margin
	}
	return a.total > b.total && a.total-b.total >= l.margin
}

// scores is what the scorers gave a candidate.
func (l *limit) scores(c *candidate) []Score {
	from := len(l.buffer)
	for j, p := range c.points {
		l.buffer = append(l.buffer, Score{Scorer: l.scorers[j].Name, Points: p, Missing: c.missing>>j&1 == 1})
	}
	return l.buffer[from:len(l.buffer):len(l.buffer)]
}

// tie ranks equal clusters: for each object in another order, so that not all objects end up in the same cluster. It is
// FNV-1a, finished by the mixer of splitmix64, since FNV alone hardly moves the high bits.
func (e *eval) tie(name string) uint64 {
	s := &e.req.Subject
	h := uint64(14695981039346656037)
	for _, part := range [...]string{s.Group, s.Kind, s.Namespace, s.Name, name} {
		for i := range len(part) {
			h = (h ^ uint64(part[i])) * 1099511628211
		}
		h = (h ^ 0xff) * 1099511628211
	}
	h ^= h >> 30
	h *= 0xbf58476d1ce4e5b9
	h ^= h >> 27
	h *= 0x94d049bb133111eb
	return h ^ h>>31
}
