package fedtest

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/confed-project/confed/internal/smd/types"
)

// Kind is a kind of object that a Member serves.
type Kind struct {
	schema.GroupVersionKind
	// Resource is the plural of errors and requests; when empty it is guessed.
	Resource string
	// Cluster is true for a kind without namespaces.
	Cluster bool
	// Merge says how lists and maps merge: a dotted path, "*" for every item or value, to "atomic", "set" or
	// "keys port protocol=TCP" (the keys of a list's items, with the value of one that is left out). Everything else
	// is deduced: maps merge key by key, lists are one value. The rules of metadata need not be repeated.
	Merge map[string]string

	// NoStatus is true for a kind whose status, if it has one, is no subresource: it is written with the rest.
	NoStatus bool

	// builtin kinds are not made by a CustomResourceDefinition.
	builtin bool
	// noGeneration kinds do not count their changes, fixedGeneration kinds stay at 1, and countsAnnotations kinds count
	// a change of annotations as one of the spec.
	noGeneration, fixedGeneration, countsAnnotations bool
}

func (k Kind) resource() schema.GroupResource {
	if k.Resource == "" {
		plural, _ := meta.UnsafeGuessKindToResource(k.GroupVersionKind)
		return plural.GroupResource()
	}
	return schema.GroupResource{Group: k.Group, Resource: k.Resource}
}

func (k Kind) merge() types.Merge {
	merge := types.Builtin(k.GroupKind())
	for path, how := range k.Merge {
		merge[path] = how
	}
	return merge
}

// scales tells whether a built-in kind has a scale subresource.
func (k Kind) scales() bool {
	return slices.Contains([]string{"Deployment", "ReplicaSet", "ReplicationController", "StatefulSet"}, k.Kind)
}

// builtins returns the kinds that every API server has. Behind a kind: c for cluster-scoped, s for no status, g for no
// generation, a for a generation that counts annotations, f for one that stays at 1.
func builtins() []Kind {
	var kinds []Kind
	for version, names := range map[string]string{
		"v1": "ConfigMap/sg Endpoints/sg LimitRange/sg Namespace/cg Node/cg PersistentVolume/cg PersistentVolumeClaim/g" +
			" Pod PodTemplate/s ReplicationController ResourceQuota/g Secret/sg Service/g ServiceAccount/sg",
		"apps/v1":                         "DaemonSet Deployment/a ReplicaSet StatefulSet",
		"autoscaling/v2":                  "HorizontalPodAutoscaler/g",
		"batch/v1":                        "CronJob Job",
		"networking.k8s.io/v1":            "Ingress IngressClass/cs NetworkPolicy/s",
		"policy/v1":                       "PodDisruptionBudget",
		"rbac.authorization.k8s.io/v1":    "ClusterRole/csg ClusterRoleBinding/csg Role/sg RoleBinding/sg",
		"storage.k8s.io/v1":               "StorageClass/csg",
		"scheduling.k8s.io/v1":            "PriorityClass/csf",
		"coordination.k8s.io/v1":          "Lease/sg",
		"discovery.k8s.io/v1":             "EndpointSlice/s",
		"admissionregistration.k8s.io/v1": "MutatingWebhookConfiguration/cs ValidatingWebhookConfiguration/cs",
		"apiextensions.k8s.io/v1":         "CustomResourceDefinition/c",
	} {
		gv, _ := schema.ParseGroupVersion(version)
		for name := range strings.FieldsSeq(names) {
			name, flags, _ := strings.Cut(name, "/")
			kind := Kind{
				GroupVersionKind:  gv.WithKind(name),
				builtin:           true,
				Cluster:           strings.Contains(flags, "c"),
				NoStatus:          strings.Contains(flags, "s"),
				noGeneration:      strings.Contains(flags, "g"),
				countsAnnotations: strings.Contains(flags, "a"),
				fixedGeneration:   strings.Contains(flags, "f"),
			}
			if name == "Endpoints" {
				kind.Resource = "endpoints"
			}
			kinds = append(kinds, kind)
		}
	}
	return kinds
}
