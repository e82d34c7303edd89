package e2e_test

import (
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/confed-project/confed/internal/e2e/cluster"
)

var (
	namespaces = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	configMaps = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
)

// TestHarness is the proof that the harness itself does what its users rely on.
func TestHarness(t *testing.T) {
	fleet := cluster.Shared(t)
	name := "harness-" + strings.ToLower(rand.Text())
	for _, s := range fleet.Servers() {
		t.Run(s.Name, func(t *testing.T) {
			ctx := t.Context()
			client, err := dynamic.NewForConfig(s.Config())
			require.NoError(t, err)
			before, err := s.Writes(ctx)
			require.NoError(t, err)

			ns := object("v1", "Namespace", "", name)
			_, err = client.Resource(namespaces).Create(ctx, ns, metav1.CreateOptions{})
			require.NoError(t, err)
			cm := object("v1", "ConfigMap", name, "own")
			require.NoError(t, unstructured.SetNestedField(cm.Object, s.Name, "data", "cluster"))
			_, err = client.Resource(configMaps).Namespace(name).Create(ctx, cm, metav1.CreateOptions{})
			require.NoError(t, err)

			var writes cluster.Requests
			require.Eventually(t, func() bool { // the server counts a request just after its answer
				after, err := s.Writes(ctx)
				require.NoError(t, err)
				writes = after.Since(before)
				return writes[cluster.Request{Verb: "POST", Resource: "namespaces"}] == 1 &&
					writes[cluster.Request{Verb: "POST", Resource: "configmaps"}] >= 1
			}, 10*time.Second, 50*time.Millisecond, "%s", &writes)

			s.Kill()
			_, err = client.Resource(configMaps).Namespace(name).Get(ctx, "own", metav1.GetOptions{})
			require.Error(t, err)
			require.NoError(t, s.Restart(ctx))
			live, err := client.Resource(configMaps).Namespace(name).Get(ctx, "own", metav1.GetOptions{})
			require.NoError(t, err)
			got, _, err := unstructured.NestedString(live.Object, "data", "cluster")
			require.NoError(t, err)
			require.Equal(t, s.Name, got, "the clusters must not share storage")
		})
	}
	t.Run("tokens differ", func(t *testing.T) {
		config := fleet.Members[0].Config()
		config.BearerToken = fleet.Members[1].Config().BearerToken
		client, err := dynamic.NewForConfig(config)
		require.NoError(t, err)
		_, err = client.Resource(namespaces).List(t.Context(), metav1.ListOptions{})
		require.True(t, apierrors.IsUnauthorized(err), "%v", err)
	})
}

func object(apiVersion, kind, namespace, name string) *unstructured.Unstructured {
	obj := &unstructured.Unstructured{}
	obj.SetAPIVersion(apiVersion)
	obj.SetKind(kind)
	obj.SetNamespace(namespace)
	obj.SetName(name)
	return obj
}
