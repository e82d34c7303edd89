package kube

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/confed-project/confed/clusterregistry"
	"github.com/confed-project/confed/placement"
)

// Provider obtains credentials for members that name it as their access provider.
type Provider struct {
	Name string
	Exec api.ExecConfig // never shared between members, never interactive
}

// execExtension is where a profile keeps what its exec plugin must know about the cluster.
const execExtension = "client.authentication.k8s.io/exec"

// ProfileMember reads a ClusterProfile. The first of providers that the profile names too gives the credentials. Facts
// are those of clusterregistry.FromProfile.
func ProfileMember(obj *unstructured.Unstructured, providers []Provider) Member {
	origin := fmt.Sprintf("ClusterProfile %s/%s", obj.GetNamespace(), obj.GetName())
	fail := func(c placement.Cluster, err error) Member {
		return Member{Cluster: c, Origin: origin, Err: &SourceError{Origin: origin, Cluster: c.Name, Err: err}}
	}
	p, err := clusterregistry.FromProfile(obj.Object)
	if err != nil {
		return fail(placement.Cluster{Name: obj.GetName()}, err)
	}
	for _, provider := range providers {
		i := slices.IndexFunc(p.Access, func(a clusterregistry.Access) bool { return a.Provider == provider.Name })
		if i < 0 {
			continue
		}
		config, err := profileConfig(p.Access[i], provider)
		if err != nil {
			return fail(p.Cluster, err)
		}
		return Member{Cluster: p.Cluster, Origin: origin, Config: config}
	}
	return fail(p.Cluster, ErrNoProvider)
}

func profileConfig(a clusterregistry.Access, provider Provider) (*rest.Config, error) {
	proxy, err := parseProxy(a.ProxyURL)
	if err == nil {
		err = noUserinfo(a.Server)
	}
	if err != nil {
		return nil, err
	}
	exec := provider.Exec.DeepCopy()
	exec.InteractiveMode = api.NeverExecInteractiveMode
	if raw := a.Extensions[execExtension]; raw != nil {
		exec.Config = &runtime.Unknown{Raw: slices.Clone(raw), ContentType: runtime.ContentTypeJSON}
	}
	config := &rest.Config{Host: a.Server, Proxy: proxy, DisableCompression: a.DisableCompression, ExecProvider: exec}
	config.TLSClientConfig = rest.TLSClientConfig{ServerName: a.TLSServerName, CAData: a.CA, Insecure: a.Insecure}
	if a.Insecure {
		config.CAData = nil // client-go takes only one of them
	}
	return config, nil
}

// Labels by which controllers mark the Secrets of their clusters.
const (
	capiLabel = "cluster.x-k8s.io/cluster-name"
	argoLabel = "argocd.argoproj.io/secret-type"
)

// SecretMember reads a Secret that holds a connection: one of Argo CD (label argocd.argoproj.io/secret-type=cluster),
// named by its entry name; or one with a kubeconfig under value, as Cluster API writes it, or under kubeconfig, named
// namespace/cluster, where cluster is the label cluster.x-k8s.io/cluster-name or else the Secret's own name. A
// kubeconfig counts with its current context and may not name files; exec plugins are allowed as in FromKubeconfig.
// The Secret's labels become the cluster's.
func SecretMember(secret *unstructured.Unstructured, plugins ...string) Member {
	labels := secret.GetLabels()
	m := Member{Origin: fmt.Sprintf("Secret %s/%s", secret.GetNamespace(), secret.GetName())}
	m.Cluster = placement.Cluster{Name: secret.GetNamespace() + "/" + cmp.Or(labels[capiLabel], secret.GetName()), Labels: labels}
	var err error
	if labels[argoLabel] == "cluster" {
		if name, err := secretValue(secret, "name"); err == nil {
			m.Cluster.Name = name
		}
		m.Config, err = argoConfig(secret, plugins)
	} else {
		m.Config, err = kubeconfigOf(secret, m.Origin, plugins)
	}
	var inKubeconfig *SourceError
	switch {
	case errors.As(err, &inKubeconfig):
		m.Config, m.Err = nil, err
	case err != nil:
		m.Config, m.Err = nil, &SourceError{Origin: m.Origin, Cluster: m.Cluster.Name, Err: err}
	}
	return m
}

func kubeconfigOf(secret *unstructured.Unstructured, origin string, plugins []string) (*rest.Config, error) {
	text, err := secretValue(secret, "value")
	if err != nil {
		if text, err = secretValue(secret, "kubeconfig"); err != nil {
			return nil, err
		}
	}
	k, err := parseKubeconfig(origin, []byte(text))
	if err != nil {
		return nil, err
	}
	k.plugins = plugins
	return k.config(k.current)
}

// argoConfig reads what Argo CD documents for declarative clusters.
func argoConfig(secret *unstructured.Unstructured, plugins []string) (*rest.Config, error) {
	server, err := secretValue(secret, "server")
	if err != nil {
		return nil, err
	}
	text, err := secretValue(secret, "config")
	if err != nil {
		return nil, err
	}
	var c struct {
		Username, Password, BearerToken, ProxyURL string
		DisableCompression                        bool
		TLSClientConfig                           struct {
			Insecure                  bool
			ServerName                string
			CAData, CertData, KeyData []byte
		}
		AWSAuthConfig      json.RawMessage
		ExecProviderConfig *struct {
			Command, APIVersion, InstallHint string
			Args                             []string
			Env                              map[string]string
		}
	}
	if json.Unmarshal([]byte(text), &c) != nil {
		return nil, fmt.Errorf("%w: the entry config", ErrMalformed)
	}
	proxy, err := parseProxy(c.ProxyURL)
	if err == nil {
		err = noUserinfo(server)
	}
	if err != nil {
		return nil, err
	}
	if c.AWSAuthConfig != nil {
		return nil, fmt.Errorf("%w: awsAuthConfig", ErrAuthProvider)
	}
	config := &rest.Config{Host: server, Username: c.Username, Password: c.Password, BearerToken: c.BearerToken, Proxy: proxy, DisableCompression: c.DisableCompression}
	t := c.TLSClientConfig
	config.TLSClientConfig = rest.TLSClientConfig{Insecure: t.Insecure, ServerName: t.ServerName, CAData: t.CAData, CertData: t.CertData, KeyData: t.KeyData}
	if e := c.ExecProviderConfig; e != nil {
		if !slices.Contains(plugins, e.Command) {
			return nil, fmt.Errorf("%w: %q", ErrExecPlugin, e.Command)
		}
		config.ExecProvider = &api.ExecConfig{Command: e.Command, APIVersion: e.APIVersion, InstallHint: e.InstallHint, Args: e.Args, InteractiveMode: api.NeverExecInteractiveMode}
		for _, name := range slices.Sorted(maps.Keys(e.Env)) {
			config.ExecProvider.Env = append(config.ExecProvider.Env, api.ExecEnvVar{Name: name, Value: e.Env[name]})
		}
	}
	return config, nil
}
