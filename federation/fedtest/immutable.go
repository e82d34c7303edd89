package fedtest

import (
	"slices"
	"strings"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// immutables are the fields that a server does not let anybody change, and what it says then. Behind a kind and path:
// "invalid" shows the new value, "forbidden" does not; "except" names the fields below the path that may change. The
// values of templates are spelled in the server's own way there, a claim's message goes on with a comparison, and the
// template of a job that is suspended may change a little; otherwise the words are the server's.
const immutables = `
ClusterRoleBinding.rbac.authorization.k8s.io roleRef invalid cannot change roleRef
CustomResourceDefinition.apiextensions.k8s.io spec.names.kind invalid field is immutable
CustomResourceDefinition.apiextensions.k8s.io spec.scope invalid field is immutable
DaemonSet.apps spec.selector invalid field is immutable
Deployment.apps spec.selector invalid field is immutable
IngressClass.networking.k8s.io spec.controller invalid field is immutable
Job.batch spec.completions invalid field is immutable
Job.batch spec.selector invalid field is immutable
Job.batch spec.template invalid field is immutable
PersistentVolumeClaim spec forbidden except resources,volumeAttributesClassName spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims
PriorityClass.scheduling.k8s.io value forbidden may not be changed in an update.
ReplicaSet.apps spec.selector invalid field is immutable
RoleBinding.rbac.authorization.k8s.io roleRef invalid cannot change roleRef
Secret type invalid field is immutable
StatefulSet.apps spec forbidden except replicas,ordinals,template,updateStrategy,revisionHistoryLimit,persistentVolumeClaimRetentionPolicy,minReadySeconds updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden
StorageClass.storage.k8s.io parameters invalid field is immutable
StorageClass.storage.k8s.io provisioner invalid field is immutable
`

// changedImmutables finds changes of fields that do not change.
func changedImmutables(kind string, obj, live *unstructured.Unstructured) (errs field.ErrorList) {
	for line := range strings.Lines(immutables) {
		of, rule, _ := strings.Cut(strings.TrimSpace(line), " ")
		if of != kind {
			continue
		}
		path, rule, _ := strings.Cut(rule, " ")
		how, text, _ := strings.Cut(rule, " ")
		except := ""
		if rest, ok := strings.CutPrefix(text, "except "); ok {
			except, text, _ = strings.Cut(rest, " ")
		}
		before, after := without(live, path, except), without(obj, path, except)
		switch at := field.NewPath(path); {
		case apiequality.Semantic.DeepEqual(before, after):
		case path == "roleRef": // as the server's own type spells it
			ref, _ := after.(map[string]any)
			errs = append(errs, field.Invalid(at, map[string]any{"APIGroup": ref["apiGroup"], "Kind": ref["kind"], "Name": ref["name"]}, text))
		case how == "invalid":
			errs = append(errs, field.Invalid(at, after, text))
		default:
			errs = append(errs, field.Forbidden(at, text))
		}
	}
	if sealed, _, _ := unstructured.NestedBool(live.Object, "immutable"); sealed && (kind == "ConfigMap" || kind == "Secret") {
		for _, name := range []string{"immutable", "data", "binaryData"} {
			if !apiequality.Semantic.DeepEqual(obj.Object[name], live.Object[name]) {
				errs = append(errs, field.Forbidden(field.NewPath(name), "field is immutable when `immutable` is set"))
			}
		}
	}
	return errs
}

// without returns the value at a dotted path, less some of its fields.
func without(obj *unstructured.Unstructured, path, except string) any {
	value, _, _ := unstructured.NestedFieldNoCopy(obj.Object, strings.Split(path, ".")...)
	if object, ok := value.(map[string]any); ok && except != "" {
		rest := runtime.DeepCopyJSON(object)
		for name := range rest {
			if slices.Contains(strings.Split(except, ","), name) {
				delete(rest, name)
			}
		}
		return rest
	}
	return value
}
