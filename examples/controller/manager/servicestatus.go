package manager

import (
	"context"
	"encoding/json"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
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
	switch {
	case !p.legacyStatus():
		return nil
	case p.deleting:
		p.serviceStatuses.Delete(p.key)
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
	return p.writeServiceStatus(ctx, last, kubefed.EncodeServiceStatus(last, p.fed, statuses))
}

// writeServiceStatus writes what a FederatedServiceStatus has become, nil: nothing new. KubeFed's definition does not know all
// that a status of today has, so what is read is never what was written: what came of the last write is remembered.
func (p *pass) writeServiceStatus(ctx context.Context, last, out *unstructured.Unstructured) error {
	if out == nil {
		return nil
	}
	text, err := json.Marshal(out.Object["clusterStatus"])
	if err != nil {
		return err
	}
	var live *unstructured.Unstructured
	if last == nil {
		live, err = p.host().Create(ctx, out, metav1.CreateOptions{FieldManager: Manager})
	} else {
		if before, _ := p.serviceStatuses.Load(p.key); before == last.GetResourceVersion()+string(text) {
			return nil
		}
		var patch []byte
		if patch, err = json.Marshal([]map[string]any{
			{"op": "replace", "path": "/metadata/resourceVersion", "value": last.GetResourceVersion()},
			{"op": "add", "path": "/metadata/ownerReferences", "value": out.GetOwnerReferences()},
			{"op": "add", "path": "/clusterStatus", "value": out.Object["clusterStatus"]},
		}); err != nil {
			return err
		}
		live, err = p.host().Patch(ctx, last, patch, metav1.PatchOptions{FieldManager: Manager})
	}
	if err == nil {
		p.serviceStatuses.Store(p.key, live.GetResourceVersion()+string(text))
	}
	return err
}
