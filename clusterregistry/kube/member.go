package kube

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"k8s.io/client-go/rest"

	"github.com/confed-project/confed/clusterregistry"
	"github.com/confed-project/confed/placement"
)

// Why a source, or one member of it, cannot be used. errors.Is finds them in a SourceError.
var (
	ErrMalformed     = errors.New("malformed")
	ErrNoContext     = errors.New("no such context")
	ErrNoCredentials = errors.New("no credentials")
	ErrNoProvider    = errors.New("no access provider that this program knows")
	ErrExecPlugin    = errors.New("exec plugin not allowed")
	ErrAuthProvider  = errors.New("auth providers are not supported")
	ErrFileReference = errors.New("file references are not allowed here")
	ErrProxyURL      = errors.New("proxy URL is not http, https or socks5")
	ErrTwoOrigins    = errors.New("another source has a member of this name")
)

// SourceError says which part of which source cannot be used. Its text contains no credential.
type SourceError struct {
	Origin  string // kind and name of what was read
	Context string // of a kubeconfig; "" when the error concerns the whole
	Cluster string // as the source spells it; "" when unknown
	Err     error
}

// Error names the origin, the context and the cluster.
func (e *SourceError) Error() string {
	var b strings.Builder
	b.WriteString(e.Origin)
	if e.Context != "" {
		fmt.Fprintf(&b, ", context %q", e.Context)
	}
	if e.Cluster != "" {
		fmt.Fprintf(&b, ", cluster %q", e.Cluster)
	}
	fmt.Fprintf(&b, ": %v", e.Err)
	return b.String()
}

// Unwrap returns the cause.
func (e *SourceError) Unwrap() error { return e.Err }

// Member is what a source says about one cluster. The source never dials.
type Member struct {
	Cluster placement.Cluster
	Origin  string       // kind and name of what was read
	Config  *rest.Config // how to reach it; nil when Err is set
	Err     error        // a *SourceError: why it cannot be reached
}

// SameConnection tells whether other would be reached in the same way with the same credentials. Functions in a
// rest.Config cannot be compared: a proxy counts by the URL that it gives, and configs with a Dial, a transport, a
// wrapper or an auth provider of their own differ from every other but themselves.
func (m Member) SameConnection(other Member) bool {
	a, b := m.Config, other.Config
	if a == nil || b == nil || a == b {
		return a == b
	}
	opaque := func(c *rest.Config) bool {
		_, ours := c.Transport.(*relaxed)
		return c.Dial != nil || c.WrapTransport != nil || c.AuthProvider != nil || c.Transport != nil && !ours
	}
	switch {
	case opaque(a) || opaque(b), !sameTLS(a.TLSClientConfig, b.TLSClientConfig), proxyOf(a) != proxyOf(b), !sameTransport(a.Transport, b.Transport):
		return false
	}
	return a.Host == b.Host && a.APIPath == b.APIPath && a.Username == b.Username && a.Password == b.Password &&
		a.BearerToken == b.BearerToken && a.BearerTokenFile == b.BearerTokenFile && a.DisableCompression == b.DisableCompression &&
		a.QPS == b.QPS && a.Burst == b.Burst && a.Timeout == b.Timeout && a.UserAgent == b.UserAgent &&
		reflect.DeepEqual(a.Impersonate, b.Impersonate) && reflect.DeepEqual(a.ExecProvider, b.ExecProvider)
}

func sameTLS(a, b rest.TLSClientConfig) bool {
	return a.Insecure == b.Insecure && a.ServerName == b.ServerName && a.CertFile == b.CertFile && a.KeyFile == b.KeyFile && a.CAFile == b.CAFile &&
		bytes.Equal(a.CertData, b.CertData) && bytes.Equal(a.KeyData, b.KeyData) && bytes.Equal(a.CAData, b.CAData) && slices.Equal(a.NextProtos, b.NextProtos)
}

func sameTransport(a, b http.RoundTripper) bool {
	x, okX := a.(*relaxed)
	y, okY := b.(*relaxed)
	return okX == okY && (!okX || x.same(y))
}

// proxyOf asks the config for the proxy of its own host.
func proxyOf(c *rest.Config) string {
	if c.Proxy == nil {
		return ""
	}
	host, err := url.Parse(c.Host)
	if err != nil {
		return ""
	}
	proxy, err := c.Proxy(&http.Request{URL: host})
	if err != nil || proxy == nil {
		return ""
	}
	return proxy.String()
}

// noUserinfo refuses credentials in a server's URL, which everybody prints.
func noUserinfo(server string) error {
	if len(userinfo(server)) > 0 {
		return fmt.Errorf("%w: the server's URL holds credentials, which belong to the user", ErrMalformed)
	}
	return nil
}

