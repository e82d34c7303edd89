package placement

import (
	"maps"
	"slices"
)

// chunkSize is the number of clusters that share one word of bits.
const chunkSize = 64

// chunk is a run of clusters in the order of their names. Bit i of every word stands for clusters[i].
type chunk struct {
	clusters []Cluster
	labels   map[string]posting
	tainted  uint64
	kinds    uint64 // of which the served kinds are known
}

// posting says which clusters have a label, and with which value.
type posting struct {
	has    uint64
	values map[string]uint64
}

// newChunk takes over clusters: at least one, sorted by name.
func newChunk(clusters []Cluster) *chunk {
	k := &chunk{clusters: clusters, labels: map[string]posting{}}
	for i := range clusters {
		bit := uint64(1) << i
		for key, value := range clusters[i].Labels {
			p := k.labels[key]
			if p.values == nil {
				p.values = map[string]uint64{}
			}
			p.has |= bit
			p.values[value] |= bit
			k.labels[key] = p
		}
		k.note(i)
	}
	return k
}

// note sets the other words for cluster i.
func (k *chunk) note(i int) {
	c, bit := &k.clusters[i], uint64(1)<<i
	k.tainted, k.kinds = k.tainted&^bit, k.kinds&^bit
	if len(c.Taints) > 0 {
		k.tainted |= bit
	}
	if c.Kinds != nil {
		k.kinds |= bit
	}
	if !slices.IsSorted(c.Kinds) {
		c.Kinds = slices.Sorted(slices.Values(c.Kinds))
	}
}

// all has a bit for every cluster.
func (k *chunk) all() uint64 { return ^uint64(0) >> (chunkSize - len(k.clusters)) }

// replace returns a chunk with c in place of cluster i. The index is copied only where labels differ.
func (k *chunk) replace(i int, c Cluster) *chunk {
	old, bit := k.clusters[i], uint64(1)<<i
	next := &chunk{clusters: append([]Cluster(nil), k.clusters...), labels: k.labels, tainted: k.tainted, kinds: k.kinds}
	next.clusters[i] = c
	next.note(i)
	if maps.Equal(old.Labels, c.Labels) {
		return next
	}
	next.labels = maps.Clone(k.labels)
	for key, value := range old.Labels {
		if now, ok := c.Labels[key]; !ok || now != value {
			next.labels[key] = next.labels[key].without(value, bit)
		}
	}
	for key, value := range c.Labels {
		if was, ok := old.Labels[key]; !ok || was != value {
			next.labels[key] = next.labels[key].with(value, bit)
		}
	}
	return next
}

func (p posting) without(value string, bit uint64) posting {
	p.values = maps.Clone(p.values)
	p.has &^= bit
	if p.values[value] &^= bit; p.values[value] == 0 {
		delete(p.values, value)
	}
	return p
}

func (p posting) with(value string, bit uint64) posting {
	if p.values = maps.Clone(p.values); p.values == nil {
		p.values = map[string]uint64{}
	}
	p.has |= bit
	p.values[value] |= bit
	return p
}
