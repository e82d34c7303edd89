package fedtest

import (
	"context"
	"fmt"
	"syscall"
	"time"
)

// Fault makes a Member answer badly. Both functions may be nil and may be called from many goroutines. They may wait,
// but not longer than ctx lives. An error that they return is what the caller gets; they may look at the request and
// let others pass. Neither holds a lock, so they may also use the member: that is how somebody else comes in between.
type Fault struct {
	// Before comes before the request has done anything.
	Before func(ctx context.Context, r Request) error
	// After comes when the request is done: its answer is late, or lost, and the caller cannot know that it was done.
	After func(ctx context.Context, r Request) error
}

// Break makes every later request meet the fault, until the next call. The zero Fault heals the member.
func (m *Member) Break(fault Fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = fault
}

// Refused is a member behind a closed port: every call fails at once as a refused connection.
func Refused() Fault {
	return Failing(fmt.Errorf("dial tcp: connect: %w", syscall.ECONNREFUSED))
}

// Failing is a member that answers err to every call, and does nothing. Real answers are
//
//	apierrors.NewTooManyRequests("slow down", 1)        throttling; come back after a second
//	apierrors.NewUnauthorized("Unauthorized")           an expired token
//	apierrors.NewServiceUnavailable("…")                a server that starts or stops
//	apierrors.NewGenericServerResponse(502, "GET", schema.GroupResource{}, "", "…", 0, true)
//	                                                    a proxy that has lost its server
//	&apierrors.StatusError{ErrStatus: metav1.Status{Status: metav1.StatusFailure, Code: 500, Message: "failed to create
//	typed patch object (…): .spec.x: field not declared in schema"}}
//	                                                    an apply of what the member's version of the kind has not
//	&meta.NoKindMatchError{…}                           a kind that is gone
func Failing(err error) Fault {
	return Fault{Before: func(_ context.Context, r Request) error { return fmt.Errorf("%s: %w", r, err) }}
}

// Lost is a member that does what it is asked, while the answer is lost on its way: every call returns err.
func Lost(err error) Fault { return Fault{After: Failing(err).Before} }

// Silent is a member that accepts a call and never answers: the call ends with its context and has done nothing.
func Silent() Fault {
	return Fault{Before: func(ctx context.Context, r Request) error {
		<-ctx.Done()
		return fmt.Errorf("%s: %w", r, context.Cause(ctx))
	}}
}

// Slow is a member that takes a request up after a while, unless the call's context ends before. Its Before, used as an
// After, is one that does the request at once and whose answer is slow to come.
func Slow(latency time.Duration) Fault {
	return Fault{Before: func(ctx context.Context, r Request) error {
		if err := wait(ctx, latency); err != nil {
			return fmt.Errorf("%s: %w", r, err)
		}
		return nil
	}}
}
