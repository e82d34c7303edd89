package kubefed

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/json"

	"github.com/confed-project/confed/internal/ownership"
	"github.com/confed-project/confed/scheduling"
)

// UnscheduledAnnotation on a federated object holds, as JSON, what a division took the place of: spec.placement.clusters, and
// the overrides of /spec/replicas by cluster. UndoShares puts it back.
const UnscheduledAnnotation = "confed.dev/unscheduled"

// unscheduled is that note. Clusters is nil when there were none, which is not the same as an empty list.
type unscheduled struct {
	Clusters  []any            `json:"clusters"`
	Overrides map[string][]any `json:"overrides,omitempty"`
	sure      bool             // it was written down, not guessed
}

// WriteShares puts a division into the federated object, as KubeFed did for a ReplicaSchedulingPreference, or returns nil when
// it is there already. The clusters of the shares, also those with 0 replicas, become spec.placement.clusters, sorted; each
// gets an override of /spec/replicas, in its place if it had one, else after its others; those of other clusters are taken
// out. All other overrides stay, in their order, and entries for new clusters follow by name.
//
// With the first division it notes in UnscheduledAnnotation what was there before, unless that is all the same and the user's.
// What KubeFed's scheduler wrote, as far as the managed fields show, is a division too, and not what was there before it:
// see leftover. Shares may be in any order; of two for one cluster the last counts. An empty division selects nothing, so every
// copy would go: callers that could not divide must not write what they have.
func WriteShares(federated *unstructured.Unstructured, shares []scheduling.Share) *unstructured.Unstructured {
	if federated == nil {
		return nil
	}
	d := draftOf(federated, schema.GroupKind{}, "", "")
	want := make(map[string]int64, len(shares))
	for _, s := range shares {
		want[s.Name] = s.Replicas
	}
	note, left := d.note()
	names := slices.Sorted(maps.Keys(want))
	if now := d.clusters(); now == nil || !slices.Equal(slices.Sorted(slices.Values(clusterNames(now))), names) {
		list := make([]any, len(names))
		for i, name := range names {
			list[i] = map[string]any{"name": name}
		}
		d.at("spec", "placement")["clusters"] = list
	}
	d.override(func(cluster string) (any, bool) { n, ok := want[cluster]; return n, ok }, names)
	if noted := d.look("metadata", "annotations")[UnscheduledAnnotation] != nil; !noted && (left || d.changed() != nil) {
		d.at("metadata", "annotations")[UnscheduledAnnotation] = note
	}
	return d.changed()
}

// ReadShares returns the division that is in the federated object: the clusters of its placement that have an override of
// /spec/replicas, by name. It is what WriteShares wrote, or KubeFed. Bounds are not in the object, so that of a lost member (see
// federation.Plan.Shares) is not either: who divides by Planner.LostAfter remembers its Shares itself.
func ReadShares(federated *unstructured.Unstructured) []scheduling.Share {
	if federated == nil {
		return nil
	}
	d := draft{doc: federated.Object} // only read
	scheduled := clusterNames(d.clusters())
	var out []scheduling.Share
	list, _ := d.look("spec")["overrides"].([]any)
	for _, item := range list {
		entry, _ := item.(map[string]any)
		cluster, _ := entry["clusterName"].(string)
		patches, _ := entry["clusterOverrides"].([]any)
		i := slices.IndexFunc(patches, onReplicas)
		if i < 0 || !slices.Contains(scheduled, cluster) {
			continue
		}
		patch, _ := patches[i].(map[string]any)
		n := node{reader: &reader{}, m: patch}.integer("value")
		if n == nil || !sets(patch["op"]) {
			continue
		}
		out = append(out, scheduling.Share{Name: cluster, Replicas: *n})
	}
	slices.SortStableFunc(out, func(a, b scheduling.Share) int { return strings.Compare(a.Name, b.Name) })
	return slices.CompactFunc(out, func(a, b scheduling.Share) bool { return a.Name == b.Name })
}

