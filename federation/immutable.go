package federation

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// immutable lists fields that a server never lets change, as far as they are scalars or selectors.
func immutable(gk schema.GroupKind) []string {
	switch gk {
	case schema.GroupKind{Group: "apps", Kind: "Deployment"}, schema.GroupKind{Group: "apps", Kind: "ReplicaSet"},
		schema.GroupKind{Group: "apps", Kind: "DaemonSet"}:
		return []string{"spec.selector"}
	case schema.GroupKind{Group: "apps", Kind: "StatefulSet"}:
		return []string{"spec.selector", "spec.serviceName", "spec.podManagementPolicy"}
	case schema.GroupKind{Group: "batch", Kind: "Job"}:
		return []string{"spec.selector", "spec.completionMode"}
	case schema.GroupKind{Kind: "PersistentVolumeClaim"}:
		return []string{"spec.storageClassName", "spec.volumeMode", "spec.volumeName"}
	case schema.GroupKind{Kind: "Secret"}:
		return []string{"type"}
	case schema.GroupKind{Group: "rbac.authorization.k8s.io", Kind: "RoleBinding"},
		schema.GroupKind{Group: "rbac.authorization.k8s.io", Kind: "ClusterRoleBinding"}:
		return []string{"roleRef.kind", "roleRef.name"}
	case schema.GroupKind{Group: "storage.k8s.io", Kind: "StorageClass"}:
		return []string{"provisioner", "reclaimPolicy", "volumeBindingMode"}
	}
	return nil
}

// frozenField returns the first immutable field that live has and the wish changes, both plain; empty: none is known.
func frozenField(gk schema.GroupKind, wish map[string]any, live *unstructured.Unstructured) string {
	for _, field := range immutable(gk) {
		path := strings.Split(field, ".")
		want, wished := get(wish, path)
		have, there := get(live.Object, path)
		if wished && there && differ(want, have) {
			return "/" + strings.ReplaceAll(field, ".", "/")
		}
	}
	return ""
}

// differ compares scalars and selectors; what is neither is left to the server.
func differ(want, have any) bool {
	w, wok := want.(map[string]any)
	h, hok := have.(map[string]any)
	if !wok || !hok {
		_, wtext := want.(string)
		_, htext := have.(string)
		return wtext && htext && want != have
	}
	wl, _ := w["matchLabels"].(map[string]any)
	hl, _ := h["matchLabels"].(map[string]any)
	plain := func(m map[string]any) bool { return len(m) == 1 && m["matchLabels"] != nil }
	return plain(w) && plain(h) && !maps.EqualFunc(wl, hl, func(a, b any) bool { return a == b })
}

// bearsData reports kinds that are never deleted in order to be created again.
func bearsData(gk schema.GroupKind) bool {
	return container(gk) || slices.Contains([]schema.GroupKind{
		{Kind: "PersistentVolumeClaim"}, {Kind: "PersistentVolume"}, {Kind: "Secret"}, {Kind: "ConfigMap"},
		{Group: "apps", Kind: "StatefulSet"},
	}, gk)
}
