package kubefed_test

import (
	"encoding/json"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/kubefed"
	"github.com/confed-project/confed/placement"
)

// A FederatedConfigMap is planned as KubeFed would, and its status told in KubeFed's words.
func Example() {
	obj := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "types.kubefed.io/v1beta1", "kind": "FederatedConfigMap",
		"metadata": map[string]any{"name": "motd", "namespace": "shop"},
		"spec": map[string]any{
			"template":  map[string]any{"data": map[string]any{"text": "hello"}},
			"placement": map[string]any{"clusters": []any{map[string]any{"name": "berlin"}, map[string]any{"name": "rome"}}},
			"overrides": []any{map[string]any{"clusterName": "rome", "clusterOverrides": []any{
				map[string]any{"path": "/data/text", "value": "ciao"},
			}}},
		},
	}}
	wish, err := kubefed.Decode(obj, schema.GroupVersionKind{Version: "v1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fleet, _ := placement.NewFleet([]placement.Cluster{{Name: "berlin"}, {Name: "rome"}})
	plan, _ := federation.Planner{Owner: federation.Owner{Value: "kubefed"}}.Plan(wish, federation.Snapshot{Fleet: fleet,
		Observed: map[federation.Key]federation.Observation{
			{Cluster: "rome", GroupKind: schema.GroupKind{Kind: "ConfigMap"}, Namespace: "shop", Name: "motd"}: {State: federation.Absent},
		}})
	var results []federation.Result
	for _, s := range plan.Steps {
		r := federation.Result{Step: s, Reason: s.Reason, Outcome: federation.Done} // Dispatch makes these
		if s.Verb == federation.Hold {
			r.Outcome = federation.Held
		} else {
			fmt.Println(s.Verb, s.Ref, "in", s.Ref.Cluster, s.Manifest.Object["data"])
		}
		results = append(results, r)
	}
	status := kubefed.EncodeStatus(nil, results, kubefed.Report{Generation: 1, Now: time.Unix(0, 0)})
	text, _ := json.Marshal(status["clusters"])
	fmt.Println(string(text))
	// Output:
	// create ConfigMap shop/motd in rome map[text:ciao]
	// [{"lastUpdateTime":"1970-01-01T00:00:00Z","name":"berlin","status":"ClusterNotReady"},{"lastUpdateTime":"1970-01-01T00:00:00Z","name":"rome"}]
}
