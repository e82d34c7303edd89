package federation

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// Bounds of Observe: how many members are asked at a time, and how long one answer may take.
const (
	observeLimit   = 128
	observeTimeout = 10 * time.Second
)

// Observe looks at each target and returns one observation for each. It asks the members side by side and each member
// one object at a time; a member that fails or does not answer in 10 seconds is Unknown with the error, for all its
// remaining targets, and costs the others nothing. It returns when all have answered or ctx ends, and leaves no
// goroutine behind. Programs with informer caches make observations from them instead.
func Observe(ctx context.Context, clients Clients, targets []Ref) map[Key]Observation {
	var mu sync.Mutex
	observed := make(map[Key]Observation, len(targets))
	lanes := map[string][]Ref{}
	var names []string
	for _, t := range targets {
		if lanes[t.Cluster] == nil {
			names = append(names, t.Cluster)
		}
		lanes[t.Cluster] = append(lanes[t.Cluster], t)
	}
	var members sync.WaitGroup
	places := semaphore.NewWeighted(observeLimit)
	for _, name := range names {
		// A context that never ends here lets every target get its observation; look gives up with ctx.
		_ = places.Acquire(context.WithoutCancel(ctx), 1)
		members.Go(func() {
			defer places.Release(1)
			client, err := clients.find(name)
			for _, t := range lanes[name] {
				o := Observation{Err: err}
				if err == nil {
					o = look(ctx, client, t)
					if Refused(o.Err).away() {
						err = o.Err
					}
				}
				mu.Lock()
				observed[t.Key()] = o
				mu.Unlock()
			}
		})
	}
	members.Wait()
	return observed
}

func look(ctx context.Context, client ClusterClient, t Ref) Observation {
	ctx, cancel := context.WithTimeout(ctx, observeTimeout)
	defer cancel()
	live, err := client.Get(ctx, t.GVK, t.name())
	switch {
	case err == nil && live == nil:
		return Observation{Err: fmt.Errorf("%s: the client returned neither an object nor an error", t)}
	case err == nil:
		return Observation{State: Present, Live: live}
	case Refused(err).Cause == CauseNotFound:
		return Observation{State: Absent}
	}
	return Observation{Err: err}
}
