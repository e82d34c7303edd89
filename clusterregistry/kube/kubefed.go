package kube

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/rest"

	"github.com/confed-project/confed/clusterregistry"
	"github.com/confed-project/confed/placement"
)

// KubeFedMember reads a KubeFedCluster and the Secret that it names; secret is nil when that is not there. Labels,
// region, zones, version and the condition Ready become facts.
//
// Two deliberate differences: an endpoint without a scheme is always https, verified against the CA bundle or else the
// system's roots, and proxyURL works together with disabledTLSValidations.
func KubeFedMember(obj, secret *unstructured.Unstructured) Member {
	m := Member{Cluster: kubeFedFacts(obj), Origin: fmt.Sprintf("KubeFedCluster %s/%s", obj.GetNamespace(), obj.GetName())}
	config, err := kubeFedConfig(obj, secret)
	if err != nil {
		m.Err = &SourceError{Origin: m.Origin, Cluster: m.Cluster.Name, Err: err}
		return m
	}
	m.Config = config
	return m
}

func kubeFedFacts(obj *unstructured.Unstructured) placement.Cluster {
	c := placement.Cluster{Name: obj.GetName(), Labels: obj.GetLabels()}
	c.Region, _, _ = unstructured.NestedString(obj.Object, "status", "region")
	c.Zones, _, _ = unstructured.NestedStringSlice(obj.Object, "status", "zones")
	if v, _, _ := unstructured.NestedString(obj.Object, "status", "kubernetesVersion"); v != "" {
		c.Properties = map[string]string{clusterregistry.VersionProperty: v}
	}
	conditions, _, _ := unstructured.NestedSlice(obj.Object, "status", "conditions")
	for _, each := range conditions {
		condition, _ := each.(map[string]any)
		field := func(name string) string { s, _ := condition[name].(string); return s }
		since, _ := time.Parse(time.RFC3339, field("lastTransitionTime"))
		switch kind, status := field("type"), field("status"); {
		case kind == "Ready" && (status == "True" || status == "False"):
			c.Ready = placement.Readiness{State: placement.ReadyState(status), Since: since, Reason: field("reason")}
		case (kind == "Offline" || kind == "ConfigMalformed") && status == "True" && c.Ready.State == placement.ReadyUnknown: // without Ready
			c.Ready = placement.Readiness{State: placement.NotReady, Since: since, Reason: field("reason")}
		}
	}
	return c
}

func kubeFedConfig(obj, secret *unstructured.Unstructured) (*rest.Config, error) {
	spec, _, _ := unstructured.NestedMap(obj.Object, "spec")
	endpoint, _ := spec["apiEndpoint"].(string)
	host, err := parseEndpoint(endpoint)
	if err != nil {
		return nil, err
	}
	encoded, _ := spec["caBundle"].(string)
	ca, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, fmt.Errorf("%w: spec.caBundle is not base64", ErrMalformed)
	}
	if len(ca) > 0 && !x509.NewCertPool().AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("%w: spec.caBundle has no certificate", ErrMalformed)
	}
	rawProxy, _ := spec["proxyURL"].(string)
	proxy, err := parseProxy(rawProxy)
	if err != nil {
		return nil, err
	}
	skip, _, err := unstructured.NestedStringSlice(obj.Object, "spec", "disabledTLSValidations")
	if err != nil || !skipOK(skip) {
		return nil, fmt.Errorf("%w: spec.disabledTLSValidations allows SubjectName and ValidityPeriod, or * alone", ErrMalformed)
	}
	name, _, _ := unstructured.NestedString(obj.Object, "spec", "secretRef", "name")
	if secret == nil {
		return nil, fmt.Errorf("%w: Secret %s/%s is not there", ErrNoCredentials, obj.GetNamespace(), name)
	}
	token, err := secretValue(secret, "token")
	if err != nil {
		return nil, err
	}
	config := &rest.Config{Host: host, BearerToken: token, Proxy: proxy}
	switch {
	case slices.Contains(skip, "*"):
		config.Insecure = true
	case len(skip) > 0:
		config.Proxy = nil
		config.Transport = newRelaxed(host, ca, skip, rawProxy)
	default:
		config.CAData = ca
	}
	return config, nil
}

