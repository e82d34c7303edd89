package federation

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/internal/ownership"
)

// retain leaves what belongs to the member to the member. A retained field that another manager holds is left out; one
// that only we hold is sent as it is, under the observed resourceVersion: leaving it out would reset it, and sending it
// without the version would lose an update.
func (p *stepper) retain(s *Step, live *unstructured.Unstructured) {
	doc := s.Manifest.Object
	for _, path := range p.r.retain {
		value, ok := get(live.Object, path)
		if !ok {
			continue // the member has none: what the template says stands
		}
		if len(ownership.Of(live.Object).Holders(ownership.Fields(path), p.Manager)) > 0 {
			doc = unset(doc, path)
			continue
		}
		doc = set(doc, path, value)
		s.Precondition.ResourceVersion = ptr(live.GetResourceVersion())
	}
	s.Manifest = &unstructured.Unstructured{Object: doc}
}
