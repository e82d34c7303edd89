package manager

import (
	"context"
	"encoding/json"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/confed-project/confed/federation/kubefed"
	"github.com/confed-project/confed/placement"
)

// legacyStatus says whether the type has FederatedServiceStatuses, which were there before statuses came into the federated
// object: the FederatedTypeConfig names their kind, and the gate that took their place is off.
func (s *syncer) legacyStatus() bool {
	return s.typeName() == "services" && s.t.Status != nil && s.t.StatusCollection && !s.config.Features[kubefed.RawResourceStatusCollection]
}

// collects says, for the status of a FederatedTypeConfig, whether its syncer writes them; nil: it has nothing to do with them.
func (k *typeController) collects(name string, runs bool) *bool {
	if s := k.syncer(name); s == nil || !s.legacyStatus() {
		return nil
	}
	return &runs
}

// serviceStatus writes the FederatedServiceStatus of a FederatedService: the status of the Service in every cluster that is
// ready, placed there or not. While one of them is not known, what is written stays.
func (p *pass) serviceStatus(ctx context.Context) error {
	if !p.legacyStatus() || p.deleting {
		return nil
	}
	statuses := map[string]map[string]any{}
	for c := range p.members.Fleet().All() {
		if c.Ready.State != placement.Ready {
			continue
		}
		client, err := p.caches.Client(c.Name)
		if err != nil {
			return err
		}
		statuses[c.Name] = nil
		live, err := client.Get(ctx, p.gvk(), p.key)
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
		if err == nil {
			statuses[c.Name], _ = live.Object["status"].(map[string]any)
		}
	}
	kind := schema.GroupVersionKind{Group: "core.kubefed.io", Version: "v1alpha1", Kind: "FederatedServiceStatus"}
	last, err := p.host().Get(ctx, kind, p.key)
	if apierrors.IsNotFound(err) {
		last, err = nil, nil
	}
	if err != nil {
		return err
	}
	out := kubefed.EncodeServiceStatus(last, p.fed, statuses)
	switch {
	case out == nil:
		return nil
	case last == nil:
		_, err = p.host().Create(ctx, out, metav1.CreateOptions{FieldManager: Manager})
		return err
	}
	patch, err := json.Marshal([]map[string]any{
		{"op": "replace", "path": "/metadata/resourceVersion", "value": last.GetResourceVersion()},
		{"op": "add", "path": "/metadata/ownerReferences", "value": out.GetOwnerReferences()},
		{"op": "add", "path": "/clusterStatus", "value": out.Object["clusterStatus"]},
	})
	if err != nil {
		return err
	}
	_, err = p.host().Patch(ctx, last, patch, metav1.PatchOptions{FieldManager: Manager})
	return err
}
