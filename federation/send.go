package federation

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const requestTimeout = 30 * time.Second

// timeout is how long one request may take.
func (l *lane) timeout() time.Duration {
	if l.Timeout > 0 {
		return l.Timeout
	}
	return requestTimeout
}

// send carries out one step that writes, and returns what the member holds afterwards; nil when that is nothing.
func (l *lane) send(ctx context.Context, s Step) (*unstructured.Unstructured, error) {
	switch s.Verb {
	case Create:
		ctx, cancel := context.WithTimeout(ctx, l.timeout())
		defer cancel()
		// Strict, because an unknown field that is dropped on creation would look like drift for ever.
		return l.client.Create(ctx, s.Manifest, metav1.CreateOptions{FieldManager: s.Manager, FieldValidation: metav1.FieldValidationStrict})
	case Apply:
		return l.apply(ctx, s)
	case Release:
		return l.patch(ctx, s.target(), s.Patch, metav1.PatchOptions{FieldManager: s.Manager})
	case Delete:
		ctx, cancel := context.WithTimeout(ctx, l.timeout())
		defer cancel()
		opts := metav1.DeleteOptions{}
		if s.Delete != nil {
			opts = *s.Delete
		}
		opts.Preconditions = &s.Precondition
		err := l.client.Delete(ctx, s.Ref.GVK, s.Ref.name(), opts)
		if Refused(err).Cause == CauseNotFound {
			err = nil
		}
		return nil, err
	}
	return nil, fmt.Errorf("%w: verb %q", ErrInvalid, s.Verb)
}

func (l *lane) patch(ctx context.Context, obj *unstructured.Unstructured, patch []byte, opts metav1.PatchOptions) (*unstructured.Unstructured, error) {
	ctx, cancel := context.WithTimeout(ctx, l.timeout())
	defer cancel()
	return l.client.Patch(ctx, obj, patch, opts)
}

// apply first moves the managed fields where the plan says so, then applies under the observed identity. When the member
// no longer knows a version in the managed fields, they are mended once.
func (l *lane) apply(ctx context.Context, s Step) (*unstructured.Unstructured, error) {
	if s.Patch != nil {
		if err := l.rewrite(ctx, &s, s.Patch); err != nil {
			return nil, err
		}
	}
	live, err := l.put(ctx, s)
	if err == nil || s.Mend == nil || Refused(err).Cause != CauseManagedFields {
		return live, err
	}
	if err := l.turn(ctx); err != nil {
		return nil, err
	}
	if err := l.rewrite(ctx, &s, s.Mend); err != nil {
		return nil, err
	}
	return l.put(ctx, s)
}

// rewrite patches managed fields; a precondition on the version goes on from the new one, in its turn.
func (l *lane) rewrite(ctx context.Context, s *Step, patch []byte) error {
	live, err := l.patch(ctx, s.target(), patch, metav1.PatchOptions{FieldManager: s.Manager})
	if err != nil {
		return err
	}
	if live != nil && s.Precondition.ResourceVersion != nil {
		s.Precondition.ResourceVersion = ptr(live.GetResourceVersion())
	}
	return l.turn(ctx)
}

func (l *lane) put(ctx context.Context, s Step) (*unstructured.Unstructured, error) {
	doc := s.Manifest.Object
	if s.Precondition.UID != nil {
		doc = set(doc, []string{"metadata", "uid"}, string(*s.Precondition.UID))
	}
	if version := s.Precondition.ResourceVersion; version != nil {
		doc = set(doc, []string{"metadata", "resourceVersion"}, *version)
	}
	return l.patch(ctx, &unstructured.Unstructured{Object: doc}, nil,
		metav1.PatchOptions{FieldManager: s.Manager, Force: &s.Force})
}

// target is an object that only names what a patch is for.
func (s Step) target() *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(s.Ref.GVK)
	u.SetNamespace(s.Ref.Namespace)
	u.SetName(s.Ref.Name)
	return u
}
