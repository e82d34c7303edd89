// Package skew holds the requirements under which the tests of the library run against the newest Kubernetes modules,
// while the library itself asks for the oldest that upstream supports:
//
//	cd internal/skew && go test github.com/confed-project/confed/...
//
// The imports are those packages, so that "go mod tidy" keeps what they and their tests need.
package skew

import (
	_ "github.com/confed-project/confed/clusterregistry/kube"
	_ "github.com/confed-project/confed/dnsrecord"
	_ "github.com/confed-project/confed/federation/fedtest"
)
