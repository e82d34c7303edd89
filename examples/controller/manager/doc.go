// Package manager is the reference controller: what KubeFed's controller-manager does, done with this library. It reads the
// objects that KubeFed read and writes the statuses that it wrote, so it takes over a host as it stands.
//
// Run works by one KubeFedConfig after the other (config.go). It holds a Lease (or one share of the objects, see Options.Shard)
// and runs these controllers, one file each:
//
//	clusters.go    KubeFedCluster and its Secret → connection, probes → status
//	types.go       FederatedTypeConfig → one syncer, started, stopped and restarted
//	sync.go        federated object → copies in members, its status
//	orphans.go     copies whose federated object is gone
//	schedule.go    ReplicaSchedulingPreference → placement and overrides of its object (undivided.go: what waits for that)
//	dns.go         ServiceDNSRecord, IngressDNSRecord → DNSEndpoint
//	versions.go    PropagatedVersions, and servicestatus.go FederatedServiceStatuses, for others that read them
//
// What they share: loop.go (the queue), host.go (mirrors of the host), lease.go and shares.go (who works on what), events.go
// (what went wrong, beside the statuses that say it).
//
// What is remembered is in the API servers: finalizers, the list of holders in an annotation of the federated object, and
// statuses. Memory holds mirrors of these only, and may be lost at any moment.
package manager
