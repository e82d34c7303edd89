package override

import "fmt"

// Metadata edits labels and annotations of an object, and of its pod template, which is found as Container finds it. A
// string, number or bool sets the key to its text, nil removes it if it is there, and all other keys stay.
type Metadata struct {
	Labels         map[string]any      `json:"labels,omitempty"`
	Annotations    map[string]any      `json:"annotations,omitempty"`
	PodLabels      map[string]any      `json:"podLabels,omitempty"`
	PodAnnotations map[string]any      `json:"podAnnotations,omitempty"`
	Templates      map[string][]string `json:"templates,omitempty"`
}

// Patches compiles the edit for doc.
func (m Metadata) Patches(doc map[string]any) ([]Patch, error) {
	out, err := appendKeys(nil, doc, "/metadata/labels", m.Labels)
	if err != nil {
		return nil, err
	}
	if out, err = appendKeys(out, doc, "/metadata/annotations", m.Annotations); err != nil {
		return nil, err
	}
	if len(m.PodLabels) == 0 && len(m.PodAnnotations) == 0 {
		return out, nil
	}
	templates, err := podTemplates(doc, m.Templates)
	if err != nil {
		return nil, err
	}
	for _, template := range templates {
		if out, err = appendKeys(out, doc, template+"/metadata/labels", m.PodLabels); err != nil {
			return nil, err
		}
		if out, err = appendKeys(out, doc, template+"/metadata/annotations", m.PodAnnotations); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func appendKeys(out []Patch, doc map[string]any, path string, keys map[string]any) ([]Patch, error) {
	was := at(doc, path)
	there, ok := was.(map[string]any)
	if was != nil && !ok {
		return nil, fmt.Errorf("%w: %s is %s, not an object", ErrNotFound, path, typeName(was))
	}
	for _, k := range sortedKeys(keys) {
		nodes := maxNodes
		v, err := normalise(keys[k], 0, &nodes)
		if err != nil {
			return nil, fmt.Errorf("%s, key %q: %w", path, k, err)
		}
		old, had := there[k]
		if v == nil {
			if had {
				out = append(out, Patch{Op: "remove", Path: path + "/" + escape(k)})
			}
			continue
		}
		text, ok := spelling(v)
		if !ok {
			return nil, fmt.Errorf("%s, key %q: %w: %s is no text", path, k, ErrInvalid, typeName(v))
		}
		if old != text {
			out = append(out, Patch{Op: "add", Path: path + "/" + escape(k), Value: text, Lenient: true})
		}
	}
	return out, nil
}

// Replicas sets how many pods an object wants: spec.replicas of a Deployment, ReplicaSet, StatefulSet or
// ReplicationController, spec.parallelism of a Job. Any other kind is ErrNotFound; use a Patch there.
type Replicas int64

// Patches compiles the edit for doc. A negative number is invalid.
func (n Replicas) Patches(doc map[string]any) ([]Patch, error) {
	if n < 0 {
		return nil, fmt.Errorf("%w: %d replicas", ErrInvalid, n)
	}
	path := replicasPath(kindOf(doc))
	if path == "" {
		return nil, fmt.Errorf("%w: where a %q has its replicas", ErrNotFound, kindOf(doc))
	}
	return []Patch{{Op: "add", Path: path, Value: int64(n), Lenient: true}}, nil
}
