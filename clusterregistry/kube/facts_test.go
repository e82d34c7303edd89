package kube

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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
