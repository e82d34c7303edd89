package kubefed_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/kubefed"
)

const bare = `
apiVersion: core.kubefed.io/v1beta1
kind: KubeFedConfig
metadata: {name: kubefed, namespace: kube-federation-system}
spec: {scope: Cluster}
`

// Everything that KubeFed's webhook would have filled in.
const full = `
apiVersion: core.kubefed.io/v1beta1
kind: KubeFedConfig
metadata: {name: kubefed, namespace: kube-federation-system}
spec:
  scope: Cluster
  controllerDuration: {availableDelay: 20s, unavailableDelay: 1m0s, cacheSyncTimeout: 5m0s}
  leaderElect: {leaseDuration: 15s, renewDeadline: 10s, retryPeriod: 5s, resourceLock: configmaps}
  featureGates:
  - {name: CrossClusterServiceDiscovery, configuration: Disabled}
  - {name: FederatedIngress, configuration: Disabled}
  - {name: PushReconciler, configuration: Enabled}
  - {name: RawResourceStatusCollection, configuration: Disabled}
  - {name: SchedulerPreferences, configuration: Enabled}
  clusterHealthCheck: {period: 10s, timeout: 3s, failureThreshold: 3, successThreshold: 1}
  syncController: {maxConcurrentReconciles: 1, adoptResources: Enabled}
  statusController: {maxConcurrentReconciles: 1}
`

func TestConfigDefaults(t *testing.T) {
	for _, spec := range []string{"", "{controllerDuration: {}, featureGates: []}"} {
		in := object(t, bare)
		if spec != "" {
			in = object(t, strings.Replace(bare, "{scope: Cluster}", "{scope: Cluster, controllerDuration: {}, leaderElect: null, featureGates: []}", 1))
		}
		before := in.DeepCopy()
		c, err := kubefed.DecodeConfig(in)
		require.NoError(t, err)
		require.Equal(t, object(t, full), c.Encode(in))
		require.Equal(t, before, in)
		again, err := kubefed.DecodeConfig(object(t, full))
		require.NoError(t, err)
		require.Equal(t, c, again)
		require.Nil(t, c.Encode(object(t, full)), "nothing is left to write")
	}
	c, err := kubefed.DecodeConfig(object(t, full))
	require.NoError(t, err)
	made := c.Encode(nil)
	made.SetNamespace("kube-federation-system")
	require.Equal(t, object(t, full), made)
	require.Equal(t, kubefed.Config{
		AvailableDelay: 20 * time.Second, UnavailableDelay: time.Minute, CacheSyncTimeout: 5 * time.Minute,
		LeaseDuration: 15 * time.Second, RenewDeadline: 10 * time.Second, RetryPeriod: 5 * time.Second, ResourceLock: "configmaps",
		Features: map[string]bool{
			"PushReconciler": true, "SchedulerPreferences": true, "RawResourceStatusCollection": false,
			"CrossClusterServiceDiscovery": false, "FederatedIngress": false,
		},
		HealthPeriod: 10 * time.Second, HealthTimeout: 3 * time.Second, FailureThreshold: 3, SuccessThreshold: 1,
		SyncWorkers: 1, StatusWorkers: 1, Adopt: true,
	}, c)
}

// One row a field: what the user wrote is read, stays as it is written, and everything else gets its default.
func TestConfigKeepsWhatIsSaid(t *testing.T) {
	for path, value := range map[string]any{
		"scope":                                    "Namespaced",
		"controllerDuration.availableDelay":        "90s",
		"controllerDuration.unavailableDelay":      "0h2m",
		"controllerDuration.cacheSyncTimeout":      "1h",
		"leaderElect.leaseDuration":                "60s",
		"leaderElect.renewDeadline":                "14s",
		"leaderElect.retryPeriod":                  "1s",
		"leaderElect.resourceLock":                 "leases",
		"clusterHealthCheck.period":                "20s",
		"clusterHealthCheck.timeout":               "1.5s",
		"clusterHealthCheck.failureThreshold":      int64(7),
		"clusterHealthCheck.successThreshold":      int64(2),
		"syncController.maxConcurrentReconciles":   int64(5),
		"syncController.adoptResources":            "Disabled",
		"statusController.maxConcurrentReconciles": int64(9),
		"somethingElse":                            "kept",
		"featureGates": []any{
			map[string]any{"name": "PushReconciler", "configuration": "Disabled", "note": "kept"},
			map[string]any{"name": "FederatedIngress", "configuration": "Enabled"},
		},
	} {
		t.Run(path, func(t *testing.T) {
			in := object(t, bare)
			fields := append([]string{"spec"}, strings.Split(path, ".")...)
			require.NoError(t, unstructured.SetNestedField(in.Object, value, fields...))
			c, err := kubefed.DecodeConfig(in)
			require.NoError(t, err)
			got := c.Encode(in)
			want := object(t, full)
			require.NoError(t, unstructured.SetNestedField(want.Object, value, fields...))
			if path == "featureGates" {
				list, _, err := unstructured.NestedSlice(got.Object, "spec", "featureGates")
				require.NoError(t, err)
				require.Equal(t, []any{
					map[string]any{"name": "CrossClusterServiceDiscovery", "configuration": "Disabled"},
					map[string]any{"name": "FederatedIngress", "configuration": "Enabled"},
					map[string]any{"name": "PushReconciler", "configuration": "Disabled", "note": "kept"},
					map[string]any{"name": "RawResourceStatusCollection", "configuration": "Disabled"},
					map[string]any{"name": "SchedulerPreferences", "configuration": "Enabled"},
				}, list)
				return
			}
			require.Equal(t, want, got)
		})
	}
}

