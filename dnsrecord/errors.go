package dnsrecord

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// What can be wrong with an input; an Error says where.
var (
	ErrInvalidName    = errors.New("not a usable DNS name")
	ErrInvalidAddress = errors.New("neither an IP address nor a host name")
	ErrInvalidValue   = errors.New("not a usable value")
	ErrDuplicate      = errors.New("named more than once")
	// ErrNoTopology reports a cluster without a region or without zones; it answers on the levels that exist.
	ErrNoTopology = errors.New("no region or no zone")
	// ErrMixed reports a host name that cannot be published because the name has other answers already.
	ErrMixed = errors.New("host name beside other answers")
	// ErrLoop reports a name that would lead back to itself.
	ErrLoop = errors.New("leads back to itself")
	// ErrLookup reports a host name that could not be resolved.
	ErrLookup = errors.New("cannot be resolved")
	// ErrNoAddresses reports that no cluster that may answer has an address: what was published before stands.
	ErrNoAddresses = errors.New("no cluster that is ready has an address")
)

// Error is one thing that could not be published. Records and its siblings join them with errors.Join, sorted.
type Error struct {
	Cluster string // empty: not the fault of one cluster
	Name    string // the DNS name, address or field at fault
	Err     error  // wraps one of the Err values
}

// Error says which cluster, which name and why.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("dnsrecord: ")
	if e.Cluster != "" {
		b.WriteString("cluster " + strconv.Quote(e.Cluster) + ": ")
	}
	if e.Name != "" {
		b.WriteString(strconv.Quote(e.Name) + ": ")
	}
	fmt.Fprint(&b, e.Err)
	return b.String()
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// faults collects what went wrong.
type faults []*Error

func (f *faults) add(cluster, name string, err error) {
	*f = append(*f, &Error{Cluster: cluster, Name: name, Err: err})
}

// join returns nil for no faults, else all of them in an order that does not depend on how they were found.
func (f faults) join() error {
	if len(f) == 0 {
		return nil
	}
	slices.SortFunc(f, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Err.Error(), b.Err.Error()))
	})
	f = slices.CompactFunc(f, func(a, b *Error) bool {
		return a.Cluster == b.Cluster && a.Name == b.Name && a.Err.Error() == b.Err.Error()
	})
	errs := make([]error, len(f))
	for i, e := range f {
		errs[i] = e
	}
	return errors.Join(errs...)
}
