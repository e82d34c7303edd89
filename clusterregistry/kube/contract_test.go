package kube_test

import (
	"github.com/confed-project/confed/clusterregistry/kube"
	"github.com/confed-project/confed/federation"
)

// The adapter fulfils the contract without importing it.
var _ federation.ClusterClient = (*kube.Client)(nil)
