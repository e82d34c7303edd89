// Package clusterregistry keeps the member clusters: what is known of each, and how to reach it.
package clusterregistry