// UndoShares takes a division out of the federated object again, as when its ReplicaSchedulingPreference goes: what
// UnscheduledAnnotation remembers is put back. It returns nil when there is nothing to undo.
//
// KubeFed undid nothing and left no note. Without one, the overrides of /spec/replicas of the clusters in the placement are
// taken out, and the placement itself only where a selector of all clusters takes over: an object must not vanish from any
// because nobody remembers where it was meant to be.
func UndoShares(federated *unstructured.Unstructured) *unstructured.Unstructured {
	if federated == nil {
		return nil
	}
	d := draftOf(federated, schema.GroupKind{}, "", "")
	note := d.remembered()
	scheduled := clusterNames(d.clusters())
	if note.Clusters != nil {
		d.at("spec", "placement")["clusters"] = note.Clusters
	} else {
		d.drop("spec", "placement", "clusters")
	}
	d.override(func(cluster string) (any, bool) {
		if !note.sure && !slices.Contains(scheduled, cluster) {
			return leave{}, true
		}
		list := note.Overrides[cluster]
		return restore(list), len(list) > 0
	}, slices.Sorted(maps.Keys(note.Overrides)))
	d.dropEmptyOverrides()
	d.drop("metadata", "annotations", UnscheduledAnnotation)
	return d.changed()
}

// remembered reads the note, or guesses what was there.
func (d draft) remembered() unscheduled {
	text, _ := d.look("metadata", "annotations")[UnscheduledAnnotation].(string)
	var doc map[string]any
	err := json.Unmarshal([]byte(text), &doc)
	clusters, isNote := doc["clusters"]
	if err != nil || !isNote {
		return unscheduled{Clusters: d.guess()}
	}
	note := unscheduled{sure: true}
	note.Clusters, _ = clusters.([]any)
	byCluster, _ := doc["overrides"].(map[string]any)
	for cluster, list := range byCluster {
		if patches, _ := list.([]any); len(patches) > 0 {
			if note.Overrides == nil {
				note.Overrides = map[string][]any{}
			}
			note.Overrides[cluster] = patches
		}
	}
	return note
}

// restore are overrides to put back as they were; leave is to change none.
type (
	restore []any
	leave   struct{}
)

// clusters is spec.placement.clusters; nil when it is absent.
func (d draft) clusters() []any {
	list, _ := d.look("spec", "placement")["clusters"].([]any)
	return list
}

func clusterNames(list []any) []string {
	names := make([]string, len(list))
	for i, item := range list {
		m, _ := item.(map[string]any)
		names[i], _ = m["name"].(string)
	}
	return names
}

// note says what is there now; left is true when KubeFed's scheduler wrote it, so that the note tells what may have been there
// before.
func (d draft) note() (note string, left bool) {
	clusters, replicas := d.leftover()
	n := unscheduled{Clusters: d.clusters()}
	if clusters {
		n.Clusters = d.guess()
	}
	scheduled := clusterNames(d.clusters())
	list, _ := d.look("spec")["overrides"].([]any)
	for _, item := range list {
		entry, _ := item.(map[string]any)
		cluster, _ := entry["clusterName"].(string)
		patches, _ := entry["clusterOverrides"].([]any)
		for _, p := range patches {
			if !onReplicas(p) || replicas && slices.Contains(scheduled, cluster) {
				continue
			}
			if n.Overrides == nil {
				n.Overrides = map[string][]any{}
			}
			n.Overrides[cluster] = append(n.Overrides[cluster], p)
		}
	}
	text, _ := json.Marshal(n) // it was decoded from JSON
	return string(text), clusters || replicas
}

