package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/kubefed"
)

// federating is what federate is told.
type federating struct {
	name             string
	contents, enable bool
	skip             []string
}

func newFederate(io IO) *cobra.Command {
	var f federating
	a, cmd := newCommand(io, &cobra.Command{
		Use:   "federate TYPE NAME | -f FILE [flags]",
		Short: "Make a federated object of one on the host, or of files",
		Long: `Make a federated object of one on the host. It is placed in all clusters; edit spec.placement to narrow it.

With --contents a namespace is federated with what it holds, but for what belongs to the host alone, such as the Pods of a
Deployment or the tokens of a service account. With -f the federated form of what files contain is printed, and nothing is
asked of a cluster.`,
		Example: `  fedctl federate namespace shop --contents --skip-api-resources secrets,pods
  fedctl federate deployment web -n shop
  fedctl federate -f web.yaml | fedctl plan -f -`,
	}, func(a *app, cmd *cobra.Command, args []string) error {
		if len(a.files) > 0 {
			return a.federateFiles(args)
		}
		return a.federate(cmd.Context(), args, f)
	})
	a.hostFlags(cmd)
	a.dryRunFlag(cmd)
	a.yamlFlag(cmd)
	cmd.Flags().StringSliceVarP(&a.files, "filename", "f", nil, "files or directories with objects, - for standard input")
	cmd.Flags().BoolVarP(&f.contents, "contents", "c", false, "of a namespace: what it holds too")
	cmd.Flags().StringSliceVarP(&f.skip, "skip-api-resources", "s", nil, "with --contents: types or groups to leave out")
	cmd.Flags().BoolVarP(&f.enable, "enable-type", "t", false, "enable the types that are not yet")
	return cmd
}

// federateFiles prints the federated form of what files contain. A file that cannot be read as a whole prints nothing.
func (a *app) federateFiles(args []string) error {
	if len(args) > 0 {
		return hint(errors.New("both -f and arguments"), "either -f FILE or TYPE NAME")
	}
	if _, err := a.printsYAML(); err != nil {
		return err
	}
	if err := a.input(a.files); err != nil {
		return err
	}
	var out []*unstructured.Unstructured
	var errs []error
	for doc, err := range documents(a.files, a.stdin) {
		var objects []*unstructured.Unstructured
		if err == nil {
			objects, err = doc.objects()
		}
		for _, obj := range objects {
			federated, errObject := federateFile(obj)
			if errObject != nil {
				err = errors.Join(err, fmt.Errorf("%s: %w", doc.origin, errObject))
				continue
			}
			out = append(out, federated)
		}
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return hint(err, "nothing was printed, since not all of it can be federated")
	}
	if len(out) == 0 {
		a.note("there is no object in %s; of a directory the files .yaml, .yml and .json are read", strings.Join(a.files, ", "))
	}
	return a.documentsOf(out)
}

func federateFile(obj *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	if strings.HasPrefix(obj.GetKind(), "Federated") {
		return nil, errors.New("it is federated already")
	}
	t, _, err := kubefed.Enable(kubefed.Guess(obj), nil, kubefed.Directive{})
	if err != nil {
		return nil, err
	}
	federated, err := kubefed.Federate(obj, t)
	if err != nil || builtin(obj.GetKind()).GroupVersion() == obj.GroupVersionKind().GroupVersion() {
		return federated, err
	}
	// Without the host nobody else knows the version.
	return federated, unstructured.SetNestedField(federated.Object, obj.GetAPIVersion(), "spec", "template", "apiVersion")
}

func (a *app) federate(ctx context.Context, args []string, f federating) error {
	printed, err := a.printsYAML()
	if err == nil {
		err = objectArgs(args)
	}
	if err != nil {
		return err
	}
	if len(args) == 1 {
		kind, name, _ := strings.Cut(args[0], "/")
		args = []string{kind, name}
	}
	h, err := a.host()
	if err != nil {
		return err
	}
	if _, err := h.types(ctx); err != nil { // it says more than discovery does when the host does not answer
		return err
	}
	resource, err := a.discovered(args[0])
	if err != nil {
		return hint(err, "kubectl api-resources lists what the host serves")
	}
	f.name = args[1]
	objects, err := a.originals(ctx, h, resource, f)
	if err != nil {
		return err
	}
	known, err := a.enabledFor(ctx, h, objects, f.enable || printed)
	if err != nil {
		return err
	}
	federated, left := kubefed.Contents(objects, known)
	if len(objects) == 1 && len(federated) == 0 { // what is named is meant, though it may be left out of contents
		t, ok := typeFor(known, objects[0])
		if !ok {
			return hint(left[0], "fedctl enable %s, or federate with -t", resource.Name)
		}
		one, err := kubefed.Federate(objects[0], t)
		if err != nil {
			return err
		}
		federated, left = []*unstructured.Unstructured{one}, nil
	}
	if missing := slices.DeleteFunc(slices.Clone(left), func(err error) bool { return !errors.Is(err, kubefed.ErrNotEnabled) }); len(missing) > 0 {
		return hint(errors.Join(missing...), "nothing was federated; -t enables these types, --skip-api-resources leaves them out")
	}
	for _, text := range leftOut(left) {
		a.note("left out: %s", line(text))
	}
	if printed {
		return a.documentsOf(federated)
	}
	return a.createAll(ctx, h, federated)
}

