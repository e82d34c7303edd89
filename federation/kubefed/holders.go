package kubefed

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/confed-project/confed/federation"
)

// SyncFinalizer is KubeFed's: a federated object goes when its copies have gone.
const SyncFinalizer = "kubefed.io/sync-controller"

// HoldersAnnotation on a federated object names every cluster that may hold a copy, before the first is made there, separated
// by commas. It is written together with the finalizer.
const HoldersAnnotation = "confed.dev/holders"

// ReadHolders returns the clusters that may hold a copy, for federation.Snapshot.Holders. With the finalizer and without the
// annotation, as KubeFed leaves objects, they are not known: nil. Without both nobody has propagated the object yet: none.
func ReadHolders(federated *unstructured.Unstructured) []string {
	if federated == nil {
		return nil
	}
	text, known := federated.GetAnnotations()[HoldersAnnotation]
	if !known && slices.Contains(federated.GetFinalizers(), SyncFinalizer) {
		return nil
	}
	holders := []string{}
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); name != "" {
			holders = append(holders, name)
		}
	}
	return holders
}

// WriteHolders writes the finalizer and the holders into the federated object, or returns nil when they are there already.
// Nil holders, which are not known, are not written.
func WriteHolders(federated *unstructured.Unstructured, holders []string) *unstructured.Unstructured {
	if federated == nil || holders == nil {
		return nil
	}
	d := draftOf(federated, schema.GroupKind{}, "", "")
	d.at("metadata", "annotations")[HoldersAnnotation] = strings.Join(holders, ",")
	out := d.object()
	if list := out.GetFinalizers(); !slices.Contains(list, SyncFinalizer) {
		out.SetFinalizers(append(list, SyncFinalizer))
	}
	return d.changed()
}

// UndoHolders takes the finalizer out of the federated object, so that it can go, or returns nil when it has none.
func UndoHolders(federated *unstructured.Unstructured) *unstructured.Unstructured {
	if federated == nil || !slices.Contains(federated.GetFinalizers(), SyncFinalizer) {
		return nil
	}
	out := federated.DeepCopy()
	rest := slices.DeleteFunc(out.GetFinalizers(), func(f string) bool { return f == SyncFinalizer })
	if len(rest) == 0 {
		rest = nil // an empty list would stay
	}
	out.SetFinalizers(rest)
	return out
}

// OptedOut reads KubeFed's spelling of an opt-out, the label kubefed.io/managed=false, as the one of federation. Other
// observations come back as they are.
func OptedOut(o federation.Observation) federation.Observation {
	if o.State != federation.Present || o.Live.GetLabels()[managedLabel] != "false" {
		return o
	}
	o.Live = o.Live.DeepCopy()
	annotations := maps.Clone(o.Live.GetAnnotations())
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[federation.OptOutAnnotation] = "true"
	o.Live.SetAnnotations(annotations)
	return o
}
