package federation

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// cause is what a member's refusal means.
type cause struct {
	reason  Reason // what the refusal means; empty: nothing that a reason says
	message string
	stale   bool // the object is not what was observed: look and plan again
	version bool // managed fields are in a version that the member no longer knows
	breaker bool // the member cannot be reached or is overloaded
}

// classify reads a refusal by its cause, since API servers answer plain 500 for much that is the manifest's fault.
func classify(err error) cause {
	var status apierrors.APIStatus
	if meta.IsNoMatchError(err) {
		return cause{reason: ReasonKindNotServed, message: err.Error()}
	}
	if !errors.As(err, &status) {
		return cause{message: err.Error(), breaker: unreachable(err)}
	}
	st := status.Status()
	c := cause{message: st.Message}
	text := strings.ToLower(st.Message)
	switch {
	case strings.Contains(text, "invalid group/version"), strings.Contains(text, "failed to convert"), strings.Contains(text, "request to convert"):
		c.version = true
	case invalid(text), st.Code == http.StatusBadRequest, st.Code == http.StatusRequestEntityTooLarge:
		c.reason = ReasonInvalidManifest
	case st.Code == http.StatusUnprocessableEntity:
		c.reason = unprocessable(st, text)
		c.stale = c.reason == ReasonConflict
	case st.Reason == metav1.StatusReasonAlreadyExists:
		c.reason = ReasonNotOwned
	case st.Code == http.StatusConflict:
		c.reason = ReasonConflict
		if managers := conflicting(st); len(managers) > 0 {
			c.message = "fields are held by " + strings.Join(managers, ", ")
		} else {
			c.stale = true
		}
	case apierrors.HasStatusCause(err, "NamespaceTerminating"):
		c.reason = ReasonWaiting
	case st.Code == http.StatusNotFound:
		c.reason = ReasonWaiting
		if st.Details == nil || st.Details.Name == "" {
			c.reason = ReasonKindNotServed
		}
	case st.Code == http.StatusTooManyRequests, st.Code >= 502 && st.Code <= 504:
		c.breaker = true
	}
	return c
}

// invalid recognises the plain 500s that an apply answers for a manifest that can never be right.
func invalid(text string) bool {
	return slices.ContainsFunc([]string{
		"failed to create typed patch object", "field not declared in schema", "duplicate entries for key", "unknown field",
	}, func(s string) bool { return strings.Contains(text, s) })
}

func unprocessable(st metav1.Status, text string) Reason {
	causes := []metav1.StatusCause{}
	if st.Details != nil {
		causes = st.Details.Causes
	}
	for _, c := range causes {
		if c.Field == "metadata.uid" {
			return ReasonConflict
		}
		if strings.Contains(c.Message, "immutable") {
			return ReasonImmutable
		}
	}
	if strings.Contains(text, "immutable") {
		return ReasonImmutable
	}
	if strings.Contains(text, "metadata.uid") || strings.Contains(text, "test operation") || strings.Contains(text, "the server rejected our request") {
		return ReasonConflict
	}
	return ReasonInvalidManifest
}

// conflicting names the managers of an apply conflict.
func conflicting(st metav1.Status) []string {
	var managers []string
	if st.Details == nil {
		return nil
	}
	for _, c := range st.Details.Causes {
		if c.Type != metav1.CauseTypeFieldManagerConflict {
			continue
		}
		name := strings.TrimPrefix(c.Message, "conflict with ")
		if !slices.Contains(managers, name) {
			managers = append(managers, name)
		}
	}
	slices.Sort(managers)
	return managers
}

// unreachable reports errors of the transport: no connection, or no answer in time.
func unreachable(err error) bool {
	var netErr net.Error
	return errors.As(err, &netErr) || errors.Is(err, context.DeadlineExceeded)
}
