// Package clusterregistry keeps the member clusters: what is known of each, and how to reach it.
//
// That a cluster is known, that it answers, that a cache of it is in step and that it is cordoned are separate facts:
// it is known when the Registry has it, it answers when its Readiness says so, its cache tells whether it is in step,
// and it is cordoned by a taint.
package clusterregistry
