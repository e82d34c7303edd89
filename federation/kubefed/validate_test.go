package kubefed_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/federation/kubefed"
)

// with returns the object of the text with one field changed.
func with(t testing.TB, text string, value any, path ...string) *unstructured.Unstructured {
	t.Helper()
	obj := object(t, text)
	require.NoError(t, unstructured.SetNestedField(obj.Object, value, path...))
	return obj
}

func TestValidateClusterCases(t *testing.T) {
	var table struct {
		Endpoint struct{ Invalid []string }          `json:"api_endpoint_validation"`
		Proxy    struct{ Valid, Invalid []string }   `json:"proxy_url_validation"`
		TLS      struct{ Valid, Invalid [][]string } `json:"disabled_tls_validation"`
	}
	load(t, "testdata/other.json", &table)
	endpoints := 0
	for _, scheme := range []string{"", "http://", "https://"} {
		for _, host := range []string{"example.com", "my.example.com", "192.0.2.219", "[2001:db8:25a4:8d2::1]"} {
			for _, port := range []string{"", ":1", ":80", ":8080", ":65535"} {
				for _, path := range []string{"", "/", "/path/to/endpoint"} {
					err := kubefed.Validate(with(t, cluster, scheme+host+port+path, "spec", "apiEndpoint"), nil)
					if scheme == "" && len(path) > 1 {
						require.Equal(t, []string{"spec.apiEndpoint"}, fields(t, err))
						continue
					}
					require.NoError(t, err)
					endpoints++
				}
			}
		}
	}
	require.Equal(t, 160, endpoints)
	require.Len(t, table.Endpoint.Invalid, 9)
	for _, text := range append(table.Endpoint.Invalid, "https://user:secret@example.com", "https://example.com\n", "https://example.com?x", "[::1") {
		err := kubefed.Validate(with(t, cluster, text, "spec", "apiEndpoint"), nil)
		require.Equal(t, []string{"spec.apiEndpoint"}, fields(t, err), text)
		require.NotContains(t, err.Error(), "secret")
	}
	for _, text := range append(table.Proxy.Valid, "", "HTTP://user:secret@example.com:3128/") {
		require.NoError(t, kubefed.Validate(with(t, cluster, text, "spec", "proxyURL"), nil), text)
	}
	for _, text := range append(table.Proxy.Invalid, "http://[::1", "http://", "http://user:secret@") {
		err := kubefed.Validate(with(t, cluster, text, "spec", "proxyURL"), nil)
		require.Equal(t, []string{"spec.proxyURL"}, fields(t, err), text)
		require.NotContains(t, err.Error(), "secret")
	}
	for _, list := range append(table.TLS.Valid, []string{"SubjectName", "ValidityPeriod"}) {
		require.NoError(t, kubefed.Validate(with(t, cluster, list1(list), "spec", "disabledTLSValidations"), nil))
	}
	for _, list := range append(table.TLS.Invalid, []string{"Everything"}) {
		err := kubefed.Validate(with(t, cluster, list1(list), "spec", "disabledTLSValidations"), nil)
		require.Len(t, fields(t, err), 1)
		require.Contains(t, fields(t, err)[0], "spec.disabledTLSValidations")
	}
	for _, name := range []string{"", "Berlin", "a_b", strings.Repeat("a", 254)} {
		require.Equal(t, []string{"spec.secretRef.name"}, fields(t, kubefed.Validate(with(t, cluster, name, "spec", "secretRef", "name"), nil)))
	}
}

func list1(texts []string) []any {
	out := []any{}
	for _, text := range texts {
		out = append(out, text)
	}
	return out
}

func TestValidateConditions(t *testing.T) {
	valid := map[string]any{"type": "Ready", "status": "True", "lastProbeTime": "2024-05-01T10:00:00Z"}
	for key, values := range map[string][]any{
		"type":          {"", "Healthy", nil},
		"status":        {"", "true", nil},
		"lastProbeTime": {"", "yesterday", "0001-01-01T00:00:00Z", nil},
	} {
		for _, value := range values {
			c := map[string]any{}
			for k, v := range valid {
				c[k] = v
			}
			c[key] = value
			err := kubefed.Validate(with(t, cluster, []any{valid, c}, "status", "conditions"), nil)
			require.Equal(t, []string{"status.conditions[1]." + key}, fields(t, err), "%v", value)
		}
	}
	require.NoError(t, kubefed.Validate(with(t, cluster, []any{valid}, "status", "conditions"), nil))
}