func skipOK(skip []string) bool {
	known := func(s string) bool { return s == "*" || s == "SubjectName" || s == "ValidityPeriod" }
	return !slices.ContainsFunc(skip, func(s string) bool { return !known(s) }) && (len(skip) <= 1 || !slices.Contains(skip, "*"))
}

// secretValue decodes one entry of a Secret without ever quoting it.
func secretValue(secret *unstructured.Unstructured, key string) (string, error) {
	encoded, _, _ := unstructured.NestedString(secret.Object, "data", key)
	value, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(value) == 0 {
		return "", fmt.Errorf("%w: Secret %s/%s has no %q", ErrNoCredentials, secret.GetNamespace(), secret.GetName(), key)
	}
	return string(value), nil
}

// parseEndpoint accepts what KubeFed documents: a host with or without scheme and port; a path needs a scheme.
func parseEndpoint(endpoint string) (string, error) {
	bad := fmt.Errorf("%w: spec.apiEndpoint is not a host, host:port or URL of http or https", ErrMalformed)
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		if u, err = url.Parse("https://" + endpoint); err != nil || u.Path != "" && u.Path != "/" {
			return "", bad
		}
	}
	host, port := u.Hostname(), u.Port()
	if len(validation.IsDNS1123Subdomain(strings.ToLower(host))) > 0 && net.ParseIP(host) == nil || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" {
		return "", bad
	}
	if n, err := strconv.ParseUint(port, 10, 16); port != "" && (err != nil || n == 0) {
		return "", bad
	}
	return u.String(), nil
}

// relaxed verifies a server's certificate but for what the member's owner switched off. It is a type of its own so that
// two of them can be compared.
type relaxed struct {
	http.RoundTripper
	host, ca, proxy string
	skip            []string
}

// WrappedRoundTripper returns the transport.
func (r *relaxed) WrappedRoundTripper() http.RoundTripper { return r.RoundTripper }

func (r *relaxed) same(o *relaxed) bool {
	return r.host == o.host && r.ca == o.ca && r.proxy == o.proxy && slices.Equal(r.skip, o.skip)
}

// newRelaxed takes values that were checked before.
func newRelaxed(server string, ca []byte, skip []string, rawProxy string) *relaxed {
	r := &relaxed{ca: string(ca), proxy: rawProxy, skip: skip}
	if u, err := url.Parse(server); err == nil {
		r.host = u.Hostname()
	}
	proxy, _ := parseProxy(rawProxy)
	if proxy == nil {
		proxy = http.ProxyFromEnvironment
	}
	r.RoundTripper = &http.Transport{
		Proxy:               proxy,
		DialContext:         (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout: 10 * time.Second,
		IdleConnTimeout:     90 * time.Second,
		ForceAttemptHTTP2:   true,
		HTTP2:               &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second}, // as client-go: a dead connection is noticed
		// Verification is not skipped but done by verify, which the default cannot be told to do.
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true, VerifyConnection: r.verify},
	}
	return r
}

func (r *relaxed) verify(state tls.ConnectionState) error {
	leaf := state.PeerCertificates[0]
	// The host is not taken from the state, where it is empty for an IP address.
	opts := x509.VerifyOptions{Intermediates: x509.NewCertPool(), DNSName: r.host}
	for _, c := range state.PeerCertificates[1:] {
		opts.Intermediates.AddCert(c)
	}
	if u, err := url.Parse(r.proxy); err == nil && u.Scheme == "https" && u.Hostname() != r.host && state.ServerName == u.Hostname() {
		opts.DNSName = u.Hostname() // the handshake with the proxy, about which the member's owner said nothing
		_, err := leaf.Verify(opts)
		return err
	}
	if r.ca != "" {
		opts.Roots = x509.NewCertPool()
		opts.Roots.AppendCertsFromPEM([]byte(r.ca))
	}
	if slices.Contains(r.skip, "SubjectName") {
		opts.DNSName = ""
	}
	if slices.Contains(r.skip, "ValidityPeriod") {
		opts.CurrentTime = leaf.NotBefore.Add(time.Second)
	}
	_, err := leaf.Verify(opts)
	return err
}
