package kubefed_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/json"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/kubefed"
)

// hashes returns those of an object with that spec.
func hashes(t *testing.T, spec string) (template, overrides any) {
	t.Helper()
	obj := object(t, "apiVersion: types.kubefed.io/v1beta1\nkind: FederatedX\nmetadata: {name: a, namespace: ns}")
	require.NoError(t, json.Unmarshal([]byte(spec), &obj.Object)) // into what is there; integers stay integers
	status := kubefed.EncodeVersions(nil, obj, "X", nil).Object["status"].(map[string]any)
	return status["templateVersion"], status["overridesVersion"]
}

func TestVersionHashes(t *testing.T) {
	var table struct {
		Hashes []struct {
			What, MD5 string
			Bytes     string `json:"json_bytes"`
		}
	}
	load(t, "testdata/other.json", &table)
	require.Len(t, table.Hashes, 2)
	template, overrides := hashes(t, `{"spec": {"template": `+strings.TrimSpace(table.Hashes[0].Bytes)+`}}`)
	require.Equal(t, table.Hashes[0].MD5, template)
	require.Equal(t, table.Hashes[1].MD5, overrides)

	for _, row := range []struct{ spec, template, overrides string }{
		{`{"spec":{"overrides":[{"clusterName":"c1","clusterOverrides":[{"path":"/spec/replicas","value":5},{"op":"remove","path":"/a"},{"op":"add","path":"/b","value":{"z":"<&>","a":[1.5,12345678901234567,null]}},{"path":"/c","value":null,"x":1}]},{"clusterName":"c2"},{"clusterName":"c3","clusterOverrides":[]}]}}`, "", "f1c83233c1b553d449748fcd91c05a03"},
		{`{"spec":{"overrides":[]}}`, "", "fd97e6d9a670c7dcdc2477764f78b459"},
		{`{"spec":{}}`, "", "2979b7538b527abe06492021841caf47"},
		{`{}`, "", ""},
		{`{"spec":{"template":{"z":"<&>","a":[1.5,12345678901234567,null,{"b":true}]}}}`, "140522d432ccbaf52b4448ee0a104293", "2979b7538b527abe06492021841caf47"},
		{`{"spec":{"template":{}}}`, "8a80554c91d9fca8acb82f023de02f11", "2979b7538b527abe06492021841caf47"},
		{`{"spec":{"overrides":[1]}}`, "", ""},
	} {
		template, overrides := hashes(t, row.spec)
		require.Equal(t, row.template, template, row.spec)
		require.Equal(t, row.overrides, overrides, row.spec)
	}
}

func TestEncodeVersions(t *testing.T) {
	copyOf := func(generation int64, version string) *unstructured.Unstructured {
		o := object(t, "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}")
		o.SetGeneration(generation)
		o.SetResourceVersion(version)
		return o
	}
	fed := object(t, web)
	fed.SetUID("u1")
	settled := result("b", federation.Keep, federation.ReasonSettled, federation.Done)
	settled.Live = copyOf(7, "70")
	created := result("a", federation.Create, federation.ReasonAbsent, federation.Done)
	created.Live = copyOf(0, "12")
	deleted := result("c", federation.Delete, federation.ReasonUnselected, federation.Done)
	deleted.Live = copyOf(1, "1")
	failed := result("d", federation.Create, federation.ReasonAbsent, federation.Failed)
	first := kubefed.EncodeVersions(nil, fed, "Deployment", []federation.Result{settled, created, deleted, failed})
	require.Equal(t, object(t, `
apiVersion: core.kubefed.io/v1alpha1
kind: PropagatedVersion
metadata:
  name: deployment-web
  namespace: shop
  ownerReferences: [{apiVersion: types.kubefed.io/v1beta1, kind: FederatedDeployment, name: web, uid: u1}]
status:
  templateVersion: `+first.Object["status"].(map[string]any)["templateVersion"].(string)+`
  overridesVersion: `+first.Object["status"].(map[string]any)["overridesVersion"].(string)+`
  clusterVersions: [{clusterName: a, version: "rv:12"}, {clusterName: b, version: "gen:7"}]
`), first)
	require.Nil(t, kubefed.EncodeVersions(first, fed, "Deployment", []federation.Result{created, settled}), "an equal status is not written")

	failing := result("b", federation.Apply, federation.ReasonChanged, federation.Failed)
	failing.Live = copyOf(8, "80")
	require.Nil(t, kubefed.EncodeVersions(first, fed, "Deployment", []federation.Result{created, failing}), "the version of before stays")
	changed := fed.DeepCopy()
	require.NoError(t, unstructured.SetNestedField(changed.Object, "x", "spec", "template", "spec", "a"))
	second := kubefed.EncodeVersions(first, changed, "Deployment", []federation.Result{created, failing})
	list, _, _ := unstructured.NestedSlice(second.Object, "status", "clusterVersions")
	require.Equal(t, []any{map[string]any{"clusterName": "a", "version": "rv:12"}}, list, "it is a version of another template")
	third := kubefed.EncodeVersions(second, changed, "Deployment", []federation.Result{settled})
	list, _, _ = unstructured.NestedSlice(third.Object, "status", "clusterVersions")
	require.Equal(t, []any{map[string]any{"clusterName": "b", "version": "gen:7"}}, list, "a is not selected any more")
	none := kubefed.EncodeVersions(third, changed, "Deployment", nil)
	require.NotContains(t, none.Object["status"], "clusterVersions")

	fed.SetNamespace("")
	cluster := kubefed.EncodeVersions(nil, fed, "ClusterRole", nil)
	require.Equal(t, "ClusterPropagatedVersion", cluster.GetKind())
	require.Equal(t, "clusterrole-web", cluster.GetName())
	require.Empty(t, cluster.GetNamespace())
	require.Nil(t, kubefed.EncodeVersions(nil, nil, "X", nil))
}

func TestServiceStatus(t *testing.T) {
	fed := object(t, "apiVersion: types.kubefed.io/v1beta1\nkind: FederatedService\nmetadata: {name: web, namespace: shop, uid: u1}")
	statuses := map[string]map[string]any{
		"rome": nil, "berlin": {"loadBalancer": map[string]any{"ingress": []any{map[string]any{"ip": "10.0.0.1"}}}},
	}
	got := kubefed.EncodeServiceStatus(nil, fed, statuses)
	require.Equal(t, object(t, `
apiVersion: core.kubefed.io/v1alpha1
kind: FederatedServiceStatus
metadata:
  name: web
  namespace: shop
  ownerReferences: [{apiVersion: types.kubefed.io/v1beta1, kind: FederatedService, name: web, uid: u1}]
clusterStatus:
- {clusterName: berlin, status: {loadBalancer: {ingress: [{ip: 10.0.0.1}]}}}
- {clusterName: rome, status: {}}
`), got)
	require.Nil(t, kubefed.EncodeServiceStatus(got, fed, statuses))
	require.Equal(t, []any{}, kubefed.EncodeServiceStatus(got, fed, nil).Object["clusterStatus"])
	require.NotContains(t, kubefed.EncodeServiceStatus(nil, fed, nil).Object, "clusterStatus")
}
