// Package federation turns one object into a plan for many clusters, and carries it out.
package federation
