// Package kube connects member clusters with client-go: clients, sources of members, caches, probes, joining and leaving.
//
// It is the only package of this module, for importers, that needs client-go, and has more exports than others for that
// reason alone: who wants one of its parts has paid for client-go already.
package kube
