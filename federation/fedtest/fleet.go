package fedtest

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/confed-project/confed/federation"
)

// ErrUnknownCluster is in the error for a cluster that a Fleet does not have.
var ErrUnknownCluster = errors.New("unknown cluster")

// Fleet is a number of members by name. It does not change once it is made, so it is safe for concurrent use.
type Fleet struct{ members map[string]*Member }

// NewFleet makes a Fleet of zero Members with these names.
func NewFleet(names ...string) *Fleet {
	fleet := &Fleet{members: map[string]*Member{}}
	for _, name := range names {
		fleet.members[name] = &Member{Name: name}
	}
	return fleet
}

// Member returns a member by name, or nil. Its fields may be set until its first request.
func (f *Fleet) Member(name string) *Member { return f.members[name] }

// Names returns the names of all members, sorted.
func (f *Fleet) Names() []string { return slices.Sorted(maps.Keys(f.members)) }

// Clients is a federation.Clients. Its error is ErrUnknownCluster, and names the cluster.
func (f *Fleet) Clients(cluster string) (federation.ClusterClient, error) {
	member, ok := f.members[cluster]
	if !ok {
		return nil, fmt.Errorf("%w: %q", ErrUnknownCluster, cluster)
	}
	return member, nil
}
