package federation_test

import (
	"flag"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/confed-project/confed/federation/fedtest"
	"github.com/confed-project/confed/internal/model"
)

var (
	modelRuns = flag.Uint64("model.runs", 400, "random lives that TestModel plays")
	modelSeed = flag.Uint64("model.seed", 0, "seed of the first one")
)

// TestModel plays random lives of a few objects in a few members, with edits by others, dark members, lost answers and a
// program that dies between any two requests. A failure names the seed; -model.seed=N -model.runs=1 plays it again.
func TestModel(t *testing.T) {
	const groups = 4
	for g := range min(groups, *modelRuns) {
		t.Run(fmt.Sprintf("group=%d", g), func(t *testing.T) {
			t.Parallel()
			var members []model.Member
			for n := g; n < *modelRuns; n += groups {
				if n/groups%20 == 0 {
					members = modelMembers()
				}
				seed := *modelSeed + n
				if !t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
					playModel(t, members, fmt.Sprintf("seed-%d", seed), model.Script(seed))
				}) {
					return
				}
			}
		})
	}
}

// FuzzModel plays the lives that the fuzzer writes.
func FuzzModel(f *testing.F) {
	for seed := range uint64(4) {
		f.Add(model.Script(seed))
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) < 400 {
			playModel(t, modelMembers(), "fuzz", script)
		}
	})
}

func modelMembers() []model.Member {
	var list []model.Member
	for _, name := range names(6) {
		list = append(list, model.Member{Name: name, Client: &fedtest.Member{Name: name}})
	}
	return list
}

// playModel plays one life in a bubble with a clock of its own, in a namespace of its own.
func playModel(t *testing.T, members []model.Member, namespace string, script []byte) {
	synctest.Test(t, func(t *testing.T) {
		for _, m := range members {
			_, err := m.Client.Create(t.Context(), decode(t, `{apiVersion: v1, kind: Namespace, metadata: {name: `+namespace+`}}`), metav1.CreateOptions{})
			require.NoError(t, err)
		}
		model.Run(t, script, model.Config{Members: members, Namespace: namespace, Passes: 6, Bubble: true})
	})
}
