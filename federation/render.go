package federation

import (
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/confed-project/confed/internal/ownership"
	"github.com/confed-project/confed/override"
	"github.com/confed-project/confed/placement"
)

// Rendered is the template as one cluster should have it.
type Rendered struct {
	// Manifest shares structure with the template: read-only.
	Manifest *unstructured.Unstructured
	// Digest identifies the wish: equal manifests have equal digests. Values at retained paths do not count.
	Digest string
	// Trace tells which override layer set which path, from what to what.
	Trace []override.Change
}

// Render renders the template for one cluster: template, then replicas (nil: the template's own), then the override
// layers in order. It is what Plan calls for every selected cluster, less the owner label and the digest annotation
// that a Planner adds. The error is an *Error with the cluster and the field.
func Render(obj Object, cluster placement.Cluster, replicas *int64) (Rendered, error) {
	r, err := newRenderer(obj)
	if err != nil {
		return Rendered{}, err
	}
	return r.render(cluster, replicas)
}

// renderer is an Object with everything prepared that does not depend on the cluster.
type renderer struct {
	obj                   Object
	name                  string // for errors
	namespace, objectName string
	labels                map[string]string
	doc                   map[string]any
	gvk                   schema.GroupVersionKind
	counts                [][]string // where the numbers that are divided are: replicas, and what follows them
	missing               int64      // replicas of a template without
	overrides             []compiledOverride
	retain, ignore        []ownership.Path
	rank                  int
	parts                 []string // the top-level keys of the template but apiVersion, kind and metadata
	template              string   // its digest, of a lazy object
}

type compiledOverride struct {
	matcher placement.Matcher
	layer   override.Layer
	err     error
}

func newRenderer(obj Object) (r *renderer, err error) {
	if obj.Template == nil || obj.Template.Object == nil {
		return nil, &Error{Field: "template", Err: fmt.Errorf("%w: missing", ErrInvalid)}
	}
	doc, err := decoded(obj.Template.Object)
	if err != nil {
		return nil, &Error{Field: "template", Err: err}
	}
	t := &unstructured.Unstructured{Object: doc}
	gvk := t.GroupVersionKind()
	ref := Ref{GVK: gvk, Namespace: t.GetNamespace(), Name: t.GetName()}
	r = &renderer{obj: obj, name: ref.String(), namespace: ref.Namespace, objectName: ref.Name, gvk: gvk, rank: rank(gvk.GroupKind())}
	if field, err := identityError(doc); err != nil {
		return nil, &Error{Object: r.name, Field: field, Err: err}
	}
	switch obj.Adopt {
	case AdoptNever, AdoptIfIdentical, AdoptAlways:
	default:
		return nil, &Error{Object: r.name, Field: "adopt", Err: fmt.Errorf("%w: %q", ErrInvalid, obj.Adopt)}
	}
	r.doc = unset(clean(doc), []string{"metadata", "annotations", OptOutAnnotation})
	r.labels = t.GetLabels()
	for key := range r.doc {
		if key != "apiVersion" && key != "kind" && key != "metadata" {
			r.parts = append(r.parts, key)
		}
	}
	if obj.Lazy {
		r.template = digest(r.doc)
	}
	if r.counts, r.missing = countFields(gvk, obj.Replicas); r.missing == noTotal {
		r.counts = r.present(r.counts)
	}
	for i, o := range obj.Overrides {
		m, err := placement.Compile(o.Clusters)
		if err != nil {
			err = &Error{Object: r.name, Field: fmt.Sprintf("overrides[%d].clusters", i), Err: err}
		}
		layer := o.Layer
		if compiled, cerr := layer.Compile(); cerr == nil {
			layer = compiled // else the error is that of the clusters that use it
		}
		r.overrides = append(r.overrides, compiledOverride{m, layer, err})
	}
	if r.retain, err = r.paths("retain", obj.Retain); err != nil {
		return nil, err
	}
	r.ignore, err = r.paths("ignore", obj.Ignore)
	return r, err
}

// identityError says which part of a template's identity is missing or no identity.
func identityError(doc map[string]any) (field string, err error) {
	for _, path := range [][]string{{"apiVersion"}, {"kind"}, {"metadata", "name"}, {"metadata", "namespace"}} {
		v, ok := get(doc, path)
		text, isText := v.(string)
		field := "template." + strings.Join(path, ".")
		switch {
		case !ok && path[len(path)-1] == "namespace":
		case !isText && ok:
			return field, fmt.Errorf("%w: a %T", ErrInvalid, v)
		case text == "" && path[len(path)-1] != "namespace":
			return field, fmt.Errorf("%w: missing", ErrInvalid)
		}
	}
	version, _ := doc["apiVersion"].(string)
	gv, err := schema.ParseGroupVersion(version)
	if err != nil || gv.Version == "" {
		return "template.apiVersion", fmt.Errorf("%w: %q is not a version or a group and a version", ErrInvalid, version)
	}
	return "", nil
}

