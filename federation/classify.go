package federation

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Cause is what an error of a ClusterClient comes from. The set is closed; the zero value is an error of another kind.
type Cause string

// The causes.
const (
	CauseUnreachable   Cause = "Unreachable"   // no connection, no answer in time, or a gateway that has none
	CauseThrottled     Cause = "Throttled"     // 429: later, as Delay says
	CauseRejected      Cause = "Rejected"      // 401: the member does not accept who we are
	CauseForbidden     Cause = "Forbidden"     // 403: it does, and we may not
	CauseNotServed     Cause = "NotServed"     // the member does not know the kind
	CauseNotFound      Cause = "NotFound"      // the object, or the namespace that it should be in
	CauseAlreadyExists Cause = "AlreadyExists" // on a create
	CauseFieldsHeld    Cause = "FieldsHeld"    // an apply without force: Managers hold Fields
	CauseStale         Cause = "Stale"         // the object is not what was observed: a precondition does not hold
	CauseImmutable     Cause = "Immutable"     // Fields cannot change
	CauseInvalid       Cause = "Invalid"       // the manifest can never be right
	CauseTerminating   Cause = "Terminating"   // the namespace is going
	CauseManagedFields Cause = "ManagedFields" // they are in a version that the member no longer knows
)

// Refusal is an error of a ClusterClient, read.
type Refusal struct {
	Cause    Cause
	Message  string        // of the member if it sent one, without what was wrapped around it
	Delay    time.Duration // after which the member wants to be asked again; 0: it did not say
	Fields   []string      // that the refusal is about, as the member spells them, sorted
	Managers []string      // who holds Fields, sorted
}

// Refused reads an error of a ClusterClient by its cause, which is not its code: API servers answer plain 500 for much
// that is the manifest's fault. It sees through wrapping. The zero Refusal is that of nil.
func Refused(err error) Refusal {
	var status apierrors.APIStatus
	var withheld withheldError
	switch {
	case err == nil:
		return Refusal{}
	case errors.As(err, &withheld):
		return withheld.Refusal
	case meta.IsNoMatchError(err):
		return Refusal{Cause: CauseNotServed, Message: err.Error()}
	case !errors.As(err, &status):
		r := Refusal{Message: err.Error()}
		if unreachable(err) {
			r.Cause = CauseUnreachable
		}
		return r
	}
	st := status.Status()
	r := Refusal{Cause: causeOf(st), Message: st.Message}
	if st.Details == nil {
		return r
	}
	r.Delay = max(0, time.Duration(st.Details.RetryAfterSeconds)*time.Second)
	for _, c := range st.Details.Causes {
		if c.Field != "" {
			r.Fields = append(r.Fields, c.Field)
		}
		if c.Type == metav1.CauseTypeFieldManagerConflict {
			r.Managers = append(r.Managers, managerIn(c.Message))
		}
	}
	slices.Sort(r.Fields)
	slices.Sort(r.Managers)
	r.Fields, r.Managers = slices.Compact(r.Fields), slices.Compact(r.Managers)
	return r
}

// managerIn takes the name out of `conflict with "NAME" using VERSION at TIME`.
func managerIn(message string) string {
	text := strings.TrimPrefix(message, "conflict with ")
	if quoted, err := strconv.QuotedPrefix(text); err == nil {
		if name, err := strconv.Unquote(quoted); err == nil {
			return name
		}
	}
	return text
}

