package placement

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// DecisionSlices reads and writes decisions as objects of the kind PlacementDecision of SIG Multicluster
// (multicluster.x-k8s.io/v1alpha1), which hold at most 100 clusters each and no reason for the others.
//
// A cluster named namespace/name is the ClusterProfile of that name in that namespace; one without a slash is a
// ClusterProfile in the namespace of the object.
type DecisionSlices struct {
	Namespace     string
	Name          string // of the objects: NAME-0, NAME-1, …
	Key           string // the label decision-key, which all slices of a decision share; empty: Name
	PlacementKey  string // the label placement-key; empty: none
	SchedulerName string
}

const (
	sliceVersion     = "multicluster.x-k8s.io/v1alpha1"
	sliceKind        = "PlacementDecision"
	sliceKeyLabel    = "multicluster.x-k8s.io/decision-key"
	sliceIndexLabel  = "multicluster.x-k8s.io/decision-index"
	slicePlacedLabel = "multicluster.x-k8s.io/placement-key"
	sliceSize        = 100
)

// Encode writes the selected clusters, at least one object. Given the objects that were written last, in any order, every
// cluster stays in its slice, so a reader who sees half of the writes misses none that stays; nil: packed anew. Objects
// of last that are not among the result may be deleted.
func (s DecisionSlices) Encode(decisions []Decision, last []map[string]any) []map[string]any {
	reasons := map[string]Reason{}
	for _, d := range decisions {
		if d.Selected {
			reasons[d.Cluster] = d.Reason
		}
	}
	var packed [][]string
	put := func(name string, at int) {
		for len(packed) <= at {
			packed = append(packed, nil)
		}
		packed[at] = append(packed[at], name)
	}
	placed := map[string]bool{}
	last = slices.SortedStableFunc(slices.Values(last), func(a, b map[string]any) int {
		return strings.Compare(label(a, sliceIndexLabel), label(b, sliceIndexLabel))
	})
	for _, object := range last {
		at, err := sliceIndex(object)
		names, _ := sliceClusters(object)
		for _, name := range names {
			if _, ok := reasons[name]; ok && err == nil && at <= len(decisions) && !placed[name] && (at >= len(packed) || len(packed[at]) < sliceSize) {
				put(name, at)
				placed[name] = true
			}
		}
	}
	free := 0
	for _, name := range slices.Sorted(maps.Keys(reasons)) {
		for free < len(packed) && len(packed[free]) >= sliceSize {
			free++
		}
		if !placed[name] {
			put(name, free)
		}
	}
	if len(packed) == 0 {
		packed = [][]string{nil}
	}
	objects := make([]map[string]any, len(packed))
	for i, names := range packed {
		slices.Sort(names)
		objects[i] = s.object(i, names, reasons)
	}
	return objects
}

func (s DecisionSlices) object(at int, names []string, reasons map[string]Reason) map[string]any {
	labels := map[string]any{sliceKeyLabel: cmp.Or(s.Key, s.Name), sliceIndexLabel: strconv.Itoa(at)}
	if s.PlacementKey != "" {
		labels[slicePlacedLabel] = s.PlacementKey
	}
	entries := make([]any, len(names))
	for i, name := range names {
		ref := map[string]any{"name": name}
		if namespace, name, ok := strings.Cut(name, "/"); ok {
			ref = map[string]any{"name": name, "namespace": namespace}
		}
		entries[i] = map[string]any{"clusterProfileRef": ref, "reason": string(reasons[name])}
	}
	metadata := map[string]any{"name": s.Name + "-" + strconv.Itoa(at), "labels": labels}
	if s.Namespace != "" {
		metadata["namespace"] = s.Namespace
	}
	object := map[string]any{"apiVersion": sliceVersion, "kind": sliceKind, "metadata": metadata, "decisions": entries}
	if s.SchedulerName != "" {
		object["schedulerName"] = s.SchedulerName
	}
	return object
}

