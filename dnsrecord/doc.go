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
// Hosts answers for given names, as the hosts of an ingress are. Both return plain data with the JSON of external-dns.
//
// All functions are pure and safe for concurrent use: they look nothing up, leave their arguments alone, and give equal output
// in equal order for equal input, in whatever order the clusters come. A fault in one cluster costs the records of that
// cluster only and is reported beside the rest.
package dnsrecord
