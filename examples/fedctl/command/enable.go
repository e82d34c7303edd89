package command

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/confed-project/confed/federation/kubefed"
)

func newEnable(io IO) *cobra.Command {
	var d kubefed.Directive
	a, cmd := newCommand(io, &cobra.Command{
		Use:   "enable NAME... [-f FILE] [flags]",
		Short: "Let the objects of a type be federated",
		Long: `Let the objects of a type be federated: the definition of the federated kind and a FederatedTypeConfig are written to the
host. Types are named as kubectl names them. What is enabled already is brought up to date.`,
		Example: `  fedctl enable deployments.apps
  fedctl enable namespaces configmaps deployments.apps
  fedctl enable widgets.example.com -o yaml`,
	}, func(a *app, cmd *cobra.Command, args []string) error { return a.enable(cmd.Context(), args, d) })
	a.hostFlags(cmd)
	a.dryRunFlag(cmd)
	a.yamlFlag(cmd)
	directiveFlags(cmd, &d)
	cmd.Flags().StringSliceVarP(&a.files, "filename", "f", nil, "a file with an EnableTypeDirective, - for standard input")
	return cmd
}

func directiveFlags(cmd *cobra.Command, d *kubefed.Directive) {
	cmd.Flags().StringVar(&d.FederatedGroup, "federated-group", "types.kubefed.io", "the group of the federated kind")
	cmd.Flags().StringVar(&d.FederatedVersion, "federated-version", "v1beta1", "the version of the federated kind")
	cmd.Flags().StringVar(&d.TargetVersion, "version", "", "the version in which objects are propagated; empty: the one that the host prefers")
}

// directives are what the arguments and the files say.
func (a *app) directives(args []string, d kubefed.Directive) ([]kubefed.Directive, error) {
	var out []kubefed.Directive
	for _, name := range args {
		d.Name = name
		out = append(out, d)
	}
	if err := a.input(a.files); err != nil {
		return nil, err
	}
	for doc, err := range documents(a.files, a.stdin) {
		var objects []*unstructured.Unstructured
		if err == nil {
			objects, err = doc.objects()
		}
		if err != nil {
			return nil, err
		}
		for _, obj := range objects {
			d, err := kubefed.DecodeDirective(obj)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", doc.origin, err)
			}
			out = append(out, d)
		}
	}
	if len(out) == 0 {
		return nil, hint(errors.New("no type is named"), "for example: fedctl enable deployments.apps")
	}
	return out, nil
}

func (a *app) enable(ctx context.Context, args []string, d kubefed.Directive) error {
	printed, err := a.printsYAML()
	if err != nil {
		return err
	}
	list, err := a.directives(args, d)
	if err != nil {
		return err
	}
	h, err := a.host()
	if err != nil {
		return err
	}
	if !printed {
		if err := a.ensureControlPlane(ctx, h); err != nil {
			return err
		}
	}
	var documents []*unstructured.Unstructured
	for _, d := range list {
		resource, err := a.discovered(d.Name)
		if err != nil {
			return hint(err, "kubectl api-resources lists what the host serves")
		}
		t, objects, err := a.typeObjects(ctx, h, resource, d)
		if err != nil {
			return err
		}
		if documents = append(documents, objects...); printed {
			continue
		}
		if err := a.write(ctx, h, t, objects); err != nil {
			return err
		}
		a.did("%s enabled as %s", t.Target.Plural, t.Federated.GVK.Kind)
	}
	if printed {
		return a.documentsOf(documents)
	}
	return nil
}

// typeObjects makes what enables a type: its FederatedTypeConfig and its definition.
func (a *app) typeObjects(ctx context.Context, h *host, resource metav1.APIResource, d kubefed.Directive) (kubefed.Type, []*unstructured.Unstructured, error) {
	var model map[string]any
	if resource.Group != "" {
		definition, err := h.Get(ctx, definitionKind, types.NamespacedName{Name: resource.Name + "." + resource.Group})
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsForbidden(err) {
			return kubefed.Type{}, nil, err
		}
		if err == nil {
			model = definition.Object
		}
	}
	t, definition, err := kubefed.Enable(resource, model, d)
	if err != nil {
		return t, nil, err
	}
	enabled, err := h.types(ctx)
	if err == nil {
		err = kubefed.CheckEnable(t, enabled)
	}
	config := t.Encode(nil)
	config.SetNamespace(h.system)
	return t, []*unstructured.Unstructured{config, definition}, err
}

// write writes the objects of a type, the definition first, and waits until the host serves it.
func (a *app) write(ctx context.Context, h *host, t kubefed.Type, objects []*unstructured.Unstructured) error {
	for _, obj := range []*unstructured.Unstructured{objects[1], objects[0]} {
		if err := a.put(ctx, h.Client, obj); err != nil {
			return h.hint(err)
		}
	}
	return a.served(ctx, h, t.Federated.GVK)
}

func newDisable(io IO) *cobra.Command {
	var deleteCRD bool
	var d kubefed.Directive
	a, cmd := newCommand(io, &cobra.Command{
		Use:   "disable NAME [--delete-crd] [flags]",
		Short: "Stop federating the objects of a type",
		Long: `Stop federating the objects of a type. Copies stay where they are.

With --delete-crd the definition of the federated kind goes too, unless there are objects of it.`,
		Example: `  fedctl disable deployments.apps
  fedctl disable deployments.apps --delete-crd`,
		Args: exactly(1),
	}, func(a *app, cmd *cobra.Command, args []string) error {
		return a.disable(cmd.Context(), args[0], deleteCRD)
	})
	a.hostFlags(cmd)
	a.dryRunFlag(cmd)
	directiveFlags(cmd, &d) // kubefedctl takes them; the FederatedTypeConfig knows better
	for _, name := range []string{"federated-group", "federated-version", "version"} {
		_ = cmd.Flags().MarkHidden(name)
	}
	cmd.Flags().BoolVar(&deleteCRD, "delete-crd", false, "delete the definition of the federated kind")
	return cmd
}

