package kubefed

import (
	"bytes"
	"crypto/md5" //nolint:gosec // what KubeFed recorded; nothing is secured by it
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/confed-project/confed/federation"
)

// EncodeVersions returns the PropagatedVersion of a federated object after a dispatch, or nil when nothing in it changes. For
// an object without a namespace it is a ClusterPropagatedVersion. Last is the one that was read last, nil when there is none;
// the new one then has its name, <kind>-<name> with the kind of the target, and an owner reference. The status is set in
// both cases, but an API server takes it through the status subresource only.
//
// A cluster is listed with the version of its copy, gen:<generation> or else rv:<resourceVersion>, when the copy stands as it
// is wished. Where that failed the version of before stays, unless template or overrides changed since; clusters that are not
// selected go. The hashes are KubeFed's, to the letter, so it can go on from here.
func EncodeVersions(last, federated *unstructured.Unstructured, kind string, results []federation.Result) *unstructured.Unstructured {
	if federated == nil || federated.Object == nil {
		return nil
	}
	versionKind := schema.GroupKind{Group: coreGroup, Kind: "PropagatedVersion"}
	if federated.GetNamespace() == "" {
		versionKind.Kind = "ClusterPropagatedVersion"
	}
	d := draftOf(last, versionKind, "v1alpha1", strings.ToLower(kind)+"-"+federated.GetName())
	if d.was == nil {
		d.owned(federated)
	}
	status := d.at("status")
	before := map[string]string{}
	hashes := map[string]any{"templateVersion": templateHash(federated), "overridesVersion": overridesHash(federated)}
	if status["templateVersion"] == hashes["templateVersion"] && status["overridesVersion"] == hashes["overridesVersion"] {
		list, _ := status["clusterVersions"].([]any)
		for _, item := range list {
			m, _ := item.(map[string]any)
			name, _ := m["clusterName"].(string)
			before[name], _ = m["version"].(string)
		}
	}
	maps.Copy(status, hashes)
	versions := versionsOf(results, before)
	delete(status, "clusterVersions")
	if len(versions) > 0 {
		list := make([]any, 0, len(versions))
		for _, name := range slices.Sorted(maps.Keys(versions)) {
			list = append(list, map[string]any{"clusterName": name, "version": versions[name]})
		}
		status["clusterVersions"] = list
	}
	return d.changed()
}

func versionsOf(results []federation.Result, before map[string]string) map[string]string {
	out := map[string]string{}
	for _, r := range results {
		name := r.Step.Ref.Cluster
		if r.Step.Digest == "" {
			continue // nothing is wished there
		}
		v := before[name]
		if r.Outcome == federation.Done && r.Live != nil {
			v = copyVersion(r.Live)
		}
		if v != "" {
			out[name] = v
		}
	}
	return out
}

// copyVersion is what KubeFed compared to see whether a copy was touched.
func copyVersion(live *unstructured.Unstructured) string {
	if generation := live.GetGeneration(); generation != 0 {
		return "gen:" + strconv.FormatInt(generation, 10)
	}
	return "rv:" + live.GetResourceVersion()
}

func templateHash(federated *unstructured.Unstructured) string {
	spec, _ := federated.Object["spec"].(map[string]any)
	template, ok := spec["template"].(map[string]any)
	if !ok {
		return ""
	}
	return hash(template)
}

// hashedOverrides is the order of keys that KubeFed hashed. Numbers in values went through float64 there.
type hashedOverrides struct {
	ClusterName      string `json:"clusterName"`
	ClusterOverrides []struct {
		Op    string `json:"op,omitempty"`
		Path  string `json:"path"`
		Value any    `json:"value,omitempty"`
	} `json:"clusterOverrides,omitempty"`
}

func overridesHash(federated *unstructured.Unstructured) string {
	spec, ok := federated.Object["spec"].(map[string]any)
	if !ok {
		return ""
	}
	text, err := json.Marshal(spec["overrides"])
	var list []hashedOverrides
	if err != nil || json.Unmarshal(text, &list) != nil {
		return "" // what cannot be read as overrides had no hash either
	}
	return hash(map[string]any{"overrides": list})
}

func hash(doc map[string]any) string {
	var text bytes.Buffer
	if json.NewEncoder(&text).Encode(doc) != nil { // with a newline at the end
		return ""
	}
	sum := md5.Sum(text.Bytes()) //nolint:gosec // see above
	return hex.EncodeToString(sum[:])
}

// owned puts the object beside its owner, which it goes with.
func (d draft) owned(owner *unstructured.Unstructured) {
	meta := d.at("metadata")
	set(meta, "namespace", owner.GetNamespace())
	ref := map[string]any{"apiVersion": owner.GetAPIVersion(), "kind": owner.GetKind(), "name": owner.GetName(), "uid": string(owner.GetUID())}
	refs, _ := meta["ownerReferences"].([]any)
	for _, item := range refs {
		if m, _ := item.(map[string]any); m["uid"] == ref["uid"] && m["kind"] == ref["kind"] && m["name"] == ref["name"] {
			return
		}
	}
	meta["ownerReferences"] = append(slices.Clone(refs), ref)
}

// EncodeServiceStatus returns the FederatedServiceStatus of a FederatedService, or nil when nothing in it changes. Last is the
// one that was read last, nil when there is none. Statuses are those of the Service in every cluster that is ready, by
// cluster; nil where it has none.
func EncodeServiceStatus(last, federated *unstructured.Unstructured, statuses map[string]map[string]any) *unstructured.Unstructured {
	if federated == nil || federated.Object == nil {
		return nil
	}
	d := draftOf(last, schema.GroupKind{Group: coreGroup, Kind: "FederatedServiceStatus"}, "v1alpha1", federated.GetName())
	d.owned(federated)
	list := make([]any, 0, len(statuses))
	for _, name := range slices.Sorted(maps.Keys(statuses)) {
		status := statuses[name]
		if status == nil {
			status = map[string]any{}
		}
		list = append(list, map[string]any{"clusterName": name, "status": status})
	}
	if old, _ := d.doc["clusterStatus"].([]any); len(list) > 0 || len(old) > 0 {
		d.doc["clusterStatus"] = list
	}
	return d.changed()
}
