package federation

import (
	"github.com/confed-project/confed/override"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// variant is a manifest as some clusters share it: those with the same overrides and the same number of replicas, as long
// as no override asks for a variable of the cluster.
type variant struct {
	Rendered
	err   error
	wish  map[string]any // the manifest less what is retained: what must be ours
	plain map[string]any // the manifest less our label and digest: what identical means
}

// variantKey has one bit per override.
type variantKey struct {
	overrides [4]uint64
	replicas  int64
	divided   bool
}

// variant renders, stamps and digests each distinct manifest of a plan once.
func (p *stepper) variant() *variant {
	key := variantKey{}
	var replicas *int64
	if p.share != nil {
		key.divided, key.replicas, replicas = true, p.share.Replicas, &p.share.Replicas
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
	v := p.make(layers, replicas, func(name string) (any, bool) { asked = true; return lookup(name) })
	switch {
	case shared && asked:
		p.variants[key] = nil
	case shared:
		p.variants[key] = v
	}
	return v
}

func (p *stepper) make(layers []int, replicas *int64, vars override.Vars) *variant {
	v := &variant{}
	if v.Rendered, v.err = p.r.edit(layers, replicas, vars); v.err != nil {
		return v
	}
	v.plain = v.Manifest.Object
	var doc map[string]any
	if doc, v.err = p.stamp(v.Rendered); v.err != nil {
		return v
	}
	v.Manifest = &unstructured.Unstructured{Object: doc}
	v.wish = doc
	for _, path := range p.r.retain {
		v.wish = unset(v.wish, path)
	}
	return v
}
