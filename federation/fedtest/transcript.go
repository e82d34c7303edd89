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
	names    map[string]string // what servers choose, by its value
	shown    map[string]string // what was written down last, by field
	uid      string
	version  string
}

func newTranscript(run string, sc scenario) *transcript {
	t := &transcript{run: run, status: sc.Status, names: map[string]string{}, shown: map[string]string{}}
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
	for _, value := range slices.Sorted(maps.Keys(t.names)) {
		text = regexp.MustCompile(`\b`+regexp.QuoteMeta(value)+`\b`).ReplaceAllString(text, t.names[value])
	}
	text = regexp.MustCompile(`\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`).ReplaceAllString(text, "TIME")
	text = regexp.MustCompile(`in record \(\d+\)`).ReplaceAllString(text, "in record (VERSION)")
	return strings.ReplaceAll(text, t.run, "RUN")
}

// object writes down what has changed since the last answer.
func (t *transcript) object(obj *unstructured.Unstructured) {
	obj = obj.DeepCopy()
	t.names[string(obj.GetUID())] = "UID"
	t.identity(obj)
	shown := map[string]string{}
	for name, value := range obj.Object {
		if name != "metadata" && name != "apiVersion" && name != "kind" && (name != "status" || t.status) {
			shown[name] = encode(t.freed(value))
		}
	}
	metadata, _, _ := unstructured.NestedMap(obj.Object, "metadata")
	for name, value := range metadata {
		shown["metadata."+name] = encode(value)
	}
	for _, name := range []string{"name", "namespace", "uid", "resourceVersion", "managedFields"} {
		delete(shown, "metadata."+name)
	}
	for _, e := range obj.GetManagedFields() {
		if slices.Contains(t.managers, e.Manager) {
			shown[strings.TrimSuffix(fmt.Sprintf("%s %s %s %s", e.Manager, e.Operation, e.APIVersion, e.Subresource), " ")] = string(e.FieldsV1.Raw)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(shown)) {
		if t.shown[name] != shown[name] {
			t.line("  ", name+": "+shown[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.shown)) {
		if _, ok := shown[name]; !ok {
			t.line("  ", name+" is gone")
		}
	}
	t.shown = shown
}

// identity tells whether the object is the one that was seen last, and whether it was written since.
func (t *transcript) identity(obj *unstructured.Unstructured) {
	uid, version := string(obj.GetUID()), obj.GetResourceVersion()
	switch {
	case version == "":
		t.line("  ", "not stored")
	case t.uid != uid:
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
