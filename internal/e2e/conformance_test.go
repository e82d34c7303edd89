package e2e_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/confed-project/confed/clusterregistry/kube"
	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/fedtest"
	"github.com/confed-project/confed/internal/e2e/cluster"
)

// editingClient is a client that can also write as somebody else, as the suite's foreign edits want.
type editingClient struct {
	*kube.Client
	dynamic dynamic.Interface
}

func newEditingClient(t *testing.T, config *rest.Config) *editingClient {
	t.Helper()
	client, err := kube.NewClient(config, kube.Options{})
	require.NoError(t, err)
	edits, err := dynamic.NewForConfig(config)
	require.NoError(t, err)
	return &editingClient{Client: client, dynamic: edits}
}

func (c *editingClient) resource(obj *unstructured.Unstructured) dynamic.ResourceInterface {
	plural := strings.ToLower(obj.GetKind()) + "s"
	resource := c.dynamic.Resource(obj.GroupVersionKind().GroupVersion().WithResource(plural))
	if obj.GetNamespace() == "" {
		return resource
	}
	return resource.Namespace(obj.GetNamespace())
}

func (c *editingClient) Update(ctx context.Context, obj *unstructured.Unstructured, manager string) (*unstructured.Unstructured, error) {
	return c.resource(obj).Update(ctx, obj, metav1.UpdateOptions{FieldManager: manager})
}

func (c *editingClient) Status(ctx context.Context, obj *unstructured.Unstructured, manager string) (*unstructured.Unstructured, error) {
	return c.resource(obj).UpdateStatus(ctx, obj, metav1.UpdateOptions{FieldManager: manager})
}

func (c *editingClient) Scale(ctx context.Context, obj *unstructured.Unstructured, manager string) (*unstructured.Unstructured, error) {
	replicas, _, err := unstructured.NestedInt64(obj.Object, "spec", "replicas")
	if err != nil {
		return nil, err
	}
	scale := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"replicas": replicas}}}
	scale.SetGroupVersionKind(schema.GroupVersionKind{Group: "autoscaling", Version: "v1", Kind: "Scale"})
	scale.SetNamespace(obj.GetNamespace())
	scale.SetName(obj.GetName())
	resource := c.resource(obj)
	if _, err := resource.Update(ctx, scale, metav1.UpdateOptions{FieldManager: manager}, "scale"); err != nil {
		return nil, err
	}
	return resource.Get(ctx, obj.GetName(), metav1.GetOptions{})
}

// TestTheFakeTellsTheTruth holds a real API server against fedtest.Member, which TestClient compares it with.
func TestTheFakeTellsTheTruth(t *testing.T) {
	t.Run("beside controllers", func(t *testing.T) {
		config := cluster.Shared(t).Members[0].Config()
		fedtest.TestClient(t, func(t *testing.T) federation.ClusterClient { return newEditingClient(t, config) })
	})
	t.Run("alone", func(t *testing.T) {
		fleet, err := cluster.Start(t.Context(), cluster.Options{Members: 1, NoControllers: true})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, fleet.Stop(t.Failed())) })
		fedtest.TestClient(t, func(t *testing.T) federation.ClusterClient {
			return newEditingClient(t, fleet.Members[0].Config())
		})
	})
}
