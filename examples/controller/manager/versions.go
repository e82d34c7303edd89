package manager

import (
	"context"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/federation/kubefed"
)

// versions writes a PropagatedVersion, for tools that read them. Nothing here does: it is read when something was done.
func (p *pass) versions(ctx context.Context, results []federation.Result) error {
	kind := schema.GroupVersionKind{Group: "core.kubefed.io", Version: "v1alpha1", Kind: "PropagatedVersion"}
	if p.key.Namespace == "" {
		kind.Kind = "ClusterPropagatedVersion"
	}
	name := types.NamespacedName{Namespace: p.key.Namespace, Name: strings.ToLower(p.gvk().Kind) + "-" + p.key.Name}
	last, err := p.host().Get(ctx, kind, name)
	if apierrors.IsNotFound(err) {
		last, err = nil, nil
	}
	if err != nil {
		return err
	}
	out := kubefed.EncodeVersions(last, p.fed, p.gvk().Kind, results)
	if out == nil {
		return nil
	}
	status := out.Object["status"]
	if last == nil {
		if out, err = p.host().Create(ctx, out, metav1.CreateOptions{FieldManager: Manager}); err != nil {
			return err
		}
	}
	out = out.DeepCopy()
	out.Object["status"] = status
	_, err = p.host().UpdateStatus(ctx, out)
	return err
}

// defaultConfig writes the defaults into the KubeFedConfig, once, as KubeFed's webhook did.
func (c *core) defaultConfig(ctx context.Context) error {
	was, err := c.host().Get(ctx, coreKind("KubeFedConfig"), types.NamespacedName{Namespace: c.Namespace, Name: configName})
	if apierrors.IsNotFound(err) {
		is := c.config.Encode(nil)
		is.SetNamespace(c.Namespace)
		_, err = c.host().Create(ctx, is, metav1.CreateOptions{FieldManager: Manager})
		return err
	}
	if err != nil {
		return err
	}
	if is := c.config.Encode(was); is != nil {
		_, err = c.host().Patch(ctx, was, changes(was, is), metav1.PatchOptions{FieldManager: Manager})
	}
	return err
}

// done says whether anything was carried out in a member.
func done(results []federation.Result) bool {
	for _, r := range results {
		if r.Outcome == federation.Done && r.Step.Verb != federation.Keep {
			return true
		}
	}
	return false
}
