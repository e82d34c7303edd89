// Package scheduling divides a number of replicas among named targets.
package scheduling