// leftOut says what was left out, objects of one kind with one reason together.
func leftOut(left []error) []string {
	counts, first := map[string]int{}, map[string]string{}
	var reasons []string
	for _, err := range left {
		kind, reason := "", err.Error()
		var e *federation.Error
		if errors.As(err, &e) {
			kind, _, _ = strings.Cut(e.Object, " ")
			reason = kind + ": " + e.Err.Error()
		}
		if counts[reason]++; counts[reason] == 1 {
			reasons, first[reason] = append(reasons, reason), err.Error()
		}
	}
	slices.Sort(reasons)
	for i, reason := range reasons {
		if n := counts[reason]; n > 1 {
			reasons[i] = fmt.Sprintf("%d × %s", n, reason)
		} else {
			reasons[i] = first[reason]
		}
	}
	return reasons
}

// originals are the objects that are meant: one, or a namespace and what it holds.
func (a *app) originals(ctx context.Context, h *host, resource metav1.APIResource, f federating) ([]*unstructured.Unstructured, error) {
	key := types.NamespacedName{Name: f.name}
	if resource.Namespaced {
		namespace, err := a.namespace()
		if err != nil {
			return nil, err
		}
		key.Namespace = namespace
	}
	one, err := h.Get(ctx, schema.GroupVersionKind{Group: resource.Group, Version: resource.Version, Kind: resource.Kind}, key)
	if apierrors.IsNotFound(err) {
		return nil, hint(err, "-n says the namespace (%q now), --context the host", key.Namespace)
	}
	if err != nil {
		return nil, h.hint(err)
	}
	objects := []*unstructured.Unstructured{one}
	if !f.contents {
		return objects, nil
	}
	if resource.Group != "" || resource.Kind != "Namespace" {
		return nil, hint(fmt.Errorf("--contents of a %s", resource.Kind), "only a namespace has contents")
	}
	lists, errPart := a.resources()
	if errPart != nil {
		a.note("some groups of the host could not be read, so what is of them is left out: %s", line(errPart.Error()))
	}
	for _, r := range kubefed.ContentTypes(lists, f.skip, "") {
		held, err := h.List(ctx, schema.GroupVersionKind{Group: r.Group, Version: r.Version, Kind: r.Kind}, f.name, "")
		if meta.IsNoMatchError(err) || apierrors.IsMethodNotSupported(err) {
			continue
		}
		if err != nil {
			return nil, h.hint(fmt.Errorf("%s: %w", r.Name, err))
		}
		for i := range held {
			objects = append(objects, &held[i])
		}
	}
	return objects, nil
}

func typeFor(known []kubefed.Type, obj *unstructured.Unstructured) (kubefed.Type, bool) {
	i := slices.IndexFunc(known, func(t kubefed.Type) bool { return t.Target.GVK.GroupKind() == obj.GroupVersionKind().GroupKind() })
	if i < 0 {
		return kubefed.Type{}, false
	}
	return known[i], true
}

// enabledFor are the types that are enabled, and with enable those that the objects need beside them: written to the host
// unless only YAML is wanted. Objects that are never federated need none.
func (a *app) enabledFor(ctx context.Context, h *host, objects []*unstructured.Unstructured, enable bool) ([]kubefed.Type, error) {
	known, err := h.types(ctx)
	if err != nil || !enable {
		return known, err
	}
	printed := a.output == "yaml"
	if !printed {
		if err := a.ensureControlPlane(ctx, h); err != nil {
			return nil, err
		}
	}
	for _, obj := range objects {
		if _, left := kubefed.Contents([]*unstructured.Unstructured{obj}, known); !errors.Is(errors.Join(left...), kubefed.ErrNotEnabled) {
			continue
		}
		resource, err := a.discovered(strings.TrimSuffix(strings.ToLower(obj.GetKind())+"."+obj.GroupVersionKind().Group, "."))
		if err != nil {
			return nil, err
		}
		t, documents, err := a.typeObjects(ctx, h, resource, kubefed.Directive{})
		if err == nil && !printed {
			err = a.write(ctx, h, t, documents)
		}
		if err != nil {
			return nil, err
		}
		if !printed {
			a.did("%s enabled as %s", t.Target.Plural, t.Federated.GVK.Kind)
		}
		known = append(known, t)
	}
	return known, nil
}

// createAll creates federated objects, and says of each what became of it. One that is there already stays as it is.
func (a *app) createAll(ctx context.Context, h *host, federated []*unstructured.Unstructured) error {
	var errs []error
	for _, obj := range federated {
		if a.dryRun {
			a.did("%s would be created", named(obj))
			continue
		}
		var errCreate error
		err := poll(ctx, 10*time.Second, func() (bool, error) { // a new definition may not be served yet
			_, errCreate = h.Create(ctx, obj, metav1.CreateOptions{FieldManager: fieldManager})
			return !meta.IsNoMatchError(errCreate) && !apierrors.IsNotFound(errCreate), errCreate
		})
		if err == nil {
			err = errCreate
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", named(obj), err))
			continue
		}
		a.did("%s created", named(obj))
	}
	return errors.Join(errs...)
}
