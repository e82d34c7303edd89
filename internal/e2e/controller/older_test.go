package controller_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestOlderMember has a member that is served at an older Kubernetes minor, which lacks a kind that the others have: it says so
// for this kind, and gets all others. Then it is upgraded, and gets that one too.
func TestOlderMember(t *testing.T) {
	w := newWorld(t)
	// Since Kubernetes 1.34.
	deviceClass := kind{"DeviceClass", "deviceclasses", "resource.k8s.io", "v1", false, `spec: {selectors: [{cel: {expression: "true"}}]}`}
	old := w.servers["member-3"]
	require.NoError(t, old.Emulate(w.ctx, "1.33"))
	t.Cleanup(func() { require.NoError(t, old.Emulate(w.ctx, "")) })
	for _, k := range []kind{namespaces, configMaps, deviceClass} {
		w.enable(k)
	}
	w.run()
	w.federateNamespace("older")
	plain := w.fed(configMaps, "older", "a", `{template: {data: {k: v}}, placement: {clusterSelector: {}}}`)
	w.ensure(hostName, configMaps.federated(), plain)
	w.propagated(configMaps, plain, w.everywhere()...)
	fed := w.fed(deviceClass, "", "older", `{template: {`+deviceClass.template+`}, placement: {clusterSelector: {}}}`)
	w.ensure(hostName, deviceClass.federated(), fed)
	w.eventually("the older member is told", func() (bool, any) {
		l := w.line(deviceClass, fed, "member-3")
		return l["status"] == "CachedRetrievalFailed" && w.line(deviceClass, fed, "member-2") != nil, w.get(hostName, deviceClass.federated(), fed).Object["status"]
	})
	require.Contains(t, w.line(deviceClass, fed, "member-3")["message"], "DeviceClass")
	require.Equal(t, "CheckClusters", w.condition(deviceClass, fed)["reason"])
	for _, name := range []string{"member-1", "member-2"} {
		require.Nil(t, w.line(deviceClass, fed, name)["status"])
		require.NotNil(t, w.get(name, deviceClass.plural, w.copied(deviceClass, fed)))
	}
	require.NoError(t, old.Emulate(w.ctx, ""))
	w.propagated(deviceClass, fed, w.everywhere()...)
	require.NotNil(t, w.get("member-3", deviceClass.plural, w.copied(deviceClass, fed)))
	w.delete(hostName, deviceClass.federated(), fed)
	w.gone(hostName, deviceClass.federated(), fed)
}