// Decode reads the clusters that some scheduler selected from all slices of one decision, in any order; they are sorted,
// never nil, and so fit Policy.Clusters. A slice that is missing, comes twice or cannot be read is a FieldError, and then the clusters
// must not be used to withdraw anything: those of the other slices are returned. A missing last slice cannot be noticed.
func (s DecisionSlices) Decode(objects []map[string]any) ([]string, error) {
	var errs []*FieldError
	found := map[string]bool{}
	seen := map[int]int{}
	for i, object := range objects {
		path := index("slices", i) + "."
		at, err := sliceIndex(object)
		if err != nil {
			errs = append(errs, invalid(path+"metadata.labels["+sliceIndexLabel+"]", "%w", err))
		} else if first, twice := seen[at]; twice {
			errs = append(errs, invalid(path+"metadata.labels["+sliceIndexLabel+"]", "slice %d is already slices[%d]", at, first))
		} else {
			seen[at] = i
		}
		if key := label(object, sliceKeyLabel); s.Key != "" && key != s.Key {
			errs = append(errs, invalid(path+"metadata.labels["+sliceKeyLabel+"]", "%q is another decision than %q", key, s.Key))
			continue
		}
		names, err := sliceClusters(object)
		if err != nil {
			errs = append(errs, invalid(path+"decisions", "%w", err))
		}
		for _, name := range names {
			found[name] = true
		}
	}
	for at := range len(seen) {
		if _, ok := seen[at]; !ok {
			errs = append(errs, invalid("slices", "slice %d is missing", at))
		}
	}
	names := slices.AppendSeq([]string{}, maps.Keys(found))
	slices.Sort(names)
	return names, join(errs)
}

// sliceIndex is the place of a slice; one without the label is the only one.
func sliceIndex(object map[string]any) (int, error) {
	text := label(object, sliceIndexLabel)
	if text == "" {
		return 0, nil
	}
	at, err := strconv.Atoi(text)
	if err != nil || at < 0 {
		return 0, fmt.Errorf("%q is no index", text)
	}
	return at, nil
}

func label(object map[string]any, key string) string {
	metadata, _ := object["metadata"].(map[string]any)
	labels, _ := metadata["labels"].(map[string]any)
	text, _ := labels[key].(string)
	return text
}

func sliceClusters(object map[string]any) ([]string, error) {
	var names []string
	list, ok := object["decisions"].([]any)
	if !ok && object["decisions"] != nil {
		return nil, fmt.Errorf("is no list")
	}
	for i, entry := range list {
		fields, _ := entry.(map[string]any)
		ref, _ := fields["clusterProfileRef"].(map[string]any)
		name, _ := ref["name"].(string)
		if name == "" {
			return names, fmt.Errorf("entry %d names no cluster", i)
		}
		if namespace, _ := ref["namespace"].(string); namespace != "" {
			name = namespace + "/" + name
		}
		names = append(names, name)
	}
	return names, nil
}

// selectorAnnotation is where Federation v1 wrote its selector.
const selectorAnnotation = "federation.alpha.kubernetes.io/cluster-selector"

// SelectorFromAnnotation reads the annotation federation.alpha.kubernetes.io/cluster-selector of Federation v1, a JSON
// list of requirements on the labels of clusters. Without the annotation an object goes everywhere, as it did. If it
// cannot be read the error is a FieldError, and the Selector is one that does not compile: Decide then keeps what is
// there and adds nothing.
func SelectorFromAnnotation(annotations map[string]string) (*Selector, error) {
	path := "metadata.annotations[" + selectorAnnotation + "]"
	raw, ok := annotations[selectorAnnotation]
	if !ok {
		return &Selector{}, nil
	}
	var list []Expression
	err := json.Unmarshal([]byte(raw), &list)
	if err == nil && list == nil {
		err = fmt.Errorf("is null")
	}
	if err != nil {
		broken := &Selector{MatchExpressions: []Expression{{Key: selectorAnnotation, Operator: "Malformed"}}}
		return broken, invalid(path, "%w", err)
	}
	operators := []string{opIn, opNotIn, opExists, opDoesNotExist, opGt, opLt}
	for i := range list {
		at := slices.IndexFunc(operators, func(op string) bool { return strings.EqualFold(op, list[i].Operator) })
		if at >= 0 {
			list[i].Operator = operators[at]
		}
	}
	s := &Selector{MatchExpressions: list}
	_, errs := compileSelector(*s)
	for _, e := range errs {
		e.Field = path + strings.TrimPrefix(e.Field, "matchExpressions")
	}
	return s, join(errs)
}
