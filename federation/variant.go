package federation

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/internal/ownership"
	"github.com/confed-project/confed/override"
)

// variant is a manifest as some clusters share it: those with the same overrides and the same number of replicas, as long
// as no override asks for a variable of the cluster.
type variant struct {
	Rendered
	err   error
	wish  map[string]any // the manifest less what is retained or ignored: what must be ours
	plain map[string]any // the manifest less our label and digest: what identical means
}

// variantKey has one bit per override.
type variantKey struct {
	overrides [4]uint64
	numbers   counts
}

// variant renders, stamps and digests each distinct manifest of a plan once.
func (p *stepper) variant() *variant {
	key := variantKey{numbers: p.following}
	if p.share != nil {
		key.numbers[0] = p.share.Replicas
	}
	var buf [16]int
	layers, err := p.r.layers(p.cluster, buf[:0])
	if err != nil {
		return &variant{err: err}
	}
	shared := len(p.r.overrides) <= 64*len(key.overrides)
	for _, i := range layers {
		if shared {
			key.overrides[i/64] |= 1 << (i % 64)
		}
	}
	if shared {
		if v, ok := p.variants[key]; ok && v != nil {
			return v
		} else if ok {
			shared = false // known to depend on the cluster
		}
	}
	asked := false
	lookup := vars(p.cluster)
	v := p.make(layers, key.numbers, func(name string) (any, bool) { asked = true; return lookup(name) })
	switch {
	case shared && asked:
		p.variants[key] = nil
	case shared:
		p.variants[key] = v
	}
	return v
}

func (p *stepper) make(layers []int, numbers counts, vars override.Vars) *variant {
	v := &variant{}
	if v.Rendered, v.err = p.r.edit(layers, numbers, vars); v.err != nil {
		return v
	}
	v.plain = v.Manifest.Object
	var doc map[string]any
	if doc, v.err = p.stamp(v.Rendered, p.r.template); v.err != nil {
		return v
	}
	v.Manifest = &unstructured.Unstructured{Object: doc}
	v.wish = doc
	for _, paths := range [][]ownership.Path{p.r.retain, p.r.ignore} {
		for _, path := range paths {
			v.wish = path.Without(v.wish)
		}
	}
	return v
}
