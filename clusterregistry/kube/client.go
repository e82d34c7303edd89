package kube

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"
)

// DefaultUserAgent is sent when neither Options nor the rest.Config name one.
const DefaultUserAgent = "confed"

// ErrOtherObject means that a member answered with an object that is not the one asked for.
var ErrOtherObject = errors.New("the member answered with another object")

// Options tune a Client. The zero value is right for most programs.
type Options struct {
	UserAgent string  // "": what the rest.Config says, else DefaultUserAgent
	QPS       float32 // requests per second; 0: what the rest.Config says, and no limit if it says nothing; negative: no limit
	Burst     int     // requests at once above QPS; 0: what the rest.Config says

	// Wrap is around the transport, below what adds credentials and inside what the rest.Config wraps: it sees each request
	// last, after the lookups that the request needed. It does not make members differ, see Member.SameConnection. Nil: nothing.
	Wrap transport.WrapperFunc
}

// Client reaches one member cluster. Its methods fulfil federation.ClusterClient. It is safe for concurrent use.
//
// A request is sent once: the delay that a throttling member asks for comes back in the error
// (errors.SuggestsClientDelay) instead of being slept here. Kinds are looked up in the member's discovery, which is
// remembered per group and version and read again when a kind is missing: after a second at first, then after twice
// the time before, at most after a minute.
//
// An answer of more than 64 MiB is an ErrTooLong, so that a member that never stops does not take the program's memory;
// of a list, with all its pages, more than 1 GiB. A watch lasts as long as it likes, but no event of it is above 16 MiB.
type Client struct {
	dynamic  dynamic.Interface
	metadata metadata.Interface
	rest     rest.Interface
	apis     *apis
	http     *http.Client
	wire     *wire
	secrets  func() *secrets // a function, since fmt prints what pointers point to when a verb does not fit
	broken   error           // set: there is nothing to dial, and every request answers so

	credentialsEnd time.Time
}

// NewClient returns a client for the cluster that config describes. It does not dial. The config is copied; an error
// means that it can never work (a CA or key that does not parse, options that exclude each other).
func NewClient(config *rest.Config, opts Options) (*Client, error) {
	if config == nil {
		return nil, errors.New("no rest.Config")
	}
	known := secretsOf(config)
	config = own(tuned(config, opts))
	lowest := &wire{secrets: known}
	config.WrapTransport = transport.Wrappers(lowest.over, opts.Wrap, config.WrapTransport)
	httpClient, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("transport: %w", known.scrub(err))
	}
	httpClient = &http.Client{Transport: httpClient.Transport, Timeout: httpClient.Timeout, CheckRedirect: stay}
	base, err := rest.UnversionedRESTClientForConfigAndClient(config, httpClient)
	if err != nil {
		return nil, fmt.Errorf("client: %w", known.scrub(err))
	}
	once := sendOnce{base}
	meta, err := metadata.NewForConfigAndClient(metadata.ConfigFor(config), httpClient)
	if err != nil {
		return nil, fmt.Errorf("client: %w", known.scrub(err))
	}
	return &Client{
		dynamic: dynamic.New(once), metadata: meta, rest: once, apis: newAPIs(once), http: httpClient, wire: lowest,
		secrets: func() *secrets { return known }, credentialsEnd: credentialsEnd(config),
	}, nil
}

// own makes the transport the Client's alone. Client-go shares and keeps transports for as long as the process lives, one
// for each set of certificates, and gives members without a CA the process's default one, whose connections are not
// ours to close. It does not share what has a proxy function. Certificates in files stay shared: each of their transports
// has a goroutine that looks at the files and never ends.
func own(config *rest.Config) *rest.Config {
	if config.Transport == nil && config.Proxy == nil && config.CertFile == "" {
		config.Proxy = http.ProxyFromEnvironment
	}
	return config
}

// CloseIdleConnections closes the connections that no request uses, now and once more after a second, since a request
// that was just cancelled holds its connection for a moment. It is for a Client that nobody will use again; one that is
// used dials again. What runs goes on, and its connection ends when it was idle for 90 seconds. Feed and Caches call it
// for members that are removed or replaced.
func (c *Client) CloseIdleConnections() {
	if c.wire == nil {
		return
	}
	c.wire.closeIdle()
	time.AfterFunc(time.Second, c.wire.closeIdle)
}

// stay refuses redirects: no API server needs them, and one that lies could send us anywhere.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// tuned returns a copy of config for untyped requests.
func tuned(config *rest.Config, opts Options) *rest.Config {
	config = dynamic.ConfigFor(withUserAgent(config, opts.UserAgent))
	config.GroupVersion = nil
	config.APIPath = "/"
	if opts.QPS != 0 {
		config.QPS, config.RateLimiter = opts.QPS, nil
	}
	if config.QPS == 0 {
		config.QPS = -1
	}
	if opts.Burst != 0 {
		config.Burst = opts.Burst
	}
	if config.WarningHandler == nil && config.WarningHandlerWithContext == nil {
		config.WarningHandler = rest.NoWarnings{} // the default writes to the process's log
	}
	return config
}

func withUserAgent(config *rest.Config, agent string) *rest.Config {
	config = rest.CopyConfig(config)
	if agent != "" {
		config.UserAgent = agent
	}
	if config.UserAgent == "" {
		config.UserAgent = DefaultUserAgent
	}
	return config
}

// sendOnce switches off client-go's own retries, which sleep up to ten times for as long as the server asks, in the
// methods that we call.
type sendOnce struct{ *rest.RESTClient }

