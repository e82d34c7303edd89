package types

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/structured-merge-diff/v6/schema"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
)

// ErrRule is in every error about a rule of a Merge that says nothing.
var ErrRule = errors.New("merge rule is not valid")

// node is what is known of the values at one path: a rule, and the fields below it. Below a list those are the fields
// of its items. structured-merge-diff tells a field of an object from a key of a map (a map is owned by itself, apart
// from what it holds) by the fields that a type declares, so a node collects the fields that it has seen.
type node struct {
	path   string
	how    string
	keys   []string // of a list's items; name or name=default
	fields map[string]*node
}

// newNode reads rules.
func newNode(merge Merge) (*node, error) {
	root := &node{how: merge[""]}
	if root.how != "" {
		root.field("apiVersion")
		root.field("kind")
		root.field("metadata")
	}
	for _, path := range slices.Sorted(maps.Keys(merge)) {
		if path == "" {
			continue
		}
		at := root
		for name := range strings.SplitSeq(path, ".") {
			if name == "" {
				return nil, fmt.Errorf("%w: path %q has an empty field", ErrRule, path)
			}
			at = at.field(name)
		}
		how, keys, _ := strings.Cut(merge[path], " ")
		at.how, at.keys = how, strings.Fields(keys)
	}
	return root, root.check()
}

func (n *node) field(name string) *node {
	if n.fields == nil {
		n.fields = map[string]*node{}
	}
	if n.fields[name] == nil {
		n.fields[name] = &node{path: strings.TrimPrefix(n.path+"."+name, ".")}
	}
	return n.fields[name]
}

