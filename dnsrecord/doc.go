// Package dnsrecord computes the DNS records of a service that runs in many clusters.
package dnsrecord
