package status

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// defaultFeedback is the limit that stands for zero.
const defaultFeedback = 4096

// Feedback reads chosen values from a live object, for Cluster.Values. The paths, by the name of the value, are those of
// Check; without any the counters and phases of the kind are read, as far as the object has them. The result is sorted
// by name. A value that cannot be given says why in Error and does not hinder the others: InvalidPath, NotFound,
// WrongType (the path leads through something else), TooLarge. Names and values together take at most limit bytes (zero:
// 4096, below zero: none); what does not fit is never cut but TooLarge. The object is only read.
func Feedback(live map[string]any, paths map[string]string, limit int) []Value {
	chosen := paths != nil
	if !chosen {
		paths = defaultPaths(live)
	}
	if limit == 0 {
		limit = defaultFeedback
	}
	out := make([]Value, 0, len(paths))
	for _, name := range slices.Sorted(maps.Keys(paths)) {
		v := readValue(live, paths[name])
		if v.Error == "NotFound" && !chosen {
			continue
		}
		v.Name = name
		if n := len(v.Name) + len(v.Value); v.Error == "" && n > limit {
			v = Value{Name: name, Error: "TooLarge: " + strconv.Itoa(len(v.Value)) + " bytes"}
		} else if v.Error == "" {
			limit -= n
		}
		out = append(out, v)
	}
	return out
}

// defaultPaths are the counters and words that Aggregate knows of the kind.
func defaultPaths(live map[string]any) map[string]string {
	o := open(live)
	paths := map[string]string{}
	for _, f := range Fields(metav1.GroupKind{Group: o.group, Kind: o.kind}) {
		if (f.Reduce == Sum || f.Reduce == Worst) && !strings.Contains(f.Path, "*") {
			paths[f.Path] = "status." + f.Path
		}
	}
	return paths
}

func readValue(live map[string]any, path string) Value {
	segments, err := parsePath(path)
	if err != nil {
		return Value{Error: "InvalidPath: " + err.Error()}
	}
	found, err := find(live, segments)
	switch {
	case err != nil:
		return Value{Error: "WrongType: " + err.Error()}
	case found == nil:
		return Value{Error: "NotFound"}
	}
	text, ok := scalar(found)
	if !ok {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(found); err != nil {
			return Value{Error: "WrongType: " + err.Error()}
		}
		return Value{Type: "JSON", Value: strings.TrimSuffix(b.String(), "\n")}
	}
	v := Value{Type: "Number", Value: text}
	switch found.(type) {
	case string:
		v.Type, v.Value = "String", strings.ToValidUTF8(text, "\uFFFD")
	case bool:
		v.Type = "Boolean"
	default:
		if _, ok := integer(found); ok {
			v.Type = "Integer"
		}
	}
	return v
}
