package kube

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/yaml"

	"github.com/confed-project/confed/placement"
)

// FromKubeconfig reads one context of a kubeconfig file; the empty context is the current one. Parts of the file that
// the context does not use may be broken. A context that runs an exec plugin is refused unless plugins lists its
// command exactly as the file spells it; arguments and environment are the file's, so allow plugins only where you trust
// who wrote it. A plugin that is allowed may not read standard input. Errors are *SourceError.
func FromKubeconfig(path, context string, plugins ...string) (*rest.Config, error) {
	k, err := readKubeconfig(path, plugins)
	if err != nil {
		return nil, err
	}
	return k.config(cmp.Or(context, k.current))
}

// KubeconfigMembers returns one member for each context of a kubeconfig file, named after it, by the rules of
// FromKubeconfig. The error concerns the file as a whole.
func KubeconfigMembers(path string, plugins ...string) ([]Member, error) {
	k, err := readKubeconfig(path, plugins)
	if err != nil {
		return nil, err
	}
	members := make([]Member, len(k.contexts))
	for i, e := range k.contexts {
		members[i] = Member{Cluster: placement.Cluster{Name: e.name}, Origin: k.origin}
		members[i].Config, members[i].Err = k.config(e.name)
	}
	return members, nil
}

func readKubeconfig(path string, plugins []string) (*kubeconfig, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, &SourceError{Origin: "kubeconfig " + path, Err: err}
	}
	k, err := parseKubeconfig("kubeconfig "+path, data)
	if err != nil {
		return nil, err
	}
	k.dir, k.plugins = filepath.Dir(path), plugins
	return k, nil
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
	twice               bool
}

// parseKubeconfig never quotes what it read: parsers do, and anything there may be a credential.
func parseKubeconfig(origin string, data []byte) (*kubeconfig, error) {
	malformed := &SourceError{Origin: origin, Err: ErrMalformed}
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
		if json.Unmarshal(raw, &c) != nil || c.Name == "" {
			continue
		}
		if i := k.index(c.Name); i >= 0 {
			k.contexts[i].twice = true
			continue
		}
		k.contexts = append(k.contexts, entry{name: c.Name, cluster: c.Context.Cluster, user: c.Context.User})
	}
	if len(k.contexts) == 0 && len(k.clusters) == 0 && len(k.users) == 0 {
		return nil, malformed
	}
	return k, nil
}

func (k *kubeconfig) index(context string) int {
	return slices.IndexFunc(k.contexts, func(e entry) bool { return e.name == context })
}

// byName returns the entries by name; one whose name is there twice is nil, since nobody can tell which is meant.
func byName(list []json.RawMessage) map[string]json.RawMessage {
	named := map[string]json.RawMessage{}
	for _, raw := range list {
		var n struct {
			Name string `json:"name"`
		}
		if json.Unmarshal(raw, &n) != nil {
			continue
		}
		if _, seen := named[n.Name]; seen {
			raw = nil
		}
		named[n.Name] = raw
	}
	return named
}

// config returns the connection of one context.
func (k *kubeconfig) config(context string) (*rest.Config, error) {
	i := k.index(context)
	if i < 0 {
		return nil, &SourceError{Origin: k.origin, Context: context, Err: ErrNoContext}
	}
	e := k.contexts[i]
	fail := func(err error) (*rest.Config, error) {
		return nil, &SourceError{Origin: k.origin, Context: e.name, Cluster: e.cluster, Err: err}
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
	cluster, hasCluster := k.clusters[e.cluster]
	user, hasUser := k.users[e.user]
	switch {
	case e.twice, hasCluster && cluster == nil, hasUser && user == nil:
		return nil, fmt.Errorf("%w: the name of the context, the cluster or the user is there twice", ErrMalformed)
	case !hasCluster:
		return nil, fmt.Errorf("%w: the context names a cluster that is not there", ErrMalformed)
	case !hasUser && e.user != "": // client-go would go on as an anonymous user
		return nil, fmt.Errorf("%w: the context names the user %q, who is not there", ErrMalformed, e.user)
	}
	doc := map[string]any{
		"apiVersion": "v1", "kind": "Config",
		"clusters": []json.RawMessage{cluster},
		"contexts": []any{map[string]any{"name": e.name, "context": map[string]any{"cluster": e.cluster, "user": e.user}}},
	}
	if hasUser {
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
		if _, err := parseProxy(c.ProxyURL); err != nil {
			return err
		}
		if err := noUserinfo(c.Server); err != nil {
			return err
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
