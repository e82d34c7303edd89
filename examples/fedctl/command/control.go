package command

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/confed-project/confed/clusterregistry/kube"
	"github.com/confed-project/confed/federation/kubefed"
)

// fieldManager is under which name fedctl writes to the host.
const fieldManager = "fedctl"

var definitionKind = schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"}

// dryRunFlag is kubefedctl's.
func (a *app) dryRunFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&a.dryRun, "dry-run", false, "only say what would be done")
}

// put writes an object as it should be, or says that it would.
func (a *app) put(ctx context.Context, c *kube.Client, obj *unstructured.Unstructured) error {
	if a.dryRun {
		fmt.Fprintf(a.io.Out, "would write %s\n", named(obj))
		return nil
	}
	if err := gone(ctx, c, obj); err != nil {
		return err
	}
	force := true
	_, err := c.Patch(ctx, obj, nil, metav1.PatchOptions{FieldManager: fieldManager, Force: &force})
	if err != nil {
		return fmt.Errorf("%s: %w", named(obj), err)
	}
	return nil
}

// patience is how long something that is being deleted may take to go.
const patience = time.Minute

// gone waits until an object that is being deleted has gone. What is there for good, or not at all, is not waited for.
func gone(ctx context.Context, c *kube.Client, obj *unstructured.Unstructured) error {
	return poll(ctx, patience, func() (bool, error) {
		live, err := c.Get(ctx, obj.GroupVersionKind(), types.NamespacedName{Namespace: obj.GetNamespace(), Name: obj.GetName()})
		if err == nil && live.GetDeletionTimestamp() != nil {
			return false, fmt.Errorf("%s is still being deleted", named(obj))
		}
		return true, nil // other errors show when it is written
	})
}

// ensureControlPlane makes what every other command needs on the host: the namespace and the definitions of KubeFed's kinds.
// What is there stays as it is.
func (a *app) ensureControlPlane(ctx context.Context, h *host) error {
	namespace := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace"}}
	namespace.SetName(h.system)
	for _, obj := range append([]*unstructured.Unstructured{namespace}, kubefed.CRDs()...) {
		live, err := h.Get(ctx, obj.GroupVersionKind(), types.NamespacedName{Name: obj.GetName()})
		if apierrors.IsNotFound(err) || err == nil && live.GetDeletionTimestamp() != nil {
			err = a.put(ctx, h.Client, obj)
		}
		if err != nil {
			return h.hint(err)
		}
	}
	for _, gvk := range []schema.GroupVersionKind{clusterKind, typeKind} {
		if err := a.served(ctx, h, gvk); err != nil {
			return err
		}
	}
	return nil
}

// served waits until the host serves a kind whose definition was just written.
func (a *app) served(ctx context.Context, h *host, gvk schema.GroupVersionKind) error {
	if a.dryRun {
		return nil
	}
	return poll(ctx, 20*time.Second, func() (bool, error) {
		_, err := h.List(ctx, gvk, h.system, "")
		if meta.IsNoMatchError(err) || apierrors.IsNotFound(err) {
			return false, fmt.Errorf("%s is not served yet", gvk.Kind)
		}
		return err == nil || apierrors.IsBadRequest(err), err
	})
}

// poll asks until the answer is yes, an error with false says what is missing meanwhile.
func poll(ctx context.Context, timeout time.Duration, ask func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for {
		ok, err := ask()
		if ok {
			return nil
		}
		select {
		case <-ctx.Done():
			if err == nil {
				err = context.Cause(ctx)
			}
			return err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// documentsOf prints objects as kubectl applies them, without what a server has added.
func (a *app) documentsOf(objects []*unstructured.Unstructured) error {
	var out bytes.Buffer
	for i, obj := range objects {
		obj = obj.DeepCopy()
		unstructured.RemoveNestedField(obj.Object, "status")
		unstructured.RemoveNestedField(obj.Object, "metadata", "creationTimestamp")
		data, err := yaml.Marshal(obj.Object)
		if err != nil {
			return err
		}
		if i > 0 {
			out.WriteString("---\n")
		}
		out.Write(data)
	}
	_, err := a.io.Out.Write(out.Bytes())
	return err
}

// types reads the enabled types of the host.
func (h *host) types(ctx context.Context) ([]kubefed.Type, error) {
	configs, err := h.List(ctx, typeKind, h.system, "")
	if meta.IsNoMatchError(err) {
		return nil, nil
	}
	if err != nil {
		return nil, h.hint(err)
	}
	var out []kubefed.Type
	for i := range configs {
		t, err := kubefed.DecodeType(&configs[i])
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// did says what was done, or would be.
func (a *app) did(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if a.dryRun {
		text += " (dry run)"
	}
	fmt.Fprintln(a.io.Out, text)
}

// yamlFlag is kubefedctl's -o, which knows one word.
func (a *app) yamlFlag(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&a.output, "output", "o", "", "yaml: print what would be written, and write nothing")
	complete(cmd, "output", "yaml")
}

func (a *app) printsYAML() (bool, error) {
	if a.output != "" && a.output != "yaml" {
		return false, hint(fmt.Errorf("-o %q", a.output), "yaml is the only form")
	}
	return a.output == "yaml", nil
}

// joined makes a name of parts, as far as a DNS label goes.
func joined(parts ...string) string {
	label := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(strings.Join(parts, "-")))
	return strings.Trim(label[:min(len(label), 63)], "-")
}
