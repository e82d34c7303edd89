package fedtest

import (
	"context"
	"fmt"
	"syscall"
	"time"
)

// Fault makes a Member answer badly. Both functions may be nil, may be called from many goroutines, and may wait, but
// not longer than ctx lives. An error that is not nil is what the caller gets.
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
	return Fault{Before: func(_ context.Context, r Request) error {
		return fmt.Errorf("%s: dial tcp: connect: %w", r, syscall.ECONNREFUSED)
	}}
}

// Silent is a member that accepts a call and never answers: the call ends with its context.
func Silent() Fault {
	return Fault{Before: func(ctx context.Context, r Request) error {
		<-ctx.Done()
		return fmt.Errorf("%s: %w", r, context.Cause(ctx))
	}}
}

// Slow is a member that takes a request up after a while, or gives up with the call's context.
func Slow(latency time.Duration) Fault {
	return Fault{Before: func(ctx context.Context, r Request) error {
		timer := time.NewTimer(latency)
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", r, context.Cause(ctx))
		}
	}}
}
