package federation

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/confed-project/confed/internal/ownership"
)

// DefaultRetain returns the fields of a kind that members allocate or fill in, for Object.Retain of templates that may
// contain them. Fields that a template does not contain need not be retained: they are never sent.
func DefaultRetain(gk schema.GroupKind) []string {
	switch gk {
	case schema.GroupKind{Kind: "Service"}:
		return []string{"/spec/clusterIP", "/spec/clusterIPs", "/spec/healthCheckNodePort", "/spec/ipFamilies",
			"/spec/ipFamilyPolicy", "/spec/loadBalancerIP", "/spec/ports[*]/nodePort"}
	case schema.GroupKind{Kind: "ServiceAccount"}:
		return []string{"/secrets", "/imagePullSecrets"}
	case schema.GroupKind{Kind: "PersistentVolumeClaim"}:
		return []string{"/spec/volumeName"}
	case schema.GroupKind{Kind: "PersistentVolume"}:
		return []string{"/spec/claimRef"}
	case schema.GroupKind{Group: "batch", Kind: "Job"}:
		return []string{"/spec/selector", "/spec/template/metadata/labels/controller-uid",
			"/spec/template/metadata/labels/batch.kubernetes.io~1controller-uid"}
	case schema.GroupKind{Group: "admissionregistration.k8s.io", Kind: "MutatingWebhookConfiguration"},
		schema.GroupKind{Group: "admissionregistration.k8s.io", Kind: "ValidatingWebhookConfiguration"}:
		return []string{"/webhooks[*]/clientConfig/caBundle"}
	case schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}:
		return []string{"/spec/conversion/webhook/clientConfig/caBundle"}
	case schema.GroupKind{Group: "apiregistration.k8s.io", Kind: "APIService"}:
		return []string{"/spec/caBundle"}
	}
	return nil
}

// yield leaves what belongs to the member to the member, and what others took and may keep to them. It looks at the managed
// fields as they are when the manifest comes, after the move: what only a former manager held is ours by then.
func (p *stepper) yield(s *Step, live *unstructured.Unstructured, moved ownership.Entries) {
	doc, there := s.Manifest.Object, live.Object
	if moved != nil && len(p.r.retain)+len(p.r.ignore) > 0 {
		there = set(there, []string{"metadata", "managedFields"}, []any(moved))
	}
	for _, path := range p.r.retain {
		var adopted bool
		if doc, adopted = ownership.ToMember.Apply(path, doc, there, p.Manager); adopted {
			// A live value that is sent back must be the one that is there.
			s.Precondition.ResourceVersion = ptr(live.GetResourceVersion())
		}
	}
	for _, path := range p.r.ignore {
		doc, _ = ownership.ToOthers.Apply(path, doc, there, p.Manager)
	}
	s.Manifest = &unstructured.Unstructured{Object: doc}
}
