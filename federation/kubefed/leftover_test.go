package kubefed_test

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/federation/kubefed"
	"github.com/confed-project/confed/scheduling"
)

// TestWhatKubeFedDividedIsNoPlacement: the first division tells KubeFed's writing from the user's by the managed fields, and
// what is put back in the end was never a division.
func TestWhatKubeFedDividedIsNoPlacement(t *testing.T) {
	const (
		kubeFeds = `{manager: controller-manager, operation: Update, apiVersion: types.kubefed.io/v1beta1, fieldsType: FieldsV1, fieldsV1: `
		users    = `{manager: kubectl-edit, operation: Update, apiVersion: types.kubefed.io/v1beta1, fieldsType: FieldsV1, fieldsV1: `
		clusters = `{"f:spec": {"f:placement": {"f:clusters": {}}}}}`
		replicas = `{"f:spec": {"f:overrides": {}}}}`
		names    = `clusters: [{name: a}, {name: b}]`
		three    = `[{clusterName: a, clusterOverrides: [{path: /spec/replicas, value: 3}]}, {clusterName: b, clusterOverrides: [{path: /spec/paused, value: true}, {path: /spec/replicas, value: 0}]}`
		paused   = `[{clusterName: b, clusterOverrides: [{path: /spec/paused, value: true}]}]`
	)
	federated := func(fields, placement, overrides string) *unstructured.Unstructured {
		return object(t, `{apiVersion: types.kubefed.io/v1beta1, kind: FederatedDeployment, metadata: {name: web, namespace: shop, managedFields: [`+fields+`]},
		  spec: {placement: {`+placement+`}, overrides: `+overrides+`}}`)
	}
	same := []scheduling.Share{{Name: "a", Replicas: 3}, {Name: "b"}}
	for name, test := range map[string]struct {
		fields, placement, overrides string
		noted                        bool   // though the division is there already
		back, left                   string // what undoing puts back, placement and overrides
	}{
		"all is KubeFed's": {kubeFeds + clusters + `,` + kubeFeds + replicas, names, three + `]`, true, names, paused},
		"one list is KubeFed's, the other was edited": {
			kubeFeds + clusters + `,` + users + replicas, names, three + `]`, true, names, paused},
		"a selector of all takes over": {kubeFeds + clusters, names + `, clusterSelector: {}`, three + `]`, true, `clusterSelector: {}`, paused},
		"a selector of some would take clusters away": {
			kubeFeds + clusters, names + `, clusterSelector: {matchLabels: {x: y}}`, three + `]`, true, names + `, clusterSelector: {matchLabels: {x: y}}`, paused},
		"the names are the user's": {kubeFeds + replicas + `,` + users + clusters, names + `, clusterSelector: {}`, three + `]`, true, names + `, clusterSelector: {}`, paused},
		"all is the user's":        {users + clusters + `,` + users + replicas, names, three + `]`, false, names, three + `]`},
		"nobody knows":             {``, names, three + `]`, false, names, three + `]`},
		"no division looks so": {
			kubeFeds + clusters + `,` + kubeFeds + replicas, names, `[{clusterName: a, clusterOverrides: [{path: /spec/replicas, value: 3}]}]`, false,
			names, `[{clusterName: a, clusterOverrides: [{path: /spec/replicas, value: 3}]}]`},
	} {
		t.Run(name, func(t *testing.T) {
			obj := federated(test.fields, test.placement, test.overrides)
			want := federated(test.fields, test.back, test.left)
			first := kubefed.WriteShares(obj, same)
			require.Equal(t, test.noted, first != nil && reflect.DeepEqual(first.Object["spec"], obj.Object["spec"]), "a note alone")
			if first != nil {
				require.Nil(t, kubefed.WriteShares(first, same), "noted once")
				obj = first
			}
			second := kubefed.WriteShares(obj, []scheduling.Share{{Name: "a", Replicas: 5}, {Name: "b", Replicas: 1}, {Name: "c", Replicas: 1}})
			require.Equal(t, want, kubefed.UndoShares(second), "whatever was written later")
			if test.noted {
				require.Equal(t, want, kubefed.UndoShares(first))
			}
		})
	}
}
