package manager

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/kubefed"
	"github.com/confed-project/confed/placement"
)

var namespaceKind = schema.GroupVersionKind{Version: "v1", Kind: "Namespace"}

// namespaces reads where FederatedNamespaces are placed. One mirror serves all types.
type namespaces struct {
	kind   schema.GroupVersionKind
	mirror *mirror
}

// of returns the placement of a namespace; federated is false when it has none. One that cannot be read is a
// federation.ErrInvalid; what else is wrong with the FederatedNamespace is its own affair.
func (n *namespaces) of(ctx context.Context, name string) (policy placement.Policy, federated bool, err error) {
	obj, err := n.mirror.get(ctx, n.kind, types.NamespacedName{Namespace: name, Name: name})
	if apierrors.IsNotFound(err) {
		return placement.Policy{}, false, nil
	}
	if err != nil {
		return placement.Policy{}, false, fmt.Errorf("the FederatedNamespace %s: %w", name, err)
	}
	wish, err := kubefed.Decode(obj, namespaceKind)
	if _, unread := placement.Compile(wish.Placement); unread != nil {
		if err == nil {
			err = fmt.Errorf("%w: spec.placement: %w", federation.ErrInvalid, unread)
		}
		return placement.Policy{}, false, fmt.Errorf("the FederatedNamespace %s: %w", name, err)
	}
	return wish.Placement, true, nil
}