func TestValidateTypes(t *testing.T) {
	require.NoError(t, kubefed.Validate(object(t, typeConfig), nil))
	for _, text := range []string{
		strings.NewReplacer("deployments.apps", "configmaps", "Deployment,", "ConfigMap,").Replace(typeConfig),
		typeConfig + "status: {}",
		typeConfig + "status: {observedGeneration: 3, propagationController: Running, statusController: NotRunning}",
	} {
		require.NoError(t, kubefed.Validate(object(t, text), nil), text)
	}
	long := strings.Repeat("a", 64)
	for _, row := range []struct {
		path  string
		value any
		want  []string
	}{
		{"metadata.name", "deployments", nil}, // the group comes from the name: this is deployments of the core group
		{"metadata.name", "deploys.apps", nil},
		{"metadata.name", "Deployments.apps", []string{"spec.targetType.pluralName"}},
		{"spec.targetType.group", "extensions", []string{"metadata.name"}},
		{"spec.targetType.group", "apps_", []string{"spec.targetType.group", "metadata.name"}},
		{"spec.targetType.pluralName", "2deployments", []string{"spec.targetType.pluralName", "metadata.name"}},
		{"spec.targetType.version", "", []string{"spec.targetType.version"}},
		{"spec.targetType.version", "1", []string{"spec.targetType.version"}},
		{"spec.targetType.kind", "", []string{"spec.targetType.kind"}},
		{"spec.targetType.kind", "2Deployment", []string{"spec.targetType.kind"}},
		{"spec.targetType.kind", "\u212Aind", []string{"spec.targetType.kind"}},
		{"spec.targetType.kind", long, []string{"spec.targetType.kind"}},
		{"spec.targetType.scope", "", []string{"spec.targetType.scope"}},
		{"spec.targetType.scope", "Namespace", []string{"spec.targetType.scope"}},
		{"spec.federatedType.group", "", []string{"spec.federatedType.group"}},
		{"spec.federatedType.group", "kubefed", []string{"spec.federatedType.group"}},
		{"spec.federatedType.group", "KubeFed.io", []string{"spec.federatedType.group"}},
		{"spec.federatedType.pluralName", long, []string{"spec.federatedType.pluralName"}},
		{"spec.propagation", "", []string{"spec.propagation"}},
		{"spec.propagation", "enabled", []string{"spec.propagation"}},
		{"spec.statusCollection", "on", []string{"spec.statusCollection"}},
		{"spec.statusType", map[string]any{"kind": "2", "scope": "Cluster"}, []string{"spec.statusType.kind", "spec.statusType.pluralName"}},
		{"spec.statusType", map[string]any{"kind": "X", "group": "nodot", "scope": "Cluster"}, []string{"spec.statusType.group"}},
		{"status.observedGeneration", int64(-1), []string{"status.observedGeneration", "status.propagationController"}},
		{"status.propagationController", "Stopped", []string{"status.propagationController"}},
		{"status", map[string]any{"propagationController": "Running", "statusController": "Stopped"}, []string{"status.statusController"}},
	} {
		got := fields(t, kubefed.Validate(with(t, typeConfig, row.value, strings.Split(row.path, ".")...), nil))
		slices.Sort(got)
		slices.Sort(row.want)
		require.Equal(t, row.want, got, "%s: %v", row.path, row.value)
	}
}

func TestValidateUpdate(t *testing.T) {
	old := object(t, full)
	require.NoError(t, kubefed.Validate(object(t, bare), old))
	require.NoError(t, kubefed.Validate(object(t, bare), nil))
	changed := with(t, full, "Namespaced", "spec", "scope")
	require.NoError(t, kubefed.Validate(changed, nil))
	require.Equal(t, []string{"spec.scope"}, fields(t, kubefed.Validate(changed, old)))
	both := with(t, full, "Namespaced", "spec", "scope")
	require.NoError(t, unstructured.SetNestedField(both.Object, "0s", "spec", "clusterHealthCheck", "period"))
	require.Equal(t, []string{"spec.clusterHealthCheck.period", "spec.scope"}, fields(t, kubefed.Validate(both, old)))

	for _, obj := range []*unstructured.Unstructured{nil, {}, object(t, web), object(t, strings.Replace(cluster, "core.kubefed.io", "example.com", 1))} {
		require.Len(t, fields(t, kubefed.Validate(obj, nil)), 1)
	}
}

func TestValidateWhatProgramsWrite(t *testing.T) {
	for _, kind := range []string{"PropagatedVersion", "ClusterPropagatedVersion", "FederatedServiceStatus"} {
		require.NoError(t, kubefed.Validate(object(t, "apiVersion: core.kubefed.io/v1alpha1\nkind: "+kind+"\nmetadata: {name: a}"), nil))
	}
	require.Equal(t, []string{"metadata.name"}, fields(t, kubefed.Validate(object(t, "apiVersion: core.kubefed.io/v1alpha1\nkind: PropagatedVersion"), nil)))
}

func TestTypeEncode(t *testing.T) {
	for _, text := range []string{typeConfig, typeConfig + "  statusCollection: Enabled\n  statusType: {kind: FederatedPolicy, scope: Cluster}\n  other: kept\n"} {
		in := object(t, text)
		want, err := kubefed.DecodeType(in)
		require.NoError(t, err)
		out := want.Encode(in)
		got, err := kubefed.DecodeType(out)
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.Equal(t, in.Object["spec"].(map[string]any)["other"], out.Object["spec"].(map[string]any)["other"])
		require.Nil(t, want.Encode(out))
		made := want.Encode(nil)
		require.Equal(t, "deployments.apps", made.GetName())
		got, err = kubefed.DecodeType(made)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestPreferenceEncode(t *testing.T) {
	for _, text := range []string{
		preference,
		strings.Replace(preference, "weight: 3", "weight: 3, other: kept", 1),
		strings.Split(preference, "  clusters:")[0],
		strings.Split(preference, "  rebalance:")[0],
	} {
		in := object(t, text)
		p, err := kubefed.DecodePreference(in)
		require.NoError(t, err)
		require.Nil(t, p.Encode(in), text)
		made := p.Encode(nil)
		made.SetName("web")
		got, err := kubefed.DecodePreference(made)
		require.NoError(t, err)
		require.Equal(t, p, got)
		p.Replicas.Preferences[0].Weight += 5
		changed, err := kubefed.DecodePreference(p.Encode(in))
		require.NoError(t, err)
		require.Equal(t, p, changed)
	}
}