func (s sendOnce) Post() *rest.Request   { return s.RESTClient.Post().MaxRetries(0) }
func (s sendOnce) Put() *rest.Request    { return s.RESTClient.Put().MaxRetries(0) }
func (s sendOnce) Get() *rest.Request    { return s.RESTClient.Get().MaxRetries(0) }
func (s sendOnce) Delete() *rest.Request { return s.RESTClient.Delete().MaxRetries(0) }
func (s sendOnce) Patch(t types.PatchType) *rest.Request {
	return s.RESTClient.Patch(t).MaxRetries(0)
}

// Get reads one object. The name's namespace is empty for cluster-scoped kinds.
func (c *Client) Get(ctx context.Context, gvk schema.GroupVersionKind, name types.NamespacedName) (*unstructured.Unstructured, error) {
	t, err := c.named(ctx, gvk, name)
	if err != nil {
		return nil, err
	}
	out, err := t.ResourceInterface.Get(ctx, name.Name, metav1.GetOptions{})
	return t.checked(out, err)
}

// Create sends obj as a POST and returns what the member stored.
func (c *Client) Create(ctx context.Context, obj *unstructured.Unstructured, opts metav1.CreateOptions) (*unstructured.Unstructured, error) {
	t, err := c.target(ctx, obj.GroupVersionKind(), nameOf(obj))
	if err != nil {
		return nil, err
	}
	out, err := t.ResourceInterface.Create(ctx, obj, opts)
	return t.checked(out, err)
}

// Patch applies obj server-side when jsonPatch is nil. Otherwise obj only names the target, and jsonPatch is sent as
// an RFC 6902 patch.
func (c *Client) Patch(ctx context.Context, obj *unstructured.Unstructured, jsonPatch []byte, opts metav1.PatchOptions) (*unstructured.Unstructured, error) {
	t, err := c.named(ctx, obj.GroupVersionKind(), nameOf(obj))
	if err != nil {
		return nil, err
	}
	kind, body := types.JSONPatchType, jsonPatch
	if jsonPatch == nil {
		kind = types.ApplyYAMLPatchType
		if body, err = obj.MarshalJSON(); err != nil {
			return nil, apierrors.NewBadRequest(err.Error())
		}
	}
	out, err := t.ResourceInterface.Patch(ctx, t.name.Name, kind, body, opts)
	return t.checked(out, err)
}

// Delete deletes one object.
func (c *Client) Delete(ctx context.Context, gvk schema.GroupVersionKind, name types.NamespacedName, opts metav1.DeleteOptions) error {
	t, err := c.named(ctx, gvk, name)
	if err != nil {
		return err
	}
	_, err = t.checked(nil, t.ResourceInterface.Delete(ctx, name.Name, opts))
	return err
}

func nameOf(obj metav1.Object) types.NamespacedName {
	return types.NamespacedName{Namespace: obj.GetNamespace(), Name: obj.GetName()}
}

// target is one object's place in the member.
type target struct {
	dynamic.ResourceInterface
	*Client
	gvk  schema.GroupVersionKind
	name types.NamespacedName
}

func (c *Client) named(ctx context.Context, gvk schema.GroupVersionKind, name types.NamespacedName) (target, error) {
	if name.Name == "" {
		return target{}, apierrors.NewBadRequest(fmt.Sprintf("%s: no name", gvk.Kind))
	}
	if faults := rest.IsValidPathSegmentName(name.Name); len(faults) > 0 {
		return target{}, apierrors.NewBadRequest(fmt.Sprintf("%s: name %q %s", gvk.Kind, name.Name, strings.Join(faults, ", ")))
	}
	return c.target(ctx, gvk, name)
}

func (c *Client) target(ctx context.Context, gvk schema.GroupVersionKind, name types.NamespacedName) (target, error) {
	if c.broken != nil {
		return target{}, c.broken
	}
	if gvk.Version == "" || gvk.Kind == "" {
		return target{}, apierrors.NewBadRequest(fmt.Sprintf("%q: no apiVersion or no kind", name))
	}
	if faults := rest.IsValidPathSegmentName(name.Namespace); len(faults) > 0 {
		return target{}, apierrors.NewBadRequest(fmt.Sprintf("%s: namespace %q %s", gvk.Kind, name.Namespace, strings.Join(faults, ", ")))
	}
	r, err := c.apis.resource(ctx, gvk, name.Namespace != "")
	if err != nil {
		return target{}, c.scrub(err)
	}
	in := c.dynamic.Resource(gvk.GroupVersion().WithResource(r.name))
	t := target{ResourceInterface: in, Client: c, gvk: gvk, name: name}
	if r.namespaced {
		t.ResourceInterface = in.Namespace(name.Namespace)
	}
	return t, nil
}

// checked tells an object that is not there from an API that is not there: both are 404, but only the first is
// written by the API machinery. It refuses answers about another object.
func (t target) checked(out *unstructured.Unstructured, err error) (*unstructured.Unstructured, error) {
	switch {
	case apierrors.IsNotFound(err) && apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse):
		t.apis.forget(t.gvk)
		return nil, &meta.NoKindMatchError{GroupKind: t.gvk.GroupKind(), SearchedVersions: []string{t.gvk.Version}}
	case err != nil:
		return nil, t.scrub(err)
	case out == nil:
		return nil, nil
	case out.GroupVersionKind() != t.gvk || out.GetNamespace() != t.name.Namespace || t.name.Name != "" && out.GetName() != t.name.Name:
		return nil, fmt.Errorf("%w: asked for %s %s", ErrOtherObject, t.gvk.Kind, t.name)
	}
	return out, nil
}
