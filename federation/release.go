package federation

import (
	"encoding/json"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/internal/ownership"
)

// release plans to stop owning a copy. It is one JSON patch, never an apply of less, which would delete what is left out.
func (p *stepper) release(s *Step, live *unstructured.Unstructured, reason Reason, message string) *Step {
	entries := ownership.Of(live.Object)
	patch := []operation{{Op: "remove", Path: pointer("metadata", "labels", p.Owner.Key)}}
	for _, mark := range []string{DigestAnnotation, templateAnnotation} {
		if _, ok := get(live.Object, []string{"metadata", "annotations", mark}); ok {
			patch = append(patch, operation{Op: "remove", Path: pointer("metadata", "annotations", mark)})
		}
	}
	if !entries.Has(p.Manager) {
		entries = nil
	} else {
		entries = entries.Without(p.Manager)
	}
	s.Patch = managedFieldsPatch(entries, live, patch)
	s.Precondition = metav1.Preconditions{UID: ptr(live.GetUID()), ResourceVersion: ptr(live.GetResourceVersion())}
	return s.as(Release, reason, message+"; what is here stays")
}

type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// managedFieldsPatch adds to a JSON patch the new managed-fields entries (nil: as they are) and the observed identity: a
// uid that differs fails the patch, and a resourceVersion that differs is a conflict.
func managedFieldsPatch(entries ownership.Entries, live *unstructured.Unstructured, patch []operation) []byte {
	patch = append([]operation{{Op: "test", Path: "/metadata/uid", Value: string(live.GetUID())}}, patch...)
	patch = append(patch, operation{Op: "replace", Path: "/metadata/resourceVersion", Value: live.GetResourceVersion()})
	if entries != nil {
		patch = append(patch, operation{Op: "replace", Path: "/metadata/managedFields", Value: entries})
	}
	// Decoded JSON always encodes.
	data, _ := json.Marshal(patch)
	return data
}

func pointer(keys ...string) string {
	var b strings.Builder
	for _, key := range keys {
		b.WriteByte('/')
		b.WriteString(strings.ReplaceAll(strings.ReplaceAll(key, "~", "~0"), "/", "~1"))
	}
	return b.String()
}
