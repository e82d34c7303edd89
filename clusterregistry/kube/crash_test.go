package kube

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
)

// crash ends all requests of a program after a number of them, reads as well as writes. The last one is lost on its way,
// or, when answered is set, carried out with nobody left to hear the answer.
type crash struct {
	left     atomic.Int64
	answered bool
}

var errCrashed = errors.New("crashed")

func crashAfter(requests int, answered bool) *crash {
	c := &crash{answered: answered}
	c.left.Store(int64(requests))
	return c
}

func (c *crash) wrap(rt http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		left := c.left.Add(-1)
		if left >= 0 {
			return rt.RoundTrip(r)
		}
		if left == -1 && c.answered {
			if resp, err := rt.RoundTrip(r); err == nil {
				_ = resp.Body.Close()
			}
		}
		return nil, errCrashed
	})
}

// atEachRequest runs a program that crashes at its first request, then one that crashes at its second, and so on until one
// comes through. Between them mend puts things in order.
func atEachRequest(t *testing.T, program func(c *crash) error, mend func()) {
	t.Helper()
	for _, answered := range []bool{false, true} {
		t.Run(fmt.Sprint("answered ", answered), func(t *testing.T) {
			for n := 0; ; n++ {
				err := program(crashAfter(n, answered))
				mend()
				if err == nil {
					require.Greater(t, n, 5, "nothing happened")
					return
				}
				require.ErrorContains(t, err, errCrashed.Error(), "request %d", n)
			}
		})
	}
}

func TestJoinSurvivesACrashAtEachRequest(t *testing.T) {
	g := Grant{Name: "confed", Namespace: "fleet-system", Kinds: []schema.GroupVersionKind{configMaps, deployments}, Within: "team", LongLived: true}
	s, c := newFakeStore(t)
	s.put("/api/v1/namespaces/team", nil)
	empty := s.paths()
	require.NoError(t, Join(t.Context(), c, g))
	joined := s.paths()
	require.NoError(t, Unjoin(t.Context(), c, g))
	require.Equal(t, empty, s.paths())
	unjoin := func() {
		require.NoError(t, Unjoin(t.Context(), s.client(t, nil), g))
		require.Equal(t, empty, s.paths())
	}
	t.Run("and is joined again", func(t *testing.T) {
		atEachRequest(t, func(c *crash) error { return Join(t.Context(), s.client(t, c), g) }, func() {
			require.NoError(t, Join(t.Context(), s.client(t, nil), g))
			require.Equal(t, joined, s.paths())
			unjoin()
		})
	})
	t.Run("and is given up", func(t *testing.T) {
		atEachRequest(t, func(c *crash) error { return Join(t.Context(), s.client(t, c), g) }, unjoin)
	})
	t.Run("when it narrows", func(t *testing.T) {
		narrow := g
		narrow.Within, narrow.LongLived, narrow.Kinds = "", false, narrow.Kinds[:1]
		require.NoError(t, Join(t.Context(), c, narrow))
		want := s.paths()
		atEachRequest(t, func(c *crash) error {
			require.NoError(t, Join(t.Context(), s.client(t, nil), g))
			return Join(t.Context(), s.client(t, c), narrow)
		}, func() {
			require.NoError(t, Join(t.Context(), s.client(t, nil), narrow))
			require.Equal(t, want, s.paths())
		})
		unjoin()
	})
	t.Run("when it leaves", func(t *testing.T) {
		atEachRequest(t, func(c *crash) error {
			require.NoError(t, Join(t.Context(), s.client(t, nil), g))
			return Unjoin(t.Context(), s.client(t, c), g)
		}, unjoin)
	})
}

// TestTeardownSurvivesACrashAtEachRequest, which is one of the host or of any member.
func TestTeardownSurvivesACrashAtEachRequest(t *testing.T) {
	const definition = "kubefedclusters.core.kubefed.io"
	host, _ := newFakeStore(t)
	g := Grant{Name: "confed", Namespace: "fleet-system", Kinds: []schema.GroupVersionKind{configMaps}}
	var stores [2]*fakeStore
	for i := range stores {
		stores[i], _ = newFakeStore(t)
	}
	build := func() {
		host.put("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"+definition, nil)
		for i, s := range stores {
			require.NoError(t, Join(t.Context(), s.client(t, nil), g))
			host.put(fmt.Sprint("/api/v1/namespaces/k/secrets/m", i), nil)
			host.put(fmt.Sprint("/apis/core.kubefed.io/v1beta1/namespaces/k/kubefedclusters/m", i), nil)
		}
	}
	teardown := func(c *crash) error {
		root := host.client(t, c)
		var members []Departure
		for i, s := range stores {
			records, err := KubeFedRecords(types.NamespacedName{Namespace: "k", Name: fmt.Sprint("m", i)}, &rest.Config{Host: "https://m", BearerToken: "t"})
			require.NoError(t, err)
			members = append(members, Departure{Cluster: fmt.Sprint("m", i), Grant: g, Member: s.client(t, c), Host: root, Records: records,
				Empty: func(context.Context) (int, error) { return 0, nil }})
		}
		return Teardown(t.Context(), members, root, definition)
	}
	build()
	atEachRequest(t, teardown, func() {
		known := len(host.paths())
		if known > 0 { // as long as a record is left, so is the definition without which it would be gone
			require.Contains(t, strings.Join(host.paths(), " "), definition)
		}
		require.NoError(t, teardown(nil))
		require.Empty(t, host.paths())
		for _, s := range stores {
			require.Empty(t, s.paths())
		}
		build()
	})
	require.NoError(t, teardown(nil))
}