// check refuses rules that say nothing, or that speak of what another has made one value.
func (n *node) check() error {
	switch {
	case !slices.Contains([]string{"", "atomic", "set", "keys", "map", "any", "object", "field"}, n.how):
		return fmt.Errorf("%w: %q: %q is none of atomic, set, keys NAME…, map, any, object, field", ErrRule, n.path, n.how)
	case (n.how == "keys") != (len(n.keys) > 0):
		return fmt.Errorf("%w: %q: keys and their names belong together", ErrRule, n.path)
	case slices.Contains([]string{"atomic", "set", "field"}, n.how) && len(n.fields) > 0:
		return fmt.Errorf("%w: %q is %s, and has rules below it", ErrRule, n.path, n.how)
	}
	if each := n.fields["*"]; each != nil {
		items := n.how == "keys" && (each.how == "object" && len(each.fields) == 0 || each.how == "atomic" && len(n.fields) == 1)
		if values := n.how == "map" && len(n.fields) == 1; !items && !values {
			return fmt.Errorf("%w: %q: * is for the values of a map, or for items of a keyed list that are atomic or objects", ErrRule, n.path)
		}
	}
	for i, key := range n.keys {
		name, _, _ := strings.Cut(key, "=")
		if name == "" || n.fields[name] != nil || slices.ContainsFunc(n.keys[:i], func(k string) bool { return strings.HasPrefix(k+"=", name+"=") }) {
			return fmt.Errorf("%w: %q: key %q is empty, given twice, or has a rule of its own", ErrRule, n.path, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(n.fields)) {
		if err := n.fields[name].check(); err != nil {
			return err
		}
	}
	return nil
}

// learn notes the fields of a value, and tells whether one was new.
func (n *node) learn(value any) bool {
	learned := false
	switch value := value.(type) {
	case map[string]any:
		for name, content := range value {
			if n.declares(name) {
				known := len(n.fields)
				learned = n.field(name).learn(content) || len(n.fields) > known || learned
			}
		}
	case []any:
		if n.how == "keys" {
			for _, item := range value {
				learned = n.learn(item) || learned
			}
		}
	}
	return learned
}

// declares tells whether name is a field of a type, in contrast to a key or to a part of something atomic.
func (n *node) declares(name string) bool {
	switch n.how {
	case "":
		return true
	case "any", "object":
		return n.fields[name] != nil
	case "keys":
		return n.fields["*"] == nil && !n.isKey(name) || n.fields[name] != nil
	}
	return false
}

// parseable returns a type that structured-merge-diff understands, for the objects whose root n is.
func (n *node) parseable() typed.ParseableType {
	parser := typed.Parser{Schema: schema.Schema{Types: []schema.TypeDef{
		{Name: "any", Atom: content(schema.Separable, "any")},
		{Name: "value", Atom: content(schema.Atomic, "value")},
		{Name: "object", Atom: n.atom()},
	}}}
	return parser.Type("object")
}

// content is a scalar, a list that is one value, or a map.
func content(maps schema.ElementRelationship, element string) schema.Atom {
	scalar := schema.Untyped
	return schema.Atom{
		Scalar: &scalar,
		List:   &schema.List{ElementType: named("value"), ElementRelationship: schema.Atomic},
		Map:    &schema.Map{ElementType: named(element), ElementRelationship: maps},
	}
}

func scalar() schema.TypeRef {
	untyped := schema.Untyped
	return schema.TypeRef{Inlined: schema.Atom{Scalar: &untyped}}
}

func named(name string) schema.TypeRef { return schema.TypeRef{NamedType: &name} }

func (n *node) atom() schema.Atom {
	switch n.how {
	case "atomic":
		return content(schema.Atomic, "value")
	case "set":
		return schema.Atom{List: &schema.List{ElementType: scalar(), ElementRelationship: schema.Associative}}
	case "keys":
		return n.keyed()
	}
	atom := content(schema.Separable, "any")
	n.declare(atom.Map)
	if n.how == "object" {
		return schema.Atom{Map: &schema.Map{Fields: atom.Map.Fields}} // without a type for other fields
	}
	return atom
}

// declare adds the fields that are known to the type of a map.
func (n *node) declare(object *schema.Map) {
	for _, name := range slices.Sorted(maps.Keys(n.fields)) {
		field := schema.TypeRef{Inlined: n.fields[name].atom()}
		if name == "*" {
			object.ElementType = field
			continue
		}
		object.Fields = append(object.Fields, schema.StructField{Name: name, Type: field})
	}
}

// keyed returns the type of a list whose items are told apart by keys.
func (n *node) keyed() schema.Atom {
	item := &schema.Map{}
	switch each := n.fields["*"]; {
	case each == nil:
		n.declare(item)
		item.ElementType = named("any")
	case each.how == "atomic":
		item.ElementType, item.ElementRelationship = named("value"), schema.Atomic
	default:
		n.declare(item)
		item.ElementType = schema.TypeRef{}
	}
	list := &schema.List{ElementType: schema.TypeRef{Inlined: schema.Atom{Map: item}}, ElementRelationship: schema.Associative}
	for _, key := range n.keys {
		name, value, hasDefault := strings.Cut(key, "=")
		field := schema.StructField{Name: name, Type: scalar()}
		if hasDefault {
			field.Default = keyDefault(value)
		}
		list.Keys = append(list.Keys, name)
		item.Fields = append(item.Fields, field)
	}
	return schema.Atom{List: list}
}

// keyDefault reads a number or a boolean as such; all else is text.
func keyDefault(text string) any {
	var number int64
	var truth bool
	switch {
	case json.Unmarshal([]byte(text), &number) == nil:
		return number
	case json.Unmarshal([]byte(text), &truth) == nil:
		return truth
	}
	return text
}

// tidy forgets nulls, lists without items and maps without keys, as a server's types do. It returns false for a value
// that is nothing then.
func (n *node) tidy(value any) bool {
	// To reset managed fields is to give an empty list of them.
	if n.how == "any" || n.path == "metadata.managedFields" {
		return true
	}
	switch value := value.(type) {
	case nil:
		return false
	case map[string]any:
		for name, content := range value {
			below := n.fields[name]
			if n.how == "map" {
				below = n.fields["*"]
			}
			if below == nil {
				below = &node{path: n.path + "." + name}
			}
			if !below.tidy(content) {
				delete(value, name)
			}
		}
		return len(value) > 0 || n.how != "map"
	case []any:
		for _, item := range value {
			n.tidy(item)
		}
		return len(value) > 0
	}
	return true
}

// prune forgets the fields of objects that their types do not have.
func (n *node) prune(value any) {
	switch value := value.(type) {
	case map[string]any:
		closed := n.how == "object" || n.how == "keys" && n.fields["*"] != nil && n.fields["*"].how == "object"
		for name, content := range value {
			below := n.fields[name]
			if n.how == "map" {
				below = n.fields["*"]
			}
			if below != nil {
				below.prune(content)
			} else if closed && !n.isKey(name) {
				delete(value, name)
			}
		}
	case []any:
		if n.how == "keys" {
			for _, item := range value {
				n.prune(item)
			}
		}
	}
}

func (n *node) isKey(name string) bool {
	return slices.ContainsFunc(n.keys, func(k string) bool { return strings.HasPrefix(k+"=", name+"=") })
}

// nulls adds the paths of nulls where an object must be.
func (n *node) nulls(paths []string, path string, value any) []string {
	switch value := value.(type) {
	case nil:
		if n.how == "object" || n.how == "map" {
			return append(paths, strings.TrimPrefix(path, "."))
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			below := n.fields[name]
			if n.how == "map" {
				below = n.fields["*"]
			}
			if below != nil {
				paths = below.nulls(paths, path+"."+name, value[name])
			}
		}
	}
	return paths
}
