package federation

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// ClusterClient reaches one member cluster. Its four methods are dumb: they send what they are given and return what
// the member answered. All types are apimachinery's, so an adapter need not import this package.
//
// Errors are the API machinery's: *errors.StatusError for what the member answered, a no-match error of api/meta for a
// kind that it does not serve, and the transport's own error when it could not be reached; Refused reads them.
// Implementations are safe for concurrent use, return when ctx ends, and never keep or change an object that they were
// given. Returned objects belong to the caller. fedtest.TestClient proves an implementation.
type ClusterClient interface {
	// Get reads one object. The name's namespace is empty for cluster-scoped kinds.
	Get(ctx context.Context, gvk schema.GroupVersionKind, name types.NamespacedName) (*unstructured.Unstructured, error)

	// Create sends obj as a POST and returns what the member stored.
	Create(ctx context.Context, obj *unstructured.Unstructured, opts metav1.CreateOptions) (*unstructured.Unstructured, error)

	// Patch applies obj server-side when jsonPatch is nil (opts names the field manager); obj may then carry uid and
	// resourceVersion as preconditions. Otherwise obj only names the target, and jsonPatch is sent as an RFC 6902 patch.
	Patch(ctx context.Context, obj *unstructured.Unstructured, jsonPatch []byte, opts metav1.PatchOptions) (*unstructured.Unstructured, error)

	// Delete deletes one object. A precondition in opts that does not hold is a conflict.
	Delete(ctx context.Context, gvk schema.GroupVersionKind, name types.NamespacedName, opts metav1.DeleteOptions) error
}

// Clients finds the connection to a cluster by name. An error concerns that cluster alone.
type Clients func(cluster string) (ClusterClient, error)

// find never returns nil for both.
func (c Clients) find(cluster string) (ClusterClient, error) {
	if c == nil {
		return nil, &Error{Cluster: cluster, Field: "clients", Err: fmt.Errorf("%w: missing", ErrInvalid)}
	}
	client, err := c(cluster)
	if err == nil && client == nil {
		err = &Error{Cluster: cluster, Field: "clients", Err: fmt.Errorf("%w: neither a client nor an error", ErrInvalid)}
	}
	return client, err
}
