// Package dnstest_test proves that what dnsrecord computes is what real DNS programs take: the wire format of
// github.com/miekg/dns, a CoreDNS that answers a real resolver, and the types of the Multi-Cluster Services API. With the build tag
// externaldns it starts a real kube-apiserver, on which external-dns, as a library, reads our DNSEndpoints, and CoreDNS reads our
// ServiceImports and must give the answers that our records give. It is a module of its own since these need hundreds of packages.
package dnstest_test
