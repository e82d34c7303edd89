package kube

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/confed-project/confed/clusterregistry"
	"github.com/confed-project/confed/placement"
)

// TestKnownReachableSyncedAndCordonedAreSeparateFacts changes one after the other, of a member whose name no label and no
// object could have, and sees that the others stay.
func TestKnownReachableSyncedAndCordonedAreSeparateFacts(t *testing.T) {
	const name = "Ünter den Linden/1 %2F\n\"x\""
	member := newFakeMember()
	member.put("one", "1", nil)
	f := newCachedFleet(t, &Caches{Stale: time.Hour})
	f.join(t, name, member)
	f.synced(t, name)
	var health clusterregistry.Health
	type facts struct{ known, reachable, synced, cordoned bool }
	look := func() (got facts) {
		c, known := f.registry.Fleet().Get(name)
		cached, err := f.Client(name)
		return facts{known, c.Ready.State == placement.Ready, err == nil && cached.Synced() == nil, len(c.Taints) > 0}
	}
	probe := func() {
		for range 3 {
			health = health.After(ProbeAll(t.Context(), &f.registry, time.Second)[name], clusterregistry.Thresholds{})
		}
		c, _ := f.registry.Fleet().Get(name)
		require.NoError(t, f.registry.Update(health.Describe(c, time.Now(), clusterregistry.Thresholds{})))
	}
	require.Equal(t, facts{known: true, synced: true}, look(), "nobody probed it")
	probe()
	require.Equal(t, facts{known: true, reachable: true, synced: true}, look())
	c, _ := f.registry.Fleet().Get(name)
	c.Taints = []placement.Taint{{Key: "program/cordoned", Effect: "NoSchedule"}}
	require.NoError(t, f.registry.Update(c))
	require.Equal(t, facts{known: true, reachable: true, synced: true, cordoned: true}, look())
	member.set(func() { member.down = true })
	probe()
	require.Equal(t, facts{known: true, synced: true, cordoned: true}, look(), "the cache is believed for an hour")
	member.set(func() { member.down = false })
	probe()
	c, _ = f.registry.Fleet().Get(name)
	c.Taints = nil
	require.NoError(t, f.registry.Update(c))
	require.Equal(t, facts{known: true, reachable: true, synced: true}, look())
	f.registry.Remove(name)
	require.Eventually(t, func() bool { return look() == facts{} }, longTime, shortTime)
}

// TestFeedAgainstATwin syncs random lists of members and remembers, beside the Feed, which connection each should have.
func TestFeedAgainstATwin(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	var registry clusterregistry.Registry[*Client]
	feed := Feed[*Client]{Registry: &registry, Connect: func(c *Client) *Client { return c }}
	type conn struct {
		token  string // "": there is nothing to dial with
		region string
		client *Client
	}
	twin := map[string]conn{}
	for round := range 2000 {
		var list []Member
		next, wrong := map[string]conn{}, 0
		for i := range 6 {
			name, token, region := fmt.Sprint("c", i), fmt.Sprint("t", rng.IntN(2)), fmt.Sprint("r", rng.IntN(2))
			m := Member{Cluster: placement.Cluster{Name: name, Region: region}, Origin: "test"}
			old, had := twin[name]
			want := conn{token, region, nil}
			switch rng.IntN(4) {
			case 0:
				continue
			case 1:
				m.Err = &SourceError{Origin: "test", Cluster: name, Err: ErrNoCredentials}
				want.token, wrong = old.token, wrong+1
				if had {
					want.client = old.client
				}
			default:
				m.Config = &rest.Config{Host: "https://" + name, BearerToken: token}
				if had && old.token == token {
					want.client = old.client
				}
			}
			next[name], list = want, append(list, m)
		}
		if rng.IntN(5) == 0 && len(list) > 0 {
			list, wrong = append(list, list[0]), wrong+1
		}
		err := feed.Sync(list)
		told := 0
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			told = len(joined.Unwrap())
		}
		require.Equal(t, wrong, told, "round %d: %v", round, err)
		require.Equal(t, len(next), registry.Fleet().Len())
		for name, want := range next {
			got, err := registry.Conn(name)
			require.NoError(t, err)
			if want.client != nil {
				require.Same(t, want.client, got, "round %d: %s lost its connection", round, name)
			} else {
				require.NotSame(t, twin[name].client, got)
				require.Equal(t, want.token == "", got.broken != nil)
			}
			c, _ := registry.Fleet().Get(name)
			require.Equal(t, want.region, c.Region)
			want.client = got
			next[name] = want
		}
		twin = next
	}
}

// TestCachesEndUpWithTheRegistry lets two writers put, replace, update and remove members at random, and compares when
// they are done: every member's cache shows what its server holds, and there is no other.
func TestCachesEndUpWithTheRegistry(t *testing.T) {
	const names, servers = 4, 3
	var configs [servers]*rest.Config
	for i := range configs {
		member := newFakeMember()
		member.streams = i == 0
		member.put("one", fmt.Sprint(i), nil)
		configs[i] = member.start(t)
	}
	f := newCachedFleet(t, &Caches{})
	holds := [names]int{-1, -1, -1, -1} // which server a name stands for; -1: none. Each name has one writer.
	for round := range 20 {
		var wg sync.WaitGroup
		for w := range 2 {
			wg.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(round), uint64(w)))
				for range 30 {
					i := 2*rng.IntN(names/2) + w
					name := fmt.Sprint("c", i)
					switch rng.IntN(4) {
					case 0:
						f.registry.Remove(name)
						holds[i] = -1
					case 1:
						_ = f.registry.Update(placement.Cluster{Name: name, Region: "r"})
					default:
						holds[i] = rng.IntN(servers)
						client, err := NewClient(configs[holds[i]], Options{})
						if err == nil {
							err = f.registry.Put(placement.Cluster{Name: name}, client)
						}
						if err != nil {
							t.Error(err)
						}
					}
				}
			})
		}
		wg.Wait()
		for i, server := range holds {
			name := fmt.Sprint("c", i)
			require.Eventually(t, func() bool {
				_, gone := f.registry.Conn(name)
				cached, err := f.Client(name)
				if gone != nil || err != nil {
					return gone != nil && err != nil
				}
				obj, err := cached.Get(t.Context(), configMaps, aB)
				if !apierrors.IsNotFound(err) || obj != nil {
					return false
				}
				obj, err = cached.Get(t.Context(), configMaps, types.NamespacedName{Namespace: "a", Name: "one"})
				return err == nil && server >= 0 && obj.Object["data"].(map[string]any)["k"] == fmt.Sprint(server)
			}, longTime, shortTime, "round %d: %s", round, name)
		}
	}
}
