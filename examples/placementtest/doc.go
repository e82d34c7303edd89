// Package placementtest shows how a project tests its own placement: its policy is a file, its clusters are facts, and the
// test needs no cluster, no fake and no clock. All of it is in the test.
package placementtest
