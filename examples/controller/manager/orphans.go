package manager

import (
	"context"
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/confed-project/confed/federation"
)

// orphaned takes the label from copies whose federated object is gone, as KubeFed does: whoever removed it past us, or
// restored a backup, did not say that they should go. The host is asked itself before, as a mirror may be behind.
func (s *syncer) orphaned(ctx context.Context, key types.NamespacedName) error {
	if s.ofNamespaces() && s.system(key.Name) {
		return nil
	}
	copied := s.ref("", key)
	if !s.anyCopy(ctx, copied) {
		return nil
	}
	if _, err := s.host().Get(ctx, s.t.Federated.GVK, key); err == nil {
		return errAgain
	} else if !apierrors.IsNotFound(err) {
		return err
	}
	template := &unstructured.Unstructured{Object: map[string]any{}}
	template.SetGroupVersionKind(s.gvk())
	template.SetNamespace(copied.Namespace)
	template.SetName(copied.Name)
	p := &pass{syncer: s, key: key, wish: federation.Object{Template: template, Orphan: true}}
	_, plan, err := p.plan(ctx, s.reader, nil)
	if err != nil {
		return err
	}
	for _, r := range s.dispatcher.Dispatch(ctx, plan) {
		if r.Outcome == federation.Failed {
			err = errors.Join(err, r.Err)
		}
	}
	return err
}

// anyCopy says whether a member is known to hold a copy.
func (s *syncer) anyCopy(ctx context.Context, copied federation.Ref) bool {
	for c := range s.members.Fleet().All() {
		client, err := s.reader(c.Name)
		if err != nil {
			continue
		}
		if _, err := client.Get(ctx, copied.GVK, types.NamespacedName{Namespace: copied.Namespace, Name: copied.Name}); err == nil {
			return true
		}
	}
	return false
}
