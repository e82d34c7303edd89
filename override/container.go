package override

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Container edits containers of a pod template: all that Names names, among containers, init containers and ephemeral
// containers; no Names means every one. A name that no container has is ErrNotFound, unless Lenient.
//
// The template is found by kind and group, in Templates first ("Rollout.argoproj.io": {"/spec/template"}; the pointers
// lead to the object that holds metadata and the pod spec, and those that a document lacks are skipped), then among the
// built-in kinds. A kind without one is ErrNotFound.
type Container struct {
	Names     []string            `json:"names,omitempty"`
	Image     Image               `json:"image,omitzero"`
	Command   List                `json:"command,omitzero"`
	Args      List                `json:"args,omitzero"`
	Env       []EnvVar            `json:"env,omitempty"`
	Resources map[string]any      `json:"resources,omitempty"` // merged as Merge does: {"limits": {"cpu": "2", "memory": nil}}
	Lenient   bool                `json:"lenient,omitempty"`
	Templates map[string][]string `json:"templates,omitempty"`
}

// List edits a list of strings: Set (when not nil) replaces it, then every item that equals one of Remove goes, then
// Append is added at the end.
type List struct {
	Set    []string `json:"set,omitempty"`
	Remove []string `json:"remove,omitempty"`
	Append []string `json:"append,omitempty"`
}

// EnvVar sets one variable: a string, number or bool is its value, an object its valueFrom, nil removes it. A variable
// that is there keeps its place, new ones follow in the given order, so that later ones may refer to earlier ones.
type EnvVar struct {
	Name  string `json:"name"`
	Value any    `json:"value,omitempty"`
}

// Patches compiles the edit for doc.
func (c Container) Patches(doc map[string]any) ([]Patch, error) {
	if err := c.Image.validate(); err != nil {
		return nil, err
	}
	templates, err := podTemplates(doc, c.Templates)
	if err != nil {
		return nil, err
	}
	var out []Patch
	missing := slices.Clone(c.Names)
	for _, template := range templates {
		for _, field := range []string{"initContainers", "containers", "ephemeralContainers"} {
			path := template + "/spec/" + field
			list, _ := at(doc, path).([]any)
			for i, item := range list {
				object, _ := item.(map[string]any)
				name, _ := object["name"].(string)
				if object == nil || len(c.Names) > 0 && !slices.Contains(c.Names, name) {
					continue
				}
				missing = slices.DeleteFunc(missing, func(s string) bool { return s == name })
				if out, err = c.append(out, path+"/"+strconv.Itoa(i), object); err != nil {
					return nil, fmt.Errorf("container %q: %w", name, err)
				}
			}
		}
	}
	if len(missing) > 0 && !c.Lenient {
		return nil, fmt.Errorf("%w: no container is named %s", ErrNotFound, strings.Join(missing, ", "))
	}
	return out, nil
}

// append adds the patches for one container, in the order in which its fields are declared.
func (c Container) append(out []Patch, path string, container map[string]any) ([]Patch, error) {
	if c.Image != (Image{}) {
		was, _ := container["image"].(string)
		is, err := c.Image.edit(was)
		if err != nil {
			return nil, err
		}
		if is != was {
			out = append(out, Patch{Op: "add", Path: path + "/image", Value: is})
		}
	}
	for _, f := range []struct {
		field string
		edit  List
	}{{"command", c.Command}, {"args", c.Args}} {
		var err error
		if out, err = f.edit.append(out, path+"/"+f.field, container[f.field]); err != nil {
			return nil, err
		}
	}
	out, err := appendEnv(out, path+"/env", container["env"], c.Env)
	if err != nil || len(c.Resources) == 0 {
		return out, err
	}
	merged, err := mergePatches(path+"/resources", container["resources"], c.Resources)
	return append(out, merged...), err
}

// append yields one patch an item where it can: what the document holds must not pass for a value of the edit.
func (l List) append(out []Patch, path string, was any) ([]Patch, error) {
	list, ok := was.([]any)
	switch {
	case l.Set == nil && l.Remove == nil && l.Append == nil:
		return out, nil
	case was != nil && !ok:
		return nil, fmt.Errorf("%w: %s is %s, not a list", ErrNotFound, path, typeName(was))
	case l.Set != nil || list == nil:
		set := slices.DeleteFunc(slices.Clone(l.Set), func(s string) bool { return slices.Contains(l.Remove, s) })
		if set = append(set, l.Append...); set != nil {
			out = append(out, Patch{Op: "add", Path: path, Value: set})
		}
		return out, nil
	}
	for i, item := range slices.Backward(list) {
		if s, ok := item.(string); ok && slices.Contains(l.Remove, s) {
			out = append(out, Patch{Op: "remove", Path: path + "/" + strconv.Itoa(i)})
		}
	}
	for _, s := range l.Append {
		out = append(out, Patch{Op: "add", Path: path + "/-", Value: s})
	}
	return out, nil
}

func appendEnv(out []Patch, path string, was any, vars []EnvVar) ([]Patch, error) {
	list, ok := was.([]any)
	if was != nil && !ok {
		return nil, fmt.Errorf("%w: %s is %s, not a list", ErrNotFound, path, typeName(was))
	}
	list = slices.Clone(list)
	for i, v := range vars {
		item, err := v.item()
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(vars[:i], func(w EnvVar) bool { return w.Name == v.Name }) {
			return nil, fmt.Errorf("%w: the variable %q is set twice", ErrInvalid, v.Name)
		}
		found := false
		for n, there := range slices.Backward(list) {
			if m, ok := there.(map[string]any); !ok || m["name"] != v.Name {
				continue
			}
			switch {
			case item == nil:
				list = slices.Delete(list, n, n+1)
				out = append(out, Patch{Op: "remove", Path: path + "/" + strconv.Itoa(n)})
			case !found && !same(there, item): // the last of two wins in a container too
				out = append(out, Patch{Op: "replace", Path: path + "/" + strconv.Itoa(n), Value: item})
			}
			found = true
		}
		if !found && item != nil {
			list = append(list, item)
			out = append(out, Patch{Op: "add", Path: path + "/-", Value: item, Lenient: true})
		}
	}
	return out, nil
}

// item is the variable as a container spells it; nil when it is to go.
func (v EnvVar) item() (any, error) {
	if v.Name == "" || strings.Contains(v.Name, "=") {
		return nil, fmt.Errorf("%w: %q is no name of a variable", ErrInvalid, v.Name)
	}
	nodes := maxNodes
	value, err := normalise(v.Value, 0, &nodes)
	if err != nil || value == nil {
		return nil, err
	}
	if _, ok := value.(map[string]any); ok {
		return map[string]any{"name": v.Name, "valueFrom": value}, nil
	}
	text, ok := spelling(value)
	if !ok {
		return nil, fmt.Errorf("%w: the variable %q cannot be %s", ErrInvalid, v.Name, typeName(value))
	}
	return map[string]any{"name": v.Name, "value": text}, nil
}
