package e2e_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/confed-project/confed/clusterregistry/kube"
	"github.com/confed-project/confed/internal/e2e/cluster"
	"github.com/confed-project/confed/internal/model"
)

var (
	modelRuns = flag.Uint64("model.runs", 10, "random lives that TestModel plays")
	modelSeed = flag.Uint64("model.seed", 0, "seed of the first one")
)

// TestModel plays random lives on real API servers, one of which is killed on the way. The same lives are played in memory,
// many more of them, by the test of this name in package federation.
func TestModel(t *testing.T) {
	kills := 0
	var members []model.Member
	for _, s := range cluster.Shared(t).Members {
		client, err := kube.NewClient(s.Config(), kube.Options{})
		require.NoError(t, err)
		members = append(members, model.Member{
			Name: s.Name, Client: client,
			Kill: func() bool {
				if kills > 0 {
					return false
				}
				kills++
				s.Kill()
				return true
			},
			Start: func() error { return s.Restart(t.Context()) },
		})
	}
	for seed := *modelSeed; seed < *modelSeed+*modelRuns; seed++ {
		if !t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			c := model.Config{Members: members, Namespace: fmt.Sprintf("model-%d-%x", seed, rand.Uint32()), Passes: 20,
				Pause: func() { time.Sleep(50 * time.Millisecond) }}
			for _, m := range members {
				ns := decode(t, `{apiVersion: v1, kind: Namespace, metadata: {name: `+c.Namespace+`}}`)
				_, err := m.Client.Create(t.Context(), ns, metav1.CreateOptions{})
				require.NoError(t, err)
			}
			model.Run(t, model.Script(seed), c)
		}) {
			return
		}
	}
	require.Positive(t, kills)
}
