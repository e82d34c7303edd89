package override

import (
	"fmt"
	"strings"
)

// podTemplates returns the pointers to the pod templates of doc: objects with metadata and a pod spec. The caller's
// table, by kind and group ("Deployment.apps", "Pod"), goes before the built-in one.
func podTemplates(doc map[string]any, table map[string][]string) ([]string, error) {
	kind := kindOf(doc)
	paths, ok := table[kind]
	if !ok {
		if paths = builtinTemplates(kind); paths == nil {
			return nil, fmt.Errorf("%w: no pod template is known for the kind %q", ErrNotFound, kind)
		}
	}
	var out []string
	for _, path := range paths {
		p, err := parsePointer(path)
		if err != nil {
			return nil, fmt.Errorf("pod template %q of %s: %w", path, kind, err)
		}
		v, _, err := p.lookup(doc)
		if err != nil {
			return nil, fmt.Errorf("pod template %q of %s: %w", path, kind, err)
		}
		if _, ok := v.(map[string]any); ok {
			out = append(out, path)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: this %s has no pod template at %s", ErrNotFound, kind, strings.Join(paths, ", "))
	}
	return out, nil
}

func builtinTemplates(kind string) []string {
	switch kind {
	case "Pod":
		return []string{""}
	case "PodTemplate":
		return []string{"/template"}
	case "ReplicationController", "Deployment.apps", "ReplicaSet.apps", "StatefulSet.apps", "DaemonSet.apps", "Job.batch":
		return []string{"/spec/template"}
	case "CronJob.batch":
		return []string{"/spec/jobTemplate/spec/template"}
	}
	return nil
}

// replicasPath returns where a kind says how many pods it wants.
func replicasPath(kind string) string {
	switch kind {
	case "ReplicationController", "Deployment.apps", "ReplicaSet.apps", "StatefulSet.apps":
		return "/spec/replicas"
	case "Job.batch":
		return "/spec/parallelism"
	}
	return ""
}

// kindOf spells kind and group, "Deployment.apps"; the core group is left out.
func kindOf(doc map[string]any) string {
	kind, _ := doc["kind"].(string)
	version, _ := doc["apiVersion"].(string)
	if g := group(version); g != "" {
		return kind + "." + g
	}
	return kind
}

// at returns the value that a pointer text names, nil when there is none.
func at(doc map[string]any, path string) any {
	p, err := parsePointer(path)
	if err != nil {
		return nil
	}
	v, _, _ := p.lookup(doc)
	return v
}
