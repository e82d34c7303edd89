// Package dnstest_test proves that what dnsrecord computes is what real DNS programs take: the wire format of
// github.com/miekg/dns, a CoreDNS that answers a real resolver, the types of the Multi-Cluster Services API, and, with the build
// tag externaldns, external-dns as a library on a real kube-apiserver. It is a module of its own since these need
// hundreds of packages.
package dnstest_test
