package kube

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/yaml"
)

// Why a kubeconfig, or one context of it, cannot be used. They are found in a KubeconfigError by errors.Is.
var (
	ErrMalformed     = errors.New("not a kubeconfig")
	ErrNoContext     = errors.New("no such context")
	ErrExecPlugin    = errors.New("exec plugin not allowed")
	ErrAuthProvider  = errors.New("auth providers are not supported")
	ErrFileReference = errors.New("file references are not allowed here")
	ErrProxyURL      = errors.New("proxy URL is not http, https or socks5")
)

// KubeconfigError says which part of which kubeconfig cannot be used. Its text contains no credential.
type KubeconfigError struct {
	Origin  string // the file, or what else the kubeconfig was read from
	Context string // "" when it concerns the whole
	Cluster string // the name inside the kubeconfig; "" when unknown
	Err     error
}

// Error names the origin, the context and the cluster.
func (e *KubeconfigError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "kubeconfig %s", e.Origin)
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
func (e *KubeconfigError) Unwrap() error { return e.Err }

// FromKubeconfig reads one context of a kubeconfig file; the empty context is the current one. Parts of the file that
// the context does not use may be broken. A context that runs an exec plugin is refused unless plugins lists its
// command exactly as the file spells it; a plugin that is allowed may not read standard input. Errors are *KubeconfigError.
func FromKubeconfig(path, context string, plugins ...string) (*rest.Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, &KubeconfigError{Origin: path, Err: err}
	}
	k, err := parseKubeconfig(path, data)
	if err != nil {
		return nil, err
	}
	k.dir, k.plugins = filepath.Dir(path), plugins
	if context == "" {
		context = k.current
	}
	return k.config(context)
}

// kubeconfig is a kubeconfig cut into entries that are decoded one context at a time, so that a broken entry breaks
// only the contexts that use it.
type kubeconfig struct {
	origin   string
	dir      string // where relative paths start; "": no file may be named
	plugins  []string
	current  string
	contexts []entry
	clusters map[string]json.RawMessage
	users    map[string]json.RawMessage
}

type entry struct {
	name, cluster, user string
}

// parseKubeconfig never quotes what it read: parsers do, and anything there may be a credential.
func parseKubeconfig(origin string, data []byte) (*kubeconfig, error) {
	malformed := &KubeconfigError{Origin: origin, Err: ErrMalformed}
	var doc struct {
		Kind    string            `json:"kind"`
		Current string            `json:"current-context"`
		Cluster []json.RawMessage `json:"clusters"`
		User    []json.RawMessage `json:"users"`
		Context []json.RawMessage `json:"contexts"`
	}
	asJSON, err := yaml.YAMLToJSON(data)
	if err != nil || json.Unmarshal(asJSON, &doc) != nil || doc.Kind != "" && doc.Kind != "Config" {
		return nil, malformed
	}
	k := &kubeconfig{origin: origin, current: doc.Current, clusters: byName(doc.Cluster), users: byName(doc.User)}
	for _, raw := range doc.Context {
		var c struct {
			Name    string `json:"name"`
			Context struct {
				Cluster string `json:"cluster"`
				User    string `json:"user"`
			} `json:"context"`
		}
		if json.Unmarshal(raw, &c) == nil && c.Name != "" {
			k.contexts = append(k.contexts, entry{c.Name, c.Context.Cluster, c.Context.User})
		}
	}
	if len(k.contexts) == 0 && len(k.clusters) == 0 && len(k.users) == 0 {
		return nil, malformed
	}
	return k, nil
}

// byName keeps the first entry of each name, as kubectl does.
func byName(list []json.RawMessage) map[string]json.RawMessage {
	named := map[string]json.RawMessage{}
	for _, raw := range list {
		var n struct {
			Name string `json:"name"`
		}
		if json.Unmarshal(raw, &n) != nil {
			continue
		}
		if _, seen := named[n.Name]; !seen {
			named[n.Name] = raw
		}
	}
	return named
}