func causeOf(st metav1.Status) Cause {
	text := strings.ToLower(st.Message)
	caused := func(kind metav1.CauseType) bool {
		return st.Details != nil && slices.ContainsFunc(st.Details.Causes, func(c metav1.StatusCause) bool { return c.Type == kind })
	}
	switch {
	case strings.Contains(text, "invalid group/version"), strings.Contains(text, "failed to convert"), strings.Contains(text, "request to convert"):
		return CauseManagedFields
	case invalid(text), st.Code == http.StatusBadRequest, st.Code == http.StatusRequestEntityTooLarge:
		return CauseInvalid
	case st.Code == http.StatusUnprocessableEntity:
		return unprocessable(st, text)
	case st.Reason == metav1.StatusReasonAlreadyExists:
		return CauseAlreadyExists
	case st.Code == http.StatusConflict && caused(metav1.CauseTypeFieldManagerConflict):
		return CauseFieldsHeld
	case st.Code == http.StatusConflict:
		return CauseStale
	case caused("NamespaceTerminating"):
		return CauseTerminating
	case st.Code == http.StatusNotFound && (st.Details == nil || st.Details.Name == ""):
		return CauseNotServed
	case st.Code >= http.StatusBadGateway && st.Code <= http.StatusGatewayTimeout:
		return CauseUnreachable
	}
	return map[int32]Cause{http.StatusNotFound: CauseNotFound, http.StatusTooManyRequests: CauseThrottled,
		http.StatusUnauthorized: CauseRejected, http.StatusForbidden: CauseForbidden}[st.Code]
}

// reason is what a refusal means for a step; empty: nothing that a reason says.
func (r Refusal) reason() Reason {
	return map[Cause]Reason{CauseNotServed: ReasonKindNotServed, CauseNotFound: ReasonWaiting, CauseTerminating: ReasonWaiting, CauseAlreadyExists: ReasonNotOwned,
		CauseFieldsHeld: ReasonConflict, CauseStale: ReasonConflict, CauseImmutable: ReasonImmutable, CauseInvalid: ReasonInvalidManifest}[r.Cause]
}

// away reports a member that cannot be reached or is overloaded.
func (r Refusal) away() bool { return r.Cause == CauseUnreachable || r.Cause == CauseThrottled }

// words are what a Result says of it.
func (r Refusal) words() string {
	if r.Cause != CauseFieldsHeld || len(r.Managers) == 0 {
		return r.Message
	}
	quoted := make([]string, len(r.Managers))
	for i, m := range r.Managers {
		quoted[i] = strconv.Quote(m)
	}
	return "fields are held by " + strings.Join(quoted, ", ")
}

// withheldError stands for one that may quote a Secret: of what the member said it has the cause and the delay.
type withheldError struct {
	Refusal
	late bool
}

// Error says why there is no more to say.
func (withheldError) Error() string {
	return "refused; the answer is withheld because it may quote the Secret"
}

// Is tells a request that took too long.
func (e withheldError) Is(target error) bool { return e.late && target == context.DeadlineExceeded }

// invalid recognises the plain 500s that an apply answers for a manifest that can never be right.
func invalid(text string) bool {
	return slices.ContainsFunc([]string{
		"failed to create typed patch object", "field not declared in schema", "duplicate entries for key", "unknown field",
	}, func(s string) bool { return strings.Contains(text, s) })
}

// unprocessable: what is wrong beside a field that cannot be changed makes the manifest invalid, so that nothing is deleted
// for a manifest that could not be created again.
func unprocessable(st metav1.Status, text string) Cause {
	var causes []metav1.StatusCause
	if st.Details != nil {
		causes = st.Details.Causes
	}
	unchangeable := len(causes) > 0 || fixed(text)
	for _, c := range causes {
		if c.Field == "metadata.uid" {
			return CauseStale
		}
		unchangeable = unchangeable && fixed(c.Message)
	}
	switch {
	case unchangeable:
		return CauseImmutable
	case strings.Contains(text, "metadata.uid"), strings.Contains(text, "test operation"), strings.Contains(text, "the server rejected our request"):
		return CauseStale
	}
	return CauseInvalid
}

// fixed recognises the ways in which servers say that a field cannot be changed any more.
func fixed(text string) bool {
	text = strings.ToLower(text)
	return slices.ContainsFunc([]string{
		"immutable", "may not be changed", "may not change", "cannot change", "cannot be changed", "can not be changed",
		"fields other than",
	}, func(s string) bool { return strings.Contains(text, s) })
}

// unreachable reports errors of the transport: no connection, one that broke off in an answer, or no answer in time.
func unreachable(err error) bool {
	var netErr net.Error
	return errors.As(err, &netErr) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.DeadlineExceeded)
}
