package federation

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestClassify(t *testing.T) {
	gr := schema.GroupResource{Group: "apps", Resource: "deployments"}
	plain := func(code int32, message string) error {
		return &apierrors.StatusError{ErrStatus: metav1.Status{Code: code, Message: message}}
	}
	conflict := apierrors.NewApplyConflict([]metav1.StatusCause{
		{Type: metav1.CauseTypeFieldManagerConflict, Message: `conflict with "kubectl"`, Field: ".spec.replicas"},
		{Type: metav1.CauseTypeFieldManagerConflict, Message: `conflict with "hpa"`, Field: ".spec.paused"},
		{Type: metav1.CauseTypeFieldManagerConflict, Message: `conflict with "hpa"`, Field: ".spec.x"},
	}, "Apply failed with 3 conflicts")
	uid := apierrors.NewInvalid(schema.GroupKind{Kind: "ConfigMap"}, "a", nil)
	uid.ErrStatus.Details.Causes = []metav1.StatusCause{{Field: "metadata.uid", Message: "Precondition failed: UID in precondition"}}
	immutable := apierrors.NewInvalid(schema.GroupKind{Kind: "Deployment"}, "a", nil)
	immutable.ErrStatus.Details.Causes = []metav1.StatusCause{{Field: "spec.selector", Message: "field is immutable"}}
	terminating := apierrors.NewForbidden(gr, "a", errors.New("because it is being terminated"))
	terminating.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: "NamespaceTerminating"}}
	tests := map[string]struct {
		err     error
		reason  Reason
		breaker bool
	}{
		"kind not served":          {&meta.NoKindMatchError{}, ReasonKindNotServed, false},
		"wrapped":                  {fmt.Errorf("x: %w", &meta.NoKindMatchError{}), ReasonKindNotServed, false},
		"path not served":          {plain(404, "the server could not find the requested resource"), ReasonKindNotServed, false},
		"namespace missing":        {apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "shop"), ReasonWaiting, false},
		"namespace going":          {terminating, ReasonWaiting, false},
		"already exists":           {apierrors.NewAlreadyExists(gr, "a"), ReasonNotOwned, false},
		"apply conflict":           {conflict, ReasonConflict, false},
		"version conflict":         {apierrors.NewConflict(gr, "a", errors.New("changed")), ReasonConflict, false},
		"uid precondition":         {uid, ReasonConflict, false},
		"immutable":                {immutable, ReasonImmutable, false},
		"invalid":                  {apierrors.NewInvalid(schema.GroupKind{Kind: "Deployment"}, "a", nil), ReasonInvalidManifest, false},
		"bad request":              {apierrors.NewBadRequest("strict decoding error: unknown field"), ReasonInvalidManifest, false},
		"typed patch 500":          {plain(500, "failed to create typed patch object (a/b; v1, Kind=X): .spec.foo: field not declared in schema"), ReasonInvalidManifest, false},
		"duplicate key 500":        {plain(500, `failed to create typed patch object: duplicate entries for key [name="web"]`), ReasonInvalidManifest, false},
		"other 500":                {plain(500, "etcdserver: request timed out"), "", false},
		"forbidden":                {apierrors.NewForbidden(gr, "a", errors.New("no")), "", false},
		"throttled":                {apierrors.NewTooManyRequests("slow down", 1), "", true},
		"bad gateway":              {plain(http.StatusBadGateway, "bad gateway"), "", true},
		"refused":                  {&net.OpError{Op: "dial", Err: errors.New("connection refused")}, "", true},
		"timed out":                {fmt.Errorf("get: %w", context.DeadlineExceeded), "", true},
		"cancelled by the program": {context.Canceled, "", false},
		"unknown":                  {errors.New("anything"), "", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := classify(test.err)
			require.Equal(t, test.reason, c.reason)
			require.Equal(t, test.breaker, c.breaker)
			require.NotEmpty(t, c.message)
		})
	}
	require.Equal(t, `fields are held by "hpa", "kubectl"`, classify(conflict).message)
}
