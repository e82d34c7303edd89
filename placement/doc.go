// Package placement decides which clusters receive an object, and says why for every cluster.
package placement
