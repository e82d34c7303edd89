package kube

import (
	"errors"
	"net"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// mask stands for a credential that came back.
const mask = "[masked]"

// maskedError stands for an error whose text has credentials. What it was can be asked by errors.Is, but not unwrapped.
type maskedError struct {
	text string
	is   func(error) bool
}

func (e *maskedError) Error() string        { return e.text }
func (e *maskedError) Is(target error) bool { return e.is(target) }

// maskedNetError stands for one of the transport.
type maskedNetError struct {
	maskedError
	timeout bool
}

func (e *maskedNetError) Timeout() bool   { return e.timeout }
func (e *maskedNetError) Temporary() bool { return false }

// secrets are what must never be in an error: a member may send back what it was sent.
type secrets struct {
	given []string // by the rest.Config

	mu   sync.RWMutex
	sent []string // what went out last in Authorization headers, which may come from a file or a plugin
}

// rotated is how many credentials of the past are remembered: an answer may come after a rotation.
const rotated = 3

func secretsOf(config *rest.Config) *secrets {
	given := append(userinfo(config.Host), config.BearerToken, config.Password)
	if proxy, err := url.Parse(proxyOf(config)); err == nil {
		if password, ok := proxy.User.Password(); ok {
			given = append(given, password, url.QueryEscape(password))
		}
	}
	return &secrets{given: slices.DeleteFunc(given, func(s string) bool { return s == "" })}
}

// userinfo returns the credentials in a URL that need not parse.
func userinfo(raw string) []string {
	if _, rest, ok := strings.Cut(raw, "://"); ok {
		raw = rest
	}
	authority, _, _ := strings.Cut(raw, "/")
	at := strings.LastIndex(authority, "@")
	if at < 0 {
		return nil
	}
	_, password, _ := strings.Cut(authority[:at], ":")
	return []string{authority[:at], password}
}

// saw remembers a credential that is sent.
func (s *secrets) saw(credential string) {
	s.mu.RLock()
	known := credential == "" || slices.Contains(s.given, credential) || slices.Contains(s.sent, credential)
	s.mu.RUnlock()
	if known {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent[max(0, len(s.sent)+1-rotated):], credential)
}

func (s *secrets) clean(text string) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, list := range [][]string{s.given, s.sent} {
		for _, secret := range list {
			text = strings.ReplaceAll(text, secret, mask)
		}
	}
	return text
}

// scrub returns err without credentials of ours.
func (s *secrets) scrub(err error) error {
	if err == nil {
		return err
	}
	var status *apierrors.StatusError
	if !errors.As(err, &status) {
		text := s.clean(err.Error())
		if text == err.Error() {
			return err
		}
		masked := maskedError{text, func(target error) bool { return errors.Is(err, target) }}
		if netErr := net.Error(nil); errors.As(err, &netErr) {
			return &maskedNetError{masked, netErr.Timeout()}
		}
		return &masked
	}
	clean := status.ErrStatus.DeepCopy()
	clean.Message = s.clean(clean.Message)
	clean.Reason = metav1.StatusReason(s.clean(string(clean.Reason)))
	if d := clean.Details; d != nil {
		d.Name, d.Group, d.Kind = s.clean(d.Name), s.clean(d.Group), s.clean(d.Kind)
		for i, c := range d.Causes {
			d.Causes[i] = metav1.StatusCause{Type: metav1.CauseType(s.clean(string(c.Type))), Message: s.clean(c.Message), Field: s.clean(c.Field)}
		}
	}
	if reflect.DeepEqual(clean, &status.ErrStatus) {
		return err
	}
	return &apierrors.StatusError{ErrStatus: *clean}
}

func (c *Client) scrub(err error) error {
	if c.secrets == nil {
		return err
	}
	return c.secrets().scrub(err)
}

// bodiesFrom is the verbosity from which client-go logs bodies of requests and answers, which may be Secrets.
const bodiesFrom = 8

// withoutBodies is a logger's sink that has no levels from bodiesFrom on.
type withoutBodies struct{ logr.LogSink }

// Enabled tells whether there is a level.
func (s withoutBodies) Enabled(level int) bool { return level < bodiesFrom && s.LogSink.Enabled(level) }

// WithValues keeps the limit.
func (s withoutBodies) WithValues(values ...any) logr.LogSink {
	return withoutBodies{s.LogSink.WithValues(values...)}
}

// WithName keeps the limit.
func (s withoutBodies) WithName(name string) logr.LogSink {
	return withoutBodies{s.LogSink.WithName(name)}
}
