// Package dnsrecord computes the DNS records of a service that runs in many clusters.
//
// Records gives a service the names of KubeFed's hierarchy, one per zone, one per region and a global one. A name whose
// clusters have no address points one level up, so that a client that asks for its own zone is always answered by the nearest
// place that still runs:
//
//	nginx.test.galactic.svc.us1.us.example.com   zone    A, or CNAME to the region
//	nginx.test.galactic.svc.us.example.com       region  A, or CNAME to the global name
//	nginx.test.galactic.svc.example.com          global  A
//
// Hosts answers for given names, as the hosts of an ingress are; Merge unites what is published together. All are plain data with the
// JSON of external-dns: Object makes the DNSEndpoint to apply, FromObject reads it back, Diff and Table are for people.
//
// Unite and ImportRecords do the same for the Multi-Cluster Services API: the exports of all clusters become one import with a
// verdict on every conflict, and imports become the records of a cluster set.
//
// All functions are pure and safe for concurrent use: they look nothing up themselves, leave their arguments alone, and give equal output
// in equal order for equal input, in whatever order the clusters come. A fault in one cluster costs the records of that
// cluster only and is reported beside the rest.
package dnsrecord
