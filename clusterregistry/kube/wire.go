package kube

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	utilnet "k8s.io/apimachinery/pkg/util/net"
)

// ErrTooLong means that an answer was cut off because it did not end. Client tells how long one may be.
var ErrTooLong = errors.New("the answer of the member is too long")

// How many bytes an answer may have.
const (
	answerLimit = 64 << 20 // about one object or group of APIs, or one list of metadata
	listLimit   = 1 << 30  // all pages of a list
)

// listing marks the requests for the pages of one list, which share what may be left of listLimit.
type listing struct{}

func forList(ctx context.Context) context.Context {
	left := int64(listLimit)
	return context.WithValue(ctx, listing{}, &left)
}

// bounded is a body that fails when it is longer than what is left.
type bounded struct {
	io.ReadCloser
	left *int64
}

// Read reads what may be read.
func (b *bounded) Read(p []byte) (int, error) {
	if int64(len(p)) > *b.left+1 {
		p = p[:*b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if int64(n) > *b.left {
		n, err = int(*b.left), ErrTooLong
	}
	*b.left -= int64(n)
	return n, err
}

// wire is the lowest layer of a connection. It sees requests as they leave, with the credentials in them.
type wire struct {
	http.RoundTripper
	secrets *secrets
}

func (w *wire) over(rt http.RoundTripper) http.RoundTripper {
	w.RoundTripper = rt
	return w
}

// RoundTrip sends a request. The answer is bounded unless it is a watch, whose events client-go bounds.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	_, credential, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	w.secrets.saw(credential)
	resp, err := w.RoundTripper.RoundTrip(r)
	if err != nil || resp.StatusCode == http.StatusOK && r.URL.Query().Get("watch") == "true" {
		return resp, err
	}
	left, ok := r.Context().Value(listing{}).(*int64)
	if !ok {
		limit := int64(answerLimit)
		left = &limit
	}
	resp.Body = &bounded{resp.Body, left}
	return resp, nil
}

// WrappedRoundTripper returns the transport, for who looks for it below all that wraps it.
func (w *wire) WrappedRoundTripper() http.RoundTripper { return w.RoundTripper }

// closeIdle asks the transport, whatever a program may have wrapped around this. A transport of a program's own that
// cannot close is left alone.
func (w *wire) closeIdle() {
	rt := w.RoundTripper
	for {
		switch t := rt.(type) {
		case interface{ CloseIdleConnections() }:
			t.CloseIdleConnections()
			return
		case utilnet.RoundTripperWrapper:
			rt = t.WrappedRoundTripper()
		default:
			return
		}
	}
}