// config returns the connection of one context.
func (k *kubeconfig) config(context string) (*rest.Config, error) {
	i := slices.IndexFunc(k.contexts, func(e entry) bool { return e.name == context })
	if i < 0 {
		return nil, &KubeconfigError{Origin: k.origin, Context: context, Err: ErrNoContext}
	}
	e := k.contexts[i]
	fail := func(err error) (*rest.Config, error) {
		return nil, &KubeconfigError{Origin: k.origin, Context: e.name, Cluster: e.cluster, Err: err}
	}
	loaded, err := k.load(e)
	if err != nil {
		return fail(err)
	}
	config, err := clientcmd.NewNonInteractiveClientConfig(*loaded, e.name, nil, nil).ClientConfig()
	if err != nil {
		return fail(err)
	}
	return config, nil
}

// load decodes what one context needs and nothing else.
func (k *kubeconfig) load(e entry) (*api.Config, error) {
	doc := map[string]any{
		"apiVersion": "v1", "kind": "Config",
		"contexts": []any{map[string]any{"name": e.name, "context": map[string]any{"cluster": e.cluster, "user": e.user}}},
	}
	cluster, ok := k.clusters[e.cluster]
	if !ok {
		return nil, fmt.Errorf("%w: the context names a cluster that is not there", ErrMalformed)
	}
	doc["clusters"] = []json.RawMessage{cluster}
	user, ok := k.users[e.user]
	if !ok && e.user != "" { // client-go would go on as an anonymous user
		return nil, fmt.Errorf("%w: the context names the user %q, who is not there", ErrMalformed, e.user)
	}
	if ok {
		doc["users"] = []json.RawMessage{user}
	}
	data, err := json.Marshal(doc)
	if err != nil {
		return nil, ErrMalformed
	}
	config, err := clientcmd.Load(data)
	if err != nil {
		return nil, fmt.Errorf("%w: the entry of the cluster or of the user does not decode", ErrMalformed)
	}
	return config, k.allow(config)
}

// allow refuses what a kubeconfig may hold but this one may not use, and resolves paths.
func (k *kubeconfig) allow(config *api.Config) error {
	for _, c := range config.Clusters {
		if c.ProxyURL != "" && !validProxyURL(c.ProxyURL) {
			return ErrProxyURL
		}
	}
	for _, u := range config.AuthInfos {
		switch {
		case u.AuthProvider != nil:
			return fmt.Errorf("%w: %q", ErrAuthProvider, u.AuthProvider.Name)
		case u.Exec == nil:
		case !slices.Contains(k.plugins, u.Exec.Command):
			return fmt.Errorf("%w: %q", ErrExecPlugin, u.Exec.Command)
		case u.Exec.InteractiveMode == api.AlwaysExecInteractiveMode:
			return fmt.Errorf("%w: %q insists on standard input", ErrExecPlugin, u.Exec.Command)
		default:
			u.Exec.InteractiveMode = api.NeverExecInteractiveMode
		}
	}
	if k.dir == "" {
		return noFiles(config)
	}
	return clientcmd.ResolvePaths(clientcmd.GetConfigFileReferences(config), k.dir)
}

// noFiles refuses to name files: whoever wrote the kubeconfig would learn what they hold, or use it.
func noFiles(config *api.Config) error {
	for _, c := range config.Clusters {
		if c.CertificateAuthority != "" {
			return fmt.Errorf("%w: certificate-authority", ErrFileReference)
		}
	}
	for _, u := range config.AuthInfos {
		if u.ClientCertificate != "" || u.ClientKey != "" || u.TokenFile != "" {
			return fmt.Errorf("%w: client-certificate, client-key or tokenFile", ErrFileReference)
		}
	}
	return nil
}

// validProxyURL accepts what the transport can use.
func validProxyURL(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && u.Host != "" && slices.Contains([]string{"http", "https", "socks5"}, u.Scheme)
}
