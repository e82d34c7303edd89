package federation

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/confed-project/confed/internal/ownership"
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

// immutable holds a change that the server cannot make, or deletes the copy so that the next plan creates it anew.
func (p *stepper) immutable(s *Step, live *unstructured.Unstructured, field string) *Step {
	gk := p.r.gvk.GroupKind()
	switch {
	case !p.r.obj.Recreate:
		return s.hold(ReasonImmutable, field+" cannot be changed; set it back, or set Recreate")
	case bearsData(gk):
		return s.hold(ReasonImmutable, field+" cannot be changed, and a "+gk.Kind+" is never deleted for it")
	case p.suspended || !p.mayRecreate(live, ownership.Of(live.Object)):
		return s.hold(ReasonImmutable, field+" cannot be changed, and the copy may not be deleted now")
	}
	s.Manifest, s.Changes = nil, nil
	return p.delete(s, live, ReasonImmutable, field+" cannot be changed; deleted to be created again")
}

// mayRecreate says whether a copy may be deleted for a field that cannot be changed.
func (p *stepper) mayRecreate(live *unstructured.Unstructured, entries ownership.Entries) bool {
	return p.r.obj.Recreate && !bearsData(p.r.gvk.GroupKind()) && !p.r.obj.Protect && !p.r.hosts(live) &&
		label(live, p.Owner.Key) == p.Owner.Value && entries.Has(p.ours()...)
}

// bearsData reports kinds that are never deleted in order to be created again.
func bearsData(gk schema.GroupKind) bool {
	return container(gk) || slices.Contains([]schema.GroupKind{
		{Kind: "PersistentVolumeClaim"}, {Kind: "PersistentVolume"}, {Kind: "Secret"}, {Kind: "ConfigMap"},
		{Group: "apps", Kind: "StatefulSet"},
	}, gk)
}
