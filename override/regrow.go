package override

import (
	"maps"
	"reflect"
	"slices"
)

// resolve replaces aliases and merge keys by copies of what they stand for, so that a change in one place does not show in
// another. The tree was read before, so its size is known to be bounded.
func resolve(n *tree) *tree {
	for n.Kind == kindAlias {
		n = n.Alias
	}
	out := *n
	out.Anchor, out.Content = "", nil
	for i := 0; i < len(n.Content); i++ {
		if n.Kind == kindObject && n.Content[i].ShortTag() == "!!merge" {
			i++
			out.Content = append(out.Content, merged(n, n.Content[i])...)
			continue
		}
		out.Content = append(out.Content, resolve(n.Content[i]))
		if n.Kind == kindObject {
			i++
			out.Content = append(out.Content, resolve(n.Content[i]))
		}
	}
	return &out
}

// merged returns the members that into gets from what << names: those that nothing else gives it.
func merged(into, from *tree) []*tree {
	from = resolve(from)
	sources := []*tree{from}
	if from.Kind == kindList {
		sources = from.Content
	}
	taken := map[string]bool{}
	for i := 0; i < len(into.Content); i += 2 {
		taken[into.Content[i].Value] = true
	}
	var out []*tree
	for _, source := range sources {
		for i := 0; i < len(source.Content); i += 2 {
			if key := source.Content[i].Value; !taken[key] {
				taken[key] = true
				out = append(out, source.Content[i], source.Content[i+1])
			}
		}
	}
	return out
}

// shared reports whether a tree has aliases or merge keys.
func sharing(n *tree) bool {
	return n.Kind == kindAlias || n.ShortTag() == "!!merge" && n.Kind == kindScalar || slices.ContainsFunc(n.Content, sharing)
}

// regrow returns the tree n, whose value is was, with the value is: whatever stayed the same keeps its text.
func regrow(n *tree, was, is any) *tree {
	if n.Kind == kindDocument {
		out := *n
		out.Content = []*tree{regrow(n.Content[0], was, is)}
		return &out
	}
	if reflect.DeepEqual(was, is) {
		return n
	}
	switch is := is.(type) {
	case map[string]any:
		if was, ok := was.(map[string]any); ok {
			return regrowObject(n, was, is)
		}
	case []any:
		if was, ok := was.([]any); ok {
			return regrowList(n, was, is)
		}
	}
	out := grow(is)
	out.HeadComment, out.LineComment, out.FootComment = n.HeadComment, n.LineComment, n.FootComment
	return out
}

func regrowObject(n *tree, was, is map[string]any) *tree {
	out := *n
	out.Content = nil
	for i := 0; i < len(n.Content); i += 2 {
		key := n.Content[i]
		if v, ok := is[key.Value]; ok {
			out.Content = append(out.Content, key, regrow(n.Content[i+1], was[key.Value], v))
		}
	}
	for _, k := range sortedKeys(is) {
		if _, there := was[k]; !there {
			out.Content = append(out.Content, leaf(k), grow(is[k]))
		}
	}
	return &out
}

// regrowList keeps the items at both ends that are the same, and takes those between for edited in place.
func regrowList(n *tree, was, is []any) *tree {
	out := *n
	out.Content = nil
	head := 0
	for head < min(len(was), len(is)) && reflect.DeepEqual(was[head], is[head]) {
		head++
	}
	tail := 0
	for tail < min(len(was), len(is))-head && reflect.DeepEqual(was[len(was)-1-tail], is[len(is)-1-tail]) {
		tail++
	}
	for i, v := range is {
		switch {
		case i < head:
			out.Content = append(out.Content, n.Content[i])
		case i >= len(is)-tail:
			out.Content = append(out.Content, n.Content[i-len(is)+len(was)])
		case i < len(was)-tail:
			out.Content = append(out.Content, regrow(n.Content[i], was[i], v))
		default:
			out.Content = append(out.Content, grow(v))
		}
	}
	return &out
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