func (r *renderer) paths(field string, texts []string) ([]ownership.Path, error) {
	var paths []ownership.Path
	for i, text := range texts {
		path, err := ownership.ParsePath(text)
		if err != nil {
			return nil, &Error{Object: r.name, Field: fmt.Sprintf("%s[%d]", field, i), Err: fmt.Errorf("%w: %w", ErrInvalid, err)}
		}
		paths = append(paths, path)
	}
	return paths, nil
}

func (r *renderer) fail(cluster, field string, err error) error {
	return &Error{Object: r.name, Cluster: cluster, Field: field, Err: err}
}

func (r *renderer) render(cluster placement.Cluster, replicas *int64) (Rendered, error) {
	layers, err := r.layers(cluster, nil)
	if replicas != nil && *replicas < 0 {
		err = fmt.Errorf("%w: %d replicas", ErrInvalid, *replicas)
	}
	if err == nil {
		var rendered Rendered
		numbers := counts{-1, -1}
		if replicas != nil {
			numbers[0] = *replicas
		}
		if rendered, err = r.edit(layers, numbers, vars(cluster)); err == nil {
			return rendered, nil
		}
	}
	return Rendered{}, r.fail(cluster.Name, "", err)
}

// layers appends the indices of the overrides that are for the cluster.
func (r *renderer) layers(cluster placement.Cluster, into []int) ([]int, error) {
	for i := range r.overrides {
		o := &r.overrides[i]
		if o.err != nil {
			// Which clusters it meant cannot be known, so it holds all of them.
			return nil, o.err
		}
		if o.matcher.Matches(cluster) {
			into = append(into, i)
		}
	}
	return into, nil
}

// edit renders the template with these overrides.
func (r *renderer) edit(layers []int, numbers counts, vars override.Vars) (Rendered, error) {
	doc := r.doc
	for i, n := range numbers {
		if n < 0 {
			continue
		}
		if i >= len(r.counts) {
			return Rendered{}, fmt.Errorf("%w: %s", ErrNoReplicasPath, r.gvk.GroupKind())
		}
		parent := r.counts[i][:len(r.counts[i])-1]
		if v, ok := get(doc, parent); ok && len(parent) > 0 {
			if _, isMap := v.(map[string]any); !isMap {
				return Rendered{}, fmt.Errorf("%w: /%s is a %T", ErrInvalid, strings.Join(parent, "/"), v)
			}
		}
		doc = set(doc, r.counts[i], n)
	}
	var trace []override.Change
	if len(layers) > 0 {
		list := make([]override.Layer, len(layers))
		for i, n := range layers {
			list[i] = r.overrides[n].layer
		}
		out, changes, err := override.ApplyLayers(doc, list, vars)
		if err != nil {
			return Rendered{}, err
		}
		doc, trace = clean(out), changes
	}
	wish := doc
	for _, path := range r.retain {
		wish = path.Without(wish)
	}
	if len(r.retain) > 0 {
		// What left the template while it was retained must go once it is not: then the wish is another one.
		wish = with(wish, "retained ", strings.Join(r.obj.Retain, " "))
	}
	sum, size := digestAndSize(wish)
	if err := check(r.gvk.GroupKind(), doc, size); err != nil {
		return Rendered{}, err
	}
	return Rendered{Manifest: &unstructured.Unstructured{Object: doc}, Digest: sum, Trace: trace}, nil
}

// vars supplies the variables of a cluster to the edits of a layer.
func vars(c placement.Cluster) override.Vars {
	return func(name string) (any, bool) {
		switch name {
		case "cluster.name":
			return c.Name, true
		case "cluster.region":
			return c.Region, c.Region != ""
		case "cluster.provider":
			return c.Provider, c.Provider != ""
		case "cluster.zones":
			zones := make([]any, len(c.Zones))
			for i, z := range c.Zones {
				zones[i] = z
			}
			return zones, len(zones) > 0
		}
		for prefix, m := range map[string]map[string]string{"cluster.labels[": c.Labels, "cluster.properties[": c.Properties} {
			if key, ok := strings.CutPrefix(name, prefix); ok && strings.HasSuffix(key, "]") {
				v, found := m[strings.TrimSuffix(key, "]")]
				return v, found
			}
		}
		return nil, false
	}
}

var errPointer = errors.New("not a JSON pointer below an object")

// parsePointer splits a JSON pointer into map keys.
func parsePointer(pointer string) ([]string, error) {
	if !strings.HasPrefix(pointer, "/") || len(pointer) < 2 {
		return nil, fmt.Errorf("%w: %q: %w", ErrInvalid, pointer, errPointer)
	}
	keys := strings.Split(pointer[1:], "/")
	for i, key := range keys {
		keys[i] = strings.ReplaceAll(strings.ReplaceAll(key, "~1", "/"), "~0", "~")
	}
	return keys, nil
}
