package federation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// unchangeable is a refusal as invalid, for these causes.
func unchangeable(causes ...string) error {
	var list field.ErrorList
	for _, c := range causes {
		list = append(list, field.Forbidden(field.NewPath("spec"), c))
	}
	return apierrors.NewInvalid(schema.GroupKind{Kind: "Thing"}, "a", list)
}

func TestRefused(t *testing.T) {
	gr := schema.GroupResource{Group: "apps", Resource: "deployments"}
	plain := func(code int32, message string) error {
		return &apierrors.StatusError{ErrStatus: metav1.Status{Code: code, Message: message}}
	}
	conflict := apierrors.NewApplyConflict([]metav1.StatusCause{
		{Type: metav1.CauseTypeFieldManagerConflict, Message: `conflict with "kubectl"`, Field: ".spec.replicas"},
		{Type: metav1.CauseTypeFieldManagerConflict, Message: `conflict with "hpa" with subresource "scale" using v1 at 2001-02-03T04:05:06Z`, Field: ".spec.paused"},
		{Type: metav1.CauseTypeFieldManagerConflict, Message: `conflict with "hpa"`, Field: ".spec.x"},
	}, "Apply failed with 3 conflicts")
	uid := apierrors.NewInvalid(schema.GroupKind{Kind: "ConfigMap"}, "a", nil)
	uid.ErrStatus.Details.Causes = []metav1.StatusCause{{Field: "metadata.uid", Message: "Precondition failed: UID in precondition"}}
	immutable := apierrors.NewInvalid(schema.GroupKind{Kind: "Deployment"}, "a", nil)
	immutable.ErrStatus.Details.Causes = []metav1.StatusCause{{Field: "spec.selector", Message: "field is immutable"}}
	terminating := apierrors.NewForbidden(gr, "a", errors.New("because it is being terminated"))
	terminating.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: "NamespaceTerminating"}}
	tests := map[string]struct {
		err    error
		reason Reason
		away   bool
		cause  Cause
	}{
		"kind not served":          {&meta.NoKindMatchError{}, ReasonKindNotServed, false, CauseNotServed},
		"wrapped":                  {fmt.Errorf("x: %w", &meta.NoKindMatchError{}), ReasonKindNotServed, false, CauseNotServed},
		"path not served":          {plain(404, "the server could not find the requested resource"), ReasonKindNotServed, false, CauseNotServed},
		"namespace missing":        {apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "shop"), ReasonWaiting, false, CauseNotFound},
		"namespace going":          {terminating, ReasonWaiting, false, CauseTerminating},
		"already exists":           {apierrors.NewAlreadyExists(gr, "a"), ReasonNotOwned, false, CauseAlreadyExists},
		"apply conflict":           {conflict, ReasonConflict, false, CauseFieldsHeld},
		"version conflict":         {apierrors.NewConflict(gr, "a", errors.New("changed")), ReasonConflict, false, CauseStale},
		"uid precondition":         {uid, ReasonConflict, false, CauseStale},
		"immutable":                {immutable, ReasonImmutable, false, CauseImmutable},
		"roleRef":                  {unchangeable("cannot change roleRef"), ReasonImmutable, false, CauseImmutable},
		"stateful set":             {unchangeable("updates to statefulset spec for fields other than 'replicas' are forbidden"), ReasonImmutable, false, CauseImmutable},
		"priority":                 {unchangeable("may not be changed in an update."), ReasonImmutable, false, CauseImmutable},
		"immutable and invalid":    {unchangeable("field is immutable", "must be positive"), ReasonInvalidManifest, false, CauseInvalid},
		"invalid":                  {apierrors.NewInvalid(schema.GroupKind{Kind: "Deployment"}, "a", nil), ReasonInvalidManifest, false, CauseInvalid},
		"bad request":              {apierrors.NewBadRequest("strict decoding error: unknown field"), ReasonInvalidManifest, false, CauseInvalid},
		"typed patch 500":          {plain(500, "failed to create typed patch object (a/b; v1, Kind=X): .spec.foo: field not declared in schema"), ReasonInvalidManifest, false, CauseInvalid},
		"duplicate key 500":        {plain(500, `failed to create typed patch object: duplicate entries for key [name="web"]`), ReasonInvalidManifest, false, CauseInvalid},
		"other 500":                {plain(500, "etcdserver: request timed out"), "", false, ""},
		"forbidden":                {apierrors.NewForbidden(gr, "a", errors.New("no")), "", false, CauseForbidden},
		"throttled":                {apierrors.NewTooManyRequests("slow down", 1), "", true, CauseThrottled},
		"bad gateway":              {plain(http.StatusBadGateway, "bad gateway"), "", true, CauseUnreachable},
		"refused":                  {&net.OpError{Op: "dial", Err: errors.New("connection refused")}, "", true, CauseUnreachable},
		"timed out":                {fmt.Errorf("get: %w", context.DeadlineExceeded), "", true, CauseUnreachable},
		"broken off":               {fmt.Errorf("reading: %w", io.ErrUnexpectedEOF), "", true, CauseUnreachable},
		"cancelled by the program": {context.Canceled, "", false, ""},
		"revoked":                  {apierrors.NewUnauthorized("Unauthorized"), "", false, CauseRejected},
		"old managed fields":       {plain(500, "request to convert CR to an invalid group/version: x/v1"), "", false, CauseManagedFields},
		"unknown":                  {errors.New("anything"), "", false, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := Refused(test.err)
			require.Equal(t, test.cause, r.Cause)
			require.Equal(t, test.reason, r.reason())
			require.Equal(t, test.away, r.away())
			require.NotEmpty(t, r.words())
			require.Equal(t, Refused(test.err), Refused(fmt.Errorf("wrapped: %w", test.err)).plain(test.err))
		})
	}
	require.Equal(t, `fields are held by "hpa", "kubectl"`, Refused(conflict).words())
	require.Equal(t, Refusal{Cause: CauseFieldsHeld, Message: conflict.ErrStatus.Message, Fields: []string{".spec.paused", ".spec.replicas", ".spec.x"},
		Managers: []string{"hpa", "kubectl"}}, Refused(conflict))
	require.Equal(t, []string{"spec.selector"}, Refused(immutable).Fields)
	require.Equal(t, 7*time.Second, Refused(apierrors.NewTooManyRequests("slow down", 7)).Delay)
	require.Zero(t, Refused(apierrors.NewTooManyRequests("slow down", -7)).Delay)
	require.Equal(t, Refusal{}, Refused(nil))
}

// plain takes the message back for errors that have no other than that of the wrapping.
func (r Refusal) plain(err error) Refusal {
	if status := apierrors.APIStatus(nil); !errors.As(err, &status) {
		r.Message = err.Error()
	}
	return r
}
