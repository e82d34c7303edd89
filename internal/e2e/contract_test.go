package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/confed-project/confed/clusterregistry/kube"
	"github.com/confed-project/confed/internal/contract"
	"github.com/confed-project/confed/internal/e2e/cluster"
)

// TestContract holds the planner and the dispatcher to their promises on a real API server.
func TestContract(t *testing.T) {
	client, err := kube.NewClient(cluster.Shared(t).Members[0].Config(), kube.Options{})
	require.NoError(t, err)
	contract.Run(t, client, true)
}
