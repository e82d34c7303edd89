package kube

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
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
