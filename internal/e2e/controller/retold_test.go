package controller_test

import (
	"fmt"
	"strings"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// typeRuns waits until the status of a FederatedTypeConfig tells of its last change.
func (w *world) typeRuns(k kind) {
	w.Helper()
	w.eventually(k.plural+" runs", func() (bool, any) {
		live := w.get(hostName, "federatedtypeconfigs", w.typeConfig(k))
		status, _ := live.Object["status"].(map[string]any)
		return status["propagationController"] == "Running" && status["observedGeneration"] == live.GetGeneration(), live.Object
	})
}

// versionMoves tells KubeFed's spec of its type controller: a definition gets another version in place of its only one, and the
// type is enabled with it.
func (w *world) versionMoves() {
	mover := kind{"Mover", "movers", "e2e.example", "v1", false, `spec: {size: 1}`}
	text := fmt.Sprintf(definition, mover.group, mover.plural, "v1", mover.name, mover.scope())
	var next []string
	for _, served := range []string{"v1", "v2"} {
		next = append(next, fmt.Sprintf(`{name: %s, served: %t, storage: %[2]t, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}`, served, served == "v2"))
	}
	everywhere := []string{hostName, "member-1"}
	for _, name := range everywhere {
		w.established(name, w.decode(text))
	}
	w.enable(mover)
	w.typeRuns(mover)
	spec := `{template: {spec: {size: %d}}, placement: {clusterSelector: {}}}`
	first := w.fed(mover, "", "first", fmt.Sprintf(spec, 1))
	w.ensure(hostName, mover.federated(), first)
	w.propagated(mover, first, everywhere...)
	for _, name := range everywhere {
		w.patch(name, "customresourcedefinitions", w.decode(text), "{spec: {versions: ["+strings.Join(next, ", ")+"]}}")
	}
	w.patch(hostName, "federatedtypeconfigs", w.typeConfig(mover), `{spec: {targetType: {version: v2}}}`)
	w.typeRuns(mover)
	mover.version = "v2"
	w.patch(hostName, mover.federated(), first, `{spec: {template: {spec: {size: 2}}}}`)
	second := w.fed(mover, "", "second", fmt.Sprintf(spec, 2))
	w.ensure(hostName, mover.federated(), second)
	for _, fed := range []*unstructured.Unstructured{first, second} {
		w.propagated(mover, fed, everywhere...)
		size, _, _ := unstructured.NestedInt64(w.get("member-1", mover.plural, w.copied(mover, fed)).Object, "spec", "size")
		require.Equal(w, int64(2), size)
		w.delete(hostName, mover.federated(), fed)
		w.gone(hostName, mover.federated(), fed)
		require.Nil(w, w.get("member-1", mover.plural, w.copied(mover, fed)))
	}
}

// typesOfPreferences tells KubeFed's spec of its scheduling manager: the types that preferences are about go, and come back.
func (w *world) typesOfPreferences() {
	w.federateNamespace("retold")
	for _, k := range []kind{deployment, defaultTypes()[6]} {
		fed := w.fed(k, "retold", k.plural, "{template: {"+k.template+"}, placement: {clusterSelector: {}}}")
		w.ensure(hostName, k.federated(), fed)
		rsp := w.decode(`{apiVersion: scheduling.kubefed.io/v1alpha1, kind: ReplicaSchedulingPreference, metadata: {name: ` + k.plural + `, namespace: retold},
		  spec: {targetKind: Federated` + k.name + `, totalReplicas: 4}}`)
		w.ensure(hostName, "replicaschedulingpreferences", rsp)
		w.becomes(k, fed, map[string]int64{hostName: 2, "member-1": 2})
		w.delete(hostName, "federatedtypeconfigs", w.typeConfig(k))
		w.gone(hostName, "federatedtypeconfigs", w.typeConfig(k))
		w.patch(hostName, "replicaschedulingpreferences", rsp, `{spec: {totalReplicas: 8}}`)
		w.enable(k)
		w.becomes(k, fed, map[string]int64{hostName: 4, "member-1": 4})
		w.delete(hostName, k.federated(), fed)
		w.gone(hostName, k.federated(), fed)
	}
}
