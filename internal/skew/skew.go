// Package skew holds the requirements under which the tests of the library run against the newest Kubernetes modules,
// while the library itself asks for the oldest that upstream supports:
//
//	cd internal/skew && go test github.com/confed-project/confed/...
package skew

import (
	// For "go mod tidy", which keeps what these packages and their tests need.
	_ "github.com/confed-project/confed/clusterregistry/kube"
	_ "github.com/confed-project/confed/dnsrecord"
	_ "github.com/confed-project/confed/federation/fedtest"
)
