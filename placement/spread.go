package placement

import (
	"math"
	"slices"
	"strconv"
)

// newPicker sorts the entrants by the domains that they are in. All domains of entrants count, chosen or not.
func (l *limit) newPicker(entrants []*candidate) *picker {
	p := &picker{limit: l, compare: l.compare, counts: make([][]int, len(l.spread)), least: make([]int, len(l.spread))}
	ids := make([]map[string]int, len(l.spread))
	for k := range ids {
		ids[k] = map[string]int{}
	}
	combinations := map[string]int{}
	var key []byte
	for _, c := range entrants {
		key = key[:0]
		for _, s := range l.spread {
			one, many, ok := c.cluster.fact(s.By)
			if ok && many == nil {
				key = append(append(strconv.AppendInt(key, int64(len(one)), 10), ':'), one...)
			}
			for _, value := range many {
				key = append(append(strconv.AppendInt(append(key, '+'), int64(len(value)), 10), ':'), value...)
			}
			key = append(key, ';')
		}
		at, ok := combinations[string(key)]
		if !ok {
			at = len(p.domains)
			combinations[string(key)] = at
			p.domains = append(p.domains, l.domainsOf(c.cluster, ids, p.counts))
		}
		c.domain = int32(at)
	}
	p.pools = make([][]*candidate, len(p.domains))
	for k := range l.spread {
		p.levels = append(p.levels, []int{len(p.counts[k])})
	}
	return p
}

// domainsOf numbers the domains of a cluster, by Spread.
func (l *limit) domainsOf(c *Cluster, ids []map[string]int, counts [][]int) [][]int {
	domains := make([][]int, len(l.spread))
	for k, s := range l.spread {
		one, many, ok := c.fact(s.By)
		if ok && many == nil {
			many = []string{one}
		}
		for _, value := range many {
			id, known := ids[k][value]
			if !known {
				id = len(counts[k])
				ids[k][value] = id
				counts[k] = append(counts[k], 0)
			}
			if !slices.Contains(domains[k], id) {
				domains[k] = append(domains[k], id)
			}
		}
	}
	return domains
}

// count adds a cluster to its domains, or takes it out.
func (p *picker) count(c *candidate, n int) {
	for k, domains := range p.domains[c.domain] {
		for _, id := range domains {
			from := p.counts[k][id]
			p.counts[k][id] = from + n
			for len(p.levels[k]) <= from+n {
				p.levels[k] = append(p.levels[k], 0)
			}
			p.levels[k][from]--
			p.levels[k][from+n]++
			p.least[k] = min(p.least[k], from+n)
		}
		for len(domains) > 0 && p.levels[k][p.least[k]] == 0 {
			p.least[k]++
		}
	}
}

// fits tells whether one more cluster in the domains keeps the skew: whether the emptiest of them would be within it of
// the emptiest of all.
func (p *picker) fits(k int, domains []int) bool {
	emptiest, least := math.MaxInt-1, p.least[k]
	for _, id := range domains {
		emptiest = min(emptiest, p.counts[k][id])
	}
	if len(p.counts[k]) < p.spread[k].MinDomains {
		least = 0
	}
	return len(domains) > 0 && emptiest+1-least <= p.spread[k].MaxSkew
}

// offer replaces all pools by these candidates.
func (p *picker) offer(candidates []*candidate) {
	for i := range p.pools {
		p.pools[i] = p.pools[i][:0]
	}
	for _, c := range candidates {
		p.pools[c.domain] = append(p.pools[c.domain], c)
	}
	for _, pool := range p.pools {
		for i := len(pool)/2 - 1; i >= 0; i-- {
			p.sink(pool, i)
		}
	}
}

// pick adds the best candidates to chosen until there are n, or none fits.
func (p *picker) pick(chosen []*candidate, n int) []*candidate {
	for len(chosen) < n {
		at := p.best()
		if at < 0 {
			break
		}
		chosen = append(chosen, p.take(at))
	}
	return chosen
}

// best is the pool of the best candidate that fits; -1: none.
func (p *picker) best() int {
	best, bestBroken := -1, 0
	for i, pool := range p.pools {
		if len(pool) == 0 {
			continue
		}
		broken, ok := 0, true
		for k, s := range p.spread {
			if !p.fits(k, p.domains[i][k]) {
				broken++
				ok = ok && (s.Soft || p.force)
			}
		}
		if ok && (best < 0 || broken < bestBroken || broken == bestBroken && p.compare(pool[0], p.pools[best][0]) < 0) {
			best, bestBroken = i, broken
		}
	}
	return best
}

// take removes the first of a pool and counts it as chosen.
func (p *picker) take(at int) *candidate {
	pool := p.pools[at]
	c, last := pool[0], len(pool)-1
	pool[0] = pool[last]
	p.pools[at] = pool[:last]
	p.sink(p.pools[at], 0)
	p.count(c, 1)
	c.state = picked
	return c
}

// push puts a candidate back into its pool.
func (p *picker) push(c *candidate) {
	p.pools[c.domain] = append(p.pools[c.domain], c)
	pool := p.pools[c.domain]
	for i := len(pool) - 1; i > 0 && p.compare(pool[i], pool[(i-1)/2]) < 0; i = (i - 1) / 2 {
		pool[i], pool[(i-1)/2] = pool[(i-1)/2], pool[i]
	}
}

// sink restores the heap below i.
func (p *picker) sink(pool []*candidate, i int) {
	for {
		first := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(pool); child++ {
			if p.compare(pool[child], pool[first]) < 0 {
				first = child
			}
		}
		if first == i {
			return
		}
		pool[i], pool[first] = pool[first], pool[i]
		i = first
	}
}
