// Package confed is the root of an embeddable library for Kubernetes multicluster propagation.
package confed
