package command

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/confed-project/confed/clusterregistry/kube"
	"github.com/confed-project/confed/federation/kubefed"
)

func (a *app) teardown(ctx context.Context, m membership, yes bool) error {
	h, err := a.host()
	if err != nil {
		return err
	}
	records, err := h.List(ctx, clusterKind, h.system, "")
	if err != nil {
		return h.hint(err)
	}
	enabled, err := h.types(ctx)
	if err != nil {
		return err
	}
	definitions, err := h.definitions(ctx, enabled)
	if err != nil {
		return err
	}
	var departures []kube.Departure
	for i := range records {
		d, err := a.departure(h, &records[i], m)
		if err != nil {
			return hint(err, "--force goes on without members that cannot be reached")
		}
		departures = append(departures, d)
		fmt.Fprintf(a.io.Out, "%s leaves\n", d.Cluster)
	}
	for _, name := range definitions {
		fmt.Fprintf(a.io.Out, "CustomResourceDefinition %s is deleted\n", name)
	}
	if a.dryRun {
		a.did("nothing was done")
		return nil
	}
	if !yes {
		return hint(errors.New("nothing was done"), "--yes does what is listed")
	}
	for _, t := range enabled {
		if err := h.stop(ctx, t, m.force); err != nil {
			return hint(err, "the controller must run while its types go; --force goes on without one that is gone for good")
		}
	}
	if err := kube.Teardown(ctx, departures, h.Client, definitions...); err != nil && !errors.Is(err, kube.ErrNamespaceKept) {
		return hint(err, "fedctl teardown again goes on where it stopped")
	}
	a.did("the federation is gone; the namespace %s stays", h.system)
	return nil
}

// definitions are those of federated kinds, of types that are disabled too, and of the control plane's own. It is an error
// when there are federated objects: they would go with their definition.
func (h *host) definitions(ctx context.Context, enabled []kubefed.Type) ([]string, error) {
	groups := map[string]bool{"types.kubefed.io": true}
	for _, t := range enabled {
		groups[t.Federated.GVK.Group] = true
	}
	all, err := h.List(ctx, definitionKind, "", "")
	if err != nil {
		return nil, h.hint(err)
	}
	var names []string
	var errs []error
	for i := range all {
		group, _, _ := unstructured.NestedString(all[i].Object, "spec", "group")
		kind, _, _ := unstructured.NestedString(all[i].Object, "spec", "names", "kind")
		versions, _, _ := unstructured.NestedSlice(all[i].Object, "spec", "versions")
		if !groups[group] || len(versions) == 0 {
			continue
		}
		names = append(names, all[i].GetName())
		version, _ := versions[0].(map[string]any)["name"].(string)
		errs = append(errs, h.unused(ctx, kubefed.Type{Federated: kubefed.Resource{GVK: schema.GroupVersionKind{Group: group, Version: version, Kind: kind}}}))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, hint(err, "delete the federated objects and fedctl apply --wait first; fedctl orphaning enable lets their copies stay")
	}
	for _, crd := range kubefed.CRDs() {
		names = append(names, crd.GetName())
	}
	return names, nil
}
