package override

import (
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

// sharing reports whether a tree has aliases or merge keys.
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

func regrowList(n *tree, was, is []any) *tree {
	out := *n
	out.Content = nil
	for i, old := range align(was, is) {
		if old < 0 {
			out.Content = append(out.Content, grow(is[i]))
		} else {
			out.Content = append(out.Content, regrow(n.Content[old], was[old], is[i]))
		}
	}
	return &out
}

// align says for each item of a list which old item it was: -1 for a new one. Items at both ends that are the same are
// themselves. Between them, a list of the same length was edited in place; else the next equal item is the same one, and
// an object without an equal was the next object that is not found again.
func align(was, is []any) []int {
	const window = 64 // of items to look through, so that the cost stays linear
	out := make([]int, len(is))
	head, tail := 0, 0
	for head < min(len(was), len(is)) && reflect.DeepEqual(was[head], is[head]) {
		out[head] = head
		head++
	}
	for tail < min(len(was), len(is))-head && reflect.DeepEqual(was[len(was)-1-tail], is[len(is)-1-tail]) {
		tail++
		out[len(is)-tail] = len(was) - tail
	}
	old := head
	for i := head; i < len(is)-tail; i++ {
		if len(was) == len(is) {
			out[i] = i
			continue
		}
		out[i] = -1
		for k := old; k < min(len(was)-tail, old+window); k++ {
			if reflect.DeepEqual(was[k], is[i]) {
				out[i], old = k, k+1
				break
			}
		}
	}
	from := head
	for i := head; i < len(is)-tail; i++ {
		if out[i] >= 0 {
			from = out[i] + 1
			continue
		}
		if _, object := is[i].(map[string]any); !object {
			continue
		}
		to := len(was) - tail
		for k := i + 1; k < min(len(is), i+window); k++ {
			if out[k] >= 0 {
				to = out[k]
				break
			}
		}
		for k := from; k < min(to, from+window); k++ {
			if _, object := was[k].(map[string]any); object {
				out[i], from = k, k+1
				break
			}
		}
	}
	return out
}
