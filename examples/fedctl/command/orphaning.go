package command

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/confed-project/confed/federation/kubefed"
)

func newOrphaning(io IO) *cobra.Command {
	cmd := &cobra.Command{
		Use: "orphaning enable|disable|status TYPE NAME", Aliases: []string{"orphaning-deletion"},
		Short: "Say whether copies stay when a federated object is deleted",
		Example: strings.ReplaceAll(`  fedctl orphaning enable deployment web -n shop
  fedctl orphaning status federateddeployment/web -n shop`, "fedctl", io.Name),
		Args: noSuchCommand, RunE: help,
	}
	for _, verb := range []struct{ name, short string }{
		{"enable", "Let the copies stay when the object is deleted"},
		{"disable", "Delete the copies with the object, which is the default"},
		{"status", "Say which of both it is"},
	} {
		a, sub := newCommand(io, &cobra.Command{Use: verb.name + " TYPE NAME [flags]", Short: verb.short}, func(a *app, cmd *cobra.Command, args []string) error {
			return a.orphaning(cmd.Context(), verb.name, args)
		})
		a.hostFlags(sub)
		a.dryRunFlag(sub)
		cmd.AddCommand(sub)
	}
	return cmd
}

func (a *app) orphaning(ctx context.Context, verb string, args []string) error {
	if err := objectArgs(args); err != nil {
		return err
	}
	wants, err := parseWants(args)
	if err != nil {
		return err
	}
	h, err := a.host()
	if err != nil {
		return err
	}
	around := newSurroundings(false)
	if err := h.surroundings(ctx, around, h.system); err != nil {
		return err
	}
	t, err := a.typeOf(around, wants[0].kind)
	if err != nil {
		return err
	}
	name := types.NamespacedName{Name: wants[0].name}
	if t.Federated.Namespaced {
		if name.Namespace, err = a.namespace(); err != nil {
			return err
		}
	}
	if t.Target.GVK.GroupKind() == namespaceKind.GroupKind() {
		name.Namespace = name.Name
	}
	obj, err := h.Get(ctx, t.Federated.GVK, name)
	if apierrors.IsNotFound(err) {
		return hint(err, "-n says the namespace (%q now)", name.Namespace)
	}
	if err != nil {
		return h.hint(err)
	}
	word := map[bool]string{true: "Enabled", false: "Disabled"}
	on := obj.GetAnnotations()[kubefed.OrphanAnnotation] == "true"
	if verb == "status" {
		fmt.Fprintln(a.io.Out, word[on])
		return nil
	}
	if want := verb == "enable"; on != want && !a.dryRun {
		if err := h.orphan(ctx, obj, want); err != nil {
			return h.hint(err)
		}
	}
	a.did("%s: %s", named(obj), word[verb == "enable"])
	return nil
}

// orphan writes whether copies stay.
func (h *host) orphan(ctx context.Context, obj *unstructured.Unstructured, stay bool) error {
	annotations := maps.Clone(obj.GetAnnotations())
	if annotations == nil {
		annotations = map[string]string{}
	}
	delete(annotations, kubefed.OrphanAnnotation)
	if stay {
		annotations[kubefed.OrphanAnnotation] = "true"
	}
	patch, err := json.Marshal([]map[string]any{
		{"op": "test", "path": "/metadata/resourceVersion", "value": obj.GetResourceVersion()},
		{"op": "add", "path": "/metadata/annotations", "value": annotations},
	})
	if err != nil {
		return err
	}
	_, err = h.Patch(ctx, obj, patch, metav1.PatchOptions{FieldManager: fieldManager})
	return err
}
