package clusterregistry

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/confed-project/confed/placement"
)

const goodProfile = `{
  "apiVersion": "multicluster.x-k8s.io/v1alpha1", "kind": "ClusterProfile",
  "metadata": {"namespace": "fleet", "name": "berlin", "labels": {"x-k8s.io/cluster-manager": "ocm", "env": "prod", "topology.kubernetes.io/region": "eu"}},
  "spec": {"displayName": "Berlin", "clusterManager": {"name": "ocm"}},
  "status": {
    "version": {"kubernetes": "v1.36.3"},
    "conditions": [
      {"type": "ControlPlaneHealthy", "status": "True", "reason": "Fine", "lastTransitionTime": "2026-01-02T03:04:05Z"},
      {"type": "Joined", "status": "False", "reason": "Leaving", "lastTransitionTime": "2026-01-03T03:04:05Z"}],
    "properties": [
      {"name": "region.topology.k8s.io", "value": "ignored: the label wins"},
      {"name": "zone.topology.k8s.io", "value": "eu-1"},
      {"name": "cost", "value": "a value that no label could have", "lastObservedTime": "2026-01-02T03:04:05Z"}],
    "accessProviders": [
      {"name": "oidc", "cluster": {"server": "https://new.example", "certificate-authority-data": "Q0E=", "tls-server-name": "api",
        "proxy-url": "http://proxy", "extensions": [{"name": "client.authentication.k8s.io/exec", "extension": {"audience": "x"}}]}}],
    "credentialProviders": [
      {"name": "oidc", "cluster": {"server": "https://old.example"}},
      {"name": "aws", "cluster": {"server": "https://aws.example", "insecure-skip-tls-verify": true}}]
  }
}`

func decode(t testing.TB, text string) map[string]any {
	var obj map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &obj))
	return obj
}

func TestFromProfile(t *testing.T) {
	obj := decode(t, goodProfile)
	got, err := FromProfile(obj)
	require.NoError(t, err)
	require.Equal(t, decode(t, goodProfile), obj)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	require.Empty(t, cmp.Diff(Profile{
		Cluster: placement.Cluster{
			Name:   "fleet/berlin",
			Labels: map[string]string{"x-k8s.io/cluster-manager": "ocm", "env": "prod", RegionLabel: "eu"},
			Properties: map[string]string{"region.topology.k8s.io": "ignored: the label wins", "zone.topology.k8s.io": "eu-1",
				"cost": "a value that no label could have", VersionProperty: "v1.36.3"},
			Region: "eu", Zones: []string{"eu-1"},
			Taints: []placement.Taint{{Key: DrainingTaint, Effect: "NoSchedule", Since: at.Add(24 * time.Hour)}},
			Ready:  placement.Readiness{State: placement.Ready, Since: at, Reason: "Fine"},
		},
		DisplayName: "Berlin", Manager: "ocm",
		Observed: map[string]time.Time{"cost": at},
		Access: []Access{
			{Provider: "aws", Server: "https://aws.example", Insecure: true},
			{Provider: "oidc", Server: "https://new.example", CA: []byte("CA"), TLSServerName: "api", ProxyURL: "http://proxy",
				Extensions: map[string]json.RawMessage{"client.authentication.k8s.io/exec": json.RawMessage(`{"audience":"x"}`)}},
		},
	}, got))
}

func TestFromProfileSurvivesGarbage(t *testing.T) {
	const head = `{"apiVersion": "multicluster.x-k8s.io/v1alpha1", "kind": "ClusterProfile", "metadata": {"name": "x"`
	for name, test := range map[string]struct {
		text string
		want Profile
	}{
		"no status": {head + `}}`, Profile{Cluster: placement.Cluster{Name: "x"}}},
		"unknown health": {head + `}, "status": {"conditions": [{"type": "ControlPlaneHealthy", "status": "Unknown", "reason": "R"}]}}`,
			Profile{Cluster: placement.Cluster{Name: "x", Ready: placement.Readiness{Reason: "R"}}}},
		"another manager's label": {head + `, "labels": {"x-k8s.io/cluster-manager": "b"}}}`,
			Profile{Cluster: placement.Cluster{Name: "x", Labels: map[string]string{"x-k8s.io/cluster-manager": "b"}},
				Skipped: []string{`the label x-k8s.io/cluster-manager says "b", the profile ""`}}},
		"broken parts": {head + `}, "status": {"conditions": [7], "properties": [{"name": 1}, {"name": "a", "value": "1"}, {"name": "a", "value": "2"}],
			"accessProviders": ["x", {"name": "n", "cluster": {}}, {"name": "f", "cluster": {"server": "s", "certificate-authority": "/etc/passwd"}},
			{"name": "d", "cluster": {"server": "s"}}, {"name": "d", "cluster": {"server": "t"}}]}}`,
			Profile{Cluster: placement.Cluster{Name: "x", Properties: map[string]string{"a": "1"}}, Access: []Access{{Provider: "d", Server: "s"}},
				Skipped: []string{
					"status.conditions[0]: does not decode",
					"status.properties[0]: does not decode, or has no name",
					`status.properties[2]: "a" is there already`,
					"status.accessProviders[0]: does not decode, or has no name",
					`status.accessProviders[1]: "n" has no server`,
					`status.accessProviders[2]: "f" names a file`,
					`status.accessProviders[4]: "d" is there already`,
				}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := FromProfile(decode(t, test.text))
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(test.want, got))
		})
	}
	for _, text := range []string{`{}`, `{"apiVersion": "v1", "kind": "ClusterProfile", "metadata": {"name": "x"}}`, head[:len(head)-len(`"name": "x"`)] + `}}`,
		`{"apiVersion": 1, "kind": [], "metadata": ""}`, head + `}, "status": []}`} {
		_, err := FromProfile(decode(t, text))
		require.ErrorIs(t, err, ErrNotProfile, text)
	}
	_, err := FromProfile(map[string]any{"spec": make(chan int)})
	require.ErrorIs(t, err, ErrNotProfile)
}

func FuzzFromProfile(f *testing.F) {
	f.Add([]byte(goodProfile))
	f.Fuzz(func(t *testing.T, data []byte) {
		var obj map[string]any
		if json.Unmarshal(data, &obj) != nil {
			return
		}
		p, err := FromProfile(obj)
		if (err == nil) != (p.Cluster.Name != "") {
			t.Fatalf("%v with the name %q", err, p.Cluster.Name)
		}
		for i, a := range p.Access {
			if a.Provider == "" || a.Server == "" || i > 0 && a.Provider <= p.Access[i-1].Provider {
				t.Fatalf("access %+v", p.Access)
			}
		}
	})
}
