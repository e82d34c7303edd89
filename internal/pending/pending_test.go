package pending

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSet(t *testing.T) {
	var s Set[string]
	require.False(t, s.Has("a"))
	require.Equal(t, 1, s.Add("a"))
	require.Equal(t, 1, s.Add("a"))
	require.Equal(t, 2, s.Add("b"))
	require.Equal(t, 3, s.Add("ab"))
	require.True(t, s.Has("b"))
	s.Drop(func(k string) bool { return strings.HasPrefix(k, "b") })
	require.False(t, s.Has("b"))

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var got []string
	for k := range s.All(ctx) {
		got = append(got, k)
		switch len(got) {
		case 1:
			s.Add("a") // again, behind what waits
		case 3:
			cancel()
			s.Add("unseen")
		}
	}
	require.Equal(t, []string{"a", "ab", "a"}, got)
	require.True(t, s.Has("unseen"))
}

func TestNoKeyIsLost(t *testing.T) {
	var s Set[int]
	const n = 1000
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range n {
				s.Add(w*n + i)
			}
		})
	}
	var got []int
	for k := range s.All(t.Context()) {
		if got = append(got, k); len(got) == 4*n {
			break
		}
	}
	wg.Wait()
	slices.Sort(got)
	require.Len(t, slices.Compact(got), 4*n)
}
