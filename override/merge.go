package override

// Merge is an RFC 7386 merge patch for the whole document: members are set, objects merged member by member, null
// removes, lists are replaced. What is there already yields no patch, so a merge may repeat the identity of its object.
type Merge map[string]any

// Patches compiles the merge for doc. It fails for values that JSON cannot carry.
func (m Merge) Patches(doc map[string]any) ([]Patch, error) {
	return mergePatches("", doc, m)
}

// mergePatches merges patch into the object at path. A target that is no object is replaced, as the RFC has it.
func mergePatches(path string, target any, patch map[string]any) ([]Patch, error) {
	nodes := maxNodes
	clean, err := normalise(patch, 0, &nodes)
	if err != nil || clean == nil {
		return nil, err
	}
	object, ok := target.(map[string]any)
	if !ok {
		return []Patch{{Op: "add", Path: path, Value: withoutNulls(clean)}}, nil
	}
	return appendMerge(nil, path, object, clean.(map[string]any)), nil
}

func appendMerge(out []Patch, path string, target, patch map[string]any) []Patch {
	for _, k := range sortedKeys(patch) {
		v, at := patch[k], path+"/"+escape(k)
		was, had := target[k]
		if v == nil {
			if had {
				out = append(out, Patch{Op: "remove", Path: at})
			}
			continue
		}
		if inner, ok := v.(map[string]any); ok {
			if into, ok := was.(map[string]any); ok {
				out = appendMerge(out, at, into, inner)
				continue
			}
			v = withoutNulls(v)
		}
		if !had || !same(was, v) {
			out = append(out, Patch{Op: "add", Path: at, Value: v})
		}
	}
	return out
}

// withoutNulls drops null members of objects, which have nothing to remove. Nulls in lists are values and stay.
func withoutNulls(v any) any {
	object, ok := v.(map[string]any)
	if !ok {
		return v
	}
	out := make(map[string]any, len(object))
	for k, member := range object {
		if member != nil {
			out[k] = withoutNulls(member)
		}
	}
	return out
}
