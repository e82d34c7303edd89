package placement

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Ref names an object. It is comparable.
type Ref struct {
	Group     string `json:"group,omitempty"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// ReferenceRule says where objects of a kind name others of their namespace.
type ReferenceRule struct {
	// Path to the name, such as spec.tls[*].secretName, where [*] is every item of a list.
	Path string
	// Kind of what is named, such as Secret or Issuer.cert-manager.io. Empty: at the path is a pod spec.
	Kind string
}

// References lists what an object names: the ConfigMaps, Secrets, PersistentVolumeClaims and the ServiceAccount of its
// pods, and the Secrets of an Ingress or a ServiceAccount. It knows the kinds of Kubernetes that have a pod spec; rules,
// by kind such as Rollout.argoproj.io, add others, and replace what is known of their kind. Give it the manifest rendered
// for a cluster, since overrides may change names.
//
// The list is sorted, without duplicates. The ServiceAccount default and the claims that a StatefulSet makes itself are
// not in it. A path that cannot be read is a FieldError; the others are followed. Beyond 1000 references it is an error as
// well, and the first 1000 are returned.
func References(object map[string]any, rules map[string][]ReferenceRule) ([]Ref, error) {
	const most = 1000
	var errs []*FieldError
	kind, _ := object["kind"].(string)
	version, _ := object["apiVersion"].(string)
	if group, _, ok := strings.Cut(version, "/"); ok {
		kind += "." + group
	}
	apply, ok := rules[kind]
	if !ok {
		apply = knownReferences(kind)
	}
	w := walk{namespace: namespaceOf(object), found: map[Ref]bool{}, claims: claimTemplates(object)}
	for i, rule := range apply {
		if err := w.follow(object, rule); err != nil {
			errs = append(errs, invalid("rules["+kind+"]"+index("", i)+".path", "%w", err))
		}
	}
	refs := slices.SortedFunc(maps.Keys(w.found), compareRef)
	if len(refs) > most {
		errs = append(errs, invalid("references", "are %d, more than %d", len(refs), most))
		refs = refs[:most]
	}
	return refs, join(errs)
}

func compareRef(a, b Ref) int {
	return cmp.Or(strings.Compare(a.Group, b.Group), strings.Compare(a.Kind, b.Kind),
		strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
}

func knownReferences(kind string) []ReferenceRule {
	switch kind {
	case "Pod":
		return []ReferenceRule{{Path: "spec"}}
	case "PodTemplate":
		return []ReferenceRule{{Path: "template.spec"}}
	case "Deployment.apps", "ReplicaSet.apps", "StatefulSet.apps", "DaemonSet.apps", "Job.batch", "ReplicationController":
		return []ReferenceRule{{Path: "spec.template.spec"}}
	case "CronJob.batch":
		return []ReferenceRule{{Path: "spec.jobTemplate.spec.template.spec"}}
	case "Ingress.networking.k8s.io":
		return []ReferenceRule{{Path: "spec.tls[*].secretName", Kind: "Secret"}}
	case "ServiceAccount":
		return []ReferenceRule{{Path: "imagePullSecrets[*].name", Kind: "Secret"}}
	}
	return nil
}

// podReferences are the rules for a pod spec.
func podReferences() []ReferenceRule {
	rules := []ReferenceRule{
		{"serviceAccountName", "ServiceAccount"},
		{"serviceAccount", "ServiceAccount"},
		{"imagePullSecrets[*].name", "Secret"},
		{"volumes[*].configMap.name", "ConfigMap"},
		{"volumes[*].secret.secretName", "Secret"},
		{"volumes[*].persistentVolumeClaim.claimName", "PersistentVolumeClaim"},
		{"volumes[*].projected.sources[*].configMap.name", "ConfigMap"},
		{"volumes[*].projected.sources[*].secret.name", "Secret"},
		{"volumes[*].csi.nodePublishSecretRef.name", "Secret"},
		{"volumes[*].azureFile.secretName", "Secret"},
	}
	for _, volume := range []string{"cephfs", "cinder", "flexVolume", "iscsi", "rbd", "scaleIO", "storageos"} {
		rules = append(rules, ReferenceRule{"volumes[*]." + volume + ".secretRef.name", "Secret"})
	}
	for _, containers := range []string{"containers", "initContainers", "ephemeralContainers"} {
		rules = append(rules,
			ReferenceRule{containers + "[*].envFrom[*].configMapRef.name", "ConfigMap"},
			ReferenceRule{containers + "[*].envFrom[*].secretRef.name", "Secret"},
			ReferenceRule{containers + "[*].env[*].valueFrom.configMapKeyRef.name", "ConfigMap"},
			ReferenceRule{containers + "[*].env[*].valueFrom.secretKeyRef.name", "Secret"},
		)
	}
	return rules
}

// walk collects references in one object.
type walk struct {
	namespace string
	found     map[Ref]bool
	claims    map[string]bool // made by the object itself
}

func (w *walk) follow(from any, rule ReferenceRule) error {
	path, err := parsePath(rule.Path)
	if err != nil {
		return err
	}
	kind, group, _ := strings.Cut(rule.Kind, ".")
	visit(from, path, func(value any) {
		if rule.Kind == "" {
			for _, inner := range podReferences() {
				_ = w.follow(value, inner)
			}
			return
		}
		name, _ := value.(string)
		own := rule.Kind == "ServiceAccount" && name == "default" || rule.Kind == "PersistentVolumeClaim" && w.claims[name]
		if name != "" && !own {
			w.found[Ref{Group: group, Kind: kind, Namespace: w.namespace, Name: name}] = true
		}
	})
	return nil
}

// step is one name of a path.
type step struct {
	name string
	list bool // every item of it
}

func parsePath(path string) ([]step, error) {
	var steps []step
	for part := range strings.SplitSeq(path, ".") {
		name, list := strings.CutSuffix(part, "[*]")
		if name == "" || strings.ContainsAny(name, "[]*") {
			return nil, fmt.Errorf("%q is no path of names, where [*] may follow each", path)
		}
		steps = append(steps, step{name, list})
	}
	return steps, nil
}

// visit calls do for every value at a path.
func visit(from any, path []step, do func(any)) {
	if len(path) == 0 {
		do(from)
		return
	}
	fields, _ := from.(map[string]any)
	value := fields[path[0].name]
	if !path[0].list {
		if value != nil {
			visit(value, path[1:], do)
		}
		return
	}
	items, _ := value.([]any)
	for _, item := range items {
		visit(item, path[1:], do)
	}
}

func namespaceOf(object map[string]any) string {
	metadata, _ := object["metadata"].(map[string]any)
	namespace, _ := metadata["namespace"].(string)
	return namespace
}

func claimTemplates(object map[string]any) map[string]bool {
	names := map[string]bool{}
	path := []step{{name: "spec"}, {name: "volumeClaimTemplates", list: true}, {name: "metadata"}, {name: "name"}}
	visit(object, path, func(value any) {
		if name, ok := value.(string); ok {
			names[name] = true
		}
	})
	return names
}

// Follow says where followers go: to every cluster where something that goes there names them. Uses lists by cluster what
// the manifests there name; references what the followers name themselves, which follows too. Circles are no harm: each
// object is taken once per cluster. Clusters are sorted.
func Follow(uses map[string][]Ref, references map[Ref][]Ref) map[Ref][]string {
	out := map[Ref][]string{}
	for _, cluster := range slices.Sorted(maps.Keys(uses)) {
		seen := map[Ref]bool{}
		for todo := slices.Clone(uses[cluster]); len(todo) > 0; {
			ref := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			if !seen[ref] {
				seen[ref] = true
				out[ref] = append(out[ref], cluster)
				todo = append(todo, references[ref]...)
			}
		}
	}
	return out
}
