// Package kube connects member clusters with client-go: clients, caches, probes, joining and leaving. It is the only
// package of this module, for importers, that needs client-go.
package kube