func TestConfigChanges(t *testing.T) {
	c, err := kubefed.DecodeConfig(object(t, full))
	require.NoError(t, err)
	c.Namespaced, c.Adopt, c.SyncWorkers, c.HealthPeriod = true, false, 4, time.Second
	c.Features = map[string]bool{kubefed.PushReconciler: false, "Other": true}
	got := c.Encode(object(t, full))
	c.Features = map[string]bool{
		kubefed.PushReconciler: false, "Other": true, kubefed.SchedulerPreferences: true,
		kubefed.RawResourceStatusCollection: false, kubefed.CrossClusterServiceDiscovery: false, kubefed.FederatedIngress: false,
	}
	back, err := kubefed.DecodeConfig(got)
	require.ErrorContains(t, err, `"Other" is none of`)
	require.Equal(t, c, back)
}

// fields lists what an error is about.
func fields(t *testing.T, err error) (out []string) {
	t.Helper()
	if err == nil {
		return nil
	}
	require.ErrorIs(t, err, federation.ErrInvalid)
	var all interface{ Unwrap() []error }
	require.ErrorAs(t, err, &all)
	for _, each := range all.Unwrap() {
		var wrong *federation.Error
		require.True(t, errors.As(each, &wrong))
		out = append(out, wrong.Field)
	}
	return out
}

func TestConfigErrors(t *testing.T) {
	in := object(t, `
apiVersion: core.kubefed.io/v1beta1
kind: KubeFedConfig
metadata: {name: kubefed, namespace: ns}
spec:
  scope: Everything
  controllerDuration: {availableDelay: 0s, unavailableDelay: -1s, cacheSyncTimeout: soon}
  leaderElect: {leaseDuration: 10s, renewDeadline: 6s, retryPeriod: 5s, resourceLock: secrets}
  featureGates:
  - {name: PushReconciler, configuration: Enabled}
  - {name: PushReconciler, configuration: Enabled}
  - {name: Unknown, configuration: Enabled}
  - {name: FederatedIngress, configuration: "on"}
  - none
  clusterHealthCheck: {period: "", timeout: 3, failureThreshold: 0, successThreshold: 1.5}
  syncController: {maxConcurrentReconciles: -1, adoptResources: ""}
  statusController: []
`)
	c, err := kubefed.DecodeConfig(in)
	require.Equal(t, []string{
		"spec.scope",
		"spec.controllerDuration.availableDelay", "spec.controllerDuration.unavailableDelay", "spec.controllerDuration.cacheSyncTimeout",
		"spec.leaderElect.resourceLock",
		"spec.clusterHealthCheck.period", "spec.clusterHealthCheck.timeout", "spec.clusterHealthCheck.failureThreshold", "spec.clusterHealthCheck.successThreshold",
		"spec.syncController.maxConcurrentReconciles", "spec.syncController.adoptResources",
		"spec.statusController",
		"spec.leaderElect.renewDeadline",
		"spec.featureGates[4]", "spec.featureGates[1].name", "spec.featureGates[2].name", "spec.featureGates[3].configuration",
	}, fields(t, err))
	require.Equal(t, 5*time.Minute, c.CacheSyncTimeout, "what cannot be read has its default")
	require.Equal(t, 10*time.Second, c.LeaseDuration, "what can be read counts")

	out := c.Encode(in)
	got, _, _ := unstructured.NestedString(out.Object, "spec", "controllerDuration", "cacheSyncTimeout")
	require.Equal(t, "soon", got, "what a user wrote is never overwritten")
	lock, _, _ := unstructured.NestedString(out.Object, "spec", "leaderElect", "resourceLock")
	require.Equal(t, "secrets", lock)
	require.IsType(t, []any{}, out.Object["spec"].(map[string]any)["statusController"])

	for _, obj := range []*unstructured.Unstructured{nil, {}, object(t, web)} {
		_, err := kubefed.DecodeConfig(obj)
		require.Len(t, fields(t, err), 1)
	}
}

func TestConfigLeases(t *testing.T) {
	for text, wrong := range map[string]string{
		"{leaseDuration: 10s, renewDeadline: 10s}":                                  "spec.leaderElect.leaseDuration",
		"{leaseDuration: 10001ms}":                                                  "",
		"{renewDeadline: 6s}":                                                       "spec.leaderElect.renewDeadline",
		"{renewDeadline: 6001ms}":                                                   "",
		"{renewDeadline: 7ns, retryPeriod: 6ns}":                                    "spec.leaderElect.renewDeadline", // not above 7.2
		"{renewDeadline: 8ns, retryPeriod: 6ns}":                                    "",
		"{leaseDuration: 2562047h, renewDeadline: 2562046h, retryPeriod: 2562045h}": "spec.leaderElect.renewDeadline",
	} {
		_, err := kubefed.DecodeConfig(object(t, bare[:len(bare)-2]+", leaderElect: "+text+"}"))
		if wrong == "" {
			require.NoError(t, err, text)
		} else {
			require.Equal(t, []string{wrong}, fields(t, err), text)
		}
	}
}
