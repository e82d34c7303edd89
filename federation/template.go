package federation

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/confed-project/confed/internal/ownership"
)

// Template makes a template of a live object: without status, server-set metadata, finalizers, owner references and what
// clusters allocate or controllers fill in, such as a Service's addresses and node ports, a PersistentVolumeClaim's volume
// or a Job's generated selector. Labels and annotations stay, but for those of kubectl and of controllers. The object is
// not changed; the template shares what it keeps. Nil gives nil.
//
// Owned is true for an object that has a controller, as the ReplicaSets of a Deployment have: its owner makes it in every
// cluster, so it is normally not propagated itself.
func Template(live *unstructured.Unstructured) (template *unstructured.Unstructured, owned bool) {
	if live == nil {
		return nil, false
	}
	doc := clean(live.Object)
	owned = metav1.GetControllerOf(live) != nil
	for _, path := range bound(live.GroupVersionKind().GroupKind(), doc) {
		doc = path.Without(doc)
	}
	doc = withoutEmptySpec(doc)
	if meta, ok := doc["metadata"].(map[string]any); ok {
		doc = with(doc, "metadata", without(meta, "finalizers", "ownerReferences"))
	}
	annotations, _ := get(doc, []string{"metadata", "annotations"})
	if m, ok := annotations.(map[string]any); ok {
		for key := range m {
			if serverAnnotation(key) {
				m = without(m, key)
			}
		}
		if doc = set(doc, []string{"metadata", "annotations"}, m); len(m) == 0 {
			doc = unset(doc, []string{"metadata", "annotations"})
		}
	}
	return &unstructured.Unstructured{Object: doc}, owned
}

// serverAnnotation reports annotations that tools and controllers write about one cluster.
func serverAnnotation(key string) bool {
	switch key {
	case "kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision",
		"deprecated.daemonset.template.generation", "batch.kubernetes.io/job-tracking", "control-plane.alpha.kubernetes.io/leader",
		DigestAnnotation, templateAnnotation:
		return true
	}
	return strings.HasPrefix(key, "pv.kubernetes.io/") || strings.HasPrefix(key, "volume.kubernetes.io/") ||
		strings.HasPrefix(key, "volume.beta.kubernetes.io/")
}

// bound lists what belongs to the cluster that an object comes from.
func bound(gk schema.GroupKind, doc map[string]any) []ownership.Path {
	texts := DefaultRetain(gk)
	switch gk {
	case schema.GroupKind{Kind: "Service"}:
		if ip, _ := get(doc, []string{"spec", "clusterIP"}); ip == "None" {
			texts = []string{"/spec/clusterIPs", "/spec/ipFamilies", "/spec/ipFamilyPolicy"} // headless is a wish
		}
	case schema.GroupKind{Kind: "Namespace"}:
		texts = []string{"/spec/finalizers", "/metadata/labels/kubernetes.io~1metadata.name"}
	case schema.GroupKind{Kind: "Pod"}:
		texts = []string{"/spec/nodeName", "/spec/serviceAccount"}
	case schema.GroupKind{Group: "batch", Kind: "Job"}:
		if manual, _ := get(doc, []string{"spec", "manualSelector"}); manual == true {
			return nil
		}
		texts = append(texts, "/metadata/labels/controller-uid", "/metadata/labels/batch.kubernetes.io~1controller-uid",
			"/spec/template/metadata/labels/job-name", "/spec/template/metadata/labels/batch.kubernetes.io~1job-name")
	}
	var paths []ownership.Path
	for _, text := range texts {
		if path, err := ownership.ParsePath(text); err == nil {
			paths = append(paths, path)
		}
	}
	return paths
}