// parseProxy accepts what the transport can use, and the empty string, for which it returns nil. Errors do not quote
// the URL: it may hold a password.
func parseProxy(raw string) (func(*http.Request) (*url.URL, error), error) {
	if raw == "" {
		return nil, nil
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || !slices.Contains([]string{"http", "https", "socks5"}, u.Scheme) {
		return nil, ErrProxyURL
	}
	return http.ProxyURL(u), nil
}

// Merge joins the members of several sources, sorted by name. Of members with one name the first stays, in the order
// of the arguments; the error joins an ErrTwoOrigins for each of the others.
func Merge(sources ...[]Member) ([]Member, error) {
	byName := map[string]Member{}
	var errs []error
	for _, source := range sources {
		for _, m := range source {
			if first, ok := byName[m.Cluster.Name]; ok {
				errs = append(errs, &SourceError{Origin: m.Origin, Cluster: m.Cluster.Name, Err: fmt.Errorf("%w: %s", ErrTwoOrigins, first.Origin)})
				continue
			}
			byName[m.Cluster.Name] = m
		}
	}
	merged := make([]Member, 0, len(byName))
	for _, m := range byName {
		merged = append(merged, m)
	}
	slices.SortFunc(merged, func(a, b Member) int { return cmp.Compare(a.Cluster.Name, b.Cluster.Name) })
	return merged, errors.Join(errs...)
}

// Feed keeps a Registry in step with what sources say. Set the fields before the first Sync; it is not safe for
// concurrent use, but others may use the Registry meanwhile.
type Feed[Conn any] struct {
	Registry *clusterregistry.Registry[Conn]
	Options  Options
	Connect  func(*Client) Conn // from a client to what the Registry holds

	members map[string]*fed
}

// fed is a member as it was put, with the Config of the connection that is in the Registry now.
type fed struct {
	Member
	client *Client
}

// end closes what the member's connection leaves open once the Registry does not have it.
func (f *fed) end() {
	if f != nil {
		f.client.CloseIdleConnections()
	}
}

// Sync puts members that are new or whose connection changed, updates the facts of the others, and removes those that
// an earlier Sync put and that are not named any more: who could not read a source must not call it.
//
// A member with an Err stays known: an earlier connection stays as it is, because it may still work, and without one
// every request answers with the error. The error joins what is wrong with members.
//
// Facts are put when they differ from those of the Sync before. A program that probes lays its Health over the members'
// facts first (Health.Describe).
func (f *Feed[Conn]) Sync(members []Member) error {
	var errs []error
	next := make(map[string]*fed, len(members))
	for _, m := range members {
		name := m.Cluster.Name
		if _, ok := next[name]; ok {
			errs = append(errs, &SourceError{Origin: m.Origin, Cluster: name, Err: ErrTwoOrigins})
			continue
		}
		connected, err := f.sync(m)
		if errors.Is(err, placement.ErrInvalid) {
			errs = append(errs, &SourceError{Origin: m.Origin, Err: err})
			continue
		}
		if err != nil {
			errs = append(errs, err)
		}
		next[name] = connected
	}
	for name, old := range f.members {
		if _, ok := next[name]; !ok {
			f.Registry.Remove(name)
			old.end()
		}
	}
	f.members = next
	return errors.Join(errs...)
}

func (f *Feed[Conn]) sync(m Member) (*fed, error) {
	old := f.members[m.Cluster.Name]
	had := old != nil
	if had && !reflect.DeepEqual(m.Cluster, old.Cluster) {
		_ = f.Registry.Update(m.Cluster) // fails only for a name that is not there, and that is asked next
	}
	if _, err := f.Registry.Conn(m.Cluster.Name); err != nil {
		had = false // somebody else removed it
	}
	keep := func() (*fed, error) {
		m.Config = old.Config
		return &fed{m, old.client}, m.Err
	}
	if m.Err != nil && had || had && m.SameConnection(old.Member) {
		return keep()
	}
	client := &Client{broken: m.Err}
	if m.Err == nil {
		var err error
		if client, err = NewClient(m.Config, f.Options); err != nil {
			m.Config, m.Err = nil, &SourceError{Origin: m.Origin, Cluster: m.Cluster.Name, Err: err}
			if had {
				return keep()
			}
			client = &Client{broken: m.Err}
		}
	}
	if err := f.Registry.Put(m.Cluster, f.Connect(client)); err != nil {
		return nil, err
	}
	old.end()
	return &fed{m, client}, m.Err
}
