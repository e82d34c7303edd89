package kube

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
)

// endless is a body that never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
func (endless) Close() error               { return nil }

// readAnswer returns how much of an answer comes through, at most a little more than any limit.
func readAnswer(ctx context.Context, t *testing.T, query string, answer http.Response) (int64, error) {
	w := &wire{secrets: &secrets{}}
	w.over(roundTripper(func(*http.Request) (*http.Response, error) { return &answer, nil }))
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://m.example/apis?"+query, nil)
	require.NoError(t, err)
	resp, err := w.RoundTrip(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	return io.Copy(io.Discard, io.LimitReader(resp.Body, listLimit+7))
}

func TestAnswersAreBounded(t *testing.T) {
	body := func(n int) io.ReadCloser { return io.NopCloser(bytes.NewReader(make([]byte, n))) }
	n, err := readAnswer(t.Context(), t, "", http.Response{StatusCode: http.StatusOK, Body: body(answerLimit)})
	require.NoError(t, err)
	require.EqualValues(t, answerLimit, n, "just short enough")
	n, err = readAnswer(t.Context(), t, "", http.Response{StatusCode: http.StatusOK, Body: body(answerLimit + 1)})
	require.ErrorIs(t, err, ErrTooLong)
	require.EqualValues(t, answerLimit, n)
	n, err = readAnswer(forList(t.Context()), t, "limit=500", http.Response{StatusCode: http.StatusOK, Body: endless{}})
	require.ErrorIs(t, err, ErrTooLong)
	require.EqualValues(t, listLimit, n)
	ctx := forList(t.Context())
	for _, rest := range []int64{3 * listLimit / 4, listLimit / 4, 0} {
		page := io.NopCloser(io.LimitReader(endless{}, 3*listLimit/4))
		n, err = readAnswer(ctx, t, "limit=500", http.Response{StatusCode: http.StatusOK, Body: page})
		require.Equal(t, rest, n, "what the pages before left")
		require.Equal(t, rest < 3*listLimit/4, errors.Is(err, ErrTooLong))
	}
	n, err = readAnswer(t.Context(), t, "watch=true", http.Response{StatusCode: http.StatusOK, Body: endless{}})
	require.NoError(t, err)
	require.EqualValues(t, listLimit+7, n, "a watch lasts")
	_, err = readAnswer(t.Context(), t, "watch=true", http.Response{StatusCode: http.StatusForbidden, Body: endless{}})
	require.ErrorIs(t, err, ErrTooLong, "its refusal does not")
}

func TestAMemberThatNeverStops(t *testing.T) {
	s := newFakeServer(t)
	s.handle(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.Copy(w, endless{})
	})
	c := newTestClient(t, s, Options{})
	_, err := c.Get(t.Context(), configMaps, aB)
	require.ErrorIs(t, err, ErrTooLong)
}

// TestPagesShareTheirBound lets a member say two hundred times that there is more.
func TestPagesShareTheirBound(t *testing.T) {
	s := newFakeServer(t)
	left := map[any]int{}
	pages := 0
	config := &rest.Config{Host: s.URL}
	config.Wrap(func(rt http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			left[r.Context().Value(listing{})]++
			return rt.RoundTrip(r)
		})
	})
	s.handle(func(w http.ResponseWriter, r *http.Request) {
		pages++
		of := map[bool][2]string{true: {"v1", "ConfigMapList"}, false: {"meta.k8s.io/v1", "PartialObjectMetadataList"}}[r.URL.Path == "/api/v1/configmaps"]
		more := map[bool]string{true: "more"}[pages%200 != 0]
		writeJSON(w, http.StatusOK, map[string]any{"apiVersion": of[0], "kind": of[1], "metadata": map[string]any{"continue": more}, "items": []any{}})
	})
	c, err := NewClient(config, Options{})
	require.NoError(t, err)
	_, err = c.List(t.Context(), configMaps, "", "")
	require.NoError(t, err)
	_, err = c.Topology(t.Context())
	require.NoError(t, err)
	require.Equal(t, 400, pages)
	require.Len(t, left, 3, "one for each list, and discovery has none")
}

// TestWrapSeesRequestsLast: what a program wraps sees the requests that others were needed for, with credentials, and
// members that differ in nothing else are the same.
func TestWrapSeesRequestsLast(t *testing.T) {
	s := newFakeServer(t)
	var seen []string
	opts := Options{Wrap: func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			seen = append(seen, r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization"))
			return next.RoundTrip(r)
		})
	}}
	config := &rest.Config{Host: s.URL, BearerToken: "t"}
	c, err := NewClient(config, opts)
	require.NoError(t, err)
	_, err = c.Create(t.Context(), &unstructured.Unstructured{Object: configMap("a", "b")}, metav1.CreateOptions{})
	require.Error(t, err)
	require.Equal(t, []string{"GET /api/v1 Bearer t", "POST /api/v1/namespaces/a/configmaps Bearer t"}, seen)
	require.Nil(t, config.WrapTransport, "the config stays")
}
