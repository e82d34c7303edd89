package kube

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// ErrInexpressible means that a connection has something that the form in which it should be remembered lacks.
var ErrInexpressible = errors.New("the form cannot express the connection")

// KubeFedRecords returns the KubeFedCluster and before it the Secret with the token by which KubeFed, and KubeFedMember,
// remember a member. They have no place for a TLS server name, a client certificate, a password or an exec plugin:
// these are ErrInexpressible, and KubeconfigRecord has one. The Secret is secret.
func KubeFedRecords(name types.NamespacedName, config *rest.Config) ([]*unstructured.Unstructured, error) {
	ca, err := dataOf(config.CAData, config.CAFile)
	if err != nil {
		return nil, err
	}
	spec := map[string]any{"apiEndpoint": config.Host, "secretRef": map[string]any{"name": name.Name}}
	switch {
	case config.BearerToken == "":
		return nil, fmt.Errorf("%w: it has no token", ErrInexpressible)
	case config.ServerName != "" || len(config.CertData) > 0 || config.CertFile != "" || config.Username != "" || odd(config):
		return nil, fmt.Errorf("%w: only server, CA, token and proxy have a place", ErrInexpressible)
	case config.Insecure:
		spec["disabledTLSValidations"] = []any{"*"}
	}
	if len(ca) > 0 {
		spec["caBundle"] = base64.StdEncoding.EncodeToString(ca)
	}
	if proxy := proxyOf(config); proxy != "" {
		spec["proxyURL"] = proxy
	}
	cluster := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "core.kubefed.io/v1beta1", "kind": "KubeFedCluster", "spec": spec}}
	cluster.SetNamespace(name.Namespace)
	cluster.SetName(name.Name)
	return []*unstructured.Unstructured{secretOf(name, "token", []byte(config.BearerToken)), cluster}, nil
}

// KubeconfigRecord returns a Secret with a kubeconfig under the key kubeconfig, by which SecretMember remembers a member.
// Files are read into it. It is secret.
func KubeconfigRecord(name types.NamespacedName, config *rest.Config) (*unstructured.Unstructured, error) {
	if odd(config) {
		return nil, fmt.Errorf("%w: functions, transports and plugins have no place", ErrInexpressible)
	}
	ca, err := dataOf(config.CAData, config.CAFile)
	if err != nil {
		return nil, err
	}
	cert, err := dataOf(config.CertData, config.CertFile)
	if err != nil {
		return nil, err
	}
	key, err := dataOf(config.KeyData, config.KeyFile)
	if err != nil {
		return nil, err
	}
	text, err := clientcmd.Write(api.Config{
		Clusters: map[string]*api.Cluster{name.Name: {Server: config.Host, TLSServerName: config.ServerName, InsecureSkipTLSVerify: config.Insecure,
			CertificateAuthorityData: ca, ProxyURL: proxyOf(config), DisableCompression: config.DisableCompression}},
		AuthInfos: map[string]*api.AuthInfo{name.Name: {Token: config.BearerToken, Username: config.Username, Password: config.Password,
			ClientCertificateData: cert, ClientKeyData: key}},
		Contexts:       map[string]*api.Context{name.Name: {Cluster: name.Name, AuthInfo: name.Name}},
		CurrentContext: name.Name,
	})
	if err != nil {
		return nil, ErrInexpressible // the text of err may quote what it could not write
	}
	return secretOf(name, "kubeconfig", text), nil
}

// odd finds what no form can express.
func odd(c *rest.Config) bool {
	return c.Dial != nil || c.WrapTransport != nil || c.Transport != nil || c.ExecProvider != nil || c.AuthProvider != nil || c.Impersonate.UserName != ""
}

func dataOf(data []byte, file string) ([]byte, error) {
	if len(data) > 0 || file == "" {
		return data, nil
	}
	return os.ReadFile(file)
}

func secretOf(name types.NamespacedName, key string, value []byte) *unstructured.Unstructured {
	secret := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Secret", "type": "Opaque",
		"data": map[string]any{key: base64.StdEncoding.EncodeToString(value)}}}
	secret.SetNamespace(name.Namespace)
	secret.SetName(name.Name)
	return secret
}
