package fedtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// transcript writes down what happens in a scenario, so that two servers that do the same give the same lines. What
// servers choose freely is replaced by a name for it:
//
//   - the name of the run, UIDs and resourceVersions, which are different by nature;
//   - times, which come from clocks;
//   - cluster IPs and node ports, which a server picks from its own ranges;
//   - entries of managers that are not in the scenario, and a status that the scenario does not speak of: where
//     controllers run, they come at any time.
type transcript struct {
	lines    []string
	run      string
	managers []string
	status   bool
	uids     map[string]bool // of the objects so far
	times    *regexp.Regexp
	versions *regexp.Regexp
	shown    map[string]string // what was written down last, by path
	held     map[string]map[string]string
	uid      string
	version  string
}

func newTranscript(run string, sc scenario) *transcript {
	t := &transcript{run: run, status: sc.Status, uids: map[string]bool{}, shown: map[string]string{}}
	t.times = regexp.MustCompile(`\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)
	t.versions = regexp.MustCompile(`in record \(\d+\)`)
	for _, step := range sc.Do {
		who, _, _ := strings.Cut(step, " ")
		t.managers = append(t.managers, who)
	}
	t.managers = append(t.managers, "before-first-apply")
	return t
}

// step writes down a step and its answer.
func (t *transcript) step(step string, obj *unstructured.Unstructured, err error) {
	t.line("", step)
	switch {
	case err != nil:
		for _, line := range problem(err) {
			t.line("  ", line)
		}
	case obj == nil:
	default:
		t.object(obj)
	}
}

func (t *transcript) line(indent, text string) {
	t.lines = append(t.lines, indent+t.normal(text))
}

// normal replaces what servers choose.
func (t *transcript) normal(text string) string {
	for uid := range t.uids {
		text = strings.ReplaceAll(text, uid, "UID")
	}
	text = t.times.ReplaceAllString(text, "TIME")
	text = t.versions.ReplaceAllString(text, "in record (VERSION)")
	return strings.ReplaceAll(strings.ReplaceAll(text, again, ""), t.run, "RUN")
}

// object writes down what has changed since the last answer.
func (t *transcript) object(obj *unstructured.Unstructured) {
	obj = obj.DeepCopy()
	if uid := string(obj.GetUID()); uid != "" {
		t.uids[uid] = true
	}
	t.identity(obj)
	entries := obj.GetManagedFields()
	for _, name := range []string{"name", "namespace", "uid", "resourceVersion", "managedFields"} {
		unstructured.RemoveNestedField(obj.Object, "metadata", name)
	}
	delete(obj.Object, "apiVersion")
	delete(obj.Object, "kind")
	if !t.status {
		delete(obj.Object, "status")
	}
	shown := map[string]string{}
	flatten(shown, "", t.freed(obj.Object))
	t.changes(t.shown, shown)
	t.shown = shown
	held := map[string]map[string]string{}
	for _, e := range entries {
		if slices.Contains(t.managers, e.Manager) && e.FieldsV1 != nil {
			who := strings.TrimSuffix(fmt.Sprintf("%s %s %s %s", e.Manager, e.Operation, e.APIVersion, e.Subresource), " ")
			held[who] = map[string]string{}
			hold(held[who], who+" holds ", e.FieldsV1.Raw)
		}
	}
	for _, who := range slices.Sorted(maps.Keys(held)) {
		t.changes(t.held[who], held[who])
	}
	for _, who := range slices.Sorted(maps.Keys(t.held)) {
		if _, ok := held[who]; !ok {
			t.line("  ", who+" lets go of all")
		}
	}
	t.held = held
}

// changes writes down what is new and what is gone, sorted.
func (t *transcript) changes(before, after map[string]string) {
	for _, path := range slices.Sorted(maps.Keys(after)) {
		if value, ok := before[path]; !ok || value != after[path] {
			t.line("  ", path+after[path])
		}
	}
	for _, path := range slices.Sorted(maps.Keys(before)) {
		if _, ok := after[path]; !ok {
			t.line("  ", strings.Replace(path, " holds ", " lets go of ", 1)+lost(path))
		}
	}
}

func lost(path string) string {
	if strings.Contains(path, " holds ") {
		return ""
	}
	return " is gone"
}

// flatten lists every value below a path that has none below it.
func flatten(into map[string]string, path string, value any) {
	switch value := value.(type) {
	case map[string]any:
		if len(value) > 0 {
			for name, content := range value {
				flatten(into, strings.TrimPrefix(path+"."+name, "."), content)
			}
			return
		}
	case []any:
		if len(value) > 0 {
			for i, content := range value {
				flatten(into, path+"["+strconv.Itoa(i)+"]", content)
			}
			return
		}
	}
	into[path] = " = " + encode(value)
}

// hold lists the fields of a managed-fields entry, each as a path.
func hold(into map[string]string, path string, fields []byte) {
	var below map[string]json.RawMessage
	if err := json.Unmarshal(fields, &below); err != nil {
		into[path] = err.Error()
		return
	}
	if len(below) == 0 {
		into[path] = ""
	}
	for name, content := range below {
		kind, name, _ := strings.Cut(name, ":")
		switch kind {
		case ".":
			into[path] = ""
		case "f":
			hold(into, path+"."+name, content)
		default: // an item of a list
			hold(into, path+"["+name+"]", content)
		}
	}
}

// identity tells whether the object is the one that was seen last, and whether it was written since.
func (t *transcript) identity(obj *unstructured.Unstructured) {
	uid, version := string(obj.GetUID()), obj.GetResourceVersion()
	switch {
	case version == "":
		t.line("  ", "not stored")
	case t.uid != uid:
		t.shown, t.held = nil, nil
		t.line("  ", "new object "+obj.GetAPIVersion()+" "+obj.GetKind()+" "+nameOf(obj).String())
	case t.version == version:
		t.line("  ", "same version")
	}
	if version != "" {
		t.uid, t.version = uid, version
	}
}

// freed replaces addresses and ports that a server picks.
func (t *transcript) freed(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for name, content := range value {
			switch name {
			case "clusterIP":
				if content != "None" {
					value[name] = "IP"
				}
			case "clusterIPs":
				if ips, _ := content.([]any); len(ips) > 0 && ips[0] != "None" {
					value[name] = "IPS"
				}
			case "nodePort":
				value[name] = "PORT"
			default:
				value[name] = t.freed(content)
			}
		}
	case []any:
		for i := range value {
			value[i] = t.freed(value[i])
		}
	}
	return value
}

func encode(value any) string {
	data, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// problem describes an error: class, code, message and causes.
func problem(err error) []string {
	if meta.IsNoMatchError(err) {
		return []string{"no such kind"}
	}
	status := apierrors.APIStatus(nil)
	if !errors.As(err, &status) {
		return []string{"error: " + err.Error()}
	}
	s := status.Status()
	lines := []string{strings.TrimSpace(strconv.Itoa(int(s.Code))+" "+string(s.Reason)) + ": " + strings.ReplaceAll(s.Message, "\n", " | ")}
	if s.Details == nil {
		return lines
	}
	about := s.Details.Kind
	if s.Details.Name != "" {
		about += " " + s.Details.Name
	}
	if about = strings.TrimSpace(s.Details.Group + " " + about); about != "" {
		lines = append(lines, "about "+about)
	}
	for _, c := range s.Details.Causes {
		lines = append(lines, causeLine(c))
	}
	return lines
}

func causeLine(c metav1.StatusCause) string {
	return fmt.Sprintf("cause %s %s: %s", c.Type, c.Field, c.Message)
}