// leftover tells whether KubeFed's scheduler wrote the clusters, and the overrides of /spec/replicas of these clusters. It wrote
// each list only when it had to change it, and the managed fields show whose each is. They must look like a division too:
// one plain override for every cluster. Somebody who edited a list since then has made it his own.
func (d draft) leftover() (clusters, replicas bool) {
	shares := ReadShares(d.object())
	if len(shares) == 0 || len(shares) != len(d.clusters()) {
		return false, false
	}
	apiVersion, _ := d.doc["apiVersion"].(string)
	for _, manager := range Managers() {
		fields := draft{doc: ownership.Of(d.doc).Fields(manager, apiVersion)}
		clusters = clusters || fields.look("f:spec", "f:placement")["f:clusters"] != nil
		replicas = replicas || fields.look("f:spec")["f:overrides"] != nil
	}
	return clusters, clusters || replicas
}

// guess is the placement that nobody wrote down: the clusters as they are, unless there is a selector of all beside them,
// which loses none.
func (d draft) guess() []any {
	if selector := d.look("spec", "placement", "clusterSelector"); selector != nil && len(selector) == 0 {
		return nil
	}
	return d.clusters()
}

// Managers are KubeFed's field managers, for federation.Planner.FormerManagers: its writes carry the name of its program's file.
func Managers() []string { return []string{"controller-manager", "hyperfed"} }

func onReplicas(patch any) bool {
	m, _ := patch.(map[string]any)
	return m["path"] == replicasPath
}

// override gives every cluster the override of the replicas that want has for it, and takes it out where want has none. Named
// are the clusters that want is about, for those without an entry.
func (d draft) override(want func(cluster string) (any, bool), named []string) {
	spec := d.look("spec")
	list, ok := spec["overrides"].([]any)
	if !ok && spec["overrides"] != nil {
		return
	}
	done := map[string]bool{}
	for _, item := range list {
		entry, _ := item.(map[string]any)
		cluster, isName := entry["clusterName"].(string)
		patches, isList := entry["clusterOverrides"].([]any)
		if !isName || !isList && entry["clusterOverrides"] != nil {
			continue
		}
		value, wanted := want(cluster)
		if _, stays := value.(leave); stays {
			continue
		}
		if changed := replace(patches, value, wanted && !done[cluster]); isList || len(changed) > 0 {
			entry["clusterOverrides"] = changed
		}
		done[cluster] = true
	}
	for _, cluster := range named {
		if value, wanted := want(cluster); wanted && !done[cluster] {
			list = append(list, map[string]any{"clusterName": cluster, "clusterOverrides": replace(nil, value, true)})
		}
	}
	if len(list) > 0 {
		d.at("spec")["overrides"] = list
	}
}

// replace puts the value where the replicas are overridden, else at the end.
func replace(patches []any, value any, wanted bool) []any {
	items, restored := value.(restore)
	if !restored {
		items = restore{map[string]any{"path": replicasPath, "value": value}}
	}
	if !wanted {
		items = nil
	}
	out := []any{}
	for _, p := range patches {
		if !onReplicas(p) {
			out = append(out, p)
			continue
		}
		if m, _ := p.(map[string]any); len(items) > 0 && !restored && sets(m["op"]) {
			items[0] = withValue(m, value) // its other fields stay
		}
		out, items = append(out, items...), nil
	}
	return append(out, items...)
}

// sets says whether an override with that operation leaves the value there.
func sets(op any) bool { return op == nil || op == "" || op == "replace" || op == "add" }

func withValue(patch map[string]any, value any) map[string]any {
	out := maps.Clone(patch)
	out["value"] = value
	return out
}

// dropEmptyOverrides takes out the entries that a division left without an override.
func (d draft) dropEmptyOverrides() {
	spec := d.look("spec")
	list, _ := spec["overrides"].([]any)
	if list == nil {
		return
	}
	list = slices.DeleteFunc(list, func(item any) bool {
		entry, _ := item.(map[string]any)
		patches, isList := entry["clusterOverrides"].([]any)
		return isList && len(patches) == 0
	})
	if spec["overrides"] = list; len(list) == 0 {
		delete(spec, "overrides")
	}
}