func (a *app) disable(ctx context.Context, name string, deleteCRD bool) error {
	h, err := a.host()
	if err != nil {
		return err
	}
	around := newSurroundings(false)
	if err := h.surroundings(ctx, around, h.system); err != nil {
		return err
	}
	t, err := a.typeOf(around, name)
	if err != nil {
		return err
	}
	if deleteCRD {
		if err := h.unused(ctx, t); err != nil {
			return err
		}
	}
	if a.dryRun {
		a.did("%s would be disabled", t.Target.Plural)
		return nil
	}
	if err := h.stop(ctx, t, false); err != nil {
		return err
	}
	if deleteCRD {
		name := t.Federated.Plural + "." + t.Federated.GVK.Group
		if err := h.Delete(ctx, definitionKind, types.NamespacedName{Name: name}, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			return h.hint(err)
		}
	}
	a.did("%s disabled", t.Target.Plural)
	return nil
}

// unused fails when there are objects of the federated kind.
func (h *host) unused(ctx context.Context, t kubefed.Type) error {
	objects, err := h.List(ctx, t.Federated.GVK, "", "")
	switch {
	case meta.IsNoMatchError(err):
		return nil
	case err != nil:
		return h.hint(err)
	case len(objects) > 0:
		return hint(fmt.Errorf("%d of %s left, such as %s", len(objects), t.Federated.GVK.Kind, named(&objects[0])), "delete them first, or leave out --delete-crd")
	}
	return nil
}

// configOf names the FederatedTypeConfig of a type.
func (h *host) configOf(t kubefed.Type) *unstructured.Unstructured {
	config := t.Encode(nil)
	config.SetNamespace(h.system)
	return config
}

// stop ends the propagation of a type, waits until a controller that runs has heard of it, and removes the
// FederatedTypeConfig. With force a controller that does not answer is taken to be gone for good.
func (h *host) stop(ctx context.Context, t kubefed.Type, force bool) error {
	name := types.NamespacedName{Namespace: h.system, Name: h.configOf(t).GetName()}
	patch := []byte(`[{"op":"replace","path":"/spec/propagation","value":"Disabled"}]`)
	if _, err := h.Patch(ctx, h.configOf(t), patch, metav1.PatchOptions{FieldManager: fieldManager}); err != nil {
		return h.hint(err)
	}
	err := poll(ctx, 10*time.Second, func() (bool, error) {
		live, err := h.Get(ctx, typeKind, name)
		if err != nil {
			return apierrors.IsNotFound(err), err
		}
		running, _, _ := unstructured.NestedString(live.Object, "status", "propagationController")
		return running != "Running", errors.New("the controller still propagates it")
	})
	if err != nil && !force {
		return hint(err, "propagation is disabled, the FederatedTypeConfig %s stays; try again when the controller runs", name.Name)
	}
	if err := h.Delete(ctx, typeKind, name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		return h.hint(err)
	}
	return h.letGo(ctx, t, force)
}

// letGo waits until a FederatedTypeConfig that was deleted has gone. A controller holds it by a finalizer.
func (h *host) letGo(ctx context.Context, t kubefed.Type, force bool) error {
	name := types.NamespacedName{Namespace: h.system, Name: h.configOf(t).GetName()}
	if force {
		none := []byte(`[{"op":"add","path":"/metadata/finalizers","value":[]}]`)
		if _, err := h.Patch(ctx, h.configOf(t), none, metav1.PatchOptions{FieldManager: fieldManager}); err != nil && !apierrors.IsNotFound(err) {
			return h.hint(err)
		}
	}
	err := poll(ctx, 10*time.Second, func() (bool, error) {
		live, err := h.Get(ctx, typeKind, name)
		if err != nil {
			return apierrors.IsNotFound(err), err
		}
		return false, fmt.Errorf("FederatedTypeConfig %s is held by %s", name.Name, strings.Join(live.GetFinalizers(), ", "))
	})
	if err != nil {
		return hint(err, "the controller lets it go when it runs")
	}
	return nil
}

func newTeardown(io IO) *cobra.Command {
	var m membership
	var yes bool
	a, cmd := newCommand(io, &cobra.Command{
		Use:   "teardown --yes [flags]",
		Short: "Take the whole federation apart",
		Long: `Take the whole federation apart: every member is let go, then types and definitions are deleted from the host. Copies
stay where they are.

It refuses while there are federated objects, since deleting a definition deletes its objects.`,
		Example: `  fedctl teardown --dry-run
  fedctl teardown --yes`,
		Args: exactly(0),
	}, func(a *app, cmd *cobra.Command, _ []string) error { return a.teardown(cmd.Context(), m, yes) })
	a.hostFlags(cmd)
	a.dryRunFlag(cmd)
	cmd.Flags().StringVar(&m.hostName, "host-cluster-name", "", "the name of the host in names on the members; empty: that of its context")
	cmd.Flags().BoolVar(&m.force, "force", false, "go on when members cannot be reached, or the controller does not run any more")
	cmd.Flags().BoolVar(&yes, "yes", false, "really do it")
	return cmd
}
