package kube

import (
	"net/http"
	"strings"

	utilnet "k8s.io/apimachinery/pkg/util/net"
)

// wire is the lowest layer of a connection. It sees requests as they leave, with the credentials in them.
type wire struct {
	http.RoundTripper
	secrets *secrets
}

func (w *wire) over(rt http.RoundTripper) http.RoundTripper {
	w.RoundTripper = rt
	return w
}

// RoundTrip sends a request.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	_, credential, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	w.secrets.saw(credential)
	return w.RoundTripper.RoundTrip(r)
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
