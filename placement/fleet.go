package placement

import (
	"iter"
	"slices"
	"strings"
)

// Fleet is an immutable set of clusters at one moment, indexed by label. Any number of goroutines may read one.
// A nil *Fleet is an empty one. It keeps the maps and slices of the clusters it is given: who changes one puts a
// changed copy of the Cluster with With.
//
// The clusters are kept by name in chunks of at most 64, each with its own index of one bit per cluster. A Fleet that
// differs in one cluster shares all other chunks.
type Fleet struct {
	chunks []*chunk
	n      int
}

// NewFleet makes a Fleet of the clusters, given in any order. A cluster without a name, and all clusters that share
// one, are left out, since nobody can tell which of them a name means; the joined FieldErrors name their indexes, and
// the Fleet of the others is returned beside it.
func NewFleet(clusters []Cluster) (*Fleet, error) {
	order := make([]int, len(clusters))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return strings.Compare(clusters[a].Name, clusters[b].Name) })
	var errs []*FieldError
	valid := make([]Cluster, 0, len(clusters))
	for i, at := range order {
		name := clusters[at].Name
		switch {
		case name == "":
			errs = append(errs, invalid(index("clusters", at)+".name", "is empty"))
		case i > 0 && clusters[order[i-1]].Name == name, i+1 < len(order) && clusters[order[i+1]].Name == name:
			errs = append(errs, invalid(index("clusters", at)+".name", "%q is not unique", name))
		default:
			valid = append(valid, clusters[at])
		}
	}
	f := &Fleet{n: len(valid)}
	for part := range slices.Chunk(valid, chunkSize) {
		f.chunks = append(f.chunks, newChunk(part))
	}
	return f, join(errs)
}

// Get returns the cluster of this name.
func (f *Fleet) Get(name string) (Cluster, bool) {
	if at, off, ok := f.locate(name); ok {
		return f.chunks[at].clusters[off], true
	}
	return Cluster{}, false
}

// All yields the clusters in the order of their names.
func (f *Fleet) All() iter.Seq[Cluster] {
	return func(yield func(Cluster) bool) {
		for _, k := range f.parts() {
			for _, c := range k.clusters {
				if !yield(c) {
					return
				}
			}
		}
	}
}

// Len is the number of clusters.
func (f *Fleet) Len() int {
	if f == nil {
		return 0
	}
	return f.n
}

// With returns a Fleet that has c, in place of the cluster of the same name if there was one. The receiver is not
// changed. A cluster without a name is a FieldError, and the receiver is returned.
func (f *Fleet) With(c Cluster) (*Fleet, error) {
	if c.Name == "" {
		return f, invalid("name", "is empty")
	}
	at, off, ok := f.locate(c.Name)
	chunks := slices.Clone(f.parts())
	switch {
	case ok:
		chunks[at] = chunks[at].replace(off, c)
		return &Fleet{chunks: chunks, n: f.n}, nil
	case len(chunks) == 0:
		chunks = []*chunk{newChunk([]Cluster{c})}
	default:
		at = min(at, len(chunks)-1)
		clusters := slices.Insert(slices.Clone(chunks[at].clusters), off, c)
		if len(clusters) <= chunkSize {
			chunks[at] = newChunk(clusters)
			break
		}
		half := len(clusters) / 2
		chunks = slices.Replace(chunks, at, at+1, newChunk(slices.Clone(clusters[:half])), newChunk(clusters[half:]))
	}
	return &Fleet{chunks: chunks, n: f.Len() + 1}, nil
}

// Without returns a Fleet that has no cluster of this name. The receiver is not changed.
func (f *Fleet) Without(name string) *Fleet {
	at, off, ok := f.locate(name)
	if !ok {
		return f
	}
	chunks := slices.Clone(f.chunks)
	clusters := slices.Delete(slices.Clone(chunks[at].clusters), off, off+1)
	next := at + 1
	if next < len(chunks) && len(clusters)+len(chunks[next].clusters) <= chunkSize/2 {
		clusters = append(clusters, chunks[next].clusters...)
		next++
	}
	chunks = slices.Delete(chunks, at, next)
	if len(clusters) > 0 {
		chunks = slices.Insert(chunks, at, newChunk(clusters))
	}
	return &Fleet{chunks: chunks, n: f.n - 1}
}

func (f *Fleet) parts() []*chunk {
	if f == nil {
		return nil
	}
	return f.chunks
}

// locate finds the chunk and the offset where name is, or where it would be inserted: then the chunk may be one past
// the last, and the offset is meant for the last one.
func (f *Fleet) locate(name string) (at, off int, ok bool) {
	chunks := f.parts()
	at, _ = slices.BinarySearchFunc(chunks, name, func(k *chunk, name string) int {
		return strings.Compare(k.clusters[len(k.clusters)-1].Name, name)
	})
	if at == len(chunks) {
		if at > 0 {
			off = len(chunks[at-1].clusters)
		}
		return at, off, false
	}
	off, ok = slices.BinarySearchFunc(chunks[at].clusters, name, func(c Cluster, name string) int {
		return strings.Compare(c.Name, name)
	})
	return at, off, ok
}
